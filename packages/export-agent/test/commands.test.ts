/** The commands as a person or a script uses them: words in, texts, JSON and an exit status out. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { encodePublicKey, fingerprintOf, generateKeyPair } from '@gapferry/bundle-format';
import { takeLock } from '@gapferry/station';
import { program } from '../src/program.ts';

let root: string;
let config: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'commands-'));
  config = join(root, 'near/export-agent.yaml');
  for (const folder of ['source', 'stick']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'source/a.txt'), 'alpha');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const run = async (...args: string[]): Promise<{ status: number; out: string; err: string }> => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  stdout.on('data', (chunk: Buffer) => out.push(chunk));
  stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const status = await program.run(args, { stdin, stdout, stderr });
  return { status, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
};
const near = (...args: string[]) => run(...args, '--config', config);
const init = (...more: string[]) =>
  run(
    'init',
    '--dir',
    join(root, 'near'),
    '--repository',
    `docs=tree:${join(root, 'source')}`,
    '--folder',
    join(root, 'stick'),
    ...more,
  );
const lastJSON = (text: string): Record<string, unknown> =>
  JSON.parse(text.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;

describe('init', () => {
  it('is enough to export', async () => {
    const made = await init('--site', 'plant7');
    expect(made).toMatchObject({ status: 0, err: '' });
    expect(made.out).toMatch(/fingerprint +[0-9a-f]{4}(-[0-9a-f]{4}){9}\n/);
    expect(statSync(join(root, 'near/exporter.key')).mode & 0o777).toBe(0o600);
    const { out } = await run('fingerprint', join(root, 'near/exporter.pub'));
    expect(made.out).toContain(out.trim());
    const [key] = [readFileSync(join(root, 'near/exporter.pub'), 'utf8')];
    const laid = join(root, 'stick/gapferry/keys');
    const exporter = /exporter +(x[0-9a-f]{16})/.exec(made.out)?.[1] ?? '';
    expect(readFileSync(join(laid, `${exporter}.pub`), 'utf8')).toBe(key);

    const exported = await near('export');
    expect(exported).toMatchObject({ status: 0 });
    expect(exported.out).toMatch(/^bundle 1 for plant7 \(the first one\): 1 object, 5 bytes in 1 volume, /m);
    expect(exported.out).toContain('snapshot 1, 1 file (1 new or changed, 0 gone); 1 object to carry, 5 bytes');
    expect(exported.out).toMatch(/^done: remove it and carry it to plant7/m);
    expect(exported.out).toContain('the key of plant7 has not come back yet');
  });

  it('never replaces anything', async () => {
    await init();
    const before = readFileSync(join(root, 'near/exporter.key'), 'utf8');
    const again = await init();
    expect(again.status).toBe(2);
    expect(again.err).toContain('ALREADY_THERE');
    expect(readFileSync(join(root, 'near/exporter.key'), 'utf8')).toBe(before);
  });

  it('warns of a source and a place that are not there', async () => {
    rmSync(join(root, 'source'), { recursive: true });
    rmSync(join(root, 'stick'), { recursive: true });
    const { status, out } = await init();
    expect(status).toBe(0);
    expect(out).toContain(`warning: the source of docs, ${join(root, 'source')}, is not there\n`);
    expect(out).toContain(`warning: ${join(root, 'stick')} is not there: the key was not laid on it`);
    const medium = await run(
      'init',
      '--dir',
      join(root, 'other'),
      '--repository',
      `docs=tree:${root}/source`,
      '--medium',
      join(root, 'usb'),
    );
    expect(medium).toMatchObject({
      status: 0,
      out: expect.stringContaining(`warning: ${join(root, 'usb')} is not mounted: the key was not laid on it`),
    });
  });

  it('wants to know where bundles go', async () => {
    const without = await run('init', '--dir', join(root, 'near'), '--repository', `docs=tree:${join(root, 'source')}`);
    expect(without).toMatchObject({ status: 2 });
    expect(existsSync(join(root, 'near'))).toBe(false);
  });
});

describe('export', () => {
  it('tells scripts everything in one object', async () => {
    await init('--site', 'plant7');
    const { status, out } = await near('export', '--json');
    expect(status).toBe(0);
    expect(lastJSON(out)).toMatchObject({
      outcome: 'exported',
      sequence: 1,
      manifest: expect.stringMatching(/^[0-9a-f]{64}$/),
      volumes: 1,
      objects: 1,
      bytes: 5,
      readBack: expect.stringMatching(/^(device|cache)$/),
      place: join(root, 'stick'),
      repositories: [{ name: 'docs', snapshot: 1, files: 1, changed: 1, objects: 1, bytes: 5 }],
      seconds: expect.any(Number),
    });
    expect(lastJSON((await near('export', '--json')).out)).toMatchObject({ outcome: 'nothing' });
  });

  it.each([
    [['--medium', 'X'], 6, 'NOT_MOUNTED'],
    [['--folder', 'X/none'], 6, 'NOT_MOUNTED'],
    [['--medium', 'X', '--folder', 'X'], 2, 'USAGE'],
    [['--site', 'nowhere'], 2, 'UNKNOWN_NAME'],
  ])('%j ends with %i %s', async (flags, status, code) => {
    await init('--site', 'plant7');
    const done = await near('export', ...flags.map((flag) => flag.replace('X', join(root, 'source'))));
    expect({ status: done.status, code: /^[A-Z_]+/m.exec(done.err)?.[0] }).toEqual({ status, code });
  });

  it('needs a site', async () => {
    await init();
    expect(await near('export')).toMatchObject({ status: 2, err: expect.stringContaining('there is no site') });
  });

  it('waits for nobody: a second one beside it is refused with the pid of the first', async () => {
    await init('--site', 'plant7');
    const lock = takeLock(join(root, 'near/state/lock.sqlite'), 'export');
    const beside = await near('export');
    expect(beside).toMatchObject({ status: 6, err: expect.stringContaining(`LOCKED: process ${process.pid}`) });
    expect(await near('status')).toMatchObject({ status: 0 });
    lock.release();
    expect(await near('export')).toMatchObject({ status: 0 });
  });

  it('leaves no record of a dry run', async () => {
    await init('--site', 'plant7');
    const dry = await near('export', '--dry-run');
    expect(dry).toMatchObject({ status: 0, out: expect.stringContaining('would make a bundle for plant7') });
    expect(lastJSON((await near('history', '--json')).out)).toEqual({ bundles: [], runs: [] });
  });

  it('leaves a record of a failure', async () => {
    await init('--site', 'plant7');
    rmSync(join(root, 'source'), { recursive: true });
    expect(await near('export')).toMatchObject({ status: 5, err: expect.stringContaining('NOT_READY') });
    expect((await near('history')).out).toContain('NOT_READY');
    expect(readFileSync(join(root, 'near/logs/audit.log'), 'utf8')).toContain('export.failed');
  });
});

describe('site', () => {
  const { publicKey } = generateKeyPair();
  const key = (): string => {
    const path = join(root, 'site.pub');
    writeFileSync(path, encodePublicKey(publicKey));
    return path;
  };

  it('is enrolled by key and fingerprint, once', async () => {
    await init();
    expect(
      await near('site', 'add', 'plant7', '--key', key(), '--fingerprint', fingerprintOf(publicKey).toUpperCase()),
    ).toMatchObject({ status: 0 });
    expect(
      (await near('site', 'add', 'plant7', '--key', key(), '--fingerprint', fingerprintOf(publicKey))).out,
    ).toContain('nothing changed');
    expect((await near('site', 'list')).out).toContain(fingerprintOf(publicKey));
    expect((await near('site', 'show', 'plant7')).out).toContain('none yet');
    expect(readFileSync(join(root, 'near/logs/audit.log'), 'utf8').match(/site\.enrolled/g)).toHaveLength(1);
  });

  it('may propose its key on the medium, and still needs the fingerprint', async () => {
    await init();
    writeFileSync(join(root, 'stick/gapferry/keys/plant7.pub'), encodePublicKey(publicKey));
    expect(await near('site', 'add', 'plant7')).toMatchObject({
      status: 2,
      err: expect.stringContaining('FINGERPRINT_MISSING'),
    });
    expect(await near('site', 'add', 'plant7', '--fingerprint', fingerprintOf(publicKey))).toMatchObject({ status: 0 });
  });

  it('is not enrolled with a wrong or shortened fingerprint', async () => {
    await init();
    for (const [wrong, status, code] of [
      [fingerprintOf(generateKeyPair().publicKey), 3, 'KEY_MISMATCH'],
      [fingerprintOf(publicKey).slice(0, 24), 2, 'USAGE'],
    ] as const)
      expect(await near('site', 'add', 'plant7', '--key', key(), '--fingerprint', wrong)).toMatchObject({
        status,
        err: expect.stringContaining(code),
      });
    expect((await near('site', 'list')).out).not.toContain('plant7');
  });

  it('has a key of its own', async () => {
    await init();
    const own = join(root, 'near/exporter.pub');
    const { out } = await run('fingerprint', own);
    expect(await near('site', 'add', 'plant7', '--key', own, '--fingerprint', out.trim())).toMatchObject({
      status: 2,
      err: expect.stringContaining('CONFIG_TRUST'),
    });
    await near('site', 'add', 'plant7', '--key', key(), '--fingerprint', fingerprintOf(publicKey));
    expect(
      await near('site', 'add', 'plant8', '--key', key(), '--fingerprint', fingerprintOf(publicKey)),
    ).toMatchObject({ status: 2 });
  });
});

describe('medium lost', () => {
  it('lets the next export bring everything', async () => {
    await init('--site', 'plant7');
    await near('export');
    expect((await near('medium', 'lost')).out).toContain('bundle 1 counts as lost');
    expect(await near('medium', 'lost', '1')).toMatchObject({
      status: 2,
      err: expect.stringContaining('UNKNOWN_NAME'),
    });
    expect(lastJSON((await near('export', '--json')).out)).toMatchObject({ sequence: 2, objects: 1 });
  });
});

describe('status, history and site show', () => {
  it('use one set of words, and times without fractions', async () => {
    await init('--site', 'plant7');
    await near('export');
    const texts = await Promise.all(
      [['status'], ['history'], ['site', 'show', 'plant7']].map((words) => near(...words)),
    );
    const [status = '', history = '', show = ''] = texts.map(({ out }) => out);
    expect(status).toMatch(/^site +key +receipt +received +holds +missing +on the road$/m);
    expect(history).toContain('plant7: on the road');
    expect(show).toMatch(/^bundle +state +since\n +1 +on the road +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m);
    for (const text of [status, history, show]) {
      expect(text).toMatch(/T\d\d:\d\d:\d\dZ/);
      expect(text).not.toMatch(/\.\d{3}Z/);
    }
  });
});

describe('doctor', () => {
  it('speaks of sources and media as the export does', async () => {
    await run(
      'init',
      '--dir',
      join(root, 'near'),
      '--repository',
      `docs=tree:${root}/none`,
      '--medium',
      join(root, 'stick'),
    );
    const { out } = await near('doctor');
    expect(out).toContain(`BAD   repository docs: NOT_READY: docs: ${join(root, 'none')} is not there`);
    expect(out).toContain(`NOT_MOUNTED: ${join(root, 'stick')} is not mounted`);
  });

  it('names what is missing', async () => {
    await init('--site', 'plant7');
    const { status, out } = await near('doctor');
    expect(status).toBe(2);
    expect(out).toMatch(/BAD +sites: .*plant7/);
    expect(out).toMatch(/good +repository docs/);
  });
});
