/**
 * What a closure checker may see of a repository: paths, sizes, digests and the bytes of metadata. The caller decides where they
 * come from (an inventory with frozen metadata at the exporter, staged files at the importer, plain memory in tests).
 */

export type DigestAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

export interface RepositoryView {
  /** Facts of the file that clients would get under this path, through links; `undefined` where they would get nothing. */
  file(path: string): FileFacts | undefined;
  /** The bytes of a metadata file, in chunks. Only asked for paths that `file` knows. Must fail, not shorten, when bytes are missing. */
  read(path: string): AsyncIterable<Uint8Array>;
  /**
   * Lower-case hex digest of any file, content included. Checkers ask for it only where the metadata names no SHA-256, and for each
   * file at most once a run, but a large repository makes that a long read: the caller does well to remember answers by SHA-256.
   */
  digest(path: string, algorithm: DigestAlgorithm): Promise<string>;
  /** Every path that is carried, files and links alike, in any order. */
  paths(): Iterable<string>;
}
