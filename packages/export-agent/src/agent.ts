/**
 * One export run, as DESIGN section 6 tells it: settle what was left → receipts → snapshots (ready, freeze, scan, closure) → delta → write → reserve
 * number and digest → sign → commit → the ledger says "on the road".
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { GapferryError, Incomplete, Misused, Unfit } from '@gapferry/bundle-format/errors';
import { bundleFolder } from '@gapferry/bundle-format/layout';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { encodePublicKey, signStatement } from '@gapferry/bundle-format/signature';
import { DEFAULT_LIMITS } from '@gapferry/bundle-format/volume-plan';
import type { Proof } from '@gapferry/station/files/direct';
import { makeFolder, writeDurably } from '@gapferry/station/files/durable';
import { toFaultOfLimits } from '@gapferry/station/files/fault';
import { formatCount } from '@gapferry/station/format/counts';
import type { Place } from '@gapferry/station/media/place';
import { withoutTrace } from './dry-run.ts';
import type { Basis, SiteRecord } from './ledger/records.ts';
import { deliverOutbox } from './outbox.ts';
import { estimateBytes } from './plan/estimate.ts';
import { type Group, groupSites } from './plan/groups.ts';
import { type Need, needOf } from './plan/need.ts';
import { beliefName, roadOf } from './plan/road.ts';
import { collectReceipts } from './receipts/collect.ts';
import type { TakenReceipt } from './receipts/take.ts';
import { type Medium, withMedium } from './sealing/medium.ts';
import type { Sealed, SealOrder, SeenPlace } from './sealing/messages.ts';
import { writePlan } from './sealing/plan-file.ts';
import { makeStatement, type Statement } from './sealing/statement.ts';
import { recover, removeConfirmed } from './sealing/tidy.ts';
import { inventoryPath } from './source/inventory.ts';
import { sourceSetting } from './source/preset.ts';
import { takeSnapshot, type TakenSnapshot } from './source/snapshot.ts';
import { openSpool, spoolFolder } from './source/spool.ts';
import { outboxPath, type World } from './world.ts';

/** So often a source may change under a seal before the run gives up. */
const MOST_ATTEMPTS = 3;

export interface ExportWish {
  /** Undefined: all that are known. */
  readonly sites: readonly string[] | undefined;
  readonly repositories: readonly string[] | undefined;
  readonly full: boolean;
  readonly dryRun: boolean;
  /** False: only what was left, receipts, the outbox. */
  readonly make: boolean;
  /** Where to; null: the outbox. */
  readonly place: Place | null;
}

/** Shows how far it has come. */
export interface Watch {
  begin(label: string, totalBytes: number | undefined): void;
  advance(bytes: number): void;
  end(): void;
}

export interface RepositoryReport {
  readonly name: string;
  readonly snapshot: number;
  readonly rows: number;
  readonly files: number;
  readonly changed: number;
  readonly gone: number;
  readonly hashedBytes: number;
  /** Objects of it in the bundle. */
  readonly objects: number;
  readonly bytes: number;
}

export interface BundleReport {
  readonly outcome: 'exported' | 'nothing' | 'planned';
  readonly why: Need['why'];
  readonly sites: readonly string[];
  /** Configured sites whose key has not come back yet. */
  readonly notEnrolled: readonly string[];
  readonly basis: Basis;
  readonly repositories: readonly RepositoryReport[];
  readonly objects: number;
  /** Of the objects. */
  readonly bytes: number;
  readonly sequence?: number;
  readonly manifest?: Sha256;
  readonly volumes?: number;
  /** Of all volumes on the place. */
  readonly volumeBytes?: number;
  readonly readBack?: Proof;
  readonly place?: string;
  readonly outbox?: boolean;
  readonly seconds: number;
}

export interface ExportReport {
  readonly bundles: readonly BundleReport[];
  readonly receipts: readonly TakenReceipt[];
  readonly delivered: readonly number[];
  readonly removed: readonly number[];
  readonly notes: readonly string[];
  readonly seconds: number;
}

const known = (kind: string, names: readonly string[], all: readonly string[]): void => {
  for (const name of names)
    if (!all.includes(name))
      throw new Misused('UNKNOWN_NAME', `there is no ${kind} ${name}`, { facts: { kind, name } });
};

