/** Learns from the head of a bundle what it is about: inventories into the journal, the index into the local spool. */
import { rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { Damaged, Unfit } from '@gapferry/bundle-format/errors';
import { sha256Of } from '@gapferry/bundle-format/sha256';
import { withFaults } from '@gapferry/station/files/fault';
import { formatBytes } from '@gapferry/station/format/bytes';
import type { AdmittedManifest } from '../trust/admission.ts';
import type { AdmittedCopy } from '../trust/admit.ts';
import { runTask } from '../work/run.ts';
import { spoolOf, type World } from '../world.ts';
import { spooledDocument } from './head.ts';
import type { VolumeAsk } from './requests.ts';
import type { Medium } from './session.ts';

/** Each copy has its own: what a broken one leaves there is not taken for what a good one brought. */
export const spoolFolder = ({ config }: World, { sha256, folder }: AdmittedCopy): string =>
  join(spoolOf(config), `${sha256}-${sha256Of(Buffer.from(folder)).slice(0, 16)}`);
export const indexPath = (world: World, copy: AdmittedCopy): string =>
  spooledDocument(spoolFolder(world, copy), copy.admission.manifest.repositories.length);

export function volumeAsk({ volumes }: AdmittedManifest, number: number, wanted = 0): VolumeAsk {
  const volume = volumes[number];
  if (volume === undefined)
    throw new Damaged('INDEX_INVALID', `the index names the volume ${number}, and the manifest has ${volumes.length}`);
  const { name, bytes, blocks } = volume;
  return { number, name, bytes, blocks, wanted };
}

/**
 * Brings the head of this copy of the bundle into the spool, also when another copy was read before: a damaged one shall be told.
 * @throws Incomplete BUNDLE_INCOMPLETE; Damaged
 */
export async function takeHead(world: World, medium: Medium, copy: AdmittedCopy): Promise<void> {
  const { folder, admission } = copy;
  const { manifest } = admission;
  const spool = spoolFolder(world, copy);
  rmSync(spool, { recursive: true, force: true });
  requireRoom(world, copy);
  await medium.head({
    folder,
    volume: volumeAsk(manifest, 0),
    inventories: manifest.repositories.map(({ inventory }) => inventory),
    index: manifest.index,
    spool,
  });
}

/** Left free besides, for everybody else. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** The documents are inflated into the spool, and their rows go into the journal: told before the first byte is written. @throws Unfit LOCAL_FULL */
function requireRoom({ config }: World, { sha256, admission: { manifest } }: AdmittedCopy): void {
  const bytes =
    2 *
    [...manifest.repositories.map(({ inventory }) => inventory), manifest.index].reduce(
      (sum, document) => sum + document.bytes,
      0,
    );
  const path = spoolOf(config);
  const free = freeBytes(path);
  if (free === undefined || free >= bytes + SPARE_BYTES) return;
  throw new Unfit(
    'LOCAL_FULL',
    `the head of bundle ${manifest.sequence} needs ${formatBytes(bytes)}, and only ${formatBytes(free)} are free at ${path}`,
    { facts: { bytes, free, path, bundle: sha256 } },
  );
}

/** Undefined where a filesystem does not tell its size. */
export function freeBytes(path: string): number | undefined {
  const { bavail, bsize, blocks } = withFaults({ where: 'machine', doing: 'read', what: path }, () => statfsSync(path));
  return blocks === 0 ? undefined : bavail * bsize;
}

/** Reads one inventory from the spool into the journal, unless it is there. @throws Refused PATH_*, NAME_COLLISION, PRESET_DIFFERS, FORMAT_UNSUPPORTED; Damaged INVENTORY_INVALID */
export async function learnInventory(world: World, copy: AdmittedCopy, place: number): Promise<void> {
  const { manifest } = copy.admission;
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
      path: spooledDocument(spoolFolder(world, copy), place),
      phases: world.presets.get(name)?.metadata.length ?? 0,
      foldsCase: world.foldsCase(name),
    },
  });
}
