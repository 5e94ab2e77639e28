/**
 * Walks through a volume by the signed index, once and forward (format §8.5): every entry, header, gap and member is accounted for, and the data of the
 * objects that somebody wants are handed out from checked blocks.
 */
import { inflateRawSync } from 'node:zlib';
import type { CheckedVolume } from './blocks.ts';
import { Damaged } from './errors.ts';
import type { IndexRow } from './object-index.ts';
import { checkDescriptor, checkLocalHeader, readZipDirectory, within, type ZipBytes, type ZipEntry } from './zip.ts';

/** Takes the bytes of one row: the object, or one part of it. Each piece is valid only until the next is asked for. */
export type Taker = (pieces: Iterable<Uint8Array>) => void;

/**
 * @param rows the rows of this volume, in the order of the index
 * @param want gives a taker for a row whose bytes are wanted, undefined to pass over it (its blocks need not even be read)
 * @param onDamage told of each row that cannot be had because a block is damaged, also of each member of a pack whose directory is; the walk goes on
 *   behind it. Without it the walk ends there. A damaged directory of the volume ends it in any case.
 * @throws Damaged HASH_MISMATCH, ZIP_*, ENTRY_MISSING, ENTRY_UNLISTED, ENTRY_SIZE; Refused ENTRY_TYPE, NAME_DUPLICATE; what a taker throws
 */
export function walkVolume(
  volume: CheckedVolume,
  rows: Iterable<IndexRow>,
  want: (row: IndexRow) => Taker | undefined,
  onDamage?: (row: IndexRow, damage: Damaged) => void,
): void {
  new VolumeWalk(volume, rows, want, onDamage).walk();
}

class VolumeWalk {
  readonly #volume: CheckedVolume;
  readonly #rows: Iterator<IndexRow>;
  readonly #want: (row: IndexRow) => Taker | undefined;
  readonly #onDamage: ((row: IndexRow, damage: Damaged) => void) | undefined;
  #next: IndexRow | undefined;

  constructor(
    volume: CheckedVolume,
    rows: Iterable<IndexRow>,
    want: (row: IndexRow) => Taker | undefined,
    onDamage?: (row: IndexRow, damage: Damaged) => void,
  ) {
    this.#volume = volume;
    this.#rows = rows[Symbol.iterator]();
    this.#want = want;
    this.#onDamage = onDamage;
    this.#advance();
  }

  walk(): void {
    for (const entry of readZipDirectory(this.#volume)) {
      const row = this.#next;
      if (row?.entry !== entry.name) this.#unlisted(entry.name);
      else if (row.kind === 'packed') this.#pack(entry);
      else this.#whole(entry, row);
    }
    if (this.#next !== undefined)
      throw new Damaged(
        'ENTRY_MISSING',
        `${this.#volume.name}: entry ${JSON.stringify(this.#next.entry)} is in the index and not in the volume`,
      );
  }

  #advance(): void {
    const { done, value } = this.#rows.next();
    this.#next = done === true ? undefined : value;
  }

  #unlisted(name: string): never {
    throw new Damaged(
      'ENTRY_UNLISTED',
      `${this.#volume.name}: entry ${JSON.stringify(name)} is in the volume and not at this place of the index`,
    );
  }

  #whole(entry: ZipEntry, row: IndexRow): void {
    this.#advance();
    this.#around(row, () => {
      const data = checkLocalHeader(this.#volume, entry);
      requireEqual(this.#volume, entry, row, data);
      this.#deliver(row);
      checkDescriptor(this.#volume, entry);
    });
  }

