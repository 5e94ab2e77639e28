import { expect, jest, test } from '@jest/globals';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Damaged } from '@gapferry/bundle-format/errors';
import { humanLine, jsonLine } from '../../src/record/lines.ts';
import { openLog } from '../../src/record/log.ts';
import { temporaryFolder } from '../temporary.ts';

const at = new Date('2026-11-20T21:04:11.123Z');
const record = (says: string, fields: Readonly<Record<string, unknown>> = {}, level = 'info') => ({
  at,
  level,
  says,
  fields,
});

test('a line for people', () => {
  expect(humanLine(record('bundle 12 is published', { repository: 'debian', snapshot: 4 }))).toBe(
    '21:04:11  bundle 12 is published  debian  snapshot 4',
  );
  expect(humanLine(record('the disk is nearly full', {}, 'warn'))).toBe('21:04:11  warning: the disk is nearly full');
});

test('a line of JSON', () => {
  expect(jsonLine(record('published', { repository: 'debian', snapshot: 4 }))).toBe(
    '{"at":"2026-11-20T21:04:11.123Z","level":"info","says":"published","repository":"debian","snapshot":4}',
  );
});

test.each([
  ['a new line', 'x\n21:04:11  bundle 13 is published'],
  ['an escape sequence', 'x\u001b[2J'],
  ['a C1 control', 'x\u009b2J'],
  ['a reversed text', 'invoice\u202efdp.exe'],
  ['an invisible character', 'pay\u200bpal'],
  ['a carriage return', 'x\ry'],
  ['a lone surrogate', 'x\ud800y'],
])('a file name with %s cannot forge a line', (_, name) => {
  for (const line of [
    humanLine(record(`refused ${name}`, { path: name })),
    jsonLine(record(name, { [name]: name, list: [name] })),
  ]) {
    // oxlint-disable-next-line no-control-regex
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202e\ud800]/);
  }
});

test('ordinary names of all languages are left as they are', () => {
  expect(humanLine(record('Füße 東京 Ελλάδα 🚢'))).toContain('Füße 東京 Ελλάδα 🚢');
});

test('a secret is never written, whatever it lies in', () => {
  const line = jsonLine(
    record('x', {
      secretKey: 'S1',
      password: 'S2',
      options: { passphrase: 'S3', key: 'S4', list: [{ token: 'S5' }] },
      bytes: Buffer.from('S6'),
    }),
  );
  expect(line).not.toMatch(/S[1-6]/);
  expect(line).toContain('[2 bytes]');
});

test('a key id and a fingerprint are no secret', () => {
  expect(jsonLine(record('x', { key: '0123456789ABCDEF' }))).toContain('0123456789ABCDEF');
  expect(jsonLine(record('x', { key: 'abcd-abcd-abcd-abcd-abcd-abcd-abcd-abcd-abcd-abcd' }))).toContain('abcd-abcd');
});

test('an error is written with its code, facts and cause', () => {
  const error = new Damaged('HASH_MISMATCH', 'block 3 is wrong', {
    facts: { block: 3 },
    cause: Object.assign(new Error('EIO: read'), { code: 'EIO' }),
  });
  const line: unknown = JSON.parse(jsonLine(record('refused', { error })));
  expect(line).toMatchObject({
    error: {
      code: 'HASH_MISMATCH',
      says: 'block 3 is wrong',
      facts: { block: 3 },
      cause: { says: expect.stringContaining('EIO') },
    },
  });
  expect(humanLine(record('refused', { error }))).toContain('HASH_MISMATCH: block 3 is wrong');
});

test('a field cannot pretend to be time, level or text', () => {
  expect(JSON.parse(jsonLine(record('true', { says: 'false', level: 'debug', at: 'never' })))).toEqual({
    at: at.toISOString(),
    level: 'info',
    says: 'true',
  });
});

test('circular and deep values end', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  expect(jsonLine(record('x', { circle })).length).toBeLessThan(300);
});

const readLines = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n');

test('writes to a file of the owner alone, and only from its level on', async () => {
  const folder = join(temporaryFolder(), 'logs');
  const log = openLog({ name: 'export-agent', folder, terminal: false });
  log.info('one');
  log.debug('not this');
  log.error('two');
  await log.close();
  const path = join(folder, 'export-agent.log');
  expect(readLines(path).map((line) => JSON.parse(line))).toMatchObject([
    { level: 'info', says: 'one' },
    { level: 'error', says: 'two' },
  ]);
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('goes on in the file of an earlier run', async () => {
  const folder = temporaryFolder();
  for (const says of ['one', 'two']) {
    const log = openLog({ name: 'x', folder, terminal: false });
    log.info(says);
    await log.close();
  }
  expect(readLines(join(folder, 'x.log'))).toHaveLength(2);
});

test('a file that would grow too large is put aside, and the oldest is removed', async () => {
  const folder = temporaryFolder();
  const log = openLog({ name: 'x', folder, terminal: false, maxBytes: 1000, maxFiles: 3 });
  for (let n = 0; n < 100; n++) log.info(`line ${n}`);
  await log.close();
  for (const name of ['x.log', 'x.1.log', 'x.2.log'])
    expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1000);
  expect(existsSync(join(folder, 'x.3.log'))).toBe(false);
  expect(readLines(join(folder, 'x.log')).at(-1)).toContain('line 99');
});

test('a log folder that cannot be written stops nobody, and says later how much was lost', async () => {
  const folder = join(temporaryFolder(), 'logs');
  writeFileSync(folder, 'in the way');
  const log = openLog({ name: 'x', folder, terminal: false });
  log.info('lost 1');
  log.info('lost 2');
  rmSync(folder);
  log.info('written');
  await log.close();
  const lines = readLines(join(folder, 'x.log'));
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('2 lines of this log could not be written');
  expect(lines[1]).toContain('"written"');
});

test('a terminal gets human lines', async () => {
  const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const log = openLog({ name: 'x', terminal: true });
  log.warn('look', { site: 'plant7' });
  await log.close();
  const written = write.mock.calls.map(([text]) => String(text));
  write.mockRestore();
  expect(written).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d {2}warning: look {2}plant7\n$/)]);
});

test('a log without file and terminal is silent', async () => {
  const log = openLog({ name: 'x', terminal: false });
  log.info('x');
  await log.close();
});
