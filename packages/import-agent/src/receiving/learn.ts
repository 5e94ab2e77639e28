/** Learns from the head of a bundle what it is about: inventories into the journal, the index into the local spool. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Damaged } from '@gapferry/bundle-format/errors';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { AdmittedManifest } from '../trust/admission.ts';
import type { AdmittedCopy } from '../trust/admit.ts';
import { runTask } from '../work/run.ts';
import { spoolOf, type World } from '../world.ts';
import { spooledDocument } from './head.ts';
import type { VolumeAsk } from './requests.ts';
import type { Medium } from './session.ts';

export const spoolFolder = ({ config }: World, manifest: Sha256): string => join(spoolOf(config), manifest);
export const indexPath = (world: World, manifest: Sha256, { repositories }: AdmittedManifest): string => spooledDocument(spoolFolder(world, manifest), repositories.length);

export function volumeAsk({ volumes }: AdmittedManifest, number: number, wanted = 0): VolumeAsk {
  const volume = volumes[number];
  if (volume === undefined) throw new Damaged('INDEX_INVALID', `the index names the volume ${number}, and the manifest has ${volumes.length}`);
  const { name, bytes, blocks } = volume;
  return { number, name, bytes, blocks, wanted };
}

/**
 * Brings the head of this copy of the bundle into the spool, also when another copy was read before: a damaged one shall be told.
 * @throws Incomplete BUNDLE_INCOMPLETE; Damaged
 */
export async function takeHead(world: World, medium: Medium, { folder, sha256, admission: { manifest } }: AdmittedCopy): Promise<void> {
  const spool = spoolFolder(world, sha256);
  rmSync(spool, { recursive: true, force: true });
  await medium.head({ folder, volume: volumeAsk(manifest, 0), inventories: manifest.repositories.map(({ inventory }) => inventory), index: manifest.index, spool });
}

/** Reads one inventory from the spool into the journal, unless it is there. @throws Refused PATH_*, NAME_COLLISION, PRESET_DIFFERS, FORMAT_UNSUPPORTED; Damaged INVENTORY_INVALID */
export async function learnInventory(world: World, { sha256, admission: { manifest } }: AdmittedCopy, place: number): Promise<void> {
  const statement = manifest.repositories[place];
  if (statement === undefined) return;
  const { name, inventory } = statement;
  if (world.journal.inventories.find(name, inventory.sha256) !== undefined) return;
  await runTask({
    do: 'learn',
    journal: world.journal.path,
    inventory: {
      repository: name,
      document: inventory,
      path: spooledDocument(spoolFolder(world, sha256), place),
      phases: world.presets.get(name)?.metadata.length ?? 0,
      foldsCase: world.foldsCase(name),
    },
  });
}
