/** Runs both ways in turn, the other one first in every second round, each from the same start. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { differencesBetween, readTree } from '../scripts/demo/tree.ts';
import { missingOf, type Places, type Way, walkByFind } from './by-hand.ts';
import { chill, settle, warm } from './cache.ts';
import type { DataSet } from './data.ts';
import { type Cost, measure, type Step } from './measure.ts';
import type { Medium } from './medium.ts';
import type { BenchOptions, ComparisonName } from './options.ts';
import { bundlesOn, exportNow, gapferry, importNow, introduce } from './ours.ts';

export type Side = 'near' | 'far' | 'rescan';
export type Who = 'by hand' | 'ours';

export interface Run {
  readonly comparison: ComparisonName;
  readonly side: Side;
  readonly who: Who;
  /** From 1. */
  readonly round: number;
  readonly cost: Cost;
}

export interface World {
  readonly work: string;
  readonly medium: Medium;
  readonly options: BenchOptions;
  /** Tells the person what is going on. */
  readonly say: (line: string) => void;
}

const fresh = (folder: string): string => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
};

/** Empty medium, empty target, empty state, nothing waiting to be written. */
const freshPlaces = (world: World, source: string): Places => {
  world.medium.clear();
  const places = {
    source,
    medium: fresh(join(world.medium.path, 'data')),
    target: fresh(join(world.work, 'target')),
    work: fresh(join(world.work, 'state')),
  };
  settle();
  return places;
};

/** The far side begins with a medium that was just written, or with one that no page of is in memory. */
const arrive = (world: World, medium: string): void => {
  if (world.options.cache === 'warm') return warm(medium);
  chill();
  // Programs come from the machine's own disk, which is not what is measured.
  for (const program of [process.execPath, 'rsync', 'openssl']) spawnSync(program, ['--version'], { stdio: 'ignore' });
  spawnSync(process.execPath, gapferry('import', ['--version']).args, { stdio: 'ignore' });
};

const order = (round: number): readonly Who[] => (round % 2 === 1 ? ['by hand', 'ours'] : ['ours', 'by hand']);

interface Steps {
  readonly near: Step;
  readonly far: Step;
}

const stepsOf = (who: Who, way: Way, places: Places, flags: readonly string[]): Steps => {
  if (who === 'by hand') return { near: way.near(places), far: way.far(places) };
  const pair = introduce(places);
  return { near: exportNow(pair, flags), far: importNow(pair, flags) };
};

/** @throws Error when the target is not what the source is: a quick way that loses files is no way */
const demandEqual = (source: string, target: string): void => {
  const different = differencesBetween(readTree(source), readTree(target));
  if (different.length > 0)
    throw new Error(`the target differs from the source:\n${different.slice(0, 10).join('\n')}`);
};

/** Out onto the medium and in at the far side, both ways, `repeat` times. */
export const compareTransfer = async (
  world: World,
  comparison: ComparisonName,
  data: DataSet,
  way: Way,
): Promise<Run[]> => {
  const missing = missingOf(way.tools);
  if (missing.length > 0) world.say(`not here: ${missing.join(', ')}; so nothing to compare the ${data.says} with`);
  const runs: Run[] = [];
  for (let round = 1; round <= world.options.repeat; round++) {
    for (const who of order(round)) {
      if (who === 'by hand' && missing.length > 0) continue;
      warm(data.root);
      const places = freshPlaces(world, data.root);
      const steps = stepsOf(who, way, places, world.options.nodeFlags);
      settle();
      const near = await measure(steps.near);
      arrive(world, places.medium);
      const far = await measure(steps.far);
      if (round === 1) demandEqual(data.root, places.target);
      runs.push(
        { comparison, side: 'near', who, round, cost: near },
        { comparison, side: 'far', who, round, cost: far },
      );
      world.say(`${data.says}, round ${round}, ${who}: out ${near.wall.toFixed(2)} s, in ${far.wall.toFixed(2)} s`);
    }
  }
  rmSync(join(world.work, 'target'), { recursive: true, force: true });
  world.medium.clear();
  return runs;
};

/** Export of a tree in which nothing changed, against one `find` over it. */
export const compareRescan = async (world: World, data: DataSet): Promise<Run[]> => {
  const missing = missingOf(['find']);
  if (missing.length > 0) world.say('not here: find; so nothing to compare the rescan with');
  const places = freshPlaces(world, data.root);
  const pair = introduce(places);
  const first = await measure(exportNow(pair, []));
  world.say(`${data.says}, first export: ${first.wall.toFixed(2)} s`);
  const runs: Run[] = [];
  for (let round = 1; round <= world.options.repeat; round++) {
    for (const who of order(round)) {
      if (who === 'by hand' && missing.length > 0) continue;
      const cost = await measure(who === 'ours' ? exportNow(pair, world.options.nodeFlags) : walkByFind(data.root));
      runs.push({ comparison: 'rescan', side: 'rescan', who, round, cost });
      world.say(`${data.says}, round ${round}, ${who}: ${cost.wall.toFixed(2)} s`);
    }
  }
  const bundles = bundlesOn(places.medium);
  if (bundles !== 1) throw new Error(`nothing had changed, and yet there are ${bundles} bundles`);
  world.medium.clear();
  return runs;
};
