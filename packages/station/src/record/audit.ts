/**
 * The audit log: append-only JSON lines, each with the SHA-256 of the line before, each flushed before the call returns. Who removes or
 * edits a line must rewrite all that follow; whoever kept a copy of one digest sees it.
 */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } from '../files/open-flags.ts';
import { type Clock, systemClock } from '../clock.ts';
import { makeFolder, syncFolder, writeDurably } from '../files/durable.ts';
import { errnoOf, withFaults } from '../files/fault.ts';
import { openRegular } from '../files/safe-open.ts';
import {
  type AuditEntry,
  type ChainHead,
  chainLine,
  EMPTY_CHAIN,
  followsChain,
  lineDigest,
  parseLine,
} from './chain.ts';

export type { AuditEntry, AuditFields } from './chain.ts';

export interface Audit {
  /**
   * Durable when it returns. `event`: a short stable word with a dot, `bundle.refused`.
   * @throws Unfit LOCAL_FULL, LOCAL_IO; the file is then as before
   */
  append(entry: AuditEntry): void;
  close(): void;
}

export interface AuditReport {
  /** Good lines from the beginning. */
  readonly entries: number;
  /** 1-based number of the first line that does not follow from the one before; null: whole. */
  readonly broken: number | null;
  /** SHA-256 of the last good line, to compare with a copy kept elsewhere: only that shows lines cut off at the end. */
  readonly head: string;
}

const LINE_FEED = 0x0a;
const CHUNK_BYTES = 65_536;
/** Room for some hundred entries. */
const RESERVE_BYTES = 65_536;

interface Tail {
  readonly head: ChainHead;
  /** Length of the file up to the end of its last whole line. */
  readonly end: number;
  /** Bytes after it: a write that a power cut interrupted. */
  readonly torn: number;
}

/** Offset after the last line feed before `end`; 0 when there is none. */
const lineStart = (fd: number, end: number): number => {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let to = end; to > 0;) {
    const from = Math.max(0, to - CHUNK_BYTES);
    const got = readSync(fd, buffer, 0, to - from, from);
    const at = buffer.subarray(0, got).lastIndexOf(LINE_FEED);
    if (at >= 0) return from + at + 1;
    to = from;
  }
  return 0;
};

const readRange = (fd: number, from: number, to: number): Buffer => {
  const bytes = Buffer.alloc(to - from);
  for (let at = 0; at < bytes.length;) {
    const got = readSync(fd, bytes, at, bytes.length - at, from + at);
    if (got === 0) return bytes.subarray(0, at);
    at += got;
  }
  return bytes;
};

const countLines = (fd: number, end: number): number => {
  let count = 0;
  for (let from = 0; from < end; from += CHUNK_BYTES) {
    for (const byte of readRange(fd, from, Math.min(from + CHUNK_BYTES, end))) if (byte === LINE_FEED) count++;
  }
  return count;
};

const readTail = (fd: number): Tail => {
  const { size } = fstatSync(fd);
  const end = lineStart(fd, size);
  if (end === 0) return { head: EMPTY_CHAIN, end, torn: size };
  const line = readRange(fd, lineStart(fd, end - 1), end - 1);
  // A last line that is no entry any more was tampered with; the chain goes on from its bytes, and `verifyAudit` shows the place.
  const n = parseLine(line.toString('utf8'))?.n ?? countLines(fd, end);
  return { head: { n, digest: lineDigest(line) }, end, torn: size - end };
};

/**
 * Space that is kept for a full disk: what was refused or failed just then must still be recorded (THREATS 83). It is given up for the first entry
 * that finds no room, and taken again when there is some.
 */
class Reserve {
  readonly #path: string;
  #held = false;

  constructor(path: string) {
    this.#path = path;
    this.take();
  }

