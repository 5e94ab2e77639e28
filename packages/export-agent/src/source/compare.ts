/** The comparison of a sorted walk with the sorted ledger. Pure: stats and rows in, differences out. */

import type { Stats } from 'node:fs';
import { comparePaths } from '@gapferry/bundle-format/names';
import type { SourceRow } from '../ledger/records.ts';
import { stampOf } from './stamp.ts';

/** What the ledger must know of a row to tell whether its file is still the same. */
export type KnownRow = Pick<SourceRow, 'path' | 'stamp'>;

/** A file that changed within so long before it was hashed may change again and look the same: coarse clocks of filesystems. */
const RACY_MTIME_MS = 2000;
/** ctime cannot be set back, and is as fine as the kernel's tick. */
const RACY_CTIME_MS = 100;

/** @param hashedAtMs when hashing began */
export const isRacy = (stats: Pick<Stats, 'mtimeMs' | 'ctimeMs'>, hashedAtMs: number): boolean =>
  Math.abs(hashedAtMs - stats.mtimeMs) < RACY_MTIME_MS || Math.abs(hashedAtMs - stats.ctimeMs) < RACY_CTIME_MS;

/** Is the file surely the one whose digest the ledger has? (A link in its place has another file id and ctime.) */
export const isUnchanged = (row: KnownRow, stats: Stats): boolean => row.stamp === stampOf(stats);

export interface Differences {
  /** Not known, or not surely the same. `isKnown`: the ledger has a row of the same path. */
  changed(path: string, stats: Stats, isKnown: boolean): void;
  unchanged(row: KnownRow): void;
  /** Known, and not met by the walk. */
  gone(row: KnownRow): void;
}

/** Merges as the walk goes: `meet` in ascending order of path, then `end`. */
export class Merge {
  readonly #rows: Iterator<KnownRow>;
  readonly #differences: Differences;
  #next: KnownRow | undefined;

  constructor(rows: Iterator<KnownRow>, differences: Differences) {
    this.#rows = rows;
    this.#differences = differences;
    this.#advance();
  }

  #advance(): void {
    const next = this.#rows.next();
    this.#next = next.done === true ? undefined : next.value;
  }

  meet(path: string, stats: Stats): void {
    while (this.#next !== undefined && this.#next.path !== path && comparePaths(this.#next.path, path) < 0) {
      this.#differences.gone(this.#next);
      this.#advance();
    }
    const known = this.#next?.path === path ? this.#next : undefined;
    if (known !== undefined) this.#advance();
    if (known !== undefined && isUnchanged(known, stats)) this.#differences.unchanged(known);
    else this.#differences.changed(path, stats, known !== undefined);
  }

  end(): void {
    while (this.#next !== undefined) {
      this.#differences.gone(this.#next);
      this.#advance();
    }
  }
}