/** @throws Misused UNKNOWN_NAME, CONFIG_INVALID when there is no site at all */
const groupsOf = (world: World, wish: ExportWish): Group[] => {
  const all = [...world.config.repositories.keys()];
  known('repository', wish.repositories ?? [], all);
  known('site', wish.sites ?? [], world.siteNames());
  const sites = wish.sites ?? world.siteNames();
  if (sites.length === 0)
    throw new Misused('CONFIG_INVALID', 'there is no site to export to', {
      hint: 'name sites in the configuration, or enrol one with `site add`',
    });
  const groups = groupSites(
    sites.map((site) => ({
      site,
      repositories: (world.config.sites.get(site) ?? all).filter((name) => wish.repositories?.includes(name) ?? true),
    })),
  );
  return groups.filter(({ repositories }) => repositories.length > 0);
};

/**
 * Steps 1 to 4 for each repository, once in a run, one repository after the other. They begin while the medium is still being looked at.
 */
class Snapshots {
  readonly #world: World;
  readonly #watch: Watch;
  readonly #taken = new Map<string, Promise<TakenSnapshot>>();
  readonly #abort = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  readonly notes = new Set<string>();

  constructor(world: World, watch: Watch) {
    this.#world = world;
    this.#watch = watch;
  }

  of(name: string): Promise<TakenSnapshot> {
    const begun = this.#taken.get(name);
    if (begun !== undefined) return begun;
    const taken = this.#last.then(() => this.#take(name));
    this.#last = taken.catch(() => undefined); // told to whoever asks for it
    this.#taken.set(name, taken);
    return taken;
  }

