import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAudit, verifyAudit } from '../../src/record/audit.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const clock = { now: () => new Date('2026-11-20T21:04:11.123Z') };

const anAudit = (events: readonly string[]): string => {
  const path = join(temporaryFolder(), 'logs/audit.log');
  const audit = openAudit(path, clock);
  for (const event of events) audit.append({ event, repository: 'debian', snapshot: 4 });
  audit.close();
  return path;
};
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const rewrite = (path: string, change: (lines: string[]) => string[]): void =>
  writeFileSync(
    path,
    change(linesOf(path))
      .map((line) => `${line}\n`)
      .join(''),
  );

test('writes one line of JSON per entry, each naming the digest of the line before', () => {
  const path = anAudit(['bundle.admitted', 'bundle.published']);
  const [first = '', second = ''] = linesOf(path);
  expect(first).toBe(
    `{"n":1,"at":"2026-11-20T21:04:11.123Z","event":"bundle.admitted","repository":"debian","snapshot":4,"prev":"${'0'.repeat(64)}"}`,
  );
  expect(JSON.parse(second)).toMatchObject({ n: 2, prev: createHash('sha256').update(first).digest('hex') });
  expect(verifyAudit(path)).toEqual({
    entries: 2,
    broken: null,
    head: createHash('sha256').update(second).digest('hex'),
  });
});

test('goes on where an earlier run ended', () => {
  const path = anAudit(['a']);
  const audit = openAudit(path, clock);
  audit.append({ event: 'b' });
  audit.close();
  expect(verifyAudit(path)).toMatchObject({ entries: 2, broken: null });
});

test('goes on after what another process of ours wrote meanwhile', () => {
  const path = anAudit([]);
  const [one, other] = [openAudit(path, clock), openAudit(path, clock)];
  one.append({ event: 'a' });
  other.append({ event: 'b' });
  one.append({ event: 'c' });
  expect(verifyAudit(path)).toMatchObject({ entries: 3, broken: null });
});

test.each<[string, (lines: string[]) => string[], number]>([
  ['edited', (l) => l.map((line, at) => (at === 2 ? line.replace('debian', 'debiam') : line)), 4],
  [
    'edited in its own digest',
    (l) => l.map((line, at) => (at === 2 ? line.replace(/"prev":"./, '"prev":"z') : line)),
    3,
  ],
  ['removed', (l) => l.filter((_, at) => at !== 2), 3],
  ['removed at the beginning', (l) => l.slice(1), 1],
  ['doubled', (l) => l.flatMap((line, at) => (at === 2 ? [line, line] : [line])), 4],
  ['exchanged with the next', (l) => [l[0] ?? '', l[2] ?? '', l[1] ?? '', ...l.slice(3)], 2],
  ['followed by an empty one', (l) => l.flatMap((line, at) => (at === 2 ? [line, ''] : [line])), 4],
  ['no JSON', (l) => l.map((line, at) => (at === 2 ? 'nonsense' : line)), 3],
])('a line that was %s shows', (_, change, broken) => {
  const path = anAudit(['a', 'b', 'c', 'd', 'e']);
  rewrite(path, change);
  expect(verifyAudit(path).broken).toBe(broken);
});

test('an edited last line shows by the next entry, or by its digest', () => {
  const path = anAudit(['a', 'b']);
  const { head } = verifyAudit(path);
  rewrite(path, (lines) => lines.map((line, at) => (at === 1 ? line.replace('debian', 'debiam') : line)));
  expect(verifyAudit(path)).toMatchObject({ broken: null });
  expect(verifyAudit(path).head).not.toBe(head);
});

test('lines cut off at the end show by the count and the digest', () => {
  const path = anAudit(['a', 'b', 'c']);
  rewrite(path, (lines) => lines.slice(0, 2));
  expect(verifyAudit(path)).toMatchObject({ entries: 2, broken: null });
});

test.each([1, 30, 200])('a torn last line of %i bytes is cut, and that is noted', (length) => {
  const path = anAudit(['a', 'b']);
  appendFileSync(path, `{"n":3,${'x'.repeat(length)}`);
  expect(verifyAudit(path).broken).toBe(3);
  const audit = openAudit(path, clock);
  audit.append({ event: 'c' });
  audit.close();
  expect(verifyAudit(path)).toMatchObject({ entries: 4, broken: null });
  expect(JSON.parse(linesOf(path)[2] ?? '')).toMatchObject({ event: 'audit.torn-line-cut', bytes: length + 7 });
});

test('a file that is nothing but a torn line begins anew', () => {
  const path = anAudit(['a']);
  truncateSync(path, 20);
  openAudit(path, clock).append({ event: 'b' });
  expect(verifyAudit(path)).toMatchObject({ entries: 2, broken: null });
});

test('an entry cannot pretend to be another line', () => {
  const path = anAudit([]);
  const audit = openAudit(path, clock);
  audit.append({ event: 'x', n: 99, prev: 'forged', at: '1970', path: 'a\n{"n":2,"event":"forged"}' });
  expect(linesOf(path)).toHaveLength(1);
  expect(JSON.parse(linesOf(path)[0] ?? '')).toMatchObject({
    n: 1,
    at: '2026-11-20T21:04:11.123Z',
    prev: '0'.repeat(64),
  });
  expect(verifyAudit(path)).toMatchObject({ entries: 1, broken: null });
});

test('lines longer than a chunk are whole', () => {
  const path = anAudit([]);
  const audit = openAudit(path, clock);
  audit.append({ event: 'long', text: 'y'.repeat(200_000) });
  audit.close();
  const again = openAudit(path, clock);
  again.append({ event: 'after' });
  expect(verifyAudit(path)).toMatchObject({ entries: 2, broken: null });
});

(process.platform === 'win32' ? test.skip : test)('is for the owner alone, and no link', () => {
  const path = anAudit(['a']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const link = join(temporaryFolder(), 'link');
  symlinkSync(path, link);
  expect(thrownBy(() => openAudit(link))).toMatchObject({ code: 'LOCAL_IO' });
});
