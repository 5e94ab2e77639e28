/**
 * The staging folder of a repository, as a medium process fills it: one file an object, named by its digest, flushed in groups. A file counts only once the
 * journal names it; the parent hears of a group after its flush, never before (`flushGroup`).
 */
import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  rmSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Damaged } from '@gapferry/bundle-format/errors';
import type { IndexRow } from '@gapferry/bundle-format/object-index';
import { sha256Of, Sha256Stream, type Sha256 } from '@gapferry/bundle-format/sha256';
import { DirectWriter } from '@gapferry/station/files/direct';
import { syncFilesystem } from '@gapferry/station/files/durable';
import { errnoOf, withFaults } from '@gapferry/station/files/fault';
import type { Order } from './orders.ts';
import { stampOfFile } from './stamp.ts';
import type { ReceivedPart, StagedObject, Stamp } from './requests.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** From here on a file goes past the page cache: the memory of the machine stays with those who need it, and the flush has less to do. */
const DIRECT_FROM_BYTES = 16 * 1024 * 1024;
const GROUP_BYTES = 256 * 1024 * 1024;
const GROUP_OBJECTS = 20_000;

export const objectPath = (staging: string, sha256: Sha256): string => join(staging, sha256);
export const partsPath = (staging: string, sha256: Sha256): string => join(staging, `${sha256}.parts`);

/** Modes of published files; the umask of a medium process is 0. */
export const fileMode = (exec: boolean): number => (exec ? 0o755 : 0o644);

/** What was written to one staging folder since the last group. */
export interface Group {
  /** Place of the folder in the list of the request. */
  readonly staging: number;
  readonly objects: readonly StagedObject[];
  readonly parts: readonly ReceivedPart[];
}

interface OpenGroup extends Group {
  readonly objects: StagedObject[];
  readonly parts: ReceivedPart[];
}

/** One flush of the filesystem for a group. Only then it may be told. */
export function flushGroup(stagings: readonly string[], group: Group): void {
  const staging = stagings[group.staging] ?? '';
  syncFilesystem(staging, pathsOf(staging, group));
}

export class StagingWriter {
  readonly #stagings: readonly string[];
  readonly #written: (groups: readonly Group[]) => void;
  #groups = new Map<number, OpenGroup>();
  #bytes = 0;
  #count = 0;

  /** @param written hears of groups that are written and wait for their flush */
  constructor(stagings: readonly string[], written: (groups: readonly Group[]) => void) {
    this.#stagings = stagings;
    this.#written = written;
  }

  /** Writes one object (or part) of the index from verified pieces. @throws Damaged ENTRY_HASH, ENTRY_SIZE; Unfit LOCAL_FULL; what the pieces throw */
  take(row: IndexRow, order: Order, pieces: Iterable<Uint8Array>): void {
    const staging = this.#stagings[order.staging] ?? '';
    const group = this.#group(order.staging);
    if (row.kind === 'part') {
      writePart(partsPath(staging, row.sha256), row.at, pieces);
      group.parts.push({ sha256: row.sha256, size: row.size, at: row.at, bytes: row.stored });
    } else {
      const stamp = writeObject(objectPath(staging, row.sha256), row, order, pieces);
      group.objects.push({ sha256: row.sha256, size: row.size, stamp });
    }
    this.#bytes += row.stored;
    this.#count++;
    if (this.#bytes >= GROUP_BYTES || this.#count >= GROUP_OBJECTS) this.end();
  }

  #group(staging: number): OpenGroup {
    let group = this.#groups.get(staging);
    if (group === undefined) this.#groups.set(staging, (group = { staging, objects: [], parts: [] }));
    return group;
  }

