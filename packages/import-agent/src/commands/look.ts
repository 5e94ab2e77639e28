/** `status`, `history`, `missing`: commands that only look, also while the daemon works. */
import { worstStatus } from '@gapferry/bundle-format/errors';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { Command, Context, JSONish, Result } from '@gapferry/station/command/command';
import { formatBytes } from '@gapferry/station/format/bytes';
import { formatAge } from '@gapferry/station/format/durations';
import { formatTable } from '@gapferry/station/format/table';
import { loadImportConfig } from '../configuration/load.ts';
import type { ImportConfig } from '../configuration/schema.ts';
import type { OfferRecord } from '../journal/bundles.ts';
import type { Journal } from '../journal/journal.ts';
import { newestFirst } from '../publishing/newest.ts';
import { readTrust } from '../trust/file.ts';
import { trustedExporters } from '../trust/store.ts';
import { configPath, readOnlyJournal } from './open-world.ts';

export const statusCommand: Command = {
  name: 'status',
  says: 'what is published, how old it is, what waits and why',
  run: (_, context) => look(context, status),
};
export const historyCommand: Command = {
  name: 'history',
  says: 'what was published, refused and adopted, newest first',
  options: [{ flags: '--limit <n>', says: 'how many entries (default 50)' }],
  run: (input, context) => look(context, (_, journal) => history(journal, Number(input.text('limit') ?? 50))),
};
export const missingCommand: Command = {
  name: 'missing',
  says: 'the objects that a repository waits for, each with path, size and digest',
  run: (_, context) => look(context, missing),
};

function look(context: Context, show: (config: ImportConfig, journal: Journal | undefined) => Result): Result {
  const config = loadImportConfig(configPath(context.config));
  const journal = readOnlyJournal(config);
  try {
    return show(config, journal);
  } finally {
    journal?.close();
  }
}

const columns = (...titles: string[]): { title: string }[] => titles.map((title) => ({ title }));

/** The newest offer that is not published. */
function waitingOffer(config: ImportConfig, journal: Journal, repository: string): OfferRecord | undefined {
  return newestFirst(journal.bundles.openOffers(repository), readTrust(config.trust))[0];
}

function status(config: ImportConfig, journal: Journal | undefined): Result {
  const now = new Date();
  const rows = [...config.repositories].map(([name, { preset }]) => {
    const published = journal?.bundles.published(name);
    const open = journal === undefined ? undefined : waitingOffer(config, journal, name);
    return { name, preset, published, open };
  });
  const receipts = (journal?.receipts.newest() ?? []).map(({ number, exporter, delivered }) => ({
    number,
    exporter,
    delivered,
  }));
  const json: JSONish = {
    site: config.site,
    trusted: trustedExporters(readTrust(config.trust)),
    repositories: rows.map(({ name, preset, published, open }) => ({
      name,
      preset,
      published:
        published === undefined
          ? null
          : { ...published, ageSeconds: Math.floor((now.getTime() - Date.parse(published.created)) / 1000) },
      open:
        open === undefined
          ? null
          : { snapshot: open.snapshot, sequence: open.sequence, state: open.state, code: open.code, says: open.says },
    })),
    receipts,
  };
  const table = rows.map(({ name, preset, published, open }) => [
    name,
    preset,
    published === undefined ? '-' : String(published.snapshot),
    published === undefined ? 'nothing yet' : formatAge(new Date(published.created), now),
    open === undefined ? '' : `snapshot ${open.snapshot} ${open.state}${open.says === null ? '' : `: ${open.says}`}`,
  ]);
  const owed = receipts
    .filter(({ delivered }) => delivered === null)
    .map(({ number }) => `receipt ${number} waits for a medium`);
  return {
    status: 0,
    json,
    lines: [
      `site ${config.site}`,
      '',
      ...formatTable(columns('repository', 'preset', 'snapshot', 'made', 'waiting'), table),
      ...owed,
    ],
  };
}

function history(journal: Journal | undefined, limit: number): Result {
  const entries = journal?.history(Number.isSafeInteger(limit) && limit > 0 ? limit : 50) ?? [];
  const rows = entries.map((one) => [
    one.at,
    one.event,
    one.repository ?? '',
    one.snapshot === null ? '' : String(one.snapshot),
    one.sequence === null ? '' : String(one.sequence),
    one.code ?? (one.bytes === null ? '' : `${one.files ?? 0} paths, ${formatBytes(one.bytes)}`),
  ]);
  const table = formatTable(columns('at', 'event', 'repository', 'snapshot', 'bundle', 'what'), rows);
  return {
    status: 0,
    json: entries.map((one) => ({ ...one })),
    lines: entries.length === 0 ? ['nothing has happened yet'] : table,
  };
}

interface MissingList {
  readonly repository: string;
  readonly snapshot: number;
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: Sha256 }[];
}

function missing(config: ImportConfig, journal: Journal | undefined): Result {
  const lists =
    journal === undefined ? [] : [...config.repositories.keys()].flatMap((name) => missingIn(config, journal, name));
  const lines = lists.flatMap(({ repository, snapshot, files }) => [
    `${repository}: snapshot ${snapshot} waits for ${files.length} ${files.length === 1 ? 'file' : 'files'}`,
    ...files.map(({ path, size, sha256 }) => `  ${sha256}  ${String(size).padStart(12)}  ${path}`),
  ]);
  return {
    status: worstStatus(lists.length === 0 ? [0] : [5]),
    json: lists.map(({ repository, snapshot, files }) => ({
      repository,
      snapshot,
      files: files.map((file) => ({ ...file })),
    })),
    lines: lists.length === 0 ? ['nothing is missing'] : lines,
  };
}

function missingIn(config: ImportConfig, journal: Journal, repository: string): MissingList[] {
  const open = waitingOffer(config, journal, repository);
  const target = open === undefined ? undefined : journal.targetOf(open);
  if (open === undefined || target === undefined) return [];
  const files = [...journal.inventories.missing(target.inventory)];
  return files.length === 0 ? [] : [{ repository, snapshot: open.snapshot, files }];
}
