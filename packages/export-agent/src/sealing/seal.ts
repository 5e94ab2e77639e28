/**
 * Writes a bundle to its place: volumes, head, block lists. Each volume is flushed and read back past the page cache before the next begins. Nothing is
 * signed here; a bundle without signature is no bundle.
 */

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Unfit } from '@gapferry/bundle-format/errors';
import { blocksName, BUNDLES, INDEX_ENTRY, inventoryEntry, volumeName } from '@gapferry/bundle-format/layout';
import type { IndexRow } from '@gapferry/bundle-format/object-index';
import { sha256Of } from '@gapferry/bundle-format/sha256';
import { type EntryPlan, planVolumes } from '@gapferry/bundle-format/volume-plan';
import { VolumeWriter } from '@gapferry/bundle-format/volume-writer';
import type { Proof } from '@gapferry/station/files/direct';
import { removeDurably } from '@gapferry/station/files/durable';
import type { Tell } from '@gapferry/station/media/serve';
import { blockListOf, Disk } from './disk.ts';
import { Hasher } from './hasher.ts';
import { IndexFile } from './index-file.ts';
import type { PlanLine, Sealed, SealedVolume, SealEvent, SealOrder, SpoolDocument } from './messages.ts';
import { objectPieces, type PackedMember, packPieces, PIECE_BYTES, rangePieces } from './object-pieces.ts';
import { bundlePath, makeInPlace, requireWritable } from './places.ts';
import { readPlan } from './plan-file.ts';
import { weaker, writeProven } from './proven-file.ts';
import { type OpenObject, SourceReader } from './source-reader.ts';

/** Everything that a seal works with. */
class Sealing {
  readonly folder: string;
  readonly order: SealOrder;
  readonly tell: Tell<SealEvent>;
  readonly hasher = new Hasher();
  readonly disk = new Disk(this.hasher);
  readonly buffer = new Uint8Array(PIECE_BYTES);
  readonly reader: SourceReader;
  readonly index: IndexFile;
  readonly features = new Set<'parts' | 'packs'>();
  readonly volumes: SealedVolume[] = [];
  proof: Proof = 'device';
  /** The object whose parts are being written. */
  divided: OpenObject | undefined;

  constructor(folder: string, order: SealOrder, tell: Tell<SealEvent>) {
    this.folder = folder;
    this.order = order;
    this.tell = tell;
    this.reader = new SourceReader(order.sources);
    this.index = new IndexFile(order.index);
  }
}

/** One volume from its first entry to its proof. */
class Volume {
  readonly #sealing: Sealing;
  readonly #path: string;
  readonly number: number;
  readonly writer: VolumeWriter;