  /** Hands over what was written since the last group. */
  end(): void {
    if (this.#groups.size > 0) this.#written([...this.#groups.values()]);
    this.#groups = new Map();
    this.#bytes = 0;
    this.#count = 0;
  }
}

function* pathsOf(staging: string, { objects, parts }: Group): Generator<string> {
  for (const { sha256 } of objects) yield objectPath(staging, sha256);
  for (const { sha256 } of parts) yield partsPath(staging, sha256);
}

function writeObject(path: string, row: IndexRow, order: Order, pieces: Iterable<Uint8Array>): Stamp {
  try {
    const found =
      row.size >= DIRECT_FROM_BYTES ? writeLarge(path, order, pieces) : writeSmall(path, row.size, order, pieces);
    if (found.bytes !== row.size)
      throw wrongObject('ENTRY_SIZE', row, `has ${found.bytes} bytes, the index says ${row.size}`);
    if (found.sha256 !== row.sha256) throw wrongObject('ENTRY_HASH', row, 'is not the object that the index names');
    return found.stamp;
  } catch (error) {
    rmSync(path, { force: true }); // the journal does not know it, so it must not look like a good one
    throw error;
  }
}

const wrongObject = (code: 'ENTRY_SIZE' | 'ENTRY_HASH', row: IndexRow, why: string): Damaged =>
  new Damaged(code, `entry ${JSON.stringify(row.kind === 'packed' ? row.member : row.entry)} ${why}`, {
    facts: { entry: row.entry, sha256: row.sha256, volume: row.volume },
  });

interface Hashed {
  readonly sha256: Sha256;
  readonly bytes: number;
}

interface Written extends Hashed {
  readonly stamp: Stamp;
}

function writeSmall(path: string, size: number, { exec, mtime }: Order, pieces: Iterable<Uint8Array>): Written {
  const fd = openNew(path, fileMode(exec));
  try {
    const found = writePieces(fd, path, size, pieces);
    const stamp = withFaults({ where: 'machine', doing: 'write', what: path }, () => {
      futimesSync(fd, mtime / 1000, mtime / 1000);
      return stampOfFile(fstatSync(fd));
    });
    return { ...found, stamp };
  } finally {
    closeSync(fd);
  }
}

function writePieces(fd: number, path: string, size: number, pieces: Iterable<Uint8Array>): Hashed {
  const iterator = pieces[Symbol.iterator]();
  const first = iterator.next();
  if (first.done === true) return { sha256: sha256Of(new Uint8Array(0)), bytes: 0 };
  const whole = first.value;
  writeAll(fd, path, whole, 0);
  // Most objects lie within one block and come as one piece; one call hashes it faster than a stream. A piece is valid until the next is asked for.
  if (whole.length === size) {
    const sha256 = sha256Of(whole);
    return iterator.next().done === true ? { sha256, bytes: size } : { sha256, bytes: size + 1 };
  }
  const digest = new Sha256Stream().update(whole);
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    writeAll(fd, path, next.value, digest.bytes);
    digest.update(next.value);
  }
  return { sha256: digest.digest(), bytes: digest.bytes };
}

function writeAll(fd: number, path: string, bytes: Uint8Array, position: number): void {
  withFaults({ where: 'machine', doing: 'write', what: path }, () => {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  });
}

function openNew(path: string, mode: number): number {
  return withFaults({ where: 'machine', doing: 'write', what: path }, () => {
    try {
      return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      rmSync(path); // left by a medium process that was killed: the journal does not know it
      return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    }
  });
}

function writeLarge(path: string, { exec, mtime }: Order, pieces: Iterable<Uint8Array>): Written {
  rmSync(path, { force: true });
  const digest = new Sha256Stream();
  const writer = new DirectWriter(path, { where: 'machine', mode: fileMode(exec) });
  try {
    for (const piece of pieces) {
      digest.update(piece);
      writer.append(piece);
    }
    writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  }
  const stamp = withFaults({ where: 'machine', doing: 'write', what: path }, () => {
    utimesSync(path, mtime / 1000, mtime / 1000);
    return stampOfFile(lstatSync(path));
  });
  return { sha256: digest.digest(), bytes: digest.bytes, stamp };
}

/** Parts come in any order and from several media; the whole is compared with its digest once all are there. */
function writePart(path: string, at: number, pieces: Iterable<Uint8Array>): void {
  const fd = withFaults({ where: 'machine', doing: 'write', what: path }, () =>
    openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600),
  );
  let position = at;
  try {
    for (const piece of pieces) {
      writeAll(fd, path, piece, position);
      position += piece.length;
    }
  } finally {
    closeSync(fd);
  }
}
