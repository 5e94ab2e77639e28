/**
 * What a careful administrator does without us. Big files: hash, copy, flush, hash the copy; at the far side hash, copy, flush.
 * Many small files: rsync, flush, and rsync again that compares every byte; the same at the far side. Each step fails when the copy is wrong.
 */
import { spawnSync } from 'node:child_process';
import type { Step } from './measure.ts';

export interface Places {
  readonly source: string;
  /** Folder on the medium. */
  readonly medium: string;
  readonly target: string;
  /** For sums and states. */
  readonly work: string;
}

export interface Way {
  readonly says: string;
  readonly near: (places: Places) => Step;
  readonly far: (places: Places) => Step;
  /** Programs that must be there. */
  readonly tools: readonly string[];
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const script = (lines: readonly string[]): Step => ({
  program: 'bash',
  args: ['-euo', 'pipefail', '-c', lines.join('\n')],
});

const sums = (folder: string, into: string): string =>
  `(cd ${quoted(folder)} && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r -n 1000 openssl dgst -sha256 -r) > ${quoted(into)}`;

/** Without reflinks: a medium is another device, where copying means copying. */
const copy = (from: string, to: string): string => `cp -a --reflink=never ${quoted(from)}/. ${quoted(to)}/`;
const flush = (folder: string): string => `sync -f ${quoted(folder)}`;
const same = (a: string, b: string): string => `cmp ${quoted(a)} ${quoted(b)}`;

export const HASH_AND_COPY: Way = {
  says: 'openssl dgst, cp -a, sync -f, openssl dgst / openssl dgst, cp -a, sync -f',
  tools: ['bash', 'openssl', 'cp', 'sync', 'find', 'xargs', 'cmp'],
  near: ({ source, medium, work }) =>
    script([
      sums(source, `${work}/source.sums`),
      copy(source, medium),
      flush(medium),
      sums(medium, `${work}/medium.sums`),
      same(`${work}/source.sums`, `${work}/medium.sums`),
    ]),
  far: ({ medium, target, work }) =>
    script([
      sums(medium, `${work}/far.sums`),
      same(`${work}/source.sums`, `${work}/far.sums`),
      copy(medium, target),
      flush(target),
    ]),
};

const mirror = (from: string, to: string): string[] => [
  `rsync -a ${quoted(from)}/ ${quoted(to)}/`,
  flush(to),
  `different=$(rsync -anci ${quoted(from)}/ ${quoted(to)}/)`,
  'test -z "$different"',
];

export const MIRROR: Way = {
  says: 'rsync -a, sync -f, rsync -anc / the same',
  tools: ['bash', 'rsync', 'sync'],
  near: ({ source, medium }) => script(mirror(source, medium)),
  far: ({ medium, target }) => script(mirror(medium, target)),
};

/** The bar of a rescan: what it costs to look at every file once. */
export const walkByFind = (root: string): Step => script([`find ${quoted(root)} -printf '%s %T@ %p\\n' > /dev/null`]);

export const missingOf = (tools: readonly string[]): string[] =>
  tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' }).status !== 0);
