/** Bundles that wait for a medium: complete, signed and counted as sent; copied volume by volume when one comes. */

import { join } from 'node:path';
import { Unfit } from '@gapferry/bundle-format/errors';
import { blocksName, bundleFolder, BUNDLES, COMMIT, MANIFEST, SUMS } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { type Manifest, parseManifest } from '@gapferry/bundle-format/manifest';
import { sha256Of } from '@gapferry/bundle-format/sha256';
import { verifySignatures } from '@gapferry/bundle-format/signature';
import { removeDurably } from '@gapferry/station/files/durable';
import { readBounded } from '@gapferry/station/files/safe-open';
import { lstatSync } from 'node:fs';
import type { Watch } from './agent.ts';
import type { BundleRecord } from './ledger/records.ts';
import type { Medium } from './sealing/medium.ts';
import type { MediumRequests, SeenPlace } from './sealing/messages.ts';
import { outboxPath, type World } from './world.ts';

type Files = MediumRequests['deliver']['ask']['files'];

export const inOutbox = (world: World, sequence: number): string =>
  join(outboxPath(world.config.state), BUNDLES, bundleFolder(world.exporter, sequence));

/** The files of a bundle, all but its signature, with their digests: from its own manifest, whose signature is ours. */
const filesOf = (world: World, bundle: BundleRecord, folder: string): Files => {
  const read = (name: string, most: number): Uint8Array => readBounded(join(folder, name), most, { where: 'machine' });
  const bytes = read(MANIFEST, LIMITS.manifestBytes);
  const sums = read(SUMS, LIMITS.manifestBytes);
  if (sha256Of(bytes) !== bundle.manifest)
    throw new Unfit('LOCAL_IO', `bundle ${bundle.sequence} is damaged in the outbox`, {
      hint: 'declare it lost with `medium lost` and export again',
    });
  const signature = { name: COMMIT, bytes: read(COMMIT, LIMITS.signatureBytes) };
  const manifest: Manifest = parseManifest(verifySignatures(MANIFEST, bytes, [signature], [world.publicKey]).bytes);
  return [
    ...manifest.volumes.flatMap((volume, n) => [
      { name: volume.name, bytes: volume.bytes, sha256: volume.sha256 },
      { name: blocksName(n), bytes: lstatSync(join(folder, blocksName(n))).size, sha256: volume.blocks },
    ]),
    { name: SUMS, bytes: sums.length, sha256: sha256Of(sums) },
    { name: MANIFEST, bytes: bytes.length, sha256: sha256Of(bytes) },
  ];
};

const deliverOne = async (
  world: World,
  medium: Medium,
  seen: SeenPlace,
  bundle: BundleRecord,
  watch: Watch,
): Promise<void> => {
  const from = inOutbox(world, bundle.sequence);
  const files = filesOf(world, bundle, from);
  watch.begin(
    `copy bundle ${bundle.sequence} to ${seen.place.path}`,
    files.reduce((sum, { bytes }) => sum + bytes, 0) * 2,
  );
  try {
    const name = bundleFolder(world.exporter, bundle.sequence);
    const { readBack } = await medium.ask(
      'deliver',
      { place: seen.place, identity: seen.identity, bundle: name, from, files },
      (event) => watch.advance('wrote' in event ? event.wrote : event.proved),
    );
    const now = world.clock.now().toISOString();
    world.ledger.bundles.delivered(bundle.sequence, seen.place, readBack, now);
    world.audit.append({
      event: 'bundle.delivered',
      sequence: bundle.sequence,
      sha256: bundle.manifest,
      place: seen.place.path,
      readBack,
    });
    world.log.info(`bundle ${bundle.sequence} went from the outbox to ${seen.place.path}`, {
      sequence: bundle.sequence,
      readBack,
    });
  } finally {
    watch.end();
  }
  removeDurably(from);
};

/**
 * Copies whatever waits, oldest first.
 * @returns the numbers that left
 * @throws Unfit MEDIA_FULL with numbers when the next one does not fit; those before it have left
 */
export const deliverOutbox = async (world: World, medium: Medium, seen: SeenPlace, watch: Watch): Promise<number[]> => {
  const delivered: number[] = [];
  for (const bundle of world.ledger.bundles.inOutbox()) {
    await deliverOne(world, medium, seen, bundle, watch);
    delivered.push(bundle.sequence);
  }
  return delivered;
};
