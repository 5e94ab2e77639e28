/** What the scanning threads and the main thread say to each other. Plain data. */

import type { ErrorJSON } from '@gapferry/bundle-format/errors';
import type { Preset } from '@gapferry/repository';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { SourceRow } from '../ledger/records.ts';
import type { ExtraAlgorithm } from './hash-file.ts';
import type { PathRange } from './walk.ts';

export interface ScanSetting {
  readonly state: string;
  readonly root: string;
  readonly repository: string;
  readonly repositoryId: number;
  readonly preset: Preset;
  readonly extra: readonly ExtraAlgorithm[];
}

/** A file to be hashed: too large to hold up a walk. */
export interface LargeFile {
  readonly path: string;
  readonly phase: number;
  readonly size: number;
}

export type ScanJob =
  | { readonly job: 'range'; readonly range: PathRange }
  | { readonly job: 'large'; readonly file: LargeFile };

export interface ExtraDigest {
  readonly sha256: Sha256;
  readonly algorithm: string;
  readonly value: string;
}

/** Findings come in batches; the last one of a job has `done`. */
export interface Findings {
  readonly rows: readonly SourceRow[];
  readonly gone: readonly string[];
  readonly large: readonly LargeFile[];
  readonly emptyFolders: readonly string[];
  readonly digests: readonly ExtraDigest[];
  /** Paths whose file was written to while it was read. */
  readonly changing: readonly string[];
  readonly unchanged: number;
  readonly hashedBytes: number;
  readonly done: boolean;
}

export type ScanAnswer = { readonly findings: Findings } | { readonly error: ErrorJSON };
