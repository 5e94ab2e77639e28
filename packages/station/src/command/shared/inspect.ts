/** `inspect BUNDLE [--list] [--key FILE…]`: what a bundle says of itself. Without a key nothing of it is proven, and that is said. */
import { Misused } from '@gapferry/bundle-format/errors';
import type { InventoryRow } from '@gapferry/bundle-format/inventory';
import { type Command, type Context, type Input, JSONRows, type JSONish, type Result } from '../command.ts';
import { laidRows } from './documents.ts';
import { type BundleReport, reportLines, reportToJSON } from './report.ts';
import { type BundleMedium, keyTexts, makeSpool, type Spool, withMedium } from './session.ts';

interface Inspected {
  readonly report: BundleReport;
  /** Holds the inventories when they are to be listed. */
  readonly spool: Spool | undefined;
}

const inspectOne = async (
  medium: BundleMedium,
  folder: string,
  keys: readonly string[] | null,
  list: boolean,
): Promise<Inspected> => {
  const spool = list ? makeSpool() : undefined;
  try {
    return { report: await medium.ask('inspect', { folder, keys, spool: spool?.path ?? null }), spool };
  } catch (error) {
    spool?.remove();
    throw error;
  }
};

/** Every path with its repository, in the order of the inventories. */
const rowsOf = function* ({ report, spool }: Inspected): Generator<{ repository: string; row: InventoryRow }> {
  if (spool === undefined) return;
  for (const [n, { name }] of report.statement.repositories.entries()) {
    for (const row of laidRows(spool.path, n)) yield { repository: name, row };
  }
};

const NO_DIGEST = '-'.padEnd(64);

/** <sha256>  <bytes>  <repository>/<path>, readable by `cut` and `awk`. */
const rowLine = (repository: string, row: InventoryRow): string => {
  const path = `${repository}/${row.path}`;
  if (row.type === 'file') return `${row.sha256}  ${String(row.size).padStart(12)}  ${path}`;
  return `${NO_DIGEST}  ${'-'.padStart(12)}  ${row.type === 'link' ? `${path} -> ${row.target}` : `${path}/`}`;
};

const listLines = function* (inspected: Inspected): Generator<string> {
  if (inspected.spool === undefined) return;
  yield '';
  for (const { repository, row } of rowsOf(inspected)) yield rowLine(repository, row);
};

const linesOf = function* (all: readonly Inspected[]): Generator<string> {
  for (const [n, inspected] of all.entries()) {
    if (n > 0) yield '';
    yield* reportLines(inspected.report);
    yield* listLines(inspected);
  }
};

const listJSON = function* (inspected: Inspected): Generator<JSONish> {
  for (const { repository, row } of rowsOf(inspected)) yield { repository, ...row };
};

const jsonOf = (inspected: Inspected): JSONish => ({
  ...reportToJSON(inspected.report),
  files: inspected.spool === undefined ? undefined : new JSONRows(listJSON(inspected)),
});

const run = async (input: Input, context: Context): Promise<Result> => {
  const path = input.argument(0);
  if (path === undefined) throw new Misused('USAGE', 'no bundle was given');
  const keyFiles = input.list('key');
  const keys = keyFiles.length === 0 ? null : keyTexts(keyFiles);
  const inspected: Inspected[] = [];
  const release = (): void => inspected.forEach(({ spool }) => spool?.remove());
  try {
    await withMedium(path, context, async (medium) => {
      for (const folder of await medium.ask('find', { path }))
        inspected.push(await inspectOne(medium, folder, keys, input.flag('list')));
    });
  } catch (error) {
    release();
    throw error;
  }
  return { status: 0, json: { bundles: inspected.map(jsonOf) }, lines: linesOf(inspected), release };
};

export const inspectCommand: Command = {
  name: 'inspect',
  says: 'show what a bundle says of itself, without trusting it',
  arguments: [{ name: '<bundle>', says: 'bundle folder, or a medium with bundles' }],
  options: [
    { flags: '--list', says: 'list every path of the repositories with its size and SHA-256' },
    { flags: '--key <file...>', says: 'check the signature with the public key of the exporter' },
  ],
  examples: ['inspect /media/usb', 'inspect /media/usb --list --key exporter.pub'],
  run,
};
