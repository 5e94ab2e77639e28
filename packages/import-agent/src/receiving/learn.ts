/** Learns from the head of a bundle what it is about: inventories into the journal, the index into the local spool. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  collisionKey,
  Damaged,
  type DocumentInHead,
  type IndexRow,
  type InventoryRow,
  readIndex,
  readInventory,
  Refused,
  type Sha256,
  Sha256Stream,
} from '@gapferry/bundle-format';
import { writeDurably } from '@gapferry/station/files/durable';
import type { AdmittedManifest } from '../trust/admission.ts';
import type { AdmittedCopy } from '../trust/admit.ts';
import { spoolOf, type World } from '../world.ts';
import { spooledDocument } from './head.ts';
import { readChunks } from './orders.ts';
import type { VolumeAsk } from './requests.ts';
import type { Medium } from './session.ts';

const BATCH_ROWS = 5000;

export const spoolFolder = ({ config }: World, manifest: Sha256): string => join(spoolOf(config), manifest);
export const indexPath = (world: World, manifest: Sha256, { repositories }: AdmittedManifest): string => spooledDocument(spoolFolder(world, manifest), repositories.length);

export function volumeAsk({ volumes }: AdmittedManifest, number: number, wanted = 0): VolumeAsk {
  const volume = volumes[number];
  if (volume === undefined) throw new Damaged('INDEX_INVALID', `the index names the volume ${number}, and the manifest has ${volumes.length}`);
  const { name, bytes, blocks } = volume;
  return { number, name, bytes, blocks, wanted };
}

/** Brings the head of the bundle into the spool, unless it is there. @throws Incomplete BUNDLE_INCOMPLETE; Damaged */
export async function takeHead(world: World, medium: Medium, { folder, sha256, admission: { manifest } }: AdmittedCopy): Promise<void> {
  const spool = spoolFolder(world, sha256);
  const done = join(spool, 'complete');
  if (existsSync(done)) return;
  rmSync(spool, { recursive: true, force: true });
  await medium.head({ folder, volume: volumeAsk(manifest, 0), inventories: manifest.repositories.map(({ inventory }) => inventory), index: manifest.index, spool });
  writeDurably(done, '');
}

/** Reads one inventory from the spool into the journal, unless it is there. @throws Refused PATH_*, NAME_COLLISION, PRESET_DIFFERS, FORMAT_UNSUPPORTED; Damaged INVENTORY_INVALID */
export async function learnInventory(world: World, { sha256, admission: { manifest } }: AdmittedCopy, place: number, foldsCase: boolean): Promise<void> {
  const statement = manifest.repositories[place];
  if (statement === undefined) return;
  const { name, inventory } = statement;
  const { inventories } = world.journal;
  if (inventories.find(name, inventory.sha256) !== undefined) return;
  const judge = rowJudge(name, world.presets.get(name)?.metadata.length ?? 0, foldsCase);
  const id = inventories.begin(name, inventory.sha256);
  const rows = readInventory(checkedChunks(spooledDocument(spoolFolder(world, sha256), place), inventory), inventory.entry);
  let count = 0;
  for (const batch of batches(rows)) {
    batch.forEach(judge);
    inventories.add(id, batch);
    count += batch.length;
    await setImmediate(); // a million rows must not hold up the other media
  }
  if (count !== inventory.rows) throw new Damaged('INVENTORY_INVALID', `${inventory.entry} has ${count} rows, the manifest says ${inventory.rows}`);
  inventories.complete(id);
}

/** What only this site can judge: rows that its preset or its filesystem cannot bear. */
function rowJudge(repository: string, phases: number, foldsCase: boolean): (row: InventoryRow) => void {
  const keys = new Map<string, string>();
  return (row) => {
    if (/^\.gapferry(?:\/|$)/i.test(row.path)) throw new Refused('NAME_RESERVED', `${repository}: ${JSON.stringify(row.path)} is where the importer itself works`);
    if (row.type !== 'dir' && row.role === 'package') throw new Refused('FORMAT_UNSUPPORTED', `${repository}: ${JSON.stringify(row.path)} needs a provider that is not there`);
    if (row.type !== 'dir' && row.role === 'metadata' && row.phase > phases) {
      throw new Refused('PRESET_DIFFERS', `${repository}: ${JSON.stringify(row.path)} is of phase ${row.phase}, and the preset here has ${phases}`);
    }
    if (foldsCase) rememberTwin(keys, repository, row.path);
  };
}

/** Only where the target folds names: there two paths would be one file. */
function rememberTwin(keys: Map<string, string>, repository: string, path: string): void {
  const key = collisionKey(path);
  const twin = keys.get(key);
  if (twin !== undefined) throw new Refused('NAME_COLLISION', `${repository}: ${JSON.stringify(twin)} and ${JSON.stringify(path)} are one file here`, { facts: { paths: [twin, path] } });
  keys.set(key, path);
}

/** What lies in the spool is compared with the signed digest once more: it came through another process. */
function* checkedChunks(path: string, document: DocumentInHead): Generator<Uint8Array> {
  const digest = new Sha256Stream();
  for (const chunk of readChunks(path)) {
    digest.update(chunk);
    yield chunk;
  }
  if (digest.bytes !== document.bytes || digest.digest() !== document.sha256) throw new Damaged('HASH_MISMATCH', `${document.entry} in the spool is not the signed one`);
}

/** Reads the index from the spool into the journal's table of what arrives. @throws Damaged INDEX_INVALID */
export async function noteIndex(world: World, { sha256, admission: { manifest } }: AdmittedCopy): Promise<void> {
  const { inventories } = world.journal;
  inventories.clearArriving();
  let from = 0;
  for (const batch of batches<IndexRow>(readIndex(checkedChunks(indexPath(world, sha256, manifest), manifest.index)))) {
    inventories.addArriving(from, batch);
    from += batch.length;
    await setImmediate();
  }
  if (from !== manifest.index.rows) throw new Damaged('INDEX_INVALID', `the index has ${from} rows, the manifest says ${manifest.index.rows}`);
}

function* batches<T>(items: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < BATCH_ROWS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
