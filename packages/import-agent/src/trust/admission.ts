/**
 * The admission policy: whether a bundle whose signature is good may be taken in here, and which of its repositories (DESIGN section 5.1).
 * Pure: what the site knows comes in as an argument, and the time is a value that is fixed once for each import.
 *
 * A rule about the whole bundle refuses it by throwing. A rule about one repository refuses that one, and the others go on; only
 * when none is left the bundle is refused. Repositories that this site does not carry are named and left out: a bundle for several sites bears
 * what only some of them have.
 */
import { type ErrorFacts, type GapferryError, Refused } from '@gapferry/bundle-format/errors';
import type { Manifest, RepositoryStatement } from '@gapferry/bundle-format/manifest';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { lineageOf, type TrustedKey, type TrustStore } from './store.ts';

declare const proof: unique symbol;
/** A manifest that this site may act on. Made only by `admitManifest`. */
export type AdmittedManifest = Manifest & { readonly [proof]: 'admitted' };

export interface SiteRepository {
  readonly preset: string;
  /** Settings that must fit where both sides state them. */
  readonly facts: ReadonlyMap<string, string>;
}

export interface Published {
  readonly exporter: string;
  readonly snapshot: number;
  readonly inventory: Sha256;
}

/** What this site remembers of earlier bundles. */
export interface Memory {
  /** The manifest known under a number: one that was admitted, or one that a later bundle named as its predecessor. */
  bundle(exporter: string, sequence: number): Sha256 | undefined;
  /** 0 when none was ever admitted. */
  highestSequence(exporter: string): number;
  /** The inventory of a snapshot that was admitted. */
  snapshot(exporter: string, repository: string, snapshot: number): Sha256 | undefined;
  /** 0 when none was ever admitted. */
  highestSnapshot(exporter: string, repository: string): number;
  published(repository: string): Published | undefined;
  /** Have two bundles of this exporter contradicted each other? */
  hasForked(exporter: string): boolean;
  /** The latest `created` of an admitted bundle. */
  readonly newestCreated: string | undefined;
  /** Was this very manifest admitted before? Expiry is judged once. */
  wasAdmitted(manifest: Sha256): boolean;
}

export interface AdmissionPolicy {
  /** Fixed once for each import. */
  readonly now: Date;
  readonly site: string;
  readonly repositories: ReadonlyMap<string, SiteRepository>;
  readonly trust: TrustStore;
  /** Keys of the store whose signature over the manifest is good, revoked ones among them. At least one. */
  readonly signers: readonly TrustedKey[];
  /** Identity of the manifest. */
  readonly sha256: Sha256;
  readonly memory: Memory;
}

/** What becomes of one repository of an admitted bundle. */
export type Verdict =
  | { readonly do: 'take' }
  | { readonly do: 'nothing'; readonly because: 'published' | 'superseded' }
  | { readonly do: 'skip' }
  | { readonly do: 'refuse'; readonly error: GapferryError };

export interface Offer {
  readonly repository: RepositoryStatement;
  readonly verdict: Verdict;
}

export interface Admission {
  readonly manifest: AdmittedManifest;
  readonly offers: readonly Offer[];
}

/** An exporter whose clock goes wrong by less is not worth an alarm. */
export const CLOCK_SKEW_MS: number = 2 * 24 * 60 * 60 * 1000;
/** Nobody carries a bundle for so long: rather the clock is wrong than the bundle old. */
const CLOCK_FAR_MS = 366 * 24 * 60 * 60 * 1000;
/** No bundle is older than the format: a clock before this was never set. */
const CLOCK_FLOOR_MS = Date.UTC(2026, 0, 1);

/**
 * The only door to an AdmittedManifest.
 * @throws Refused KEY_REVOKED, WRONG_EXPORTER, WRONG_SITE, FORK_DETECTED, SEQ_INVALID, SEQUENCE_ROLLBACK, REPOSITORY_UNKNOWN, PRESET_DIFFERS,
 *   FACTS_DIFFER, KEY_SCOPE, EXPIRED, CREATED_IN_FUTURE, CLOCK_SUSPECT
 */
