/** The inventory: the whole published tree of one snapshot, one row a path (format §6). */
import { Damaged, Refused } from './errors.ts';
import { LIMITS } from './limits.ts';
import { checkLinkTarget, checkPath, comparePaths, resolveLink } from './names.ts';
import { isCount, parseRow, readLines } from './rows.ts';
import { isSha256, type Sha256 } from './sha256.ts';

/** What a path is to its repository. Phases count from 1 in publish order; the highest is the root pointer (format §6.2). */
export type Place = { readonly role: 'content' | 'package' } | { readonly role: 'metadata'; readonly phase: number };

export type FileRow = Place & {
  readonly path: string;
  readonly type: 'file';
  /** Bytes. */
  readonly size: number;
  readonly sha256: Sha256;
  readonly exec: boolean;
  /** Milliseconds since 1970, UTC. For people and clients; nothing is decided by it. */
  readonly mtime: number;
};
export type LinkRow = Place & { readonly path: string; readonly type: 'link'; readonly target: string };
/** Only an empty folder has a row. */
export interface DirRow {
  readonly path: string;
  readonly type: 'dir';
}
export type InventoryRow = FileRow | LinkRow | DirRow;

export const MAX_PHASE = 99;
const MAX_MTIME = 8_640_000_000_000_000;

/** The canonical line of a row, with its line feed. A reader accepts no other spelling (format §2.5). */
export function encodeInventoryRow(row: InventoryRow): string {
  return `${JSON.stringify(canonical(row))}\n`;
}

function canonical(row: InventoryRow): object {
  if (row.type === 'dir') return { path: row.path, type: 'dir' };
  const place = row.role === 'metadata' ? { role: row.role, phase: row.phase } : { role: row.role };
  if (row.type === 'link') return { path: row.path, type: 'link', ...place, target: row.target };
  const { path, size, sha256, exec, mtime } = row;
  return { path, type: 'file', ...place, size, sha256, ...(exec ? { exec } : {}), mtime };
}

/**
 * Reads an inventory row by row, in bounded memory.
 * Rows are canonical, ascend strictly by the bytes of their paths, and no file has another path below it.
 * @param chunks the bytes of the document, already compared with their signed digest
 * @param signed the statement of the manifest about this document: its row count is compared when the reader comes to the end
 * @throws Damaged INVENTORY_INVALID; Refused PATH_*, NAME_RESERVED
 */
export function* readInventory(
  chunks: Iterable<Uint8Array>,
  what = 'inventory',
  signed?: { readonly rows: number },
): Generator<InventoryRow> {
  let count = 0;
  let previous = '';
  const leaves: string[] = [];
  for (const line of readLines(chunks, what, 'INVENTORY_INVALID')) {
    if (++count > LIMITS.rows) throw new Damaged('INVENTORY_INVALID', `${what}: more than ${LIMITS.rows} rows`);
    const row = decodeRow(parseRow(line));
    if (row === undefined || encodeInventoryRow(row) !== `${line}\n`)
      throw new Damaged('INVENTORY_INVALID', `${what}, row ${count}: is not a row of this format`);
    checkTreePath(row);
    if (count > 1 && comparePaths(previous, row.path) >= 0)
      throw new Damaged(
        'INVENTORY_INVALID',
        `${what}, row ${count}: ${JSON.stringify(row.path)} does not come after ${JSON.stringify(previous)}`,
      );
    const leaf = leafAbove(leaves, row.path);
    if (leaf !== undefined)
      throw new Damaged(
        'INVENTORY_INVALID',
        `${what}, row ${count}: ${JSON.stringify(leaf)} is a file or an empty folder and has ${JSON.stringify(row.path)} below it`,
      );
    previous = row.path;
    yield row;
  }
  if (signed !== undefined && count !== signed.rows)
    throw new Damaged('INVENTORY_INVALID', `${what}: has ${count} rows, signed are ${signed.rows}`);
}

// Staging and tombstones of an importer lie there, within the published tree.
const OWN = /^\.gapferry(?:\/|$)/iu;

function checkTreePath(row: InventoryRow): void {
  checkPath(row.path);
  if (row.type === 'link') checkLinkTarget(row.path, row.target);
  const reached = row.type === 'link' ? (resolveLink(row.path, row.target) ?? '') : '';
  if (OWN.test(row.path) || OWN.test(reached))
    throw new Refused('NAME_RESERVED', `path ${JSON.stringify(row.path)}: '.gapferry' belongs to the importer`, {
      facts: { path: row.path },
    });
}

/**
 * The earlier row that would have to be a folder for this path. Every row is a leaf of the tree. In byte order other paths can stand between a leaf
 * and what lies below it ("a", "a-b", "a/c"), but all of them begin with the leaf's path; so the leaves that still matter form a chain of beginnings.
 */
function leafAbove(chain: string[], path: string): string | undefined {
  while (chain.length > 0 && !path.startsWith(chain[chain.length - 1] ?? '')) chain.pop();
  const leaf = chain.find((earlier) => path.startsWith(`${earlier}/`));
  chain.push(path);
  return leaf;
}

function decodeRow(raw: Readonly<Record<string, unknown>> | undefined): InventoryRow | undefined {
  if (raw === undefined || typeof raw['path'] !== 'string') return undefined;
  const path = raw['path'];
  if (raw['type'] === 'dir') return { path, type: 'dir' };
  const place = decodePlace(raw);
  if (place === undefined) return undefined;
  if (raw['type'] === 'link')
    return typeof raw['target'] === 'string' ? { path, type: 'link', ...place, target: raw['target'] } : undefined;
  const { size, sha256, exec, mtime } = raw;
  if (raw['type'] !== 'file' || !isCount(size) || typeof sha256 !== 'string' || !isSha256(sha256)) return undefined;
  if (typeof mtime !== 'number' || !Number.isSafeInteger(mtime) || Math.abs(mtime) > MAX_MTIME) return undefined;
  return { path, type: 'file', ...place, size, sha256, exec: exec === true, mtime };
}

function decodePlace(raw: Readonly<Record<string, unknown>>): Place | undefined {
  const { role, phase } = raw;
  if (role === 'content' || role === 'package') return { role };
  return role === 'metadata' && isCount(phase, MAX_PHASE) && phase > 0 ? { role, phase } : undefined;
}
