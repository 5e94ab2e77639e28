/**
 * Block lists, and the one door through which bytes of a volume reach anybody (format §8, DESIGN section 5): each 4 MiB block
 * is compared with the signed list in the very buffer that it was read into. A medium may answer differently on a second read.
 */
import { Damaged } from './errors.ts';
import { isSha256, sha256Bytes, sha256Of, type Sha256 } from './sha256.ts';

export const BLOCK_BYTES: number = 4 * 1024 * 1024;
const DIGEST_BYTES = 32;
const LINE_BYTES = 65;

/** Random access to bytes that nobody has checked. Blocking: for workers and medium processes. */
export interface ByteSource {
  readonly bytes: number;
  /** Fills `into` from `position`; gives the count, which is short only at the end. */
  read(into: Uint8Array, position: number): number;
}

/** The digests of a volume's blocks, in order. */
export interface BlockList {
  /** Length of the volume that it describes. */
  readonly bytes: number;
  readonly count: number;
  digest(index: number): Uint8Array;
}

export const blockCount = (volumeBytes: number): number => Math.ceil(volumeBytes / BLOCK_BYTES);

/** The file `vol-NNNN.blocks`: one lower-case hex SHA-256 and a line feed per block. */
export const encodeBlockList = (digests: readonly Uint8Array[]): Buffer =>
  Buffer.from(digests.map((digest) => `${Buffer.from(digest).toString('hex')}\n`).join(''));

/** @param bytes the file, read once; @param signed its digest in the manifest. @throws Damaged HASH_MISMATCH, LENGTH_MISMATCH */
export function parseBlockList(name: string, bytes: Uint8Array, volumeBytes: number, signed: Sha256): BlockList {
  const count = blockCount(volumeBytes);
  if (bytes.length !== count * LINE_BYTES)
    throw new Damaged(
      'LENGTH_MISMATCH',
      `${name}: has ${bytes.length} bytes, not the ${count * LINE_BYTES} that its volume needs`,
      { facts: { file: name } },
    );
  if (sha256Of(bytes) !== signed)
    throw new Damaged('HASH_MISMATCH', `${name}: its bytes are not the signed ones`, { facts: { file: name } });
  const digests = Buffer.alloc(count * DIGEST_BYTES);
  for (let i = 0; i < count; i++) {
    const line = Buffer.from(bytes.buffer, bytes.byteOffset + i * LINE_BYTES, LINE_BYTES).toString('latin1');
    const digest = line.slice(0, 64);
    if (!isSha256(digest) || line[64] !== '\n')
      throw new Damaged('HASH_MISMATCH', `${name}, line ${i + 1}: is not a digest`, { facts: { file: name } });
    digests.write(digest, i * DIGEST_BYTES, 'hex');
  }
  return {
    bytes: volumeBytes,
    count,
    digest: (index) => digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
  };
}

/** Collects the block digests of a volume whose bytes pass by in pieces of any length. */
export class BlockHasher {
  readonly #buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #filled = 0;
  readonly digests: Uint8Array[] = [];