  /** A damaged block costs the objects that lie in it, not the rest of the volume. */
  #around(row: IndexRow, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!isDamagedBlock(error) || this.#onDamage === undefined) throw error;
      this.#onDamage(row, error);
    }
  }

  #deliver(row: IndexRow): void {
    const take = this.#want(row);
    if (take === undefined) return;
    if (row.method === 'stored') take(this.#volume.pieces(row.offset, row.stored));
    else take([inflate(this.#volume, row)]);
  }

  #pack(entry: ZipEntry): void {
    const opened = this.#openPack(entry);
    if (opened === undefined) return;
    const { pack, members } = opened;
    for (const member of members) this.#member(entry, member, pack);
    if (this.#next?.entry === entry.name)
      throw new Damaged('ENTRY_MISSING', `${pack.name}: a member of the index is not in the pack`);
  }

  /** Undefined when a damaged block hides the directory of the pack: then none of its members can be had. */
  #openPack(entry: ZipEntry): { readonly pack: ZipBytes; readonly members: readonly ZipEntry[] } | undefined {
    try {
      const data = checkLocalHeader(this.#volume, entry);
      checkDescriptor(this.#volume, entry);
      if (entry.method !== 'stored')
        throw new Damaged('ZIP_FEATURE', `${this.#volume.name}: the pack ${JSON.stringify(entry.name)} is not stored`);
      const pack = within(this.#volume, `${this.#volume.name}, ${entry.name}`, data, entry.stored);
      return { pack, members: readZipDirectory(pack) };
    } catch (error) {
      if (!isDamagedBlock(error) || this.#onDamage === undefined) throw error;
      for (; this.#next?.entry === entry.name; this.#advance()) this.#onDamage(this.#next, error);
      return undefined;
    }
  }

  #member(entry: ZipEntry, member: ZipEntry, pack: ZipBytes): void {
    const row = this.#next;
    if (row?.kind !== 'packed' || row.entry !== entry.name || row.member !== member.name)
      return this.#unlisted(`${entry.name}/${member.name}`);
    this.#advance();
    this.#around(row, () => {
      const packStart = entry.end - descriptorLength(entry) - entry.stored;
      requireEqual(pack, member, row, packStart + checkLocalHeader(pack, member));
      this.#deliver(row);
      checkDescriptor(pack, member);
    });
  }
}

const isDamagedBlock = (error: unknown): error is Damaged =>
  error instanceof Damaged && (error.code === 'HASH_MISMATCH' || error.code === 'MEDIA_READ');

const descriptorLength = (entry: ZipEntry): number =>
  entry.hasDescriptor ? (entry.size > 0xffffffff || entry.stored > 0xffffffff ? 24 : 16) : 0;

function requireEqual(zip: ZipBytes, entry: ZipEntry, row: IndexRow, dataAt: number): void {
  const size = row.kind === 'part' ? row.stored : row.size;
  const agrees =
    row.offset === dataAt &&
    row.stored === entry.stored &&
    row.method === entry.method &&
    (row.kind === 'patch' || size === entry.size);
  if (!agrees)
    throw new Damaged(
      'ZIP_MISMATCH',
      `${zip.name}: entry ${JSON.stringify(entry.name)} does not lie where the index says`,
      { facts: { volume: zip.name, entry: entry.name } },
    );
}

/** Deflated objects are small by rule (format §7.2), so they are inflated at once, never to more than the index says. */
function inflate(volume: CheckedVolume, row: IndexRow): Uint8Array {
  const stored = volume.read(row.offset, row.stored);
  let inflated: Buffer;
  let consumed: number;
  try {
    const { buffer, engine } = inflateRawSync(stored, {
      maxOutputLength: Math.max(row.size, 1),
      info: true,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    inflated = buffer;
    consumed = engine.bytesWritten;
  } catch (cause) {
    throw new Damaged(
      'ENTRY_SIZE',
      `${volume.name}: entry ${JSON.stringify(row.entry)} cannot be inflated to the ${row.size} bytes of the index`,
      { cause },
    );
  }
  if (inflated.length !== row.size)
    throw new Damaged(
      'ENTRY_SIZE',
      `${volume.name}: entry ${JSON.stringify(row.entry)} does not inflate to exactly the ${row.size} bytes of the index`,
    );
  if (consumed !== row.stored)
    throw new Damaged(
      'ZIP_GAP',
      `${volume.name}: bytes after the deflated data of ${JSON.stringify(row.entry)} belong to nothing`,
    );
  return inflated;
}
