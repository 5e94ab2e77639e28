/**
 * Which object goes where: whole, in a pack, or in parts (format §7.2 to §7.4). Pure; decided before the first byte is read, because sizes are known
 * and nothing in a volume but the head is deflated.
 */
import { contentEntry, metadataEntry, packEntry, partEntry } from './layout.ts';
import { MAX_PACK_MEMBERS, PACK_END_BYTES, packOverhead } from './pack.ts';
import type { Sha256 } from './sha256.ts';

export interface ObjectToCarry {
  readonly sha256: Sha256;
  /** Bytes. */
  readonly size: number;
  readonly repository: string;
  readonly role: 'content' | 'metadata';
  /** The path whose name the entry gets; an object at several paths is carried once. */
  readonly path: string;
}

export type EntryPlan<O extends ObjectToCarry> = {
  readonly volume: number;
  readonly entry: string;
  readonly stored: number;
} & (
  | { readonly kind: 'whole'; readonly object: O }
  /** `part` of `of`, from 1; `stored` bytes of the object from byte `at`. */
  | { readonly kind: 'part'; readonly object: O; readonly part: number; readonly of: number; readonly at: number }
  | { readonly kind: 'pack'; readonly members: readonly { readonly object: O; readonly member: string }[] }
);

export interface VolumeLimits {
  /** No volume becomes longer. */
  readonly volumeBytes: number;
  /** Objects of fewer bytes go into packs. */
  readonly packBelowBytes: number;
  /** A pack is closed when its data reach this; it is built in memory. */
  readonly packBytes: number;
  /** Fewer small objects than this in a row stay entries of their own. */
  readonly packFrom: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
export const DEFAULT_LIMITS: VolumeLimits = {
  volumeBytes: 1023 * 4 * MIB,
  packBelowBytes: 64 * KIB,
  packBytes: 8 * MIB,
  packFrom: 32,
};
export const MIN_VOLUME_BYTES: number = MIB;

/** Upper bound of what an entry costs besides its data: both headers, zip64 fields, data descriptor. */
const overhead = (entry: string): number => 2 * Buffer.byteLength(entry) + 30 + 46 + 24 + 28;
/** End record, with its zip64 companions. */
const VOLUME_END_BYTES = 22 + 76;

/** archiver writes this size without zip64, where it means that zip64 follows. */
const AMBIGUOUS_SIZE = 0xffffffff;
/** archiver counts 65,535 entries without zip64, which is ambiguous. */
const MAX_VOLUME_ENTRIES = 65_000;

const entryOf = (object: ObjectToCarry): string =>
  object.role === 'content'
    ? contentEntry(object.repository, object.path)
    : metadataEntry(object.repository, object.path);

/**
 * Plans the volumes from 1 on (0 is the head), in the order of the objects. Streams: it holds no more than one pack.
 * @param objects distinct objects; those of one repository stand together
 * @throws RangeError when a volume could not hold a small part
 */
export function* planVolumes<O extends ObjectToCarry>(
  objects: Iterable<O>,
  limits: VolumeLimits,
): Generator<EntryPlan<O>> {
  if (limits.volumeBytes < MIN_VOLUME_BYTES)
    throw new RangeError(`volumes of less than ${MIN_VOLUME_BYTES} bytes are not made`);
  yield* new Planner<O>(limits).plan(objects);
}

class Planner<O extends ObjectToCarry> {
  readonly #limits: VolumeLimits;
  #volume = 1;
  #free: number;
  #entries = 0;
  #small: O[] = [];
  #smallBytes = 0;
  readonly #packs = new Map<string, number>();

  constructor(limits: VolumeLimits) {
    this.#limits = limits;
    this.#free = limits.volumeBytes - VOLUME_END_BYTES;
  }

  *plan(objects: Iterable<O>): Generator<EntryPlan<O>> {
    for (const object of objects) {
      if (this.#small.length > 0 && this.#small[0]?.repository !== object.repository) yield* this.#flush();
      if (object.size < this.#limits.packBelowBytes) yield* this.#keep(object);
      else yield* this.#place(object);
    }
    yield* this.#flush();
  }

  /** A pack must fit an empty volume, so its bytes are bounded by the volume too. */
  *#keep(object: O): Generator<EntryPlan<O>> {
    const bytes = object.size + packOverhead(Buffer.byteLength(entryOf(object)));
    const most = Math.min(this.#limits.packBytes, this.#capacity(packEntry(object.repository, 9999)) - PACK_END_BYTES);
    if (this.#smallBytes + bytes > most || this.#small.length === MAX_PACK_MEMBERS) yield* this.#flush();
    this.#small.push(object);
    this.#smallBytes += bytes;
  }

  *#flush(): Generator<EntryPlan<O>> {
    const objects = this.#small;
    const [first] = objects;
    if (first === undefined) return;
    const stored = this.#smallBytes + PACK_END_BYTES;
    this.#small = [];
    this.#smallBytes = 0;
    if (objects.length < this.#limits.packFrom) {
      for (const object of objects) yield* this.#place(object);
      return;
    }
    const number = (this.#packs.get(first.repository) ?? 0) + 1;
    this.#packs.set(first.repository, number);
    const entry = packEntry(first.repository, number);
    this.#take(entry, stored);
    yield {
      kind: 'pack',
      volume: this.#volume,
      entry,
      stored,
      members: objects.map((object) => ({ object, member: entryOf(object) })),
    };
  }

  *#place(object: O): Generator<EntryPlan<O>> {
    const entry = entryOf(object);
    if (object.size <= this.#capacity(entry) && object.size !== AMBIGUOUS_SIZE) {
      this.#take(entry, object.size);
      yield { kind: 'whole', volume: this.#volume, entry, stored: object.size, object };
      return;
    }
    const most = Math.min(this.#capacity(partEntry(object.repository, object.path, 9999, 9999)), object.size - 1);
    const of = Math.ceil(object.size / most);
    for (let part = 1, at = 0; part <= of; part++) {
      const stored = Math.min(most, object.size - at);
      const name = partEntry(object.repository, object.path, part, of);
      this.#take(name, stored);
      yield { kind: 'part', volume: this.#volume, entry: name, stored, object, part, of, at };
      at += stored;
    }
  }

  /** The most data that an entry of this name can have in an empty volume. */
  #capacity(entry: string): number {
    return this.#limits.volumeBytes - VOLUME_END_BYTES - overhead(entry);
  }

  #take(entry: string, stored: number): void {
    const bytes = stored + overhead(entry);
    if (bytes > this.#free || this.#entries === MAX_VOLUME_ENTRIES) {
      this.#volume++;
      this.#entries = 0;
      this.#free = this.#limits.volumeBytes - VOLUME_END_BYTES;
    }
    this.#entries++;
    this.#free -= bytes;
  }
}
