/** Reads objects from where they lie and makes sure that each is still the one that was planned. */

import { hash as hashOnce } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Incomplete, Unfit } from '@gapferry/bundle-format/errors';
import { openSource } from '../source/hash-file.ts';
import type { PlanLine, SealOrder } from './messages.ts';

export const sourceChanged = (line: PlanLine): Incomplete =>
  new Incomplete('SOURCE_CHANGED', `${line.repository}/${line.path} changed after it was looked at`, {
    facts: { repository: line.repository, path: line.path, role: line.role },
  });

export class SourceReader {
  readonly #roots: ReadonlyMap<string, { readonly root: string; readonly frozen: string }>;

  constructor(sources: SealOrder['sources']) {
    this.#roots = new Map(sources.map(({ name, root, frozen }) => [name, { root, frozen }]));
  }

  /** Metadata is read from where it was frozen, content from the source itself. */
  #pathOf(line: PlanLine): string {
    const source = this.#roots.get(line.repository);
    if (source === undefined) throw new TypeError(`no source for ${line.repository}`);
    return line.role === 'metadata'
      ? join(source.frozen, line.sha256.slice(0, 2), line.sha256)
      : join(source.root, line.path);
  }

  open(line: PlanLine): OpenObject {
    const path = this.#pathOf(line);
    const fd = openSource(path);
    if (fd === undefined) throw sourceChanged(line);
    return new OpenObject(line, fd, path);
  }

  /** A small object at once. @throws Incomplete SOURCE_CHANGED */
  readSmall(line: PlanLine, into: Uint8Array): void {
    const object = this.open(line);
    try {
      object.readAll(into);
    } finally {
      object.close();
    }
  }
}

/** One object that is being read from beginning to end. */
export class OpenObject {
  readonly #line: PlanLine;
  readonly #fd: number;
  readonly #path: string;
  #position = 0;

  constructor(line: PlanLine, fd: number, path: string) {
    this.#line = line;
    this.#fd = fd;
    this.#path = path;
  }

  #some(into: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return readSync(this.#fd, into, offset, length, position);
    } catch (error) {
      throw new Unfit('LOCAL_IO', `${this.#path} cannot be read`, { cause: error });
    }
  }

  #fill(into: Uint8Array, length: number): void {
    for (let filled = 0; filled < length;) {
      const got = this.#some(into, filled, length - filled, this.#position + filled);
      if (got === 0) throw sourceChanged(this.#line);
      filled += got;
    }
    this.#position += length;
  }

  /** The next bytes, as many as `into` holds. */
  next(into: Uint8Array): void {
    this.#fill(into, into.length);
  }

  /** All of it, into a buffer of exactly its size. @throws Incomplete SOURCE_CHANGED */
  readAll(into: Uint8Array): void {
    this.#fill(into, into.length);
    this.assertDigest(hashOnce('sha256', into, 'hex'));
  }

  /** To be asked at the end. @throws Incomplete SOURCE_CHANGED */
  assertDigest(digest: string): void {
    // one byte more than planned means that it grew
    const beyond = new Uint8Array(1);
    if (digest !== this.#line.sha256 || this.#some(beyond, 0, 1, this.#position) !== 0) throw sourceChanged(this.#line);
  }

  get isAtEnd(): boolean {
    return this.#position === this.#line.size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
