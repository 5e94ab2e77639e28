/**
 * Takes a snapshot of one repository: metadata frozen first, content scanned, references checked, inventory written.
 *
 * Why a walk is repeated: metadata that was frozen can only name files that are there if the content is looked at *after* the freezing. One walk freezes
 * changed metadata and hashes changed content at once; so as long as a walk met metadata that differed from what was frozen, another one follows. A
 * walk that meets none ran entirely while that metadata was current. Nothing changed: one walk. Changed metadata: two, and the second
 * hashes only what came in between.
 */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Incomplete } from '@gapferry/bundle-format/errors';
import { assertClosed, checkClosure, type Preset, toolDecompressor } from '@gapferry/repository';
import type { Snapshot } from '../ledger/records.ts';
import type { Repository, Sources } from '../ledger/sources.ts';
import { isUnchanged } from './compare.ts';
import type { ExtraAlgorithm } from './hash-file.ts';
import { hasInventory, writeInventory } from './inventory.ts';
import { requireReady, requireSource } from './ready.ts';
import { scan, type ScanReport } from './scan.ts';
import { isFrozen, openSpool, type Spool, tidySpool } from './spool.ts';
import { ledgerView } from './view.ts';

/** After so many walks somebody is writing all the time. */
const MOST_WALKS = 6;
const WAIT_MS = 500;

export interface SourceSetting {
  readonly name: string;
  readonly root: string;
  readonly preset: Preset;
  /** SHA-256 of the preset as data. */
  readonly presetDigest: string;
}

export interface TakenSnapshot {
  readonly id: number;
  readonly setting: SourceSetting;
  readonly snapshot: Snapshot;
  readonly scanned: {
    readonly files: number;
    /** New or changed since the newest snapshot that left in a bundle, whatever other runs saw meanwhile. */
    readonly changed: number;
    /** Likewise. */
    readonly gone: number;
    readonly hashedBytes: number;
  };
  /** What an administrator should know although nothing is refused. */
  readonly notes: readonly string[];
}

export interface SnapshotOptions {
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly now: Date;
  readonly onBytes?: (bytes: number) => void;
}

/** Digests that checkers ask for beside SHA-256, cheapest to make in the first pass. */
const EXTRA: Readonly<Record<Preset['closure']['checker'], readonly ExtraAlgorithm[]>> = {
  none: [],
  apt: [],
  npm: ['sha512'],
};

/** Metadata whose file is no longer the one that was frozen, or whose frozen copy is lost. */
const staleMetadata = (sources: Sources, id: number, root: string, spool: Spool): string[] => {
  const stale: string[] = [];
  for (const row of sources.metadata(id)) {
    const stats = lstatSync(join(root, row.path), { throwIfNoEntry: false });
    const same = stats !== undefined && (row.stamp === null || isUnchanged(row, stats));
    if (!same || (row.sha256 !== null && !isFrozen(spool, row.sha256))) stale.push(row.path);
  }
  return stale;
};

/** What is not mounted looks like a folder from which everything was deleted, and must never reach a site as such. */
const requireFilled = (sources: Sources, id: number, { name, root, preset }: SourceSetting, files: number): void => {
  const [metadata] = preset.metadata.length === 0 ? [true] : sources.metadata(id);
  if (files > 0 && metadata !== undefined) return;
  const lacks = files > 0 ? `has no metadata of the preset ${preset.name}` : 'has no file that is carried';
  throw new Incomplete('NOT_READY', `${name}: ${root} ${lacks}`, {
    facts: { repository: name, root },
    hint: 'mount the source, or mend its path; to stop carrying a repository, take it out of the configuration',
  });
};

const walkUntilQuiet = async (
  state: string,
  sources: Sources,
  repository: Repository,
  setting: SourceSetting,
  options: SnapshotOptions,
) => {
  const spool = openSpool(state, setting.name);
  let hashedBytes = 0;
  let restless: string | undefined;
  for (let walks = 1; walks <= MOST_WALKS; walks++) {
    options.signal?.throwIfAborted();
    if (walks > 1) requireSource(setting.name, setting.root, setting.preset);
    requireReady(setting.name, setting.root, setting.preset);
    const report: ScanReport = await scan(
      sources,
      {
        state,
        root: setting.root,
        repository: setting.name,
        repositoryId: repository.id,
        preset: setting.preset,
        extra: EXTRA[setting.preset.closure.checker],
      },
      { ...options, again: walks > 1 },
    );
    hashedBytes += report.hashedBytes;
    // a walk that hashed much took long: look at the metadata once more, and always see that the frozen copies are there
    const stale = report.metadataChanged === 0 ? staleMetadata(sources, repository.id, setting.root, spool) : [];
    for (const path of stale) sources.forget(repository.id, path);
    restless = report.changing[0] ?? stale[0];
    if (report.metadataChanged === 0 && restless === undefined) {
      requireReady(setting.name, setting.root, setting.preset);
      requireFilled(sources, repository.id, setting, report.files);
      return { files: report.files, hashedBytes, spool };
    }
    if (walks > 1 || restless !== undefined)
      await sleep(WAIT_MS * walks, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
  throw new Incomplete(
    'SOURCE_CHANGED',
    `${setting.name}: ${restless ?? 'its metadata'} kept changing while it was read`,
    {
      facts: { repository: setting.name, path: restless ?? null },
    },
  );
};

/**
 * @throws Incomplete NOT_READY, SOURCE_CHANGED; Refused PATH_*, ENTRY_TYPE, META_*; Unfit PERMISSION, LOCAL_IO, LOCAL_FULL
 */
export const takeSnapshot = async (
  state: string,
  sources: Sources,
  setting: SourceSetting,
  options: SnapshotOptions,
): Promise<TakenSnapshot> => {
  requireSource(setting.name, setting.root, setting.preset); // before the ledger hears of anything
  const repository = sources.repository(setting.name, setting.root, setting.presetDigest);
  const { spool, ...walked } = await walkUntilQuiet(state, sources, repository, setting, options);
  const scanned = { ...walked, ...sources.changesSinceExport(repository.id, walked.files) };

  const newest = sources.newestSnapshot(setting.name);
  if (
    newest !== undefined &&
    !sources.isDirty(repository.id) &&
    repository.closed === newest.sha256 &&
    hasInventory(state, setting.name, newest)
  )
    return { id: repository.id, setting, snapshot: newest, scanned, notes: [] };

  const inventory = writeInventory(state, setting.name, repository.id, sources);
  const notes = await closeReferences(sources, repository, setting, spool, options.now, inventory.sha256);
  const snapshot = sources.recordSnapshot(setting.name, inventory, options.now.toISOString());
  tidySpool(spool, frozenNames(sources, repository.id));
  return { id: repository.id, setting, snapshot, scanned, notes };
};

const closeReferences = async (
  sources: Sources,
  repository: Repository,
  setting: SourceSetting,
  spool: Spool,
  now: Date,
  inventory: Snapshot['sha256'],
): Promise<readonly string[]> => {
  if (repository.closed === inventory) return [];
  const view = ledgerView(sources, repository.id, setting.root, spool);
  const report = await checkClosure(setting.preset, view, { now, decompress: toolDecompressor() });
  assertClosed(setting.name, report);
  sources.markClosed(repository.id, inventory);
  return report.notes;
};

const frozenNames = (sources: Sources, id: number): Set<string> => {
  const names = new Set<string>();
  for (const { sha256 } of sources.metadata(id)) if (sha256 !== null) names.add(sha256);
  return names;
};
