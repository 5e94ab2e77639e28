/**
 * Takes in one receipt: signature → statement → decision → companions → one transaction. A bad one is told and audited, and moves nothing.
 */

import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Damaged, GapferryError, Refused } from '@gapferry/bundle-format/errors';
import {
  type Companion,
  HOLDS_SUFFIX,
  MISSING_SUFFIX,
  parseReceipt,
  readDigestList,
  type Receipt,
} from '@gapferry/bundle-format/receipt';
import { type Sha256, sha256Of } from '@gapferry/bundle-format/sha256';
import { parsePublicKey, verifySignatures } from '@gapferry/bundle-format/signature';
import { makeFolder, removeDurably, writeDurably } from '@gapferry/station/files/durable';
import type { Ledger } from '../ledger/ledger.ts';
import type { SiteRecord } from '../ledger/records.ts';
import { spoolFolder } from '../source/spool.ts';
import type { World } from '../world.ts';
import { decideReceipt, type KnownBundle, type KnownExporter, settle } from './decide.ts';

/** Where a receipt comes from. `fetch` lays a companion into a file of this machine, exactly `bytes` long. */
export interface OfferedReceipt {
  readonly site: string;
  /** For sentences: where it lies. */
  readonly what: string;
  readonly json: Uint8Array;
  readonly signature: Uint8Array | undefined;
  readonly fetch: (suffix: '.holds' | '.missing', bytes: number, to: string) => Promise<void>;
}

export type TakenReceipt =
  | {
      readonly site: string;
      readonly outcome: 'accepted';
      readonly number: number;
      readonly held: number;
      readonly missing: number;
      readonly settled: readonly number[];
    }
  | { readonly site: string; readonly outcome: 'known' | 'older'; readonly number: number }
  | { readonly site: string; readonly outcome: 'not enrolled' }
  | { readonly site: string; readonly outcome: 'refused'; readonly code: string; readonly says: string };

function* chunksOf(path: string): Generator<Uint8Array> {
  const fd = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(1 << 20);
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) yield buffer.slice(0, got);
  } finally {
    closeSync(fd);
  }
}

const assertCompanion = async (path: string, companion: Companion, what: string): Promise<void> => {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) if (chunk instanceof Uint8Array) digest.update(chunk);
  if (digest.digest('hex') !== companion.sha256)
    throw new Damaged('HASH_MISMATCH', `${what}: its bytes are not the signed ones`, { facts: { file: what } });
};

/** Reads a companion, and makes sure that it has as many rows as the receipt says. */
function* digestsIn(path: string, companion: Companion, what: string): Generator<Sha256> {
  let rows = 0;
  for (const digest of readDigestList(chunksOf(path), what)) {
    rows++;
    yield digest;
  }
  if (rows !== companion.rows)
    throw new Damaged('LENGTH_MISMATCH', `${what}: has ${rows} rows, signed are ${companion.rows}`, {
      facts: { file: what },
    });
}

const knownBundles = (ledger: Ledger, site: SiteRecord): Map<number, KnownBundle> => {
  const known = new Map<number, KnownBundle>();
  for (const { sequence, road } of ledger.bundles.sentTo(site.id)) {
    const manifest = ledger.bundles.find(sequence)?.manifest;
    if (manifest !== undefined && manifest !== null) known.set(sequence, { sequence, manifest, road });
  }
  return known;
};

const invalid = (offered: OfferedReceipt, why: string): Refused =>
  new Refused('RECEIPT_INVALID', `${offered.what}: ${why}`, { facts: { site: offered.site, file: offered.what } });

/** Bytes whose signature by the enrolled key is good, as a statement. @throws Refused RECEIPT_INVALID and what the format refuses */
const readReceipt = (offered: OfferedReceipt, key: string): Receipt => {
  const files = offered.signature === undefined ? [] : [{ name: `${offered.what}.minisig`, bytes: offered.signature }];
  const { bytes } = verifySignatures(offered.what, offered.json, files, [
    parsePublicKey(key, `the key of ${offered.site}`),
  ]);
  return parseReceipt(bytes);
};

/** Our ledger came from a backup when a site knows more of us than it does: go on above. */
const goOnAbove = (world: World, receipt: Receipt): void => {
  const now = world.clock.now().toISOString();
  const highest = Math.max(0, ...receipt.bundles.map(({ sequence }) => sequence));
  if (world.ledger.bundles.raiseSequence(highest, now))
    world.log.warn(`the site ${receipt.site} knows bundle ${highest}, which this ledger does not: going on above it`, {
      site: receipt.site,
      sequence: highest,
    });
  for (const { name, offered, snapshot } of receipt.repositories)
    if (world.ledger.sources.raiseSnapshot(name, Math.max(offered ?? 0, snapshot ?? 0), now))
      world.log.warn(`the site ${receipt.site} knows a newer snapshot of ${name} than this ledger: going on above it`, {
        site: receipt.site,
        repository: name,
      });
};

