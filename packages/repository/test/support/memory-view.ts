import { createHash } from 'node:crypto';
import type { DigestAlgorithm, RepositoryView } from '../../src/view.ts';

export type Files = Record<string, string | Uint8Array>;

export const hexOf = (algorithm: DigestAlgorithm, data: string | Uint8Array): string =>
  createHash(algorithm).update(data).digest('hex');

export const bytesOf = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data;

/** A repository in memory. Reads come in small chunks, so that nothing can rely on where a chunk ends. */
export class MemoryView implements RepositoryView {
  readonly #files: Map<string, Uint8Array>;
  readonly #chunk: number;
  /** Paths whose digest was asked for, as `sha512 path`: each one is a read of content. */
  readonly digests: string[] = [];

  constructor(files: Files, chunk = 7) {
    this.#files = new Map(Object.entries(files).map(([path, data]) => [path, bytesOf(data)]));
    this.#chunk = chunk;
  }

  #bytes(path: string): Uint8Array {
    const bytes = this.#files.get(path);
    if (bytes === undefined) throw new Error(`asked for ${path}, which is not there`);
    return bytes;
  }

  file(path: string): { size: number; sha256: string } | undefined {
    const bytes = this.#files.get(path);
    return bytes && { size: bytes.length, sha256: hexOf('sha256', bytes) };
  }

  async *read(path: string): AsyncGenerator<Uint8Array> {
    const bytes = this.#bytes(path);
    for (let at = 0; at < bytes.length; at += this.#chunk) yield bytes.subarray(at, at + this.#chunk);
  }

  async digest(path: string, algorithm: DigestAlgorithm): Promise<string> {
    this.digests.push(`${algorithm} ${path}`);
    return hexOf(algorithm, this.#bytes(path));
  }

  paths(): Iterable<string> {
    return this.#files.keys();
  }
}
