/** Wherever one byte of a bundle is changed, and wherever a file of it is cut: it is never taken as good. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cpSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Outcome, valuesOf, withStatus } from './support/commands.ts';
import { cutFile, cutLengths, flipByte } from './support/damage.ts';
import { SLOW } from './support/needs.ts';
import { type Far, Pair } from './support/pair.ts';
import { Dice, seededBytes } from './support/seeded.ts';
import { differences, plant, removeFolder, snapshotOf } from './support/trees.ts';

const LANES = 2;
const BLOCK = 4 * 1024 * 1024;
const FLIPS = SLOW ? 1000 : 200;
const CUTS = SLOW ? 60 : 20;

interface Damage {
  readonly file: string;
  readonly says: string;
  /** The block of a volume in which the byte lies, counted from 0. */
  readonly block?: number;
  apply(folder: string): () => void;
}

/** A far side with round 1 published, and round 2 on a carrier of its own, ready to be damaged. */
interface Lane {
  readonly far: Far;
  readonly bundle: string;
  readonly before: string;
}

let pair: Pair;
let lanes: Lane[] = [];

beforeAll(async () => {
  pair = await Pair.create({ name: 'damage' });
  plant(pair.source(), { a: 'published before', 'b/c': { exec: 'x' }, changes: 'old' });
  await pair.export();
  const fars = [pair.far];
  while (fars.length < LANES) fars.push(await pair.anotherFar(`lane${fars.length}`));
  for (const far of fars.slice(1)) {
    await far.trust(join(pair.nearDir, 'exporter.pub'));
    cpSync(join(pair.nearCarrier, 'gapferry'), join(far.carrier, 'gapferry'), { recursive: true });
  }
  for (const far of fars) withStatus(await far.import(), 0);

  // several blocks, several small files, a changed one; big enough that a block is not the whole volume
  const small = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`many/${n}`, seededBytes(`many ${n}`, 500)]));
  plant(pair.source(), { ...small, large: seededBytes('large', 2 * BLOCK + 100_000), changes: 'new' });
  const second = pair.takeAway(await pair.export());
  lanes = fars.map((far) => {
    const bundles = join(far.carrier, 'gapferry', 'bundles');
    for (const name of readdirSync(bundles)) removeFolder(join(bundles, name));
    const bundle = join(bundles, basename(second.folder));
    cpSync(second.folder, bundle, { recursive: true });
    return { far, bundle, before: snapshotOf(far.target()) };
  });
}, 120_000);
afterAll(() => pair?.remove());

const sizesOf = (folder: string): [string, number][] =>
  readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size]);

/** Spread over the files: small ones matter as much as big ones. */
const flips = (folder: string): Damage[] => {
  const dice = new Dice('flips');
  const files = sizesOf(folder);
  return Array.from({ length: FLIPS }, (_, n) => {
    const [file = '', size = 0] = files[n % files.length] ?? [];
    const position = dice.below(size);
    const mask = 1 << dice.below(8);
    return {
      file,
      says: `${file}: byte ${position} of ${size} ^ ${mask}`,
      ...(file.endsWith('.zip') ? { block: Math.floor(position / BLOCK) } : {}),
      apply: (to: string) => flipByte(join(to, file), position, mask),
    };
  });
};

const cuts = (folder: string): Damage[] =>
  sizesOf(folder).flatMap(([file, size]) =>
    cutLengths(size, CUTS).map((length) => ({
      file,
      says: `${file}: cut to ${length} of ${size}`,
      apply: (to: string) => cutFile(join(to, file), length),
    })),
  );

/** What is wrong with how the importer judged this damage; empty when all is right. */
const faultsOf = (damage: Damage, outcome: Outcome, lane: Lane): string[] => {
  const faults: string[] = [];
  if (![3, 4, 5].includes(outcome.status)) faults.push(`exit status ${outcome.status}`);
  if (snapshotOf(lane.far.target()) !== lane.before) faults.push('the published state changed');
  const said = outcome.stdout + outcome.stderr;
  if (damage.file.endsWith('.zip') || damage.file.endsWith('.blocks')) {
    if (outcome.status !== 4) faults.push(`exit status ${outcome.status}, and a damaged volume is 4`);
    if (!said.includes(damage.file.replace(/\.\w+$/, ''))) faults.push('the damaged volume is not named');
  }
  if (damage.block !== undefined) {
    const named = [...said.matchAll(/block (\d+)/g)].map((match) => Number(match[1]));
    const facts = valuesOf(outcome.json, 'block').map(Number);
    if (![...named, ...facts].includes(damage.block)) {
      faults.push(`block ${damage.block} is not named, but ${[...named, ...facts].join(', ') || 'none'}`);
    }
  }
  return faults.map((fault) => `${damage.says}: ${fault}\n    ${said.trim().slice(-600)}`);
};

/** Tries every damage, in several lanes at once, each against its own copy. */
const tryAll = async (damages: readonly Damage[]): Promise<string[]> => {
  const left = [...damages];
  const faults: string[] = [];
  const work = async (lane: Lane): Promise<void> => {
    for (let damage = left.shift(); damage !== undefined; damage = left.shift()) {
      const mend = damage.apply(lane.bundle);
      const outcome = await lane.far.import();
      mend();
      faults.push(...faultsOf(damage, outcome, lane));
      if (faults.length > 20) return; // enough to see what is wrong
    }
  };
  await Promise.all(lanes.map(work));
  return faults;
};

test(
  `one byte flipped at each of ${FLIPS} places over all files is never taken as good`,
  async () => {
    const folder = lanes[0]?.bundle ?? '';
    expect(await tryAll(flips(folder))).toEqual([]);
  },
  SLOW ? 1_800_000 : 240_000,
);

test(
  `each file cut at ${CUTS} lengths is never taken as good`,
  async () => {
    const folder = lanes[0]?.bundle ?? '';
    expect(await tryAll(cuts(folder))).toEqual([]);
  },
  SLOW ? 1_800_000 : 240_000,
);

test('mended in place, the same bundle is taken', async () => {
  for (const { far } of lanes) {
    withStatus(await far.import(), 0);
    expect(differences(pair.source(), far.target())).toEqual([]);
  }
});
