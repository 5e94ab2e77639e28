/**
 * One scan of one repository: threads walk and hash, the ledger takes in what they found. Nothing is asked of the ledger per unchanged file; each
 * thread compares its walk with the sorted table.
 */

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { errorFromJSON } from '@gapferry/bundle-format/errors';
import { comparePaths } from '@gapferry/bundle-format/names';
import { entryBeside } from '@gapferry/station/media/process';
import type { SourceRow } from '../ledger/records.ts';
import type { Sources } from '../ledger/sources.ts';
import type { Findings, LargeFile, ScanAnswer, ScanJob, ScanSetting } from './messages.ts';
import { rangesAt, rangesByFolders, type PathRange } from './walk.ts';

/** So many rows may wait for the next transaction. */
const APPLY_ROWS = 5000;
const APPLY_MS = 2000;
const RANGES_PER_THREAD = 8;
/** Rows live for a moment; a young generation of the usual size would only hold more of them. */
const THREAD_MEMORY = { maxYoungGenerationSizeMb: 12 };

export interface ScanReport {
  /** Files and links that are carried. */
  readonly files: number;
  /** New or changed. */
  readonly changed: number;
  readonly gone: number;
  readonly hashedBytes: number;
  /** Metadata that is new, changed or gone: while there is any, content must be walked again. */
  readonly metadataChanged: number;
  /** Files that were written to while they were read. */
  readonly changing: readonly string[];
}

export interface ScanOptions {
  readonly threads?: number;
  /** True for a later walk of the same run. */
  readonly again?: boolean;
  readonly signal?: AbortSignal;
  /** bytes hashed since the last call */
  readonly onBytes?: (bytes: number) => void;
}

const rangesFor = (sources: Sources, setting: ScanSetting, threads: number): PathRange[] => {
  const cuts = sources.cuts(setting.repositoryId);
  return cuts.length > 0 ? rangesAt(cuts) : rangesByFolders(setting.root, threads * RANGES_PER_THREAD);
};

/** Collects findings and brings them into the ledger in a few transactions. */
class Intake {
  readonly #sources: Sources;
  readonly #repository: number;
  /** A later walk of the same run: most of what it hashes is known already. */
  readonly #again: boolean;
  #rows: SourceRow[] = [];
  #gone: string[] = [];
  #lastApply = performance.now();
  readonly emptyFolders: string[] = [];
  readonly changing: string[] = [];
  files = 0;
  changed = 0;
  gone = 0;
  hashedBytes = 0;
  metadataChanged = 0;

  constructor(sources: Sources, repository: number, again: boolean) {
    this.#sources = sources;
    this.#repository = repository;
    this.#again = again;
  }