  async #take(name: string): Promise<TakenSnapshot> {
    const { config, ledger, clock, signal } = this.#world;
    this.#watch.begin(`scan ${name}`, undefined);
    try {
      const taken = await takeSnapshot(config.state, ledger.sources, sourceSetting(config, name), {
        ...(config.threads === undefined ? {} : { threads: config.threads }),
        signal: AbortSignal.any([signal, this.#abort.signal]),
        now: clock.now(),
        onBytes: (bytes) => this.#watch.advance(bytes),
      });
      for (const note of taken.notes) this.notes.add(`${name}: ${note}`);
      return taken;
    } finally {
      this.#watch.end();
    }
  }

  /** The source changed under a seal: what was seen of this file is forgotten, and the repository will be looked at again. */
  async forget(repository: string, path: string): Promise<void> {
    const taken = await this.#taken.get(repository);
    this.#taken.delete(repository);
    if (taken !== undefined) this.#world.ledger.sources.forget(taken.id, path);
  }

  /** Ends what nobody waits for any more. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#last;
  }
}

/** A run with everything that it needs at hand. */
interface Run {
  readonly world: World;
  readonly wish: ExportWish;
  readonly watch: Watch;
  readonly snapshots: Snapshots;
  readonly medium: Medium;
  readonly place: SeenPlace;
}

interface Planned {
  readonly group: Group;
  readonly sites: readonly SiteRecord[];
  readonly basis: Basis;
  readonly beliefs: ReadonlyMap<number, string>;
  readonly snapshots: readonly TakenSnapshot[];
  readonly need: Need;
}

/** Step 5: what every named site holds or has on the road is left out. */
const plan = async (run: Run, group: Group): Promise<Planned> => {
  const { ledger, config, clock } = run.world;
  const now = clock.now();
  const sites = group.sites.map((site) => ledger.sites.ensure(site));
  const basis: Basis = run.wish.full ? 'full' : config.bundle.basis;
  const bundles = new Map(sites.map((site) => [site.id, ledger.bundles.sentTo(site.id)]));
  const road = new Map(
    sites.map(({ id }) => [id, roadOf(bundles.get(id) ?? [], { basis, now, overdueMs: config.bundle.overdueMs })]),
  );
  const beliefs = new Map(sites.map((site) => [site.id, beliefName(road.get(site.id) ?? [], site)]));
  const snapshots: TakenSnapshot[] = [];
  for (const name of group.repositories) snapshots.push(await run.snapshots.of(name));

  ledger.beliefs.begin(road);
  const lacks = (site: SiteRecord): boolean =>
    snapshots.some(({ id, snapshot }) => {
      const belief = beliefs.get(site.id) ?? '';
      if (ledger.beliefs.isSatisfied(site.id, snapshot.repository, snapshot.sha256, belief)) return false;
      if (ledger.beliefs.lacksContent(id, site.id)) return true;
      ledger.beliefs.markSatisfied(site.id, snapshot.repository, snapshot.sha256, belief);
      return false;
    });
  const need = needOf({
    full: run.wish.full,
    lacking: !run.wish.full && sites.some(lacks),
    sites: sites.map((site) => ({
      bundles: bundles.get(site.id) ?? [],
      offered: new Map(
        ledger.sites
          .repositories(site.id)
          .map(({ repository, offered, snapshot }) => [repository, Math.max(offered ?? 0, snapshot ?? 0)]),
      ),
    })),
    snapshots: new Map(snapshots.map(({ snapshot }) => [snapshot.repository, snapshot.number])),
    now,
    overdueMs: config.bundle.overdueMs,
    renewAfterMs: config.bundle.renewAfterMs,
  });
  if (need.make) {
    for (const { id } of snapshots) ledger.beliefs.addMetadata(id);
    for (const { id } of snapshots) ledger.beliefs.addContent(id, basis === 'full' ? [] : sites.map((site) => site.id));
  }
  return { group, sites, basis, beliefs, snapshots, need };
};

const repositoryReports = (run: Run, planned: Planned): RepositoryReport[] =>
  planned.snapshots.map(({ id, snapshot, scanned }) => {
    const { objects, bytes } = run.world.ledger.beliefs.totals(id);
    return { name: snapshot.repository, snapshot: snapshot.number, rows: snapshot.rows, ...scanned, objects, bytes };
  });

const estimateOf = (run: Run, planned: Planned): number =>
  estimateBytes(
    run.world.ledger.beliefs.totals(),
    planned.snapshots.reduce((sum, { snapshot }) => sum + snapshot.bytes, 0),
  );

/** Own bundles that receipts confirm make room before anybody is asked for a larger medium. */
const assertRoom = async (run: Run, need: number): Promise<void> => {
  const has = (seen: SeenPlace): boolean => seen.freeBytes === null || seen.freeBytes >= need;
  if (has(run.place)) return;
  await removeConfirmed(run.world, run.medium, run.place);
  const now = await run.medium.ask('look', { place: run.place.place });
  if (has(now)) return;
  throw new Unfit('MEDIA_FULL', `the bundle needs ${need} bytes and ${now.place.path} has ${now.freeBytes ?? 0} free`, {
    facts: { need, free: now.freeBytes ?? 0, path: now.place.path },
  });
};

const orderFor = (run: Run, planned: Planned, bundle: string, needBytes: number): SealOrder => {
  const { config } = run.world;
  const spool = spoolFolder(config.state);
  const { volumeBytes, packBelowBytes } = config.bundle;
  return {
    place: run.place.place,
    identity: run.place.identity,
    bundle,
    plan: join(spool, 'plan.ndjson'),
    index: join(spool, 'index.ndjson'),
    limits: { ...DEFAULT_LIMITS, volumeBytes: Math.min(volumeBytes, run.place.fileLimit), packBelowBytes },
    sources: planned.snapshots.map(({ setting }) => ({
      name: setting.name,
      root: setting.root,
      frozen: openSpool(config.state, setting.name).metadata,
    })),
    inventories: planned.snapshots.map(({ snapshot }) => ({
      repository: snapshot.repository,
      document: { ...snapshot, path: inventoryPath(config.state, snapshot.repository, snapshot.sha256) },
    })),
    needBytes,
  };
};

/** Step 6: the medium process writes and proves; what it reads must still be what was planned. */
const sealIt = async (run: Run, planned: Planned, order: SealOrder): Promise<Sealed> => {
  const { ledger } = run.world;
  const names = new Map(planned.snapshots.map(({ id, snapshot }) => [id, snapshot.repository]));
  const lines = function* () {
    for (const { repository, ...line } of ledger.beliefs.objects())
      yield { repository: names.get(repository) ?? '', ...line };
  };
  writePlan(order.plan, lines());
  // read once to write, once to prove
  run.watch.begin(`write to ${order.place.path}`, ledger.beliefs.totals().bytes * 2);
  try {
    return await run.medium.ask('seal', order, (event) =>
      run.watch.advance('wrote' in event ? event.wrote : event.proved),
    );
  } finally {
    run.watch.end();
    rmSync(order.plan, { force: true });
    rmSync(order.index, { force: true });
  }
};

const keepEvidence = (world: World, sequence: number, statement: Statement, signature: Uint8Array): void => {
  const folder = join(world.config.state, 'evidence', 'bundles');
  makeFolder(folder);
  const base = join(folder, `${bundleFolder(world.exporter, sequence)}.json`);
  writeDurably(base, statement.bytes);
  writeDurably(`${base}.minisig`, signature);
};

/** Step 7: number and digest are bound durably, then signed, then committed on the place, and only then the ledger moves. */
const commit = async (run: Run, planned: Planned, sequence: number, sealed: Sealed): Promise<Statement> => {
  const { world, medium, place } = run;
  const { ledger, clock, config } = world;
  const created = clock.now();
  const newest = ledger.bundles.newestCommitted();
  const previous =
    newest?.manifest === undefined || newest.manifest === null
      ? null
      : { sequence: newest.sequence, sha256: newest.manifest };
  const statement = makeStatement({
    exporter: world.exporter,
    sites: planned.group.sites,
    sequence,
    created,
    expiresMs: config.bundle.expiresMs,
    previous,
    basis: planned.basis,
    repositories: planned.snapshots.map(({ snapshot, setting }) => ({
      snapshot,
      preset: setting.preset.name,
      facts: config.repositories.get(snapshot.repository)?.facts ?? {},
    })),
    sealed,
  });
  const bundle = bundleFolder(world.exporter, sequence);
  const where = { place: place.place, identity: place.identity, bundle };
  await medium.ask('state', { ...where, manifest: text(statement.bytes), sums: text(statement.sums) });

  const totals = ledger.beliefs.totals();
  ledger.bundles.bindManifest(
    sequence,
    {
      manifest: statement.sha256,
      basis: planned.basis,
      expires: statement.manifest.expires,
      bytes: totals.bytes,
      objects: totals.objects,
      readBack: sealed.readBack,
      siteIds: planned.sites.map(({ id }) => id),
      repositories: planned.snapshots.map(({ snapshot }) => ({ name: snapshot.repository, snapshot: snapshot.number })),
    },
    created.toISOString(),
  );
  const signature = signStatement(statement.bytes, world.secretKey, `bundle ${bundle}`);
  keepEvidence(world, sequence, statement, signature);
  await medium.ask('commit', { ...where, signature: text(signature) });
  ledger.transaction(() => {
    ledger.bundles.commit(sequence, clock.now().toISOString());
    for (const { id } of planned.snapshots) ledger.sources.markExported(id);
  });
  return statement;
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** After the commit these sites are believed to lack nothing of these snapshots. */
const markSatisfied = (run: Run, planned: Planned): void => {
  const { ledger, config, clock } = run.world;
  for (const site of planned.sites) {
    const road = roadOf(ledger.bundles.sentTo(site.id), {
      basis: config.bundle.basis,
      now: clock.now(),
      overdueMs: config.bundle.overdueMs,
    });
    // a full bundle lays down nothing about what the ordinary basis believes of earlier ones, but its own number is among them
    for (const { snapshot } of planned.snapshots)
      ledger.beliefs.markSatisfied(site.id, snapshot.repository, snapshot.sha256, beliefName(road, site));
  }
};

const makeBundle = async (run: Run, planned: Planned, started: number): Promise<BundleReport> => {
  const { world, place, wish } = run;
  const repositories = repositoryReports(run, planned);
  const { objects, bytes } = world.ledger.beliefs.totals();
  const base = {
    why: planned.need.why,
    sites: planned.group.sites,
    notEnrolled: planned.sites.filter(({ key }) => key === null).map(({ name }) => name),
    basis: planned.basis,
    repositories,
    objects,
    bytes,
  };
  const seconds = (): number => secondsSince(started);
  if (!planned.need.make) return { ...base, outcome: 'nothing', seconds: seconds() };
  if (wish.dryRun) return { ...base, outcome: 'planned', seconds: seconds() };

  const needBytes = estimateOf(run, planned);
  await assertRoom(run, needBytes);
  const sequence = world.ledger.bundles.reserve(wish.place, world.clock.now().toISOString());
  let sealed: Sealed;
  try {
    sealed = await sealIt(run, planned, orderFor(run, planned, bundleFolder(world.exporter, sequence), needBytes));
  } catch (error) {
    world.ledger.bundles.abandon(sequence);
    throw error;
  }
  const statement = await commit(run, planned, sequence, sealed);
  markSatisfied(run, planned);
  const volumeBytes = sealed.volumes.reduce((sum, volume) => sum + volume.bytes, 0);
  const report: BundleReport = {
    ...base,
    outcome: 'exported',
    sequence,
    manifest: statement.sha256,
    volumes: sealed.volumes.length - 1,
    volumeBytes,
    readBack: sealed.readBack,
    place: place.place.path,
    outbox: wish.place === null,
    seconds: seconds(),
  };
  tell(world, report);
  return report;
};

const tell = (world: World, report: BundleReport): void => {
  const { sequence, manifest, sites, objects, bytes, basis, readBack, place, repositories } = report;
  const snapshots = repositories.map(({ name, snapshot }) => `${name}#${snapshot}`);
  world.audit.append({
    event: 'bundle.exported',
    sequence: sequence ?? null,
    sha256: manifest ?? null,
    sites,
    repositories: snapshots,
    objects,
    bytes,
    basis,
    readBack: readBack ?? null,
    place: place ?? null,
  });
  world.log.info(
    `bundle ${sequence} for ${sites.join(', ')}: ${formatCount(objects, 'object')}, ${bytes} bytes, at ${place}`,
    {
      sequence,
      manifest,
      repositories: snapshots,
      readBack,
    },
  );
};

const isSourceChange = (error: unknown): error is GapferryError & { facts: { repository: string; path: string } } =>
  error instanceof GapferryError &&
  error.code === 'SOURCE_CHANGED' &&
  typeof error.facts['repository'] === 'string' &&
  typeof error.facts['path'] === 'string' &&
  error.facts['role'] !== undefined;

const exportGroup = async (run: Run, group: Group): Promise<BundleReport> => {
  const started = performance.now();
  for (let attempt = 1; ; attempt++) {
    const planned = await plan(run, group);
    try {
      return await makeBundle(run, planned, started);
    } catch (error) {
      if (!isSourceChange(error) || attempt === MOST_ATTEMPTS) throw error;
      run.world.log.warn(`${error.message}: looking at ${error.facts.repository} again`, { attempt, ...error.facts });
      await run.snapshots.forget(error.facts.repository, error.facts.path);
    }
  }
};

/** Our public key travels along until the site has enrolled it; it is never trusted from there. */
const layKey = async (world: World, medium: Medium, { place, identity }: SeenPlace): Promise<void> => {
  await medium.ask('layKey', {
    place,
    identity,
    name: `${world.exporter}.pub`,
    text: encodePublicKey(world.publicKey),
  });
};

/** Everything that one place needs: what was left there, receipts, the outbox, a bundle per group of sites. */
const exportTo = async (run: Run): Promise<Omit<ExportReport, 'seconds'>> => {
  const { world, wish, watch, medium, place: seen, snapshots } = run;
  if (seen.readOnly && !wish.dryRun)
    throw new Unfit('MEDIA_READONLY', `${seen.place.path} is write-protected`, { facts: { path: seen.place.path } });
  // nothing is tidied up by a run that only looks
  await recover(world, medium, wish.dryRun ? { ...seen, readOnly: true } : seen);
  if (wish.place !== null && !wish.dryRun) await layKey(world, medium, seen);
  const receipts = wish.place === null ? [] : await collectReceipts(world, medium, seen.place);
  const delivered = wish.place === null || wish.dryRun ? [] : await deliverOutbox(world, medium, seen, watch);
  const bundles: BundleReport[] = [];
  for (const group of wish.make ? groupsOf(world, wish) : []) bundles.push(await exportGroup(run, group));
  const keep = bundles.at(-1)?.sequence;
  const removed = wish.dryRun || wish.place === null ? [] : await removeConfirmed(world, medium, seen, keep);
  return { bundles, receipts, delivered, removed, notes: [...snapshots.notes] };
};

/**
 * @throws Misused UNKNOWN_NAME, CONFIG_INVALID; Incomplete NOT_READY, SOURCE_CHANGED; Refused PATH_*, ENTRY_TYPE, META_*; Unfit NOT_MOUNTED, MEDIA_*,
 *   LOCAL_*, PERMISSION; Damaged MEDIA_VERIFY
 */
export const exportOnce = (world: World, wish: ExportWish, watch: Watch): Promise<ExportReport> =>
  wish.dryRun ? withoutTrace(world, (copy) => exportIn(copy, wish, watch)) : exportIn(world, wish, watch);

const exportIn = async (world: World, wish: ExportWish, watch: Watch): Promise<ExportReport> => {
  const started = performance.now();
  const groups = wish.make ? groupsOf(world, wish) : []; // wrong names are told before anything is touched
  const place = wish.place ?? { kind: 'folder' as const, path: outboxPath(world.config.state) };
  if (wish.place === null) makeFolder(place.path);
  const snapshots = new Snapshots(world, watch);
  try {
    const report = await withMedium(place, world.signal, async (medium) => {
      const looked = medium.ask('look', { place });
      for (const name of new Set(groups.flatMap(({ repositories }) => repositories)))
        snapshots.of(name).catch(() => undefined);
      return exportTo({ world, wish, watch, snapshots, medium, place: await looked });
    });
    return { ...report, seconds: secondsSince(started) };
  } catch (error) {
    throw world.signal.aborted ? stopped(error) : toFaultOfLimits(error);
  } finally {
    await snapshots.close();
  }
};

const secondsSince = (started: number): number => Math.round(performance.now() - started) / 1000;

const stopped = (cause: unknown): Incomplete =>
  new Incomplete('BUNDLE_INCOMPLETE', 'the export was stopped before its bundle was signed', {
    hint: 'start it again; nothing was sent',
    cause,
  });
