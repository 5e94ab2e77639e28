/**
 * The bytes of one ZIP entry as pieces for the volume writer: a whole object, a part of one, or a pack. Buffers are used again: the writer asks for the next
 * piece only when the sink has had the one before.
 */

import type { PackedRow } from '@gapferry/bundle-format/object-index';
import { PackWriter } from '@gapferry/bundle-format/pack';
import type { EntryPlan } from '@gapferry/bundle-format/volume-plan';
import type { PlanLine } from './messages.ts';
import type { Hasher } from './hasher.ts';
import type { OpenObject, SourceReader } from './source-reader.ts';

/** archiver is fastest with pieces of this length. */
export const PIECE_BYTES: number = 4 << 20;
/** From here on hashing goes on in its own thread; below, telling it would cost more. */
const LARGE_BYTES = 1 << 20;

/**
 * The next `length` bytes of an object; at its end its digest is compared.
 * @throws Incomplete SOURCE_CHANGED
 */
export async function* rangePieces(object: OpenObject, length: number, hasher: Hasher): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0;) {
    const piece = await hasher.piece();
    const take = Math.min(left, piece.length);
    object.next(piece.subarray(0, take));
    hasher.update(take);
    left -= take;
    yield piece.subarray(0, take);
  }
  if (object.isAtEnd) object.assertDigest(await hasher.object());
}

/** All of an object. @throws Incomplete SOURCE_CHANGED */
export async function* objectPieces(
  object: OpenObject,
  bytes: number,
  hasher: Hasher,
  buffer: Uint8Array,
): AsyncGenerator<Uint8Array> {
  if (bytes >= LARGE_BYTES) return yield* rangePieces(object, bytes, hasher);
  const whole = buffer.subarray(0, bytes);
  object.readAll(whole);
  if (bytes > 0) yield whole;
}

export type PackPlan = Extract<EntryPlan<PlanLine>, { kind: 'pack' }>;
/** Where a member lies: counted from the beginning of the pack. */
export type PackedMember = Pick<PackedRow, 'sha256' | 'size' | 'member'> & { readonly at: number };

const LOCAL_HEADER_BYTES = 30;

/**
 * A pack, built straight into the pieces: each member is read to where it will lie, and its header is put before it.
 * @param packed gets where each member lies
 */
export function* packPieces(
  plan: PackPlan,
  reader: SourceReader,
  buffer: Uint8Array,
  packed: PackedMember[],
): Generator<Uint8Array> {
  const pack = new PackWriter();
  let filled = 0;
  for (const { object, member } of plan.members) {
    const headerBytes = LOCAL_HEADER_BYTES + Buffer.byteLength(member);
    if (filled + headerBytes + object.size > buffer.length) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    const data = buffer.subarray(filled + headerBytes, filled + headerBytes + object.size);
    reader.readSmall(object, data);
    const { header, offset } = pack.add(member, data);
    buffer.set(header, filled);
    filled += headerBytes + object.size;
    packed.push({ sha256: object.sha256, size: object.size, member, at: offset });
  }
  if (filled > 0) yield buffer.subarray(0, filled);
  yield pack.end();
}