  take(findings: Findings): void {
    this.#rows.push(...findings.rows);
    this.#gone.push(...findings.gone);
    this.emptyFolders.push(...findings.emptyFolders);
    this.changing.push(...findings.changing);
    this.files += findings.unchanged + findings.rows.length;
    const [metadata, content] = [
      findings.rows.filter(({ phase }) => phase > 0),
      findings.rows.filter(({ phase }) => phase === 0),
    ];
    const news = metadata.filter((row) => !this.#isKnown(row));
    this.changed += news.length + (this.#again ? content.filter((row) => !this.#isKnown(row)) : content).length;
    this.gone += findings.gone.length;
    this.hashedBytes += findings.hashedBytes;
    this.metadataChanged += news.length + findings.gone.filter((path) => this.#isMetadata(path)).length;
    this.#sources.keepDigests(findings.digests);
    const waiting = this.#rows.length + this.#gone.length;
    if (waiting >= APPLY_ROWS || (waiting > 0 && performance.now() - this.#lastApply > APPLY_MS)) this.apply();
  }

  #isMetadata(path: string): boolean {
    return (this.#sources.find(this.#repository, path)?.phase ?? 0) > 0;
  }

  /** Hashed again and found the same, as after a change within the tick of the clock. */
  #isKnown(row: SourceRow): boolean {
    const known = this.#sources.find(this.#repository, row.path);
    if (known === undefined || known.phase !== row.phase || known.kind !== row.kind || known.target !== row.target)
      return false;
    if (known.exec !== row.exec || known.mtime !== row.mtime) return false;
    return row.sha256 === known.sha256;
  }

  apply(): void {
    if (this.#rows.length + this.#gone.length > 0) this.#sources.apply(this.#repository, this.#rows, this.#gone);
    this.#rows = [];
    this.#gone = [];
    this.#lastApply = performance.now();
  }
}

/**
 * Hands out jobs to threads until none is left: ranges first, then what they found too large to read on the way. A thread is started only when
 * there is a job for it: a small repository needs one.
 */
class Crew {
  readonly #setting: ScanSetting;
  readonly #jobs: ScanJob[];
  readonly #large: LargeFile[] = [];
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #most: number;
  #busy = 0;
  readonly #intake: Intake;
  readonly #onBytes: (bytes: number) => void;
  #settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;

  constructor(
    setting: ScanSetting,
    ranges: readonly PathRange[],
    threads: number,
    intake: Intake,
    onBytes: (bytes: number) => void,
  ) {
    this.#setting = setting;
    this.#jobs = ranges.map((range): ScanJob => ({ job: 'range', range })).reverse();
    this.#most = threads;
    this.#intake = intake;
    this.#onBytes = onBytes;
  }

  async run(signal: AbortSignal | undefined): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
        signal?.throwIfAborted();
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        this.#employ();
      });
    } finally {
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    }
  }

  /** Gives jobs to idle threads, and starts threads while there are more jobs. */
  #employ(): void {
    while (this.#jobs.length + this.#large.length > 0) {
      const worker = this.#idle.pop() ?? this.#hire();
      if (worker === undefined) return;
      this.#give(worker);
    }
    if (this.#busy === 0) this.#settle?.resolve();
  }

  #hire(): Worker | undefined {
    if (this.#workers.length >= this.#most) return undefined;
    const worker = new Worker(entryBeside(import.meta.url, './scan-worker'), {
      workerData: this.#setting,
      resourceLimits: THREAD_MEMORY,
    });
    worker.on('message', (answer: ScanAnswer) => this.#guard(() => this.#hear(worker, answer)));
    worker.on('error', (error) => this.#settle?.reject(error));
    this.#workers.push(worker);
    return worker;
  }

  /** What goes wrong while an answer is taken in must end the scan, not the process. */
  #guard(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#settle?.reject(error);
    }
  }

  #hear(worker: Worker, answer: ScanAnswer): void {
    if ('error' in answer) throw errorFromJSON(answer.error);
    const { findings } = answer;
    this.#large.push(...findings.large);
    this.#intake.take(findings);
    if (findings.hashedBytes > 0) this.#onBytes(findings.hashedBytes);
    if (findings.done) {
      this.#busy--;
      this.#idle.push(worker);
    }
    this.#employ();
  }

  #give(worker: Worker): void {
    const large = this.#large.pop();
    const job: ScanJob | undefined = large === undefined ? this.#jobs.pop() : { job: 'large', file: large };
    if (job === undefined) return;
    this.#busy++;
    worker.postMessage(job);
  }
}

/**
 * Brings the ledger's files of one repository up to date.
 * @throws Refused PATH_*, ENTRY_TYPE; Incomplete NOT_READY; Unfit PERMISSION, LOCAL_IO, LOCAL_FULL; the reason of an abort
 */
export const scan = async (sources: Sources, setting: ScanSetting, options: ScanOptions = {}): Promise<ScanReport> => {
  const threads = options.threads ?? Math.max(1, Math.min(availableParallelism(), 4));
  const intake = new Intake(sources, setting.repositoryId, options.again ?? false);
  const crew = new Crew(
    setting,
    rangesFor(sources, setting, threads),
    threads,
    intake,
    options.onBytes ?? (() => undefined),
  );
  await crew.run(options.signal);
  intake.apply();
  sources.setEmptyFolders(setting.repositoryId, intake.emptyFolders.sort(comparePaths));
  if (intake.changed + intake.gone > 0) sources.recut(setting.repositoryId, threads * RANGES_PER_THREAD);
  const { files, changed, gone, hashedBytes, metadataChanged, changing } = intake;
  return { files, changed, gone, hashedBytes, metadataChanged, changing };
};
