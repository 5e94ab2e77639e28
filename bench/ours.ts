/** The same work done by gapferry-export and gapferry-import, started as a user starts them, with fresh keys and state. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Places } from './by-hand.ts';
import type { Step } from './measure.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
export type Side = 'export' | 'import';

/** The built program, as users start it (`npm run bench` builds it): loading TypeScript would cost time that users never pay. */
export const gapferry = (side: Side, args: readonly string[], nodeFlags: readonly string[] = []): Step => ({
  program: process.execPath,
  args: [...nodeFlags, join(PROJECT, `packages/${side}-agent/bin/gapferry-${side}.mjs`), ...args],
});

const call = ({ program, args }: Step): string => {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${args.join(' ')}\nended with ${done.status}:\n${done.stdout}${done.stderr}`);
  return done.stdout.trim();
};

export interface Pair {
  readonly near: string;
  readonly far: string;
}

const SITE = 'plant7';

/** `init` at both sides, and the keys of each made known to the other with their fingerprints. */
export const introduce = ({ source, medium, target, work }: Places): Pair => {
  const [near, far] = [join(work, 'near'), join(work, 'far')];
  mkdirSync(target, { recursive: true });
  call(
    gapferry('export', [
      'init',
      '--dir',
      near,
      '--repository',
      `data=tree:${source}`,
      '--site',
      SITE,
      '--folder',
      medium,
    ]),
  );
  call(
    gapferry('import', [
      'init',
      '--dir',
      far,
      '--site',
      SITE,
      '--repository',
      `data=tree:${target}`,
      '--folder',
      medium,
    ]),
  );
  const fingerprint = (key: string): string => call(gapferry('export', ['fingerprint', key]));
  const [ours, theirs] = [join(near, 'exporter.pub'), join(far, 'site.pub')];
  const pair = { near: join(near, 'export-agent.yaml'), far: join(far, 'import-agent.yaml') };
  call(gapferry('import', ['trust', 'add', ours, '--fingerprint', fingerprint(ours), '--config', pair.far]));
  call(
    gapferry('export', [
      'site',
      'add',
      SITE,
      '--key',
      theirs,
      '--fingerprint',
      fingerprint(theirs),
      '--config',
      pair.near,
    ]),
  );
  return pair;
};

export const exportNow = (pair: Pair, nodeFlags: readonly string[]): Step =>
  gapferry('export', ['export', '--config', pair.near], nodeFlags);
export const importNow = (pair: Pair, nodeFlags: readonly string[]): Step =>
  gapferry('import', ['import', '--config', pair.far], nodeFlags);

export const bundlesOn = (medium: string): number => {
  const folder = join(medium, 'gapferry', 'bundles');
  return existsSync(folder) ? readdirSync(folder).length : 0;
};