export function admitManifest(manifest: Manifest, policy: AdmissionPolicy): Admission {
  for (const rule of BUNDLE_RULES) rule(manifest, policy);
  const offers = manifest.repositories.map((repository) => ({
    repository,
    verdict: judge(manifest, repository, policy),
  }));
  refuseIfNothingIsLeft(manifest, offers);
  if (offers.some(({ verdict }) => verdict.do === 'take') && !policy.memory.wasAdmitted(policy.sha256))
    checkTimes(manifest, policy);
  return { manifest: manifest as AdmittedManifest, offers };
}

type BundleRule = (manifest: Manifest, policy: AdmissionPolicy) => void;

const BUNDLE_RULES: readonly BundleRule[] = [checkSigner, checkSite, checkForks, checkForkedBefore, checkSequence];

function checkSigner({ exporter }: Manifest, { signers }: AdmissionPolicy): void {
  const good = validSigners(signers);
  if (good.length === 0) {
    const [first] = signers;
    throw new Refused(
      'KEY_REVOKED',
      `the only key that signed was revoked here on ${first?.revoked ?? 'an unknown day'}`,
      {
        facts: { exporter: first?.exporter ?? null },
      },
    );
  }
  if (!good.some((key) => key.exporter === exporter)) {
    const [first] = good;
    throw new Refused(
      'WRONG_EXPORTER',
      `the bundle names the exporter ${exporter}, but was signed by a key of ${first?.exporter ?? 'nobody'}`,
      {
        facts: { named: exporter, signed: good.map((key) => key.exporter) },
      },
    );
  }
}

const validSigners = (signers: readonly TrustedKey[]): readonly TrustedKey[] =>
  signers.filter((key) => key.revoked === null);

function checkSite({ sites }: Manifest, { site }: AdmissionPolicy): void {
  if (sites.includes(site)) return;
  throw new Refused('WRONG_SITE', `the bundle is for ${sites.join(', ') || 'no site'}, this is ${site}`, {
    facts: { site, sites },
  });
}

/** One number, one bundle, for ever: of this bundle, and of the one that it follows. */
function checkForks({ exporter, sequence, previous }: Manifest, { memory, sha256 }: AdmissionPolicy): void {
  mustAgree(exporter, sequence, memory.bundle(exporter, sequence), sha256);
  if (previous !== null)
    mustAgree(exporter, previous.sequence, memory.bundle(exporter, previous.sequence), previous.sha256);
}

function mustAgree(exporter: string, sequence: number, known: Sha256 | undefined, shown: Sha256): void {
  if (known === undefined || known === shown) return;
  throw new Refused('FORK_DETECTED', `two different bundles of ${exporter} bear the number ${sequence}`, {
    facts: { exporter, sequence, known, shown },
  });
}

/** Which of two histories is the true one, no program can tell: whatever comes after them waits for a person. What was admitted before goes on. */
function checkForkedBefore({ exporter, sequence }: Manifest, { memory, sha256 }: AdmissionPolicy): void {
  if (!memory.hasForked(exporter) || memory.wasAdmitted(sha256)) return;
  throw new Refused(
    'FORK_DETECTED',
    `bundle ${sequence} is held: two different bundles of ${exporter} bore one number before`,
    {
      facts: { exporter, sequence },
      hint: 'find out which exporter is the true one; then revoke its key with `trust revoke` and enrol a new one with `trust add FILE --fingerprint F --replaces OLD`',
    },
  );
}

/** Beyond this no exporter comes by counting: a number near the end of all numbers would shut out every later bundle. */
const MOST_JUMPED = 1_000_000;

function checkSequence({ exporter, sequence }: Manifest, { memory }: AdmissionPolicy): void {
  mustBeNear(`the bundle of ${exporter} bears the number`, sequence, memory.highestSequence(exporter), {
    exporter,
    sequence,
  });
}

