/** The store worker's part of learning: documents of a head from the spool into the journal. Each is compared with its signed digest once more, as it came through another process. */
import type { DocumentInHead } from '@gapferry/bundle-format/manifest';
import { Damaged, Refused } from '@gapferry/bundle-format/errors';
import { type InventoryRow, readInventory } from '@gapferry/bundle-format/inventory';
import { collisionKey } from '@gapferry/bundle-format/names';
import { type IndexRow, readIndex } from '@gapferry/bundle-format/object-index';
import { Sha256Stream } from '@gapferry/bundle-format/sha256';
import type { Inventories } from '../journal/inventories.ts';
import { readChunks } from './orders.ts';

const BATCH_ROWS = 5000;

export interface InventoryDocument {
  readonly repository: string;
  readonly document: DocumentInHead;
  /** Where it lies in the spool. */
  readonly path: string;
  /** How many metadata phases the preset has here. */
  readonly phases: number;
  /** Are two names that differ in case or Unicode form one file at the target? */
  readonly foldsCase: boolean;
}

/** @throws Refused PATH_*, NAME_COLLISION, PRESET_DIFFERS, FORMAT_UNSUPPORTED; Damaged INVENTORY_INVALID, HASH_MISMATCH */
export function learnInventory(
  inventories: Inventories,
  { repository, document, path, phases, foldsCase }: InventoryDocument,
  alive: () => void,
): void {
  const judge = rowJudge(repository, phases, foldsCase);
  const id = inventories.begin(repository, document.sha256);
  let count = 0;
  for (const batch of batches<InventoryRow>(readInventory(checkedChunks(path, document), document.entry))) {
    batch.forEach(judge);
    inventories.add(id, batch);
    count += batch.length;
    alive();
  }
  if (count !== document.rows)
    throw new Damaged('INVENTORY_INVALID', `${document.entry} has ${count} rows, the manifest says ${document.rows}`);
  const liar = inventories.pathThatLies(repository, id);
  if (liar !== undefined)
    throw new Damaged(
      'INVENTORY_INVALID',
      `${document.entry}: ${JSON.stringify(liar)} has another size than its object`,
      { facts: { path: liar } },
    );
  inventories.complete(id);
}

/** Notes the rows of an index for `orders`. @throws Damaged INDEX_INVALID, HASH_MISMATCH */
export function noteIndex(inventories: Inventories, document: DocumentInHead, path: string, alive: () => void): void {
  inventories.clearArriving();
  let from = 0;
  for (const batch of batches<IndexRow>(readIndex(checkedChunks(path, document)))) {
    inventories.addArriving(from, batch);
    from += batch.length;
    alive();
  }
  if (from !== document.rows)
    throw new Damaged('INDEX_INVALID', `the index has ${from} rows, the manifest says ${document.rows}`);
}

/** What only this site can judge: rows that its preset or its filesystem cannot bear. */
function rowJudge(repository: string, phases: number, foldsCase: boolean): (row: InventoryRow) => void {
  const keys = new Map<string, string>();
  return (row) => {
    if (/^\.gapferry(?:\/|$)/i.test(row.path))
      throw new Refused(
        'NAME_RESERVED',
        `${repository}: ${JSON.stringify(row.path)} is where the importer itself works`,
      );
    if (row.type !== 'dir' && row.role === 'package')
      throw new Refused(
        'FORMAT_UNSUPPORTED',
        `${repository}: ${JSON.stringify(row.path)} needs a provider that is not there`,
      );
    if (row.type !== 'dir' && row.role === 'metadata' && row.phase > phases) {
      throw new Refused(
        'PRESET_DIFFERS',
        `${repository}: ${JSON.stringify(row.path)} is of phase ${row.phase}, and the preset here has ${phases}`,
      );
    }
    if (foldsCase) rememberTwin(keys, repository, row.path);
  };
}

/** Only where the target folds names: there two paths would be one file. */
function rememberTwin(keys: Map<string, string>, repository: string, path: string): void {
  const key = collisionKey(path);
  const twin = keys.get(key);
  if (twin !== undefined)
    throw new Refused(
      'NAME_COLLISION',
      `${repository}: ${JSON.stringify(twin)} and ${JSON.stringify(path)} are one file here`,
      { facts: { paths: [twin, path] } },
    );
  keys.set(key, path);
}

function* checkedChunks(path: string, document: DocumentInHead): Generator<Uint8Array> {
  const digest = new Sha256Stream();
  for (const chunk of readChunks(path)) {
    digest.update(chunk);
    yield chunk;
  }
  if (digest.bytes !== document.bytes || digest.digest() !== document.sha256)
    throw new Damaged('HASH_MISMATCH', `${document.entry} in the spool is not the signed one`);
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
