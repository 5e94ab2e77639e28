/** Scans one range after another with blocking calls; what it finds goes out in batches. */

import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { Incomplete } from '@gapferry/bundle-format/errors';
import { checkLinkTarget, checkPath } from '@gapferry/bundle-format/names';
import { busyMarker, type Classifier, classifier, neverEntered } from '@gapferry/repository/classify';
import type { SourceRow } from '../ledger/records.ts';
import { toFault } from '@gapferry/station/files/fault';
import { type Differences, isRacy, Merge } from './compare.ts';
import { errnoOf } from './errno.ts';
import { freezeFile } from './freeze.ts';
import { hashFile, type HashedFile, type HashWish } from './hash-file.ts';
import { type KnownRows, openKnownRows } from './known-rows.ts';
import type { ExtraDigest, Findings, LargeFile, ScanSetting } from './messages.ts';
import { openSpool, type Spool } from './spool.ts';
import { stampOf } from './stamp.ts';
import { type PathRange, walk } from './walk.ts';

/** A file from here on is a job of its own, so that both threads have work. */
export const LARGE_BYTES: number = 8 << 20;
const BATCH_ROWS = 1000;
/** Progress is told at least so often while a large file is read. */
const TELL_BYTES = 64 << 20;
/** A file that is being written to gets so many chances within one walk. */
const TRIES = 3;

interface Batch {
  rows: SourceRow[];
  gone: string[];
  large: LargeFile[];
  emptyFolders: string[];
  digests: ExtraDigest[];
  changing: string[];
  unchanged: number;
  hashedBytes: number;
}

const emptyBatch = (): Batch => ({
  rows: [],
  gone: [],
  large: [],
  emptyFolders: [],
  digests: [],
  changing: [],
  unchanged: 0,
  hashedBytes: 0,
});

export class RangeScanner {
  readonly #setting: ScanSetting;
  readonly #tell: (findings: Findings) => void;
  readonly #classify: Classifier;
  readonly #skips: (folder: string) => boolean;
  readonly #known: KnownRows;
  readonly #spool: Spool;
  #batch = emptyBatch();

  constructor(setting: ScanSetting, tell: (findings: Findings) => void) {
    this.#setting = setting;
    this.#tell = tell;
    this.#classify = classifier(setting.preset);
    this.#skips = neverEntered(setting.preset);
    this.#known = openKnownRows(setting.state, setting.repositoryId);
    this.#spool = openSpool(setting.state, setting.repository);
  }

  /** @throws what the walk throws; Refused PATH_* for a path or link that cannot be carried; Incomplete NOT_READY for a marker of the preset */
  scan(range: PathRange): void {
    this.#batch = emptyBatch();
    const rows = this.#known.inRange(range);
    try {
      const merge = new Merge(rows, this.#differences());
      walk(this.#setting.root, range, {
        entry: (path, stats) => merge.meet(path, stats),
        emptyFolder: (path) => this.#emptyFolder(path),
        ignores: (path) => !this.#classify(path).carry,
        skips: this.#skips,
      });
      merge.end();
    } finally {
      rows.return?.();
    }
    this.#flush(true);
  }

  hashLarge(file: LargeFile): void {
    this.#batch = emptyBatch();
    const stats = lstatSync(join(this.#setting.root, file.path), { throwIfNoEntry: false });
    if (stats?.isFile() === true) this.#hash(file.path, file.phase);
    else this.#batch.changing.push(file.path); // it was a file a moment ago
    this.#flush(true);
  }

  #differences(): Differences {
    return {
      changed: (path, stats, isKnown) => this.#changed(path, stats, isKnown),
      unchanged: () => {
        this.#batch.unchanged++;
      },
      gone: ({ path }) => this.#gone(path),
    };
  }

  #gone(path: string): void {
    this.#batch.gone.push(path);
    this.#flushIfFull();
  }