function checkSnapshot(
  { exporter }: Manifest,
  { name, snapshot }: RepositoryStatement,
  { memory }: AdmissionPolicy,
): void {
  mustBeNear(`the repository ${name} has the snapshot`, snapshot, memory.highestSnapshot(exporter, name), {
    exporter,
    repository: name,
    snapshot,
  });
}

function mustBeNear(says: string, got: number, have: number, facts: ErrorFacts): void {
  if (got > have + MOST_JUMPED)
    throw new Refused('SEQ_INVALID', `${says} ${got}, and the highest seen is ${have}`, { facts: { ...facts, have } });
}

function judge(manifest: Manifest, offered: RepositoryStatement, policy: AdmissionPolicy): Verdict {
  const own = policy.repositories.get(offered.name);
  if (own === undefined) return { do: 'skip' };
  try {
    for (const rule of REPOSITORY_RULES) rule(manifest, offered, policy, own);
  } catch (error) {
    // A forged history puts the whole bundle in doubt; a setting that differs concerns one repository.
    if (error instanceof Refused && !ALARMS.has(error.code)) return { do: 'refuse', error };
    throw error;
  }
  return compareWithPublished(manifest, offered, policy);
}

const ALARMS: ReadonlySet<string> = new Set(['FORK_DETECTED', 'SEQUENCE_ROLLBACK', 'WRONG_EXPORTER']);

type RepositoryRule = (
  manifest: Manifest,
  offered: RepositoryStatement,
  policy: AdmissionPolicy,
  own: SiteRepository,
) => void;

const REPOSITORY_RULES: readonly RepositoryRule[] = [
  checkScope,
  checkPreset,
  checkFacts,
  checkOwner,
  checkSnapshotFork,
  checkSnapshot,
  checkRollback,
];

function checkScope({ exporter }: Manifest, { name }: RepositoryStatement, { signers }: AdmissionPolicy): void {
  const keys = validSigners(signers).filter((key) => key.exporter === exporter);
  if (keys.some((key) => key.repositories === null || key.repositories.includes(name))) return;
  throw new Refused('KEY_SCOPE', `the key of ${exporter} may not sign for the repository ${name}`, {
    facts: { exporter, repository: name },
  });
}

function checkPreset(
  _: Manifest,
  { name, preset }: RepositoryStatement,
  __: AdmissionPolicy,
  own: SiteRepository,
): void {
  if (preset === own.preset) return;
  throw new Refused(
    'PRESET_DIFFERS',
    `the repository ${name} is of the preset ${preset} at the exporter and ${own.preset} here`,
    {
      facts: { repository: name, theirs: preset, ours: own.preset },
    },
  );
}

function checkFacts(_: Manifest, { name, facts }: RepositoryStatement, __: AdmissionPolicy, own: SiteRepository): void {
  for (const [fact, ours] of own.facts) {
    const theirs = facts.get(fact);
    if (theirs === undefined || theirs === ours) continue;
    throw new Refused('FACTS_DIFFER', `the repository ${name}: ${fact} is ${theirs} at the exporter and ${ours} here`, {
      facts: { repository: name, fact, theirs, ours },
    });
  }
}

/** A repository has one exporter at a time; another one must have been enrolled as its successor. */
function checkOwner({ exporter }: Manifest, { name }: RepositoryStatement, { memory, trust }: AdmissionPolicy): void {
  const owner = memory.published(name)?.exporter;
  if (owner === undefined || related(trust, exporter, owner)) return;
  throw new Refused(
    'WRONG_EXPORTER',
    `the repository ${name} comes from ${owner}, and ${exporter} was not enrolled as its successor`,
    {
      facts: { repository: name, owner, exporter },
      hint: 'if the exporter was rebuilt: `trust add FILE --fingerprint F --replaces OLD`',
    },
  );
}

const related = (trust: TrustStore, a: string, b: string): boolean =>
  lineageOf(trust, a).includes(b) || lineageOf(trust, b).includes(a);

