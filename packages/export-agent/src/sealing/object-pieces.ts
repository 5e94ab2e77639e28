/** The bytes of one ZIP entry as pieces for archiver: a whole object, a part of one, or a pack. */

import { PackWriter, type PackedRow } from '@gapferry/bundle-format';
import type { EntryPlan } from '@gapferry/bundle-format/volume-plan';
import type { PlanLine } from './messages.ts';
import { PIECE_BYTES, type PiecePool } from './piece-pool.ts';
import type { OpenObject, SourceReader } from './source-reader.ts';

/** The next `length` bytes of an object. */
export async function* rangePieces(object: OpenObject, length: number, pool: PiecePool): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0; ) {
    const buffer = await pool.take();
    const take = Math.min(left, PIECE_BYTES);
    object.next(buffer, take);
    left -= take;
    yield pool.send(buffer, take);
  }
}

export type PackPlan = Extract<EntryPlan<PlanLine>, { kind: 'pack' }>;
/** Where a member lies: counted from the beginning of the pack. */
export type PackedMember = Pick<PackedRow, 'sha256' | 'size' | 'member'> & { readonly at: number };

const LOCAL_HEADER_BYTES = 30;

/**
 * A pack, built straight into the pieces: each member is read to where it will lie, and its header is put before it.
 * @param packed gets where each member lies
 */
export async function* packPieces(plan: PackPlan, reader: SourceReader, pool: PiecePool, packed: PackedMember[]): AsyncGenerator<Uint8Array> {
  const pack = new PackWriter();
  let buffer = await pool.take();
  let filled = 0;
  for (const { object, member } of plan.members) {
    const headerBytes = LOCAL_HEADER_BYTES + Buffer.byteLength(member);
    if (filled + headerBytes + object.size > PIECE_BYTES) {
      yield pool.send(buffer, filled);
      buffer = await pool.take();
      filled = 0;
    }
    const data = buffer.subarray(filled + headerBytes, filled + headerBytes + object.size);
    reader.readSmall(object, data);
    const { header, offset } = pack.add(member, data);
    buffer.set(header, filled);
    filled += headerBytes + object.size;
    packed.push({ sha256: object.sha256, size: object.size, member, at: offset });
  }
  if (filled > 0) yield pool.send(buffer, filled);
  yield pack.end();
}
