/** The index: one row per carried object (or part of one), in the order in which the bytes lie in the volumes (format §7). */
import { Damaged } from './errors.ts';
import { LIMITS } from './limits.ts';
import { checkPath, isName } from './names.ts';
import { isCount, parseRow, readLines } from './rows.ts';
import { isSha256, type Sha256 } from './sha256.ts';

interface Where {
  readonly sha256: Sha256;
  /** Bytes of the whole object. */
  readonly size: number;
  /** Number of the volume: 1 is `vol-0001.zip`. */
  readonly volume: number;
  /** Name of the ZIP entry in the volume. */
  readonly entry: string;
  /** Where the stored bytes begin in the volume, in bytes. */
  readonly offset: number;
  /** Length of the stored bytes. */
  readonly stored: number;
  readonly method: 'stored' | 'deflated';
}
export type WholeRow = Where & { readonly kind: 'whole' };
/** `part` of `of`, from 1; its first byte is byte `at` of the object. Always stored. */
export type PartRow = Where & {
  readonly kind: 'part';
  readonly part: number;
  readonly of: number;
  readonly at: number;
};
/** Lies in the pack `entry` under the name `member`; `offset` counts in the volume. Always stored. */
export type PackedRow = Where & { readonly kind: 'packed'; readonly member: string };
/** Specified, not yet read: a reader counts the object as missing (format §7.5). */
export type PatchRow = Where & { readonly kind: 'patch'; readonly patch: string; readonly bases: readonly Sha256[] };
export type IndexRow = WholeRow | PartRow | PackedRow | PatchRow;

/** The canonical line of a row, with its line feed. */
export function encodeIndexRow(row: IndexRow): string {
  const { sha256, size, kind, volume, entry, offset, stored, method } = row;
  return `${JSON.stringify({ sha256, size, kind, volume, entry, offset, stored, method, ...special(row) })}\n`;
}

function special(row: IndexRow): object {
  switch (row.kind) {
    case 'whole':
      return {};
    case 'part':
      return { part: row.part, of: row.of, at: row.at };
    case 'packed':
      return { member: row.member };
    case 'patch':
      return { patch: row.patch, bases: row.bases };
  }
}

/**
 * Reads an index row by row, in bounded memory. Rows ascend strictly by (volume, offset); an object of no bytes may share the offset of the next.
 * @param signed what the manifest says: the row count of the index, compared when the reader comes to the end, and how many volumes there are
 *   (the head is one of them)
 * @throws Damaged INDEX_INVALID; Refused PATH_*, NAME_RESERVED
 */
export function* readIndex(
  chunks: Iterable<Uint8Array>,
  what = 'index.ndjson',
  signed?: { readonly rows: number; readonly volumes: number },
): Generator<IndexRow> {
  let count = 0;
  let previous: IndexRow | undefined;
  for (const line of readLines(chunks, what, 'INDEX_INVALID')) {
    if (++count > LIMITS.rows) throw new Damaged('INDEX_INVALID', `${what}: more than ${LIMITS.rows} rows`);
    const row = decodeRow(parseRow(line));
    if (row === undefined || encodeIndexRow(row) !== `${line}\n`)
      throw new Damaged('INDEX_INVALID', `${what}, row ${count}: is not a row of this format`);
    checkEntry(row, `${what}, row ${count}`);
    if (signed !== undefined && row.volume >= signed.volumes)
      throw new Damaged('INDEX_INVALID', `${what}, row ${count}: the bundle has no volume ${row.volume}`);
    if (previous !== undefined && !follows(previous, row))
      throw new Damaged('INDEX_INVALID', `${what}, row ${count}: does not follow the row before it`);
    previous = row;
    yield row;
  }
  if (signed !== undefined && count !== signed.rows)
    throw new Damaged('INDEX_INVALID', `${what}: has ${count} rows, signed are ${signed.rows}`);
}

const PLACE = /^(?:content|metadata)\/([^/]+)\/(.+)$/su;
const PART = /^parts\/([^/]+)\/(.+)\/(\d{4,5})-of-(\d{4,5})$/su;
const PACK = /^packs\/(.+)-\d{4,}\.zip$/u;
const PATCH = /^patches\/([^/]+)\/(.+)$/su;

/** Names as a person sees them who opens a volume with another tool: each says what it is, and none leads elsewhere (format §8.2). */
function checkEntry(row: IndexRow, where: string): void {
  const [, repository, path, part, of] = partsOf(row) ?? [];
  if (path === undefined || repository === undefined || !isName(repository))
    throw new Damaged('INDEX_INVALID', `${where}: ${JSON.stringify(row.entry)} is no name for an entry of this kind`);
  if (row.kind === 'part' && (Number(part) !== row.part || Number(of) !== row.of))
    throw new Damaged('INDEX_INVALID', `${where}: ${JSON.stringify(row.entry)} is another part than its row says`);
  checkPath(path);
}

function partsOf(row: IndexRow): RegExpExecArray | null {
  switch (row.kind) {
    case 'whole':
      return PLACE.exec(row.entry);
    case 'part':
      return PART.exec(row.entry);
    case 'packed': {
      const member = PLACE.exec(row.member);
      return member !== null && PACK.exec(row.entry)?.[1] === member[1] ? member : null;
    }
    case 'patch':
      return PATCH.exec(row.entry);
  }
}

const follows = (a: IndexRow, b: IndexRow): boolean =>
  a.volume < b.volume || (a.volume === b.volume && a.offset + a.stored <= b.offset);

function decodeRow(raw: Readonly<Record<string, unknown>> | undefined): IndexRow | undefined {
  if (raw === undefined) return undefined;
  const where = decodeWhere(raw);
  if (where === undefined) return undefined;
  const plain = where.method === 'stored' && where.stored <= where.size;
  switch (raw['kind']) {
    case 'whole':
      return isWhole(where) ? { ...where, kind: 'whole' } : undefined;
    case 'packed':
      return plain && where.stored === where.size && typeof raw['member'] === 'string'
        ? { ...where, kind: 'packed', member: raw['member'] }
        : undefined;
    case 'part': {
      const { part, of, at } = raw;
      if (!plain || !isCount(part, LIMITS.volumes) || !isCount(of, LIMITS.volumes) || !isCount(at)) return undefined;
      return part >= 1 && part <= of && of >= 2 && where.stored >= 1 && at + where.stored <= where.size
        ? { ...where, kind: 'part', part, of, at }
        : undefined;
    }
    case 'patch': {
      const { patch, bases } = raw;
      if (typeof patch !== 'string' || !Array.isArray(bases) || bases.length > 256) return undefined;
      const digests: readonly unknown[] = bases;
      const named = digests.filter((one): one is Sha256 => typeof one === 'string' && isSha256(one));
      return named.length === digests.length ? { ...where, kind: 'patch', patch, bases: named } : undefined;
    }
    default:
      return undefined;
  }
}

const isWhole = (where: Where): boolean =>
  where.method === 'stored' ? where.stored === where.size : where.size <= LIMITS.deflatedObjectBytes;

function decodeWhere(raw: Readonly<Record<string, unknown>>): Where | undefined {
  const { sha256, size, volume, entry, offset, stored, method } = raw;
  if (typeof sha256 !== 'string' || !isSha256(sha256) || typeof entry !== 'string' || entry.length === 0)
    return undefined;
  if (!isCount(size) || !isCount(volume, LIMITS.volumes) || volume === 0 || !isCount(offset) || !isCount(stored))
    return undefined;
  return method === 'stored' || method === 'deflated'
    ? { sha256, size, volume, entry, offset, stored, method }
    : undefined;
}
