/** Writes one ZIP volume through archiver, and knows where each entry's data lie (format §8.3). */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipArchive } from 'archiver';
import './archiver-crc.ts';
import { checkEntryName } from './names.ts';

/** archiver is fastest with pieces of this length: 0.9 GB/s; it needs 100 µs and more per entry whatever its size. */
const PIECE_BYTES = 4 * 1024 * 1024;
const LOCAL_HEADER_BYTES = 30;
/** The first day that ZIP knows: bundles of equal content are equal. */
const DATE = new Date(Date.UTC(1980, 0, 1));

export interface WrittenEntry {
  /** Where the data begin in the volume. */
  readonly offset: number;
  /** Bytes of the data, before deflation. */
  readonly size: number;
}

export interface VolumeSink {
  /** Takes the next bytes of the volume; they may not be kept after the promise is settled. */
  write(bytes: Uint8Array): void | Promise<void>;
}

/**
 * Entries are written one after another. archiver rewrites unsafe names silently and reports errors of its output late; so names
 * are judged first, and the sink is part of the pipeline.
 */
export class VolumeWriter {
  readonly #archive: InstanceType<typeof ZipArchive>;
  readonly #done: Promise<void>;
  #written = 0;
  /** Where the next local header will lie, as long as entries are stored; the read-back audit proves it. */
  #position = 0;
  #failure: unknown;
  /** Ends the wait of the entry that is being written. One for all entries: a handler per entry would keep each entry's stream alive. */
  #abort: (cause: unknown) => void = () => undefined;
  readonly #lockStep: boolean;
  #awaited = Infinity;
  #arrived: () => void = () => {};

  /** @param deflate whether entries are deflated (the head) or stored (all others) */
  constructor(sink: VolumeSink, deflate = false) {
    this.#archive = new ZipArchive({ store: !deflate, zlib: { level: 6 }, highWaterMark: PIECE_BYTES });
    this.#lockStep = !deflate;
    this.#done = pipeline(this.#archive, async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) {
        await sink.write(chunk);
        this.#written += chunk.length;
        if (this.#written >= this.#awaited) this.#arrived();
      }
    });
    this.#done.catch((cause: unknown) => {
      this.#failure ??= cause; // told by add() or end(), whichever comes next
      this.#arrived();
      this.#abort(cause);
    });
    this.#archive.on('warning', (cause: Error) => this.#archive.destroy(cause));
  }

  /**
   * Appends an entry.
   * @param pieces its data. A piece may be reused by the caller once the next one is asked for: by then the sink has had its bytes. So each piece
   *   costs a round through the pipeline; give large ones (4 MiB)
   * @throws what the sink or the pieces throw; Refused PATH_* for a name that archiver would rewrite
   */
  async add(entry: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<WrittenEntry> {
    checkEntryName(entry);
    if (this.#failure !== undefined) throw this.#failure;
    const start = this.#position + LOCAL_HEADER_BYTES + Buffer.byteLength(entry);
    let size = 0;
    const passed = async function* (writer: VolumeWriter): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        if (piece.length === 0) continue;
        size += piece.length;
        yield writer.#lockStep ? piece : Uint8Array.from(piece);
        if (writer.#lockStep) await writer.#passed(start + size);
      }
    };
    const source = Readable.from(passed(this), { objectMode: false, highWaterMark: PIECE_BYTES });
    const finished = new Promise<void>((resolve, reject) => {
      source.once('error', reject);
      this.#archive.once('entry', () => resolve());
      this.#abort = reject;
    });
    this.#archive.append(source, { name: entry, date: DATE, mode: 0o644 });
    await finished;
    this.#position = start + size + (size > 0xffffffff ? 24 : 16);
    return { offset: start, size };
  }

  /** Resolves when the sink has had so many bytes of the volume, or when it never will. */
  async #passed(bytes: number): Promise<void> {
    if (this.#written >= bytes || this.#failure !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited = bytes;
    this.#arrived = resolve;
    await promise;
  }

  /** Closes the volume; its last byte has gone through the sink when this resolves. @returns its length */
  async end(): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    // finalize() of an archive that failed meanwhile never comes back.
    await Promise.race([this.#archive.finalize(), this.#done]);
    await this.#done;
    return this.#written;
  }
}
