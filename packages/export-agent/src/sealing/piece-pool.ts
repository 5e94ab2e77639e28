/**
 * Buffers for bytes on their way through archiver. It passes pieces on without copying them, and several may be under way at once; so a
 * buffer is free again only when all its bytes have come out at the sink.
 */

/** archiver is fastest with pieces of this length. */
export const PIECE_BYTES: number = 4 << 20;

interface Piece {
  readonly bytes: Uint8Array;
  /** Bytes that have not come out yet; 0: free. */
  pending: number;
}

export class PiecePool {
  readonly #pieces: Piece[];
  readonly #byBuffer = new Map<ArrayBufferLike, Piece>();
  #waiting: (() => void) | undefined;

  constructor(count = 4) {
    this.#pieces = Array.from({ length: count }, () => ({ bytes: new Uint8Array(PIECE_BYTES), pending: 0 }));
    for (const piece of this.#pieces) this.#byBuffer.set(piece.bytes.buffer, piece);
  }

  /** A free buffer. It stays free until `send` is called with a part of it. */
  async take(): Promise<Uint8Array> {
    for (;;) {
      const free = this.#pieces.find(({ pending }) => pending === 0);
      if (free !== undefined) return free.bytes;
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
  }

  /** The buffer's first `length` bytes go on their way. */
  send(buffer: Uint8Array, length: number): Uint8Array {
    const piece = this.#byBuffer.get(buffer.buffer);
    if (piece !== undefined) piece.pending = length;
    return buffer.subarray(0, length);
  }

  /** To be called by the sink with every chunk, when it needs it no more. Chunks that are not ours are ignored. */
  came(chunk: Uint8Array): void {
    const piece = this.#byBuffer.get(chunk.buffer);
    if (piece === undefined) return;
    piece.pending -= chunk.length;
    if (piece.pending > 0) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