  /** 0 for content, the phase for metadata, undefined when it is not carried. @throws Incomplete NOT_READY */
  #phaseOf(path: string): number | undefined {
    const found = this.#classify(path);
    if (!found.carry) {
      if (found.why === 'never' && busyMarker(this.#setting.preset, [path]) !== undefined)
        throw new Incomplete('NOT_READY', `${this.#setting.repository} is being updated: ${path} is there`, {
          facts: { repository: this.#setting.repository, marker: path },
        });
      return undefined;
    }
    return found.role === 'metadata' ? found.phase : 0;
  }

  #changed(path: string, stats: Stats, isKnown: boolean): void {
    const phase = this.#phaseOf(path);
    if (phase === undefined) {
      if (isKnown) this.#gone(path);
      return;
    }
    if (!isKnown) checkPath(path);
    this.#carry(path, stats, phase);
  }

  #carry(path: string, stats: Stats, phase: number): void {
    if (stats.isSymbolicLink()) this.#link(path, stats, phase);
    else if (stats.size >= LARGE_BYTES) this.#batch.large.push({ path, phase, size: stats.size });
    else this.#hash(path, phase);
    this.#flushIfFull();
  }

  #link(path: string, stats: Stats, phase: number): void {
    const target = this.#targetOf(path);
    if (target === undefined) {
      this.#batch.changing.push(path);
      return;
    }
    checkLinkTarget(path, target);
    this.#batch.rows.push({
      ...statsOf(path, stats, phase),
      kind: 'link',
      size: stats.size,
      stamp: stampOf(stats),
      sha256: null,
      target,
    });
  }

  /** Undefined: it is no link any more, or not there: it was exchanged since the walk met it. @throws Unfit PERMISSION, LOCAL_IO */
  #targetOf(path: string): string | undefined {
    const absolute = join(this.#setting.root, path);
    try {
      return readlinkSync(absolute);
    } catch (error) {
      if (['EINVAL', 'ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
      throw toFault(error, { where: 'machine', doing: 'read', what: absolute });
    }
  }

  #hash(path: string, phase: number): void {
    const absolute = join(this.#setting.root, path);
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const startedAt = Date.now();
      const hashed = phase > 0 ? freezeFile(absolute, this.#spool, this.#wish()) : hashFile(absolute, this.#wish());
      // the walk has just met it: whatever took its place, or nothing, is for the next walk to find
      if (hashed === 'gone') break;
      if (hashed !== 'changed') return this.#take(path, phase, hashed, startedAt);
    }
    this.#batch.changing.push(path);
  }

  #wish(): HashWish {
    let untold = 0;
    return {
      extra: this.#setting.extra,
      progress: (bytes) => {
        this.#batch.hashedBytes += bytes;
        untold += bytes;
        if (untold < TELL_BYTES) return;
        untold = 0;
        this.#flush(false);
      },
    };
  }

  #take(path: string, phase: number, { stats, sha256, extra }: HashedFile, startedAt: number): void {
    this.#batch.rows.push({
      ...statsOf(path, stats, phase),
      kind: 'file',
      size: stats.size,
      stamp: isRacy(stats, startedAt) ? null : stampOf(stats),
      sha256,
      target: null,
    });
    for (const [algorithm, value] of Object.entries(extra)) this.#batch.digests.push({ sha256, algorithm, value });
  }

  #emptyFolder(path: string): void {
    if (!this.#classify(path).carry) return;
    checkPath(path);
    this.#batch.emptyFolders.push(path);
    this.#flushIfFull();
  }

  #flushIfFull(): void {
    const { rows, gone, large, emptyFolders } = this.#batch;
    if (rows.length + gone.length + large.length + emptyFolders.length >= BATCH_ROWS) this.#flush(false);
  }

  #flush(done: boolean): void {
    const batch = this.#batch;
    this.#batch = emptyBatch();
    this.#tell({ ...batch, done });
  }
}

const statsOf = (path: string, stats: Stats, phase: number): Pick<SourceRow, 'path' | 'phase' | 'mtime' | 'exec'> => ({
  path,
  phase,
  // times before 1970 are rounded down as well
  mtime: Math.floor(stats.mtimeMs),
  exec: (stats.mode & 0o100) !== 0,
});
