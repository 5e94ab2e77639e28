/** Power may be cut at any moment: each run is killed at many different moments, and the next one makes it good. */
import { afterEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment, PROJECT, type Side, valuesOf } from './support/commands.ts';
import { SLOW } from './support/needs.ts';
import { addVersion } from './support/npm-repository.ts';
import { Pair } from './support/pair.ts';
import { seededBytes, sha256 } from './support/seeded.ts';
import { differences, filesBelow } from './support/trees.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

const MOMENTS = SLOW ? 120 : 14;

/** Runs a command and kills it, with every process that it started, after so many milliseconds. True when it was cut off. */
const cutOff = (side: Side, args: readonly string[], afterMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const cli = join(PROJECT, 'packages', `${side}-agent`, 'src', 'cli.ts');
    const node = ['--conditions=gapferry-source', '--disable-warning=ExperimentalWarning', cli];
    const child = spawn(process.execPath, [...node, ...args], {
      env: plainEnvironment(),
      stdio: 'ignore',
      detached: true,
    });
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, afterMs);
    child.on('close', (_, signal) => {
      clearTimeout(timer);
      resolve(signal === 'SIGKILL');
    });
  });

/** What a client would find wrong: a packument that names a tarball which is not there or has other bytes. */
const danglingIn = (root: string): string[] =>
  filesBelow(root)
    .filter((path) => path.endsWith('package.json'))
    .flatMap((path) => {
      const packument: unknown = JSON.parse(readFileSync(join(root, path), 'utf8'));
      return valuesOf(packument, 'dist').flatMap((dist) => {
        const file = String(valuesOf(dist, 'tarball').map(String)[0]).split('/').at(-1) ?? '';
        const full = join(root, path, '..', file);
        const right = existsSync(full)
          ? `sha512-${createHash('sha512').update(readFileSync(full)).digest('base64')}`
          : 'nothing';
        return valuesOf(dist, 'integrity').includes(right) ? [] : [`${path} names ${file}, and there is ${right}`];
      });
    });

const grow = (root: string, round: number): void => {
  for (let n = 0; n < 60; n += 1) {
    const name = `p${n}`;
    addVersion(root, { name, version: `${round}.0.0` }, seededBytes(`${name} ${round}`, 20_000 + n * 100));
  }
};

/** Moments between the start of the program and a good deal more than one whole run takes. */
const momentsUpTo = (wholeMs: number): number[] =>
  Array.from({ length: MOMENTS }, (_, n) => Math.round(150 + ((wholeMs - 150) * n) / (MOMENTS - 1)));

test('an import that is killed at any moment is made good by the next, and clients never see metadata without content', async () => {
  pair = await Pair.create({ name: 'kill-import', repositories: { npm: 'npm' } });
  const target = pair.target('npm');
  grow(pair.source('npm'), 1);
  await pair.export();
  const whole = (await pair.published()).seconds * 1000;
  let cut = 0;
  for (const [n, moment] of momentsUpTo(whole).entries()) {
    if (n % 3 === 0) {
      grow(pair.source('npm'), n + 2);
      await pair.export();
    }
    if (await cutOff('import', ['import', '--config', pair.far.config], moment)) cut += 1;
    expect(danglingIn(target)).toEqual([]);
  }
  expect(cut).toBeGreaterThan(MOMENTS / 2);
  grow(pair.source('npm'), 1000);
  await pair.export();
  await pair.published();
  expect(differences(pair.source('npm'), target)).toEqual([]);
  expect(danglingIn(target)).toEqual([]);
  const staging = join(target, '.gapferry', 'staging');
  expect(existsSync(staging) ? readdirSync(staging) : []).toEqual([]);
  // at most one publication a snapshot
  const published = pair.far.audit
    .filter((line) => /"event":"[^"]*published/.test(line))
    .flatMap((line) => valuesOf(JSON.parse(line), 'snapshot').map(String));
  expect(published.length).toBeGreaterThan(0);
  expect(published.length).toBe(new Set(published).size);
}, 180_000);

test('an export that is killed at any moment is made good by the next, and no number is ever signed twice', async () => {
  pair = await Pair.create({ name: 'kill-export', repositories: { npm: 'npm' } });
  grow(pair.source('npm'), 1);
  const began = performance.now();
  await pair.export();
  const whole = performance.now() - began;
  const signed = new Map<number, Set<string>>();
  let cut = 0;
  for (const [n, moment] of momentsUpTo(whole).entries()) {
    grow(pair.source('npm'), n + 2);
    if (await cutOff('export', ['export', '--config', pair.nearConfig], moment)) cut += 1;
    for (const bundle of pair.bundles()) {
      if (!existsSync(join(bundle.folder, 'manifest.json.minisig'))) continue;
      const bytes = readFileSync(join(bundle.folder, 'manifest.json'));
      const number = Number(valuesOf(JSON.parse(bytes.toString('utf8')), 'sequence')[0]);
      signed.set(number, (signed.get(number) ?? new Set()).add(sha256(bytes)));
    }
  }
  expect(cut).toBeGreaterThan(MOMENTS / 2);
  expect([...signed].filter(([, digests]) => digests.size !== 1)).toEqual([]);
  grow(pair.source('npm'), 1000);
  await pair.export();
  await pair.published();
  expect(differences(pair.source('npm'), pair.target('npm'))).toEqual([]);
}, 180_000);
