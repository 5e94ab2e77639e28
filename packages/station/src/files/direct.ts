/**
 * Large sequential files past the page cache (O_DIRECT). Writing: the memory of the machine is not filled with what only the medium needs,
 * and the speed that is shown is the speed of the device. Reading back: what comes is what the device kept, not what the kernel remembers.
 *
 * O_DIRECT asks that address, length and offset are multiples of the logical block of the device; 4096 serves all. Filesystems
 * that have it not (most FUSE, old tmpfs, network shares, every other platform) get plain calls and an fsync.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Damaged } from '@gapferry/bundle-format/errors';
import { O_CREAT, O_DIRECT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY } from './open-flags.ts';
import { syncFolder } from './durable.ts';
import { causeErrno, errnoOf, type Whereabouts, withFaults } from './fault.ts';
import { openRegularWith } from './safe-open.ts';

/** Multiple that addresses, lengths and offsets must have. */
const ALIGN_BYTES = 4096;
/** One system call. Larger brings nothing on the disks that were measured, smaller costs. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Where writing goes through the page cache, it is brought to the device so often: what is told as written then is. */
const FLUSH_BYTES = 32 * 1024 * 1024;
const WASM_PAGE_BYTES = 65_536;

/** Errnos by which a filesystem says that it has no O_DIRECT, at open or at the first transfer. */
const NOT_DIRECT = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** What we use of it; the type libraries of a browser have the whole. */
declare const WebAssembly: { readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer } };

const aligned = new WeakSet<ArrayBufferLike>();

/** Memory whose address is a multiple of the page size: WebAssembly memory is, an ordinary ArrayBuffer need not be. */
export const alignedBuffer = (bytes: number): Uint8Array => {
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE_BYTES) });
    aligned.add(memory.buffer);
    return new Uint8Array(memory.buffer, 0, bytes);
  } catch {
    return new Uint8Array(bytes); // each such memory reserves address space, which `ulimit -v` may refuse; then it goes the plain way
  }
};

/** Buffers of ended readers and writers, for the next ones. */
const spare: Uint8Array[] = [];
const takePiece = (): Uint8Array => spare.pop() ?? alignedBuffer(PIECE_BYTES);
const givePiece = (piece: Uint8Array | undefined): void => {
  if (piece !== undefined && spare.length < 4) spare.push(piece);
};

const isAligned = (bytes: Uint8Array): boolean => aligned.has(bytes.buffer) && bytes.byteOffset % ALIGN_BYTES === 0;
const roundDown = (n: number): number => n - (n % ALIGN_BYTES);
const roundUp = (n: number): number => roundDown(n + ALIGN_BYTES - 1);

export interface DirectOptions {
  /** Decides how a failure is called. Default: a medium. */
  readonly where?: Whereabouts;
  /** Only for writing. Default 0644: what lies on a medium is no secret. */
  readonly mode?: number;
  /** Only for writing: replace what is there. Default: the name must be free. */
  readonly replace?: boolean;
  /** Called after each transfer to the device with the bytes of it: progress that is real. */
  readonly onBytes?: (bytes: number) => void;
  /** For tests and for filesystems that misbehave: never O_DIRECT. */
  readonly plain?: boolean;
}

/** Writes one file from beginning to end. Not for small files: each holds a buffer of 4 MiB. */
export class DirectWriter {
  readonly path: string;
  readonly #context: { where: Whereabouts; doing: 'write'; what: string };
  readonly #onBytes: (bytes: number) => void;
  readonly #buffer = takePiece();
  #filled = 0;
  #written = 0;
  /** Only for plain writing. */
  #unflushed = 0;
  #fd: number;
  #direct: boolean;
  #open = true;