  update(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const take = Math.min(BLOCK_BYTES - this.#filled, bytes.length - from);
      this.#buffer.set(bytes.subarray(from, from + take), this.#filled);
      this.#filled += take;
      from += take;
      if (this.#filled === BLOCK_BYTES) this.#flush();
    }
  }

  end(): readonly Uint8Array[] {
    if (this.#filled > 0) this.#flush();
    return this.digests;
  }

  #flush(): void {
    this.digests.push(sha256Bytes(this.#buffer.subarray(0, this.#filled)));
    this.#filled = 0;
  }
}

declare const verified: unique symbol;
/** Bytes that were compared with a signed digest in this buffer. Made only here. */
export type VerifiedBytes = Uint8Array & { readonly [verified]: 'verified' };

/** Gives blocks that were checked. The buffer is valid until the next call. */
export interface CheckedBlocks {
  readonly name: string;
  readonly bytes: number;
  block(index: number): VerifiedBytes;
}

export const damagedBlock = (volume: string, index: number): Damaged =>
  new Damaged('HASH_MISMATCH', `${volume}, block ${index}: its bytes are not the signed ones`, {
    facts: { volume, block: index, offset: index * BLOCK_BYTES },
  });

/** @throws Damaged LENGTH_MISMATCH when the volume is not exactly as long as signed */
export function checkVolumeLength(name: string, actual: number, signed: number): void {
  if (actual === signed) return;
  const shorter = actual < signed;
  throw new Damaged(shorter ? 'TRUNCATED' : 'LENGTH_MISMATCH', `${name}: has ${actual} bytes, signed are ${signed}`, {
    facts: { volume: name, actual, signed, ...(shorter ? { block: Math.floor(actual / BLOCK_BYTES) } : {}) },
  });
}

/** Compares bytes with their place in a block list; the proof is about this very buffer. @throws Damaged HASH_MISMATCH */
export function verifyBlock(name: string, index: number, bytes: Uint8Array, list: BlockList): VerifiedBytes {
  if (!sha256Bytes(bytes).equals(list.digest(index))) throw damagedBlock(name, index);
  return bytes as VerifiedBytes;
}

/** Reads and checks blocks one after another in this thread. */
export class BlockChecker implements CheckedBlocks {
  readonly name: string;
  readonly bytes: number;
  readonly #source: ByteSource;
  readonly #list: BlockList;
  readonly #buffer: Uint8Array = Buffer.allocUnsafeSlow(BLOCK_BYTES);

  constructor(name: string, source: ByteSource, list: BlockList) {
    checkVolumeLength(name, source.bytes, list.bytes);
    this.name = name;
    this.bytes = list.bytes;
    this.#source = source;
    this.#list = list;
  }

  block(index: number): VerifiedBytes {
    const length = Math.min(BLOCK_BYTES, this.bytes - index * BLOCK_BYTES);
    const into = this.#buffer.subarray(0, length);
    const got = this.#source.read(into, index * BLOCK_BYTES);
    if (got !== length)
      throw new Damaged('TRUNCATED', `${this.name}, block ${index}: only ${got} of ${length} bytes could be read`, {
        facts: { volume: this.name, block: index },
      });
    return verifyBlock(this.name, index, into, this.#list);
  }
}

/** Random access to a volume through checked blocks. The block read last is kept, so forward reading reads each block once. */
export class CheckedVolume {
  readonly name: string;
  readonly bytes: number;
  readonly #blocks: CheckedBlocks;
  #index = -1;
  #block: Uint8Array = new Uint8Array(0);

  constructor(blocks: CheckedBlocks) {
    this.name = blocks.name;
    this.bytes = blocks.bytes;
    this.#blocks = blocks;
  }

  /** A view that is valid until the next call. @throws Damaged ZIP_INVALID when the range leaves the volume, HASH_MISMATCH, TRUNCATED */
  read(position: number, length: number): VerifiedBytes {
    this.#mustContain(position, length);
    const first = this.#piece(position, length);
    if (first.length === length) return first;
    const whole = Buffer.allocUnsafe(length);
    whole.set(first);
    for (let filled = first.length; filled < length;) {
      const next = this.#piece(position + filled, length - filled);
      whole.set(next, filled);
      filled += next.length;
    }
    return whole as Uint8Array as VerifiedBytes;
  }

  /** The range in pieces of at most a block, each valid until the next. */
  *pieces(position: number, length: number): Generator<VerifiedBytes> {
    this.#mustContain(position, length);
    for (let done = 0; done < length;) {
      const piece = this.#piece(position + done, length - done);
      done += piece.length;
      yield piece;
    }
  }

  #mustContain(position: number, length: number): void {
    if (position >= 0 && length >= 0 && position + length <= this.bytes) return;
    throw new Damaged(
      'ZIP_INVALID',
      `${this.name}: something is said to lie at ${position}, ${length} bytes long, outside the file`,
      { facts: { volume: this.name } },
    );
  }

  #piece(position: number, most: number): VerifiedBytes {
    const index = Math.floor(position / BLOCK_BYTES);
    if (most > 0 && index !== this.#index) {
      this.#index = -1; // a failed read must not leave half a block that looks checked
      this.#block = this.#blocks.block(index);
      this.#index = index;
    }
    const from = position - index * BLOCK_BYTES;
    return this.#block.subarray(from, from + most) as VerifiedBytes;
  }
}
