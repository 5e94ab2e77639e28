/** What was asked for on the command line. */
import { parseArgs } from 'node:util';

export const COMPARISONS = ['big', 'small', 'packages', 'rescan'] as const;
export type ComparisonName = (typeof COMPARISONS)[number];

export interface BenchOptions {
  readonly only: readonly ComparisonName[];
  /** Bytes of the big files together. */
  readonly bigBytes: number;
  /** Small files; the rescan looks at four times as many. */
  readonly smallFiles: number;
  /** Where the work folder is made; undefined: the folder for temporary files, unless that is memory. */
  readonly dir: string | undefined;
  readonly repeat: number;
  /** Both ways write to and read from a loop-mounted ext4 image (needs root) in the stead of a folder. */
  readonly stick: boolean;
  /** What of the medium is in the page cache when the far side begins. */
  readonly cache: 'warm' | 'cold';
  /** Given to our agents' processes, e.g. `--cpu-prof`; for finding out where time goes. */
  readonly nodeFlags: readonly string[];
}

export const USAGE = `npm run bench -- [options]

  --only big|small|packages|rescan   only these (may be repeated, or joined by commas)
  --size 2GiB                        big files, together
  --count 50000                      small files; the rescan takes four times as many
  --repeat 3                         runs of each; medians are compared
  --dir DIR                          where to work (a folder of its own is made there and removed)
  --stick                            the medium is a loop-mounted ext4 image (root)
  --cache warm|cold                  the medium's pages when the far side begins: in memory (default) or dropped (root)
  --node-flag FLAG                   for our agents' Node, e.g. --cpu-prof`;

export class BadOption extends Error {}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
};

/** 2GiB, 500MB, 2g, 1048576 */
const parseSize = (text: string): number => {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]i?)?b?$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (number === '' || factor === undefined) throw new BadOption(`--size ${text}: give something like 2GiB`);
  return Math.round(Number(number) * factor);
};

const parseCount = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new BadOption(`--${name} ${text}: give a whole number above 0`);
  return value;
};

const isComparison = (name: string): name is ComparisonName => COMPARISONS.some((known) => known === name);

const parseOnly = (given: readonly string[]): ComparisonName[] => {
  const names = given.flatMap((each) => each.split(','));
  const unknown = names.find((name) => !isComparison(name));
  if (unknown !== undefined) throw new BadOption(`--only ${unknown}: there are ${COMPARISONS.join(', ')}`);
  return names.length === 0 ? [...COMPARISONS] : COMPARISONS.filter((name) => names.includes(name));
};

/** @throws BadOption with a sentence for the person; undefined when help was asked for */
export const parseOptions = (args: readonly string[]): BenchOptions | undefined => {
  const values = readArguments(args);
  if (values.help === true) return undefined;
  const cache = values.cache ?? 'warm';
  if (cache !== 'warm' && cache !== 'cold') throw new BadOption(`--cache ${cache}: warm or cold`);
  return {
    only: parseOnly(values.only ?? []),
    bigBytes: parseSize(values.size ?? '2GiB'),
    smallFiles: parseCount('count', values.count ?? '50000'),
    dir: values.dir,
    repeat: parseCount('repeat', values.repeat ?? '3'),
    stick: values.stick === true,
    cache,
    nodeFlags: values['node-flag'] ?? [],
  };
};

const readArguments = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        size: { type: 'string' },
        count: { type: 'string' },
        repeat: { type: 'string' },
        dir: { type: 'string' },
        stick: { type: 'boolean' },
        cache: { type: 'string' },
        'node-flag': { type: 'string', multiple: true },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new BadOption(error instanceof Error ? error.message : String(error));
  }
};
