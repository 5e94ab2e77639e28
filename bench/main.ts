/**
 * `npm run bench`: Gapferry against what a careful administrator does by hand, in turn in the same run, on data of its own.
 * Prints a table, writes bench/results/latest.json, leaves nothing else behind.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HASH_AND_COPY, MIRROR } from './by-hand.ts';
import { compareRescan, compareTransfer, type Run, type World } from './comparison.ts';
import { type DataSet, makeBigFiles, makePackages, makeSmallFiles, makeTinyFiles } from './data.ts';
import { endRunning } from './measure.ts';
import { folderMedium, type Medium, stickMedium } from './medium.ts';
import { BadOption, type BenchOptions, type ComparisonName, parseOptions, USAGE } from './options.ts';
import { describeData, linesOf, NOTES, tableOf } from './report.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const RESULTS = join(PROJECT, 'bench', 'results');
/** linux/magic.h: TMPFS_MAGIC. Memory is no disk: nothing measured there would be true of one. */
const TMPFS = 0x01021994;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const workFolder = (options: BenchOptions): string => {
  const startedIn = process.env['INIT_CWD'] ?? process.cwd();
  const inMemory = statfsSync(tmpdir()).type === TMPFS;
  const parent =
    options.dir === undefined ? (inMemory ? join(PROJECT, 'tmp') : tmpdir()) : resolve(startedIn, options.dir);
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'gapferry-bench-'));
};

const MAKERS: Readonly<Record<ComparisonName, (root: string, options: BenchOptions) => DataSet>> = {
  big: (root, { bigBytes }) => makeBigFiles(root, bigBytes),
  small: (root, { smallFiles }) => makeSmallFiles(root, smallFiles),
  packages: (root) => makePackages(root, join(PROJECT, 'node_modules')),
  rescan: (root, { smallFiles }) => makeTinyFiles(root, 4 * smallFiles),
};

const compare = (world: World, name: ComparisonName, data: DataSet): Promise<Run[]> => {
  if (name === 'rescan') return compareRescan(world, data);
  return compareTransfer(world, name, data, name === 'small' ? MIRROR : HASH_AND_COPY);
};

/** Room for one copy of the largest set, with what a filesystem needs for itself and for very many inodes. */
const stickBytes = ({ bigBytes, smallFiles }: BenchOptions): number =>
  Math.ceil((Math.max(bigBytes, 512 * 2 ** 20, smallFiles * 16_384) * 1.25 + 2 ** 30) / 2 ** 20) * 2 ** 20;

const gigabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 30)} GiB`;

const machine = (work: string) => ({
  processors: availableParallelism(),
  model: cpus()[0]?.model ?? 'unknown',
  memoryBytes: totalmem(),
  kernel: release(),
  node: process.version,
  filesystem: /^\S+ (\S+) (\S+)/.exec(mountOf(work))?.[2] ?? 'unknown',
  loadBefore: loadavg()[0] ?? 0,
});

/** The line of /proc/mounts that the folder lies on: the longest that fits. */
const mountOf = (folder: string): string =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => `${folder}/`.startsWith(`${line.split(' ')[1]}/`.replace('//', '/')))
    .toSorted((a, b) => (a.split(' ')[1]?.length ?? 0) - (b.split(' ')[1]?.length ?? 0))
    .at(-1) ?? '';

const bench = async (options: BenchOptions, work: string, medium: Medium): Promise<void> => {
  const about = machine(work);
  say(
    `${about.processors} processors (${about.model}), ${gigabytes(about.memoryBytes)}, ${about.filesystem}, Node ${about.node}, medium: ${medium.says}`,
  );
  if (about.loadBefore > 0.5)
    say(`load is ${about.loadBefore.toFixed(1)}: something else is running here, so read ratios, not seconds`);
  const world: World = { work, medium, options, say };
  const [runs, sets]: [Run[], Record<string, DataSet>] = [[], {}];
  for (const name of options.only) {
    const data = MAKERS[name](join(work, name), options);
    sets[name] = data;
    say(`\n${describeData(data)}`);
    runs.push(...(await compare(world, name, data)));
    rmSync(data.root, { recursive: true });
  }
  const lines = linesOf(runs);
  process.stdout.write(`\n${[...tableOf(lines), '', ...NOTES].join('\n')}\n`);
  mkdirSync(RESULTS, { recursive: true });
  const result = { made: new Date().toISOString(), machine: about, medium: medium.says, options, sets, lines, runs };
  writeFileSync(join(RESULTS, 'latest.json'), `${JSON.stringify(result, null, 2)}\n`);
};

const main = async (): Promise<number> => {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (process.platform !== 'linux') throw new BadOption('the benchmark measures through /proc and needs Linux');
  const work = workFolder(options);
  let medium: Medium | undefined;
  const clean = (): void => {
    medium?.remove();
    medium = undefined;
    rmSync(work, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      endRunning();
      clean();
      process.exit(130);
    });
  }
  try {
    medium = options.stick ? stickMedium(work, stickBytes(options)) : folderMedium(join(work, 'medium'));
    await bench(options, work, medium);
    return 0;
  } finally {
    clean();
  }
};

try {
  process.exitCode = await main();
} catch (error) {
  say(
    error instanceof BadOption
      ? `${error.message}\n\n${USAGE}`
      : String(error instanceof Error ? error.message : error),
  );
  process.exitCode = error instanceof BadOption ? 2 : 1;
}
