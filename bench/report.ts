/** Medians side by side, ratios, and whether the bars were reached: for people, and as data. */
import { formatBytes } from '@gapferry/station/format/bytes';
import { formatTable } from '@gapferry/station/format/table';
import type { Run, Side, Who } from './comparison.ts';
import type { DataSet } from './data.ts';
import type { Cost } from './measure.ts';
import type { ComparisonName } from './options.ts';

/** The most that ours may take, as a multiple of the other way's wall time. Packages have none: they are there to look at. */
const BARS: Readonly<Partial<Record<ComparisonName, number>>> = { big: 1.2, small: 1.2, rescan: 2 };
/** Bytes of resident memory of the whole process tree. */
const MEMORY_BAR = 300 * 1024 * 1024;

export interface Line {
  readonly comparison: ComparisonName;
  readonly side: Side;
  /** Medians; undefined where there was nothing to compare with. */
  readonly byHand: Cost | undefined;
  readonly ours: Cost;
  readonly ratio: number | undefined;
  readonly bar: number | undefined;
  readonly reached: boolean | undefined;
  readonly memoryReached: boolean;
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
};

/** Of times the median, of memory the worst: a bar on memory that is broken once is broken. */
const summarise = (costs: readonly Cost[]): Cost | undefined =>
  costs.length === 0
    ? undefined
    : {
        wall: median(costs.map((cost) => cost.wall)),
        user: median(costs.map((cost) => cost.user)),
        system: median(costs.map((cost) => cost.system)),
        peakMemory: Math.max(...costs.map((cost) => cost.peakMemory)),
        peakSumOfRss: Math.max(...costs.map((cost) => cost.peakSumOfRss)),
      };

export const linesOf = (runs: readonly Run[]): Line[] => {
  const keys = new Map(runs.map(({ comparison, side }) => [`${comparison} ${side}`, { comparison, side }]));
  return [...keys.values()].flatMap(({ comparison, side }) => {
    const costs = (who: Who): Cost[] =>
      runs
        .filter((run) => run.comparison === comparison && run.side === side && run.who === who)
        .map((run) => run.cost);
    const [byHand, ours] = [summarise(costs('by hand')), summarise(costs('ours'))];
    if (ours === undefined) return [];
    const ratio = byHand === undefined ? undefined : ours.wall / byHand.wall;
    const bar = BARS[comparison];
    const reached = ratio === undefined || bar === undefined ? undefined : ratio <= bar;
    return [{ comparison, side, byHand, ours, ratio, bar, reached, memoryReached: ours.peakMemory <= MEMORY_BAR }];
  });
};

const SIDES: Readonly<Record<Side, string>> = { near: 'out', far: 'in', rescan: 'rescan' };
const seconds = (value: number): string => `${value.toFixed(2)} s`;
const processor = (cost: Cost | undefined): string => (cost === undefined ? '-' : seconds(cost.user + cost.system));
const mark = (reached: boolean | undefined): string => (reached === undefined ? '' : reached ? '✓' : '✗');

const rowOf = (line: Line): string[] => [
  line.comparison,
  SIDES[line.side],
  line.byHand === undefined ? '-' : seconds(line.byHand.wall),
  seconds(line.ours.wall),
  line.ratio === undefined ? '-' : line.ratio.toFixed(2),
  line.bar === undefined ? '' : `≤ ${line.bar} ${mark(line.reached)}`,
  processor(line.byHand),
  processor(line.ours),
  line.byHand === undefined ? '-' : formatBytes(line.byHand.peakMemory),
  formatBytes(line.ours.peakMemory),
  `≤ ${formatBytes(MEMORY_BAR)} ${mark(line.memoryReached)}`,
];

export const tableOf = (lines: readonly Line[]): string[] =>
  formatTable(
    [
      { title: 'what' },
      { title: '' },
      { title: 'by hand', align: 'right' },
      { title: 'ours', align: 'right' },
      { title: 'ratio', align: 'right' },
      { title: 'bar' },
      { title: 'cpu by hand', align: 'right' },
      { title: 'cpu ours', align: 'right' },
      { title: 'memory by hand', align: 'right' },
      { title: 'ours', align: 'right' },
      { title: 'bar' },
    ],
    lines.map(rowOf),
  );

/** How to read the table. */
export const NOTES: readonly string[] = [
  'Wall and processor time are medians; processor time is user and system of all processes together.',
  'Memory is the most that all processes of a run together had resident at one moment (sampled every 50 ms, shared pages once), the worst of all runs.',
  'The source is in the page cache for both. Ours writes past the page cache and reads back from the device; by hand, the copy is hashed out of the page cache.',
];

export const describeData = ({ says, files, bytes }: DataSet): string =>
  `${says}: ${files.toLocaleString('en')} files, ${formatBytes(bytes)}`;
