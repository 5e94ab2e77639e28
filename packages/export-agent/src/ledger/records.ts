/** The ledger's rows as plain data. */

import type { Sha256 } from '@gapferry/bundle-format/sha256';

export type Basis = 'acknowledged' | 'sent' | 'full';

/** A file or link of a source as it was last seen. */
export interface SourceRow {
  readonly path: string;
  readonly kind: 'file' | 'link';
  /** 0: content; n ≥ 1: metadata of phase n */
  readonly phase: number;
  readonly size: number;
  /** Whole milliseconds. */
  readonly mtime: number;
  readonly exec: boolean;
  /** The stat as one number; null: to be hashed again whatever the stat says. */
  readonly stamp: number | null;
  readonly sha256: Sha256 | null;
  readonly target: string | null;
}

export interface Snapshot {
  readonly repository: string;
  readonly number: number;
  readonly sha256: Sha256;
  readonly bytes: number;
  readonly rows: number;
}

/** Of a bundle towards one site: not heard of yet, answered by a receipt, declared lost. */
export type RoadState = 'road' | 'settled' | 'lost';

export interface BundleRecord {
  readonly sequence: number;
  readonly state: 'reserved' | 'signing' | 'committed' | 'abandoned';
  readonly reserved: string;
  readonly place: 'medium' | 'folder' | null;
  readonly path: string | null;
  readonly outbox: boolean;
  readonly manifest: Sha256 | null;
  readonly basis: Basis | null;
  readonly expires: string | null;
  readonly committed: string | null;
  readonly bytes: number;
  readonly objects: number;
  readonly readBack: 'device' | 'cache' | null;
  readonly removed: string | null;
}

export interface SiteRecord {
  readonly id: number;
  readonly name: string;
  readonly key: string | null;
  readonly fingerprint: string | null;
  readonly enrolled: string | null;
  readonly epoch: string | null;
  readonly number: number | null;
  readonly receipt: Sha256 | null;
  readonly received: string | null;
  readonly held: number;
  readonly missing: number;
}