  /** @throws Unfit MEDIA_FULL, MEDIA_READONLY, MEDIA_GONE, MEDIA_WRITE (LOCAL_… on this machine) */
  constructor(path: string, options: DirectOptions = {}) {
    this.path = path;
    this.#context = { where: options.where ?? 'medium', doing: 'write', what: path };
    this.#onBytes = options.onBytes ?? (() => undefined);
    const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | (options.replace === true ? O_TRUNC : O_EXCL);
    const mode = options.mode ?? 0o644;
    const wanted = options.plain === true ? 0 : O_DIRECT;
    [this.#fd, this.#direct] = withFaults(this.#context, () => openWriting(path, flags, mode, wanted));
  }

  /** True while the file goes past the page cache. */
  get direct(): boolean {
    return this.#direct;
  }

  /** Length of the file so far. */
  get bytes(): number {
    return this.#written + this.#filled;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === 0 && bytes.length - at >= PIECE_BYTES && isAligned(bytes.subarray(at))) {
        const whole = roundDown(bytes.length - at);
        this.#transfer(bytes.subarray(at, at + whole));
        at += whole;
        continue;
      }
      const piece = bytes.subarray(at, at + PIECE_BYTES - this.#filled);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === PIECE_BYTES) this.#drain();
    }
  }

