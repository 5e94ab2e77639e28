/** Takes from one copy of a bundle what is still wanted: orders to the medium process, its news into the journal. */
import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorFromJSON, type GapferryError } from '@gapferry/bundle-format/errors';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { Unfit } from '@gapferry/bundle-format/errors';
import { makeFolder } from '@gapferry/station/files/durable';
import { formatBytes } from '@gapferry/station/format/bytes';
import type { Target } from '../journal/inventories.ts';
import { stagingOf, tampered } from '../publishing/tree.ts';
import type { AdmittedCopy } from '../trust/admit.ts';
import { runTask } from '../work/run.ts';
import type { World } from '../world.ts';
import { freeBytes, indexPath, spoolFolder, volumeAsk } from './learn.ts';
import type { ReceiveEvent } from './requests.ts';
import type { Medium } from './session.ts';

export interface Taken {
  /** Was anything lacking before? */
  readonly lacked: boolean;
  readonly objects: number;
  readonly bytes: number;
  /** Volumes with something wanted that are not on this medium. */
  readonly absent: readonly string[];
  /** Numbers of volumes of which every block was read and is good. */
  readonly whole: readonly number[];
  readonly damage: readonly GapferryError[];
}

const NOTHING: Taken = { lacked: true, objects: 0, bytes: 0, absent: [], whole: [], damage: [] };

/** @param targets what the objects are wanted for @throws Unfit LOCAL_FULL, MEDIA_GONE, MEDIA_TIMEOUT; Damaged INDEX_INVALID */
export async function takeObjects(
  world: World,
  medium: Medium,
  copy: AdmittedCopy,
  targets: readonly Target[],
): Promise<Taken> {
  const { journal, config } = world;
  const { manifest } = copy.admission;
  const names = [...config.repositories.keys()];
  const orders = join(spoolFolder(world, copy), 'orders');
  const index = indexPath(world, copy);
  const { wanted, lacked, needed } = await runTask({
    do: 'order',
    journal: journal.path,
    targets,
    index: { document: manifest.index, path: index },
    names,
    orders,
  });
  if (wanted.length === 0) return { ...NOTHING, lacked };
  const stagings = names.map((name) => prepareStaging(config.repositories.get(name)?.path ?? ''));
  const total = wanted.reduce((sum, [, bytes]) => sum + bytes, 0);
  requireSpace(stagings, needed, copy);
  const damage: GapferryError[] = [];
  const reply = await medium.receive(
    {
      folder: copy.folder,
      volumes: wanted.map(([number, bytes]) => volumeAsk(manifest, number, bytes)),
      index,
      orders,
      stagings,
    },
    (event) => hear(world, names, event, damage, total),
  );
  await joinParts(world, damage);
  return { lacked, objects: reply.objects, bytes: reply.bytes, absent: reply.absent, whole: reply.whole, damage };
}

/** Left free besides, for metadata of the filesystem and for everybody else. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** Reads the volumes of a copy that were not read whole before. @returns what is wrong with them @throws Unfit MEDIA_GONE, MEDIA_TIMEOUT */
export async function checkCopy(
  world: World,
  medium: Medium,
  { folder, admission: { manifest } }: AdmittedCopy,
  whole: ReadonlySet<number>,
): Promise<GapferryError[]> {
  const volumes = manifest.volumes
    .map((_, number) => volumeAsk(manifest, number))
    .filter(({ number }) => number > 0 && !whole.has(number));
  if (volumes.length === 0) return [];
  const damage: GapferryError[] = [];
  const total = volumes.reduce((sum, { bytes }) => sum + bytes, 0);
  await medium.check({ folder, volumes }, (event) => hear(world, [], event, damage, total));
  return damage;
}

/** Told before the first byte is written, for each filesystem that knows its size. @throws Unfit LOCAL_FULL */
function requireSpace(
  stagings: readonly string[],
  needed: readonly (readonly [staging: number, bytes: number])[],
  { sha256, admission: { manifest } }: AdmittedCopy,
): void {
  const filesystems = new Map<number, { path: string; bytes: number }>();
  for (const [staging, bytes] of needed) {
    const path = stagings[staging] ?? '';
    const { dev } = statSync(path);
    filesystems.set(dev, { path, bytes: bytes + (filesystems.get(dev)?.bytes ?? 0) });
  }
  for (const { path, bytes } of filesystems.values()) {
    const free = freeBytes(path);
    if (free === undefined || free >= bytes + SPARE_BYTES) continue;
    throw new Unfit(
      'LOCAL_FULL',
      `bundle ${manifest.sequence} brings ${formatBytes(bytes)}, and only ${formatBytes(free)} are free at ${path}`,
      { facts: { bytes, free, path, bundle: sha256 } },
    );
  }
}

/** Readable by nobody else: clients must not find what is not published. @throws Refused STORE_TAMPERED when others could exchange what lies there */
export function prepareStaging(root: string): string {
  const staging = stagingOf(root);
  for (const folder of [join(root, '.gapferry'), staging]) {
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) makeFolder(folder, 0o700);
    mustBeOurs(folder);
  }
  return staging;
}

function mustBeOurs(folder: string): void {
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) throw tampered(folder, 'is no folder: objects would be staged elsewhere');
  const me = process.geteuid?.();
  if (me === undefined) return; // Windows answers by other means
  if (stat.uid !== me)
    throw tampered(folder, `belongs to another user (${stat.uid}), who could exchange what lies there`);
  if ((stat.mode & 0o022) !== 0) throw tampered(folder, 'may be written by others, who could exchange what lies there');
}

function hear(
  { journal, progress }: World,
  names: readonly string[],
  event: ReceiveEvent,
  damage: GapferryError[],
  total: number,
): void {
  switch (event.kind) {
    case 'staged':
      journal.holdings.stage(names[event.staging] ?? '', event.objects);
      return;
    case 'parts':
      journal.holdings.stageParts(names[event.staging] ?? '', event.parts);
      return;
    case 'damage':
      damage.push(errorFromJSON(event.error));
      return;
    case 'read':
      progress('reading', event.bytes, total);
      return;
  }
}

/** Objects of which the last part has come are compared as a whole. */
async function joinParts({ journal, config }: World, damage: GapferryError[]): Promise<void> {
  for (const { repository, sha256, size } of journal.holdings.completeParts()) {
    const { stamp } = await runTask({
      do: 'join',
      root: config.repositories.get(repository)?.path ?? '',
      sha256,
      size,
    });
    journal.transaction(() => {
      if (stamp !== null) journal.holdings.stage(repository, [{ sha256, size, stamp }]);
      journal.holdings.unstageParts(sha256);
    });
    if (stamp === null) damage.push(wrongWhole(sha256));
  }
}

const wrongWhole = (sha256: Sha256): GapferryError =>
  errorFromJSON({
    code: 'ENTRY_HASH',
    says: `an object that came in parts is not the one that the index names`,
    hint: 'make the bundle again at the exporter',
    facts: { sha256 },
  });