  take(): void {
    if (this.#held) return;
    try {
      if (lengthOf(this.#path) !== RESERVE_BYTES) writeDurably(this.#path, new Uint8Array(RESERVE_BYTES));
      this.#held = true;
    } catch {
      // no room for it now; the entries themselves matter more
    }
  }

  /** False when there was nothing to give up. */
  giveUp(): boolean {
    const held = this.#held;
    this.#held = false;
    rmSync(this.#path, { force: true });
    return held;
  }
}

const lengthOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.size;

class AuditFile implements Audit {
  readonly #path: string;
  readonly #reserve: Reserve;
  readonly #fd: number;
  readonly #clock: Clock;
  #head: ChainHead = EMPTY_CHAIN;
  #end = 0;
  #open = true;

  constructor(path: string, fd: number, clock: Clock) {
    this.#path = path;
    this.#fd = fd;
    this.#clock = clock;
    this.#reserve = new Reserve(`${path}.reserve`);
    this.#catchUp();
  }

  append(entry: AuditEntry): void {
    withFaults({ where: 'machine', doing: 'write', what: this.#path }, () => {
      if (fstatSync(this.#fd).size !== this.#end) this.#catchUp(); // another process of ours wrote meanwhile
      this.#write(entry);
    });
  }

  close(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }

  /** Reads where the chain stands, and cuts a torn last line off: it was never promised to anyone. */
  #catchUp(): void {
    const { head, end, torn } = readTail(this.#fd);
    this.#head = head;
    this.#end = end;
    if (torn === 0) return;
    ftruncateSync(this.#fd, end);
    this.#write({ event: 'audit.torn-line-cut', bytes: torn });
  }

  #write(entry: AuditEntry): void {
    const { line, head } = chainLine(this.#head, this.#clock.now(), entry);
    const bytes = Buffer.from(`${line}\n`);
    this.#writeWithReserve(bytes);
    this.#head = head;
    this.#end += bytes.length;
  }

  #writeWithReserve(bytes: Uint8Array): void {
    try {
      this.#writeDurably(bytes);
      this.#reserve.take();
    } catch (error) {
      if (errnoOf(error) !== 'ENOSPC' || !this.#reserve.giveUp()) throw error;
      this.#writeDurably(bytes); // all of it anew: nothing of the first attempt is left
    }
  }

  #writeDurably(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
      fsyncSync(this.#fd);
    } catch (error) {
      ftruncateSync(this.#fd, this.#end); // half a line would look like tampering
      throw error;
    }
  }
}

/**
 * Opens (or makes, mode 0600) an audit log for appending.
 * @throws Unfit LOCAL_FULL, LOCAL_IO, PERMISSION
 */
export const openAudit = (path: string, clock: Clock = systemClock): Audit => {
  makeFolder(dirname(path));
  return withFaults({ where: 'machine', doing: 'write', what: path }, () => {
    const fd = openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    try {
      if (process.platform !== 'win32') fchmodSync(fd, 0o600);
      syncFolder(dirname(path));
      return new AuditFile(path, fd, clock);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  });
};

/** Lines of a file in order, without their line feeds; a last one without line feed too. Bounded memory. */
const eachLine = function* (fd: number): Generator<Buffer> {
  let rest = Buffer.alloc(0);
  for (let from = 0; ;) {
    const chunk = readRange(fd, from, from + CHUNK_BYTES);
    if (chunk.length === 0) break;
    from += chunk.length;
    rest = Buffer.concat([rest, chunk]);
    for (let at = rest.indexOf(LINE_FEED); at >= 0; at = rest.indexOf(LINE_FEED)) {
      yield rest.subarray(0, at);
      rest = rest.subarray(at + 1);
    }
  }
  if (rest.length > 0) yield rest;
};

/**
 * Walks the whole chain. A torn last line counts as broken: `openAudit` has not looked at it yet.
 * @throws Unfit LOCAL_IO, PERMISSION; Damaged NOT_A_REGULAR_FILE
 */
export const verifyAudit = (path: string): AuditReport => {
  const fd = openRegular(path, { where: 'machine' });
  try {
    let head = EMPTY_CHAIN;
    for (const line of eachLine(fd)) {
      const next = followsChain(head, line.toString('utf8'));
      if (next === undefined) return { entries: head.n, broken: head.n + 1, head: head.digest };
      head = next;
    }
    return { entries: head.n, broken: null, head: head.digest };
  } finally {
    closeSync(fd);
  }
};
