/** Issues receipts: first the companions, durably; then, in one transaction, the number and every value; then the signature. Repeating it gives the same bytes. */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RECEIPTS, receiptName, SIGNATURE_SUFFIX } from '@gapferry/bundle-format/layout';
import { type Companion, encodeReceipt, HOLDS_SUFFIX, MISSING_SUFFIX } from '@gapferry/bundle-format/receipt';
import { Sha256Stream } from '@gapferry/bundle-format/sha256';
import { signStatement } from '@gapferry/bundle-format/signature';
import { makeFolder, syncFolder, writeDurably } from '@gapferry/station/files/durable';
import { withFaults } from '@gapferry/station/files/fault';
import type { IssuedReceipt } from '../journal/receipts.ts';
import type { Target } from '../journal/inventories.ts';
import { isoSeconds } from '../trust/admission.ts';
import { receiptsOf, type World } from '../world.ts';
import { bundleReceipt, BUNDLES_IN_RECEIPT, composeReceipt, type RepositoryFacts } from './compose.ts';

/** Local copies of receipts that are kept beside the newest. */
const KEPT_LOCALLY = 20;
/** Receipts of ours that stay on a medium. */
const KEPT_ON_MEDIUM = 2;

/** @param targets what the site is waiting for: their objects are the ones that are missing */
export function issueReceipt(world: World, exporter: string, targets: readonly Target[]): IssuedReceipt {
  const { journal, config } = world;
  const folder = receiptsOf(config);
  makeFolder(folder);
  const holds = layList(join(folder, `next${HOLDS_SUFFIX}`), journal.holdings.digestLines());
  const missing = layList(join(folder, `next${MISSING_SUFFIX}`), journal.inventories.missingDigestLines(targets));
  const receipt = journal.receipts.issue(exporter, isoSeconds(world.now()), (number) => {
    const document = encodeReceipt(composeReceipt({ ...factsFor(world, exporter), number, holds, missing }));
    renameSync(join(folder, `next${HOLDS_SUFFIX}`), join(folder, companionName(number, HOLDS_SUFFIX)));
    renameSync(join(folder, `next${MISSING_SUFFIX}`), join(folder, companionName(number, MISSING_SUFFIX)));
    syncFolder(folder);
    return document;
  });
  signReceipt(world, receipt);
  tidy(folder, receipt.number);
  return receipt;
}

const companionName = (number: number, suffix: string): string => receiptName(number).replace(/\.json$/, suffix);

function signReceipt({ secretKey, config }: World, { number, document }: IssuedReceipt): void {
  const path = join(receiptsOf(config), receiptName(number));
  writeDurably(path, document);
  writeDurably(
    path + SIGNATURE_SUFFIX,
    signStatement(document, secretKey, `receipt of ${config.site}, number ${number}`),
  );
}

function factsFor(
  { config, journal }: World,
  exporter: string,
): Pick<Parameters<typeof composeReceipt>[0], 'site' | 'exporter' | 'epoch' | 'repositories' | 'bundles'> {
  const bundles = journal.bundles
    .ofExporter(exporter, BUNDLES_IN_RECEIPT)
    .map(({ id, manifest, sequence }) => bundleReceipt(manifest, sequence, journal.bundles.offersOf(id)));
  const refused = journal.bundles
    .refusals(exporter, BUNDLES_IN_RECEIPT)
    .map(({ sequence, manifest, code }) => ({ sequence, sha256: manifest, state: 'refused', code }) as const);
  const repositories = [...config.repositories.keys()].map((name): RepositoryFacts => ({
    name,
    published: journal.bundles.published(name),
    offers: journal.bundles
      .offersFor(name, 100)
      .filter((offer) => offer.exporter === exporter && offer.state !== 'refused'),
  }));
  return {
    site: config.site,
    exporter,
    epoch: journal.receipts.epoch(),
    repositories,
    bundles: [...bundles, ...refused],
  };
}

function layList(path: string, lines: Iterable<string>): Companion {
  return withFaults({ where: 'machine', doing: 'write', what: path }, () => {
    const hash = new Sha256Stream();
    const fd = openSync(path, 'w', 0o600);
    try {
      for (const portion of lines) {
        const chunk = Buffer.from(portion, 'latin1');
        hash.update(chunk);
        for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at, chunk.length - at);
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return { bytes: hash.bytes, sha256: hash.digest(), rows: hash.bytes / 65 };
  });
}

/** Older local copies go; evidence of what was said stays in the journal. */
function tidy(folder: string, newest: number): void {
  for (const name of readdirSync(folder)) {
    const number = Number(/^(\d{8,16})\./.exec(name)?.[1] ?? Number.NaN);
    if (number <= newest - KEPT_LOCALLY) rmSync(join(folder, name), { force: true });
  }
}

/** The files of a receipt in the order in which they go onto a medium: the signature last. */
export function receiptFiles({ config }: World, number: number): { from: string; name: string }[] {
  const folder = receiptsOf(config);
  const name = receiptName(number);
  return [
    companionName(number, HOLDS_SUFFIX),
    companionName(number, MISSING_SUFFIX),
    name,
    name + SIGNATURE_SUFFIX,
  ].map((one) => ({ from: join(folder, one), name: one }));
}

export const receiptFolder = (site: string): string => `${RECEIPTS}/${site}`;

/** What of ours may stay on the medium besides a new receipt. */
export const keptOnMedium = (numbers: readonly number[]): string[] =>
  numbers.slice(0, KEPT_ON_MEDIUM).flatMap((number) => {
    const name = receiptName(number);
    return [name, name + SIGNATURE_SUFFIX, companionName(number, HOLDS_SUFFIX), companionName(number, MISSING_SUFFIX)];
  });

/** After a crash between transaction and signature: made again, byte for byte. */
export function completeReceipt(world: World, receipt: IssuedReceipt): boolean {
  const [holds, missing, document, signature] = receiptFiles(world, receipt.number).map(({ from }) => from);
  if (holds === undefined || missing === undefined || document === undefined || signature === undefined) return false;
  if (!existsSync(holds) || !existsSync(missing)) return false;
  if (!existsSync(document) || !existsSync(signature)) signReceipt(world, receipt);
  return true;
}
