/** Logs and audit logs: whole, chained, without secrets and without control characters. */
import { afterEach, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codesIn, gapferry, withStatus } from './support/commands.ts';
import { brokenLinks, Pair } from './support/pair.ts';
import { differences, plant } from './support/trees.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

const ESC = '\u001b';
/** Control characters other than the line feed that ends a line; also the eight-bit ones and those that turn text round. */
// oxlint-disable-next-line no-control-regex
const RAW_CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

const logsOf = (dir: string): string[] => {
  const folder = join(dir, 'logs');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && !path.endsWith('.reserve')); // room kept for a full disk: zeros
};

test('each decision of a round stands in the audit log of its side, and the chain holds', async () => {
  pair = await Pair.create({ name: 'audit' });
  plant(pair.source(), { a: 'a' });
  await pair.export();
  await pair.published();
  plant(pair.source(), { b: 'b' });
  await pair.export();
  await pair.published();
  for (const audit of [pair.nearAudit, pair.far.audit]) {
    expect(audit.length).toBeGreaterThanOrEqual(3);
    expect(brokenLinks(audit)).toEqual([]);
    const tampered = audit.map((line, n) => (n === 1 ? line.replace('"event":"', '"event":"x') : line));
    expect(brokenLinks(tampered)).toEqual([3]);
    expect(brokenLinks(audit.filter((_, n) => n !== 1))).toEqual([2]);
  }
  const events = pair.far.audit.join('\n');
  expect(events).toMatch(/published/);
  expect(events).toMatch(/trust/);
  expect(pair.far.audit.filter((line) => /"event":"[^"]*published/.test(line))).toHaveLength(2);
});

test('no log and no output bears a raw control character, whatever files are called', async () => {
  pair = await Pair.create({ name: 'evil-names' });
  const evil = `evil${ESC}[31mred\nFAKE LINE\u202egnp.exe`;
  plant(pair.source(), { good: 'good' });
  await pair.export();
  // foreign things on the medium, named to fool a terminal
  const bundles = join(pair.nearCarrier, 'gapferry/bundles');
  mkdirSync(join(bundles, `x-${ESC}[2J-00000007`));
  writeFileSync(join(bundles, `x-${ESC}[2J-00000007`, 'manifest.json'), `{"a":"${ESC}[31m"}`);
  writeFileSync(join(bundles, `x-${ESC}[2J-00000007`, 'manifest.json.minisig'), `untrusted comment: ${ESC}[31m\nAA\n`);
  writeFileSync(join(pair.bundles()[0]?.folder ?? '', evil), 'foreign');
  const said = [await pair.import(), await gapferry('import', ['import', '--config', pair.far.config])];
  plant(pair.source(), { [evil]: 'evil' });
  for (const more of [[], ['--json']]) {
    const outcome = withStatus(await gapferry('export', ['export', '--config', pair.nearConfig, ...more]), 3);
    expect(codesIn(outcome)).toContain('PATH_CHARS');
    said.push(outcome);
  }
  expect(said.map((outcome) => outcome.stdout + outcome.stderr).filter((text) => RAW_CONTROL.test(text))).toEqual([]);
  const logs = [...logsOf(pair.nearDir), ...logsOf(pair.far.dir)];
  expect(logs.length).toBeGreaterThanOrEqual(4);
  expect(
    logs.flatMap(
      (path) =>
        RAW_CONTROL.exec(readFileSync(path, 'utf8').replaceAll('\n', ''))?.map(
          (raw) => `${path}: U+${raw.charCodeAt(0).toString(16)}`,
        ) ?? [],
    ),
  ).toEqual([]);
  for (const path of logs.filter((name) => name.endsWith('.log'))) {
    for (const line of readFileSync(path, 'utf8')
      .split('\n')
      .filter((text) => text !== ''))
      JSON.parse(line);
  }
  expect(differences(join(pair.root, 'source/files'), pair.target()).filter((line) => line.startsWith('good'))).toEqual(
    [],
  );
});

test('no secret key is in any log, output, bundle or receipt, and only its owner can read it', async () => {
  pair = await Pair.create({ name: 'secrets' });
  plant(pair.source(), { a: 'a' });
  await pair.export();
  await pair.published();
  const outputs = [
    await pair.near('status'),
    await pair.near('history'),
    await pair.near('site list'),
    await pair.near('doctor'),
    await pair.far.run('status'),
    await pair.far.run('history'),
    await pair.far.run('trust list'),
    await pair.far.run('doctor'),
  ].map((outcome) => outcome.stdout + outcome.stderr);
  for (const [dir, name] of [
    [pair.nearDir, 'exporter.key'],
    [pair.far.dir, 'site.key'],
  ] as const) {
    const file = join(dir, name);
    expect(statSync(file).mode & 0o077).toBe(0);
    const line = readFileSync(file, 'utf8').split('\n')[1] ?? '';
    const secret = Buffer.from(line, 'base64');
    expect(secret.length).toBe(158); // minisign's own secret key
    const seed = secret.subarray(62, 94);
    const forms = [line, line.slice(0, 60), seed.toString('hex'), seed.toString('base64').slice(0, 40)];
    const files = [
      ...logsOf(pair.nearDir),
      ...logsOf(pair.far.dir),
      ...filesUnder(pair.nearCarrier),
      ...filesUnder(join(pair.nearDir, 'state')),
      ...filesUnder(join(pair.far.dir, 'state')),
    ];
    expect(files.length).toBeGreaterThan(10);
    for (const bytes of [...files.map((path) => readFileSync(path)), ...outputs.map((text) => Buffer.from(text))]) {
      expect(bytes.includes(seed)).toBe(false);
      for (const form of forms) expect(bytes.includes(form)).toBe(false);
    }
  }
});

const filesUnder = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((name) => join(folder, name))
        .filter((path) => statSync(path).isFile())
    : [];

test('a receipt tells digests and nothing else: no path, no host, no user', async () => {
  pair = await Pair.create({ name: 'leak' });
  plant(pair.source(), { 'telling/name-of-a-file': 'x' });
  await pair.export();
  await pair.published();
  const folder = join(pair.far.carrier, 'gapferry/receipts', pair.site);
  const all = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  expect(all.length).toBeGreaterThanOrEqual(2);
  for (const text of all) {
    expect(text).not.toMatch(/name-of-a-file|telling|\/tmp|root@|hostname/);
    expect(text).not.toContain(pair.root);
  }
});
