/**
 * What lies on a place under our own name: bundles that a run did not finish, and bundles that every site has answered. Nothing is removed that the ledger
 * does not know as ours by its number, and, once signed, by its signature and digest.
 */

import { GapferryError } from '@gapferry/bundle-format/errors';
import { blocksName, bundleFolder, COMMIT, MANIFEST, SUMS, volumeName } from '@gapferry/bundle-format/layout';
import { type Manifest, parseManifest } from '@gapferry/bundle-format/manifest';
import { sha256Of } from '@gapferry/bundle-format/sha256';
import { verifySignatures } from '@gapferry/bundle-format/signature';
import type { BundleRecord } from '../ledger/records.ts';
import { MOST_LEAP } from '../receipts/decide.ts';
import type { World } from '../world.ts';
import type { Medium } from './medium.ts';
import type { SeenPlace } from './messages.ts';

const sequenceOf = (exporter: string, name: string): number | undefined => {
  const digits = name.slice(exporter.length + 1);
  return /^\d{8,16}$/.test(digits) ? Number(digits) : undefined;
};

interface OnPlace {
  readonly sequence: number;
  readonly name: string;
  readonly record: BundleRecord | undefined;
}

const oursOn = async (world: World, medium: Medium, seen: SeenPlace): Promise<OnPlace[]> => {
  const names = await medium.ask('bundles', { place: seen.place, exporter: world.exporter });
  return names.flatMap((name) => {
    const sequence = sequenceOf(world.exporter, name);
    if (sequence === undefined || bundleFolder(world.exporter, sequence) !== name) return [];
    return [{ sequence, name, record: world.ledger.bundles.find(sequence) }];
  });
};

/** The manifest in a folder, if our own key signed it and the ledger has its digest; undefined for anything else. */
const ownManifest = async (
  world: World,
  medium: Medium,
  seen: SeenPlace,
  bundle: OnPlace,
): Promise<Manifest | undefined> => {
  const { manifest, signature } = await medium.ask('inspect', { place: seen.place, bundle: bundle.name });
  if (manifest === null || signature === null) return undefined;
  const bytes = Buffer.from(manifest);
  if (bundle.record?.manifest !== sha256Of(bytes)) return undefined;
  try {
    const files = [{ name: COMMIT, bytes: Buffer.from(signature) }];
    return parseManifest(verifySignatures(MANIFEST, bytes, files, [world.publicKey]).bytes);
  } catch (error) {
    if (error instanceof GapferryError) return undefined;
    throw error;
  }
};

/**
 * Settles what an interrupted run left here: a signed bundle is recorded as committed, an unsigned one is removed and its number given up. A
 * number that somebody used beyond our ledger (restored from a backup) is passed over.
 */
export const recover = async (world: World, medium: Medium, seen: SeenPlace): Promise<void> => {
  const now = world.clock.now().toISOString();
  for (const bundle of await oursOn(world, medium, seen)) {
    const { sequence, record } = bundle;
    if (record === undefined) {
      if (sequence > world.ledger.bundles.highest() + MOST_LEAP) {
        // the name of a folder is nobody's word: it must not use up the numbers
        world.log.warn(`${seen.place.path}/${bundle.name} bears a number out of reach: nothing is made of it`, {
          sequence,
        });
        continue;
      }
      if (world.ledger.bundles.raiseSequence(sequence, now))
        world.log.warn(
          `${seen.place.path} bears bundle ${sequence} of this key, which this ledger does not know: going on above it`,
          { sequence },
        );
      continue;
    }
    if (record.state === 'committed' || seen.readOnly) continue;
    if (record.state === 'signing' && (await ownManifest(world, medium, seen, bundle)) !== undefined) {
      world.ledger.bundles.commit(sequence, now);
      world.audit.append({
        event: 'bundle.exported',
        recovered: true,
        sequence,
        sha256: record.manifest,
        place: seen.place.path,
      });
      world.log.info(`bundle ${sequence} was complete on ${seen.place.path}: recorded now`, { sequence });
      continue;
    }
    const { removed } = await medium.ask('discard', {
      place: seen.place,
      identity: seen.identity,
      bundle: bundle.name,
    });
    if (removed) world.log.info(`removed the unfinished bundle ${sequence} from ${seen.place.path}`, { sequence });
    if (removed) world.ledger.bundles.abandon(sequence);
  }
};

const namesOf = (manifest: Manifest): string[] => [
  COMMIT,
  MANIFEST,
  SUMS,
  ...manifest.volumes.flatMap((_, n) => [volumeName(n), blocksName(n)]),
];

/** States in which a site has taken everything from a bundle that it will ever take. */
const TAKEN = new Set(['received', 'on hold', 'publishing', 'published', 'superseded']);

/** Has every site taken it in? A bundle without sites was never sent; one that is refused or waits may still be looked into. */
const isConfirmed = (world: World, sequence: number): boolean => {
  const sites = world.ledger.bundles.sitesOf(sequence);
  return sites.length > 0 && sites.every(({ road, says }) => road === 'settled' && TAKEN.has(says ?? ''));
};

/**
 * Removes our own bundles that receipts confirm. @param keep a number that stays whatever receipts say
 * @returns the numbers that were removed
 */
export const removeConfirmed = async (
  world: World,
  medium: Medium,
  seen: SeenPlace,
  keep?: number,
): Promise<number[]> => {
  const removed: number[] = [];
  for (const bundle of await oursOn(world, medium, seen)) {
    const { sequence, name, record } = bundle;
    if (sequence === keep || record?.state !== 'committed' || !isConfirmed(world, sequence)) continue;
    const manifest = await ownManifest(world, medium, seen, bundle);
    if (manifest === undefined) continue;
    await medium.ask('remove', { place: seen.place, identity: seen.identity, bundle: name, names: namesOf(manifest) });
    world.ledger.bundles.removed(sequence, world.clock.now().toISOString());
    world.audit.append({
      event: 'bundle.removed',
      sequence,
      sha256: record.manifest,
      place: seen.place.path,
      because: 'receipts confirm it',
    });
    world.log.info(`removed bundle ${sequence} from ${seen.place.path}: every site has answered it`, { sequence });
    removed.push(sequence);
  }
  return removed;
};