  /** Flushes file and folder to the device and closes. When it returns, a power cut takes nothing away. A failure means: the file is lost. */
  finish(): void {
    try {
      this.#drainTail();
      withFaults(this.#context, () => fsyncSync(this.#fd));
    } finally {
      this.#close();
    }
    syncFolder(dirname(this.path), { where: this.#context.where });
  }

  /** Closes and removes what was written: the way out after a failure. Never throws. */
  abandon(): void {
    try {
      this.#close();
    } catch {
      // the failure that led here is the one that counts
    }
    try {
      rmSync(this.path, { force: true });
    } catch {
      // a pulled medium cannot be tidied
    }
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    givePiece(this.#buffer);
    withFaults(this.#context, () => closeSync(this.#fd));
  }

  #drain(): void {
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    this.#transfer(piece);
  }

  /** The last piece is padded to a whole block, and the file cut to its true length. */
  #drainTail(): void {
    const tail = this.#filled;
    if (tail === 0) return;
    const padded = this.#direct ? roundUp(tail) : tail;
    this.#buffer.fill(0, tail, padded);
    this.#filled = padded;
    const end = this.#written + tail;
    this.#drain();
    if (padded === tail) return;
    withFaults(this.#context, () => ftruncateSync(this.#fd, end));
    this.#written = end;
  }

  #transfer(piece: Uint8Array): void {
    withFaults(this.#context, () => {
      for (let at = 0; at < piece.length;) at += this.#write(piece.subarray(at));
    });
  }

  #write(rest: Uint8Array): number {
    try {
      const count = writeSync(this.#fd, rest, 0, rest.length, this.#written);
      this.#written += count;
      if (!this.#direct) this.#flushNowAndThen(count);
      this.#onBytes(count);
      // A short direct write (disk nearly full) leaves an odd offset; the rest goes the plain way and meets the real error.
      if (this.#direct && count < rest.length && count % ALIGN_BYTES !== 0) this.#goPlain();
      return count;
    } catch (error) {
      if (!this.#direct || !NOT_DIRECT.has(errnoOf(error) ?? '')) throw error;
      this.#goPlain();
      return 0;
    }
  }

  /** In the page cache a file is written in no time, and then `finish` would be one long silence without an end in sight. */
  #flushNowAndThen(count: number): void {
    this.#unflushed += count;
    if (this.#unflushed < FLUSH_BYTES) return;
    this.#unflushed = 0;
    fdatasyncSync(this.#fd);
  }

  #goPlain(): void {
    const plain = openSync(this.path, O_WRONLY | O_NOFOLLOW);
    closeSync(this.#fd);
    this.#fd = plain;
    this.#direct = false;
  }
}

const openWriting = (path: string, flags: number, mode: number, direct: number): [fd: number, direct: boolean] => {
  if (direct !== 0) {
    try {
      return [openSync(path, flags | direct, mode), true];
    } catch (error) {
      if (!NOT_DIRECT.has(errnoOf(error) ?? '')) throw error;
      // Some kernels make the name before they refuse the flag; an empty file there is our own.
      return [openAfterRefusal(path, flags, flags & ~O_EXCL, mode), false];
    }
  }
  return [openSync(path, flags, mode), false];
};

const openAfterRefusal = (path: string, flags: number, lenient: number, mode: number): number => {
  try {
    return openSync(path, flags, mode);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    const fd = openSync(path, lenient, mode);
    if (fstatSync(fd).size === 0) return fd;
    closeSync(fd);
    throw error;
  }
};

/** What stands behind bytes that were read back: the device itself, or only the memory of the kernel. */
export type Proof = 'device' | 'cache';

/** A ByteSource (bundle-format) that goes past the page cache where the filesystem lets it. Blocking; one reader, one thread. */
export class DirectReader {
  readonly path: string;
  readonly bytes: number;
  readonly #context: { where: Whereabouts; doing: 'read'; what: string };
  readonly #onBytes: (bytes: number) => void;
  #bounce: Uint8Array | undefined;
  #fd: number;
  #direct: boolean;
  #open = true;

  /** @throws Damaged NOT_A_REGULAR_FILE, MEDIA_READ; Unfit MEDIA_GONE */
  constructor(path: string, options: DirectOptions = {}) {
    this.path = path;
    this.#context = { where: options.where ?? 'medium', doing: 'read', what: path };
    this.#onBytes = options.onBytes ?? (() => undefined);
    [this.#fd, this.#direct] = openReading(path, options);
    this.bytes = withFaults(this.#context, () => fstatSync(this.#fd).size);
  }

  /** 'device' only as long as every read went past the cache. Ask after the last read. */
  get proof(): Proof {
    return this.#direct ? 'device' : 'cache';
  }

  /**
   * Fills `into` from `position`; returns fewer bytes only at the end of the file.
   * @throws Damaged MEDIA_READ with the offset; Unfit MEDIA_GONE
   */
  read(into: Uint8Array, position: number): number {
    let filled = 0;
    while (filled < into.length) {
      const got = this.#some(into.subarray(filled), position + filled);
      if (got === 0) break;
      filled += got;
    }
    return filled;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    givePiece(this.#bounce);
    withFaults(this.#context, () => closeSync(this.#fd));
  }

  #some(into: Uint8Array, position: number): number {
    if (!this.#direct) return this.#call(into, position);
    const fits = position % ALIGN_BYTES === 0 && into.length % ALIGN_BYTES === 0 && isAligned(into);
    return fits ? this.#call(into, position) : this.#throughBounce(into, position);
  }

  #throughBounce(into: Uint8Array, position: number): number {
    this.#bounce ??= takePiece();
    const start = roundDown(position);
    const skip = position - start;
    const length = Math.min(roundUp(skip + into.length), PIECE_BYTES);
    const got = this.#call(this.#bounce.subarray(0, length), start);
    const useful = Math.min(Math.max(got - skip, 0), into.length);
    into.set(this.#bounce.subarray(skip, skip + useful));
    return useful;
  }

  #call(into: Uint8Array, position: number): number {
    try {
      const got = readSync(this.#fd, into, 0, into.length, position);
      this.#onBytes(got);
      return got;
    } catch (error) {
      if (this.#direct && NOT_DIRECT.has(errnoOf(error) ?? '')) {
        this.#goPlain();
        return this.#call(into, position);
      }
      return withFaults({ ...this.#context, what: `${this.path} at byte ${position}`, path: this.path }, () => {
        throw error;
      });
    }
  }

  #goPlain(): void {
    const plain = openRegularWith(this.path, 0, { where: this.#context.where });
    closeSync(this.#fd);
    this.#fd = plain;
    this.#direct = false;
  }
}

const openReading = (path: string, options: DirectOptions): [fd: number, direct: boolean] => {
  const where = options.where ?? 'medium';
  if (O_DIRECT !== 0 && options.plain !== true) {
    try {
      return [openRegularWith(path, O_DIRECT, { where }), true];
    } catch (error) {
      if (!NOT_DIRECT.has(causeErrno(error) ?? '')) throw error;
    }
  }
  return [openRegularWith(path, 0, { where }), false];
};

/**
 * The medium must hold as many bytes as were written to it.
 * @throws Damaged MEDIA_VERIFY
 */
export const assertLength = (reader: DirectReader, bytes: number): void => {
  if (reader.bytes === bytes) return;
  throw new Damaged('MEDIA_VERIFY', `${reader.path} has ${reader.bytes} bytes on the medium instead of ${bytes}`, {
    facts: { path: reader.path, expected: bytes, found: reader.bytes },
  });
};