function checkSnapshotFork(
  { exporter }: Manifest,
  { name, snapshot, inventory }: RepositoryStatement,
  { memory }: AdmissionPolicy,
): void {
  const known = memory.snapshot(exporter, name, snapshot);
  if (known === undefined || known === inventory.sha256) return;
  throw new Refused('FORK_DETECTED', `the repository ${name} has two different snapshots ${snapshot} by ${exporter}`, {
    facts: { exporter, repository: name, snapshot, known, shown: inventory.sha256 },
  });
}

/** An old bundle that comes late is harmless; an old snapshot in a new bundle is not. */
function checkRollback(
  { exporter, sequence }: Manifest,
  { name, snapshot }: RepositoryStatement,
  { memory }: AdmissionPolicy,
): void {
  const seen = memory.highestSnapshot(exporter, name);
  if (snapshot >= seen || sequence <= memory.highestSequence(exporter)) return;
  throw new Refused(
    'SEQUENCE_ROLLBACK',
    `the repository ${name} goes back from snapshot ${seen} to ${snapshot} in the newer bundle ${sequence}`,
    {
      facts: { exporter, repository: name, got: snapshot, have: seen, sequence },
    },
  );
}

function compareWithPublished(
  { exporter }: Manifest,
  { name, snapshot }: RepositoryStatement,
  { memory, trust }: AdmissionPolicy,
): Verdict {
  const published = memory.published(name);
  if (published === undefined) return { do: 'take' };
  if (published.exporter !== exporter) {
    const succeeds = lineageOf(trust, exporter).includes(published.exporter);
    return succeeds ? { do: 'take' } : { do: 'nothing', because: 'superseded' };
  }
  if (snapshot > published.snapshot) return { do: 'take' };
  return { do: 'nothing', because: snapshot === published.snapshot ? 'published' : 'superseded' };
}

function refuseIfNothingIsLeft(manifest: Manifest, offers: readonly Offer[]): void {
  if (offers.some(({ verdict }) => verdict.do === 'take' || verdict.do === 'nothing')) return;
  for (const { verdict } of offers) if (verdict.do === 'refuse') throw verdict.error;
  const names = manifest.repositories.map(({ name }) => name);
  throw new Refused(
    'REPOSITORY_UNKNOWN',
    `the bundle bears only ${names.join(', ') || 'no repository'}, and none of that is configured here`,
    {
      facts: { repositories: names },
    },
  );
}

/** Never rests on one clock alone: what trusted exporters have dated counts as well. */
function checkTimes({ created, expires }: Manifest, { now, memory }: AdmissionPolicy): void {
  if (now.getTime() < CLOCK_FLOOR_MS) {
    throw new Refused('CLOCK_SUSPECT', `the clock of this machine says ${isoSeconds(now)}, which cannot be`, {
      facts: { now: isoSeconds(now) },
    });
  }
  if (Date.parse(created) > now.getTime() + CLOCK_SKEW_MS) {
    throw new Refused(
      'CREATED_IN_FUTURE',
      `the bundle says it was made at ${created}, and here it is ${isoSeconds(now)}`,
      {
        facts: { created, now: isoSeconds(now) },
      },
    );
  }
  const newest = Math.max(Date.parse(created), Date.parse(memory.newestCreated ?? created));
  if (Date.parse(expires) <= now.getTime() && now.getTime() > newest + CLOCK_FAR_MS) {
    throw new Refused(
      'CLOCK_SUSPECT',
      `the clock of this machine says ${isoSeconds(now)}, and the newest time that an exporter signed is ${isoSeconds(new Date(newest))}`,
      {
        facts: { now: isoSeconds(now), newest: isoSeconds(new Date(newest)), expires },
        hint: 'set the clock of this machine; if it is right, export again: the bundle has expired',
      },
    );
  }
  const latest = Math.max(now.getTime(), Date.parse(memory.newestCreated ?? created));
  if (Date.parse(expires) <= latest) {
    throw new Refused('EXPIRED', `the bundle expired at ${expires}, and here it is ${isoSeconds(now)}`, {
      facts: { expires, now: isoSeconds(now) },
    });
  }
}

/** ISO 8601 without fractions, as all times in documents. */
export const isoSeconds = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