  constructor(sealing: Sealing, number: number, deflate: boolean) {
    this.#sealing = sealing;
    this.number = number;
    this.#path = join(sealing.folder, volumeName(number));
    sealing.disk.create(this.#path);
    this.writer = new VolumeWriter(
      {
        write: async (bytes) => {
          await sealing.disk.write(bytes);
          sealing.tell.alive();
        },
      },
      deflate,
    );
  }

  async end(): Promise<SealedVolume> {
    const { disk, tell, folder } = this.#sealing;
    await this.writer.end();
    const file = await disk.finish();
    const proved = await disk.prove(this.#path, file, (bytes) => tell({ proved: bytes }));
    const list = blockListOf(file);
    const listProof = writeProven(join(folder, blocksName(this.number)), list);
    this.#sealing.proof = weaker(this.#sealing.proof, weaker(proved.proof, listProof));
    return { name: volumeName(this.number), bytes: file.bytes, sha256: proved.sha256, blocks: sha256Of(list) };
  }
}

const assertFits = (order: SealOrder, presence: ReturnType<typeof requireWritable>): void => {
  if (order.limits.volumeBytes > presence.fileLimit)
    throw new Unfit(
      'FS_FILE_LIMIT',
      `${presence.path} (${presence.fsType}) holds no file of ${order.limits.volumeBytes} bytes`,
      {
        facts: { volumeBytes: order.limits.volumeBytes, fileLimit: presence.fileLimit },
      },
    );
  if (order.needBytes > presence.freeBytes)
    throw new Unfit(
      'MEDIA_FULL',
      `the bundle needs ${order.needBytes} bytes and ${presence.path} has ${presence.freeBytes} free`,
      {
        facts: { need: order.needBytes, free: presence.freeBytes, path: presence.path },
      },
    );
};

/** A folder of this number that is not empty was made by somebody else under our name: it is not ours to write into or to remove. */
const assertFree = (order: SealOrder): void => {
  const folder = bundlePath(order.place, order.bundle);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Unfit('MEDIA_WRITE', `${folder} is there already`, {
      facts: { path: folder },
      hint: 'another machine with the same key wrote it; look into it before going on',
    });
};

const writeWhole = async (
  sealing: Sealing,
  volume: Volume,
  plan: Extract<EntryPlan<PlanLine>, { kind: 'whole' }>,
): Promise<void> => {
  const object = sealing.reader.open(plan.object);
  try {
    const { offset } = await volume.writer.add(
      plan.entry,
      objectPieces(object, plan.stored, sealing.hasher, sealing.buffer),
    );
    sealing.index.add(rowOf(plan, volume.number, offset));
  } finally {
    object.close();
  }
};

const rowOf = (
  plan: Extract<EntryPlan<PlanLine>, { kind: 'whole' | 'part' }>,
  volume: number,
  offset: number,
): IndexRow => {
  const { sha256, size } = plan.object;
  const where = { sha256, size, volume, entry: plan.entry, offset, stored: plan.stored, method: 'stored' } as const;
  return plan.kind === 'whole'
    ? { ...where, kind: 'whole' }
    : { ...where, kind: 'part', part: plan.part, of: plan.of, at: plan.at };
};

/** Parts of one object follow one another, so that one pass reads and checks it, over several volumes. */
const writePart = async (
  sealing: Sealing,
  volume: Volume,
  plan: Extract<EntryPlan<PlanLine>, { kind: 'part' }>,
): Promise<void> => {
  if (plan.part === 1) sealing.divided = sealing.reader.open(plan.object);
  const object = sealing.divided;
  if (object === undefined) throw new TypeError('parts came out of order');
  const { offset } = await volume.writer.add(plan.entry, rangePieces(object, plan.stored, sealing.hasher));
  sealing.index.add(rowOf(plan, volume.number, offset));
  sealing.features.add('parts');
  if (!object.isAtEnd) return;
  object.close();
  sealing.divided = undefined;
};

const writePack = async (
  sealing: Sealing,
  volume: Volume,
  plan: Extract<EntryPlan<PlanLine>, { kind: 'pack' }>,
): Promise<void> => {
  const members: PackedMember[] = [];
  const { offset } = await volume.writer.add(plan.entry, packPieces(plan, sealing.reader, sealing.buffer, members));
  for (const { sha256, size, member, at } of members)
    sealing.index.add({
      sha256,
      size,
      kind: 'packed',
      volume: volume.number,
      entry: plan.entry,
      offset: offset + at,
      stored: size,
      method: 'stored',
      member,
    });
  sealing.features.add('packs');
};

const writeEntry = async (sealing: Sealing, volume: Volume, plan: EntryPlan<PlanLine>): Promise<void> => {
  switch (plan.kind) {
    case 'whole':
      return writeWhole(sealing, volume, plan);
    case 'part':
      return writePart(sealing, volume, plan);
    case 'pack':
      return writePack(sealing, volume, plan);
  }
};

const bytesOf = (plan: EntryPlan<PlanLine>): number =>
  plan.kind === 'pack' ? plan.members.reduce((sum, { object }) => sum + object.size, 0) : plan.stored;

const writeVolumes = async (sealing: Sealing): Promise<void> => {
  let volume: Volume | undefined;
  for (const plan of planVolumes(readPlan(sealing.order.plan), sealing.order.limits)) {
    if (volume !== undefined && volume.number !== plan.volume) {
      sealing.volumes.push(await volume.end());
      volume = undefined;
    }
    volume ??= new Volume(sealing, plan.volume, false);
    await writeEntry(sealing, volume, plan);
    sealing.tell({ wrote: bytesOf(plan) });
  }
  if (volume !== undefined) sealing.volumes.push(await volume.end());
};

/** A document of the spool, compared with what the ledger says on the way. */
async function* documentPieces(document: SpoolDocument, what: string): AsyncGenerator<Uint8Array> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(document.path, { highWaterMark: 1 << 20 })) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a stream of bytes gave something else');
    digest.update(chunk);
    yield chunk;
  }
  if (digest.digest('hex') !== document.sha256)
    throw new Unfit('LOCAL_IO', `${what} in the spool is damaged`, { facts: { path: document.path } });
}

const writeHead = async (sealing: Sealing, index: SpoolDocument): Promise<SealedVolume> => {
  const head = new Volume(sealing, 0, true);
  for (const { repository, document } of sealing.order.inventories)
    await head.writer.add(inventoryEntry(repository), documentPieces(document, `the inventory of ${repository}`));
  await head.writer.add(INDEX_ENTRY, documentPieces(index, 'the index'));
  return head.end();
};

/**
 * @throws Incomplete SOURCE_CHANGED naming the file; Unfit MEDIA_FULL (with numbers, before the first byte), MEDIA_GONE, MEDIA_READONLY, FS_FILE_LIMIT;
 *   Damaged MEDIA_VERIFY
 */
export const seal = async (order: SealOrder, tell: Tell<SealEvent>): Promise<Sealed> => {
  const presence = requireWritable(order.place, order.identity);
  assertFits(order, presence);
  assertFree(order);
  const folder = makeInPlace(order.place, `${BUNDLES}/${order.bundle}`);
  const sealing = new Sealing(folder, order, tell);
  try {
    await writeVolumes(sealing);
    const { path: _path, ...index } = sealing.index.end();
    const head = await writeHead(sealing, { ...index, path: order.index });
    return { volumes: [head, ...sealing.volumes], index, features: [...sealing.features], readBack: sealing.proof };
  } catch (error) {
    sealing.divided?.close();
    await sealing.disk.abandon();
    removeQuietly(folder);
    throw error;
  } finally {
    await sealing.disk.close();
    await sealing.hasher.close();
  }
};

/** A pulled medium cannot be tidied; what was there is known to the ledger as unsigned and removed when it comes back. */
const removeQuietly = (folder: string): void => {
  try {
    removeDurably(folder, { where: 'medium' });
  } catch {
    // the failure that led here is the one that counts
  }
};
