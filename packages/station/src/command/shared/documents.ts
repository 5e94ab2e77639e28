/** The documents of a head as local files: they may be far larger than memory. The caller names the folder and removes it. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedVolume } from '@gapferry/bundle-format/blocks';
import { readHead } from '@gapferry/bundle-format/head';
import { type InventoryRow, readInventory } from '@gapferry/bundle-format/inventory';
import { INDEX_ENTRY } from '@gapferry/bundle-format/layout';
import type { Manifest } from '@gapferry/bundle-format/manifest';
import { type IndexRow, readIndex } from '@gapferry/bundle-format/object-index';
import { withFaults } from '../../files/fault.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Named by place, so that no name of the bundle becomes a path here. */
const inventoryFile = (folder: string, n: number): string => join(folder, `inventory-${n}`);
const indexFile = (folder: string): string => join(folder, 'index');

const write = (fd: number, piece: Uint8Array): void => {
  for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
};

/** Unpacks the head into `folder`; digests and lengths are compared with the manifest on the way. @throws what `readHead` throws; Unfit LOCAL_FULL */
export const layDocuments = (volume: CheckedVolume, manifest: Manifest, folder: string): Promise<void> =>
  readHead(volume, manifest, async (document, pieces) => {
    const n = manifest.repositories.findIndex(({ inventory }) => inventory.entry === document.entry);
    const path = document.entry === INDEX_ENTRY ? indexFile(folder) : inventoryFile(folder, n);
    const fd = openSync(path, 'wx', 0o600);
    try {
      for await (const piece of pieces)
        withFaults({ where: 'machine', doing: 'write', what: path }, () => write(fd, piece));
    } finally {
      closeSync(fd);
    }
  });

/** Pieces of a local file, each valid until the next. */
const chunksOf = function* (path: string): Generator<Uint8Array> {
  const fd = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) yield buffer.subarray(0, got);
  } finally {
    closeSync(fd);
  }
};

/** Rows of the inventory of the n-th repository of the manifest. @throws Damaged INVENTORY_INVALID; Refused PATH_* */
export const inventoryRows = (folder: string, manifest: Manifest, n: number): Generator<InventoryRow> => {
  const inventory = manifest.repositories[n]?.inventory;
  return readInventory(chunksOf(inventoryFile(folder, n)), inventory?.entry, inventory);
};

/** As `inventoryRows`, for lists that were compared with the manifest when they were laid. */
export const laidRows = (folder: string, n: number): Generator<InventoryRow> =>
  readInventory(chunksOf(inventoryFile(folder, n)));

/** Rows of the index. @throws Damaged INDEX_INVALID; Refused PATH_* */
export const indexRows = (folder: string, manifest: Manifest): Generator<IndexRow> =>
  readIndex(chunksOf(indexFile(folder)), manifest.index.entry, {
    rows: manifest.index.rows,
    volumes: manifest.volumes.length,
  });