const apply = async (
  world: World,
  site: SiteRecord,
  offered: OfferedReceipt,
  receipt: Receipt,
): Promise<TakenReceipt> => {
  const folder = join(spoolFolder(world.config.state), 'receipts');
  makeFolder(folder);
  const sha256 = sha256Of(offered.json);
  const [holds, missing] = [join(folder, `${site.name}${HOLDS_SUFFIX}`), join(folder, `${site.name}${MISSING_SUFFIX}`)];
  const what = { holds: `${offered.what}${HOLDS_SUFFIX}`, missing: `${offered.what}${MISSING_SUFFIX}` };
  await offered.fetch('.holds', receipt.holds.bytes, holds);
  await offered.fetch('.missing', receipt.missing.bytes, missing);
  await assertCompanion(holds, receipt.holds, what.holds);
  await assertCompanion(missing, receipt.missing, what.missing);
  keepEvidence(world, site.name, receipt, offered);

  const { settled, forks, after } = settle(receipt, knownBundles(world.ledger, site));
  const now = world.clock.now().toISOString();
  const counts = world.ledger.transaction(() => {
    const found = world.ledger.beliefs.replace(
      site.id,
      digestsIn(holds, receipt.holds, what.holds),
      digestsIn(missing, receipt.missing, what.missing),
      after,
    );
    world.ledger.sites.markReceipt(site, { ...receipt, sha256, received: now, ...found });
    for (const { sequence, sha256: manifest } of receipt.bundles) commitHeardOf(world, sequence, manifest, now);
    for (const { sequence, says } of settled) world.ledger.bundles.setRoad(sequence, site.id, 'settled', says);
    return found;
  });
  removeDurably(holds);
  removeDurably(missing);
  for (const sequence of forks) tellFork(world, site.name, sequence);
  goOnAbove(world, receipt);
  const sequences = settled.map(({ sequence }) => sequence);
  world.audit.append({
    event: 'receipt.accepted',
    site: site.name,
    number: receipt.number,
    epoch: receipt.epoch,
    sha256,
    ...counts,
    settled: sequences.map(String),
  });
  return { site: site.name, outcome: 'accepted', number: receipt.number, ...counts, settled: sequences };
};

/** A commit that was cut off here reached the site nevertheless. */
const commitHeardOf = (world: World, sequence: number, manifest: Sha256, now: string): void => {
  const bundle = world.ledger.bundles.find(sequence);
  if (bundle?.state === 'signing' && bundle.manifest === manifest) world.ledger.bundles.commit(sequence, now);
};

const keepEvidence = (world: World, site: string, receipt: Receipt, offered: OfferedReceipt): void => {
  const folder = join(world.config.state, 'evidence', 'receipts', site);
  makeFolder(folder);
  const base = join(folder, `${receipt.epoch.slice(0, 8)}-${String(receipt.number).padStart(8, '0')}.json`);
  writeDurably(base, offered.json);
  if (offered.signature !== undefined) writeDurably(`${base}.minisig`, offered.signature);
};

const tellFork = (world: World, site: string, sequence: number): void => {
  world.log.error(
    `the site ${site} knows another bundle ${sequence} than this ledger: somebody else signs with this key`,
    { site, sequence, code: 'FORK_DETECTED' },
  );
  world.audit.append({ event: 'receipt.fork', code: 'FORK_DETECTED', site, sequence });
};

const knownExporter = ({ exporter, ledger }: World): KnownExporter => ({
  id: exporter,
  sequence: ledger.bundles.highest(),
  snapshot: (repository) => ledger.sources.newestSnapshot(repository)?.number ?? 0,
});

const judge = async (world: World, site: SiteRecord, key: string, offered: OfferedReceipt): Promise<TakenReceipt> => {
  const receipt = readReceipt(offered, key);
  const known = { ...site, isRetired: (epoch: string) => world.ledger.sites.isRetired(site.id, epoch) };
  const decision = decideReceipt(known, knownExporter(world), receipt, sha256Of(offered.json));
  switch (decision.do) {
    case 'ignore':
      return { site: site.name, outcome: decision.why, number: receipt.number };
    case 'refuse':
      throw invalid(offered, decision.why);
    case 'apply':
      if (decision.newEpoch)
        world.log.warn(`the site ${site.name} began a new journal; its receipts count from now on`, {
          site: site.name,
        });
      return apply(world, site, offered, receipt);
  }
};

/**
 * Never throws for what is wrong with a receipt: that is an outcome, so that one bad receipt does not hold up an export.
 * @throws Unfit for what is wrong with this machine or the medium
 */
export const takeReceipt = async (world: World, offered: OfferedReceipt): Promise<TakenReceipt> => {
  const site = world.ledger.sites.find(offered.site);
  if (site === undefined || site.key === null) return { site: offered.site, outcome: 'not enrolled' };
  try {
    return await judge(world, site, site.key, offered);
  } catch (error) {
    if (!(error instanceof GapferryError) || (error.kind !== 'refused' && error.kind !== 'damaged')) throw error;
    return refuse(world, offered, error);
  }
};

/** The same bad file on the same stick is told once, not at every look. */
const told = new Set<string>();

const refuse = (world: World, offered: OfferedReceipt, error: GapferryError): TakenReceipt => {
  const sha256 = sha256Of(offered.json);
  const says = `${offered.what}: this receipt moves nothing: ${error.message}`;
  if (!told.has(sha256)) {
    told.add(sha256);
    world.log.warn(says, { site: offered.site, code: 'RECEIPT_INVALID', because: error.code });
    world.audit.append({
      event: 'receipt.refused',
      code: 'RECEIPT_INVALID',
      because: error.code,
      site: offered.site,
      sha256,
      says: error.message,
    });
  }
  return { site: offered.site, outcome: 'refused', code: error.code, says };
};
