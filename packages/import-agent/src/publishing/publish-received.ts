/** Publishes what is complete: per repository the newest offer of which every object is there. */
import { GapferryError } from '@gapferry/bundle-format/errors';
import type { RepositoryState } from '@gapferry/bundle-format/receipt';
import { clearFindings, sweepStaging } from '../holdings/check.ts';
import { payAudit } from '../record-owed.ts';
import { refuseUntrusted } from '../trust/again.ts';
import type { OfferRecord } from '../journal/bundles.ts';
import { isoSeconds } from '../trust/admission.ts';
import { runTask } from '../work/run.ts';
import { findingsPath, type World } from '../world.ts';
import { prepareStaging } from '../receiving/take-objects.ts';
import { newestFirst } from './newest.ts';
import type { TrustStore } from '../trust/store.ts';

/** @returns the offers that were published */
export async function publishReceived(world: World, trust: TrustStore): Promise<OfferRecord[]> {
  refuseUntrusted(world, trust);
  const published: OfferRecord[] = [];
  for (const repository of world.config.repositories.keys()) {
    const complete = newestFirst(world.journal.bundles.openOffers(repository), trust).find(
      (offer) => offer.state === 'received' || (isRetried(offer) && isComplete(world, offer)),
    );
    if (complete === undefined) continue;
    if (await publishOffer(world, complete)) {
      supersedeOthers(world, complete, trust);
      published.push(complete);
    }
  }
  if (published.length > 0) await tidy(world);
  return published;
}

/** Was being published, or could not be for a reason of this machine. One that waits was judged already. */
const isRetried = ({ state }: OfferRecord): boolean => state === 'publishing' || state === 'failed';

export function isComplete({ journal }: World, offer: OfferRecord): boolean {
  const target = journal.targetOf(offer);
  return target !== undefined && journal.inventories.lacking(target.inventory).files === 0;
}

/** False when it could not be published now; the reason stands with the offer. */
async function publishOffer(world: World, offer: OfferRecord): Promise<boolean> {
  const { journal, config, log } = world;
  const target = journal.targetOf(offer);
  const preset = world.presets.get(offer.repository);
  const repository = config.repositories.get(offer.repository);
  if (target === undefined || preset === undefined || repository === undefined) return false;
  const findings = findingsPath(config, offer.repository);
  const before = journal.bundles.published(offer.repository);
  journal.bundles.setState(offer, 'publishing', isoSeconds(world.now()));
  try {
    prepareStaging(repository.path);
    const summary = await runTask({
      do: 'publish',
      repository: offer.repository,
      root: repository.path,
      journal: journal.path,
      findings,
      inventory: target.inventory,
      earlier: before === undefined ? undefined : journal.inventories.find(offer.repository, before.inventory),
      snapshot: offer.snapshot,
      preset: repository.prune === undefined ? preset : { ...preset, prune: repository.prune },
      roots: new Map([...config.repositories].map(([name, { path }]) => [name, path])),
    });
    journal.commitPublished(offer, findings, {
      inventory: target.inventory,
      now: isoSeconds(world.now()),
      bytes: summary.bytes,
      files: summary.placed,
    });
    payAudit(world);
    log.info(`${offer.repository}: snapshot ${offer.snapshot} of bundle ${offer.sequence} is published`, {
      repository: offer.repository,
      snapshot: offer.snapshot,
      sequence: offer.sequence,
      ...summary,
    });
    return true;
  } catch (error) {
    if (!(error instanceof GapferryError)) throw error;
    failed(world, offer, error);
    // What the disk does not hold any more must not count as had when the next bundle is asked for it.
    if (error.kind === 'incomplete') await sweepStaging(world, offer.repository, true);
    return false;
  } finally {
    clearFindings(findings);
  }
}

/** What is missing waits for the next bundle; everything else is tried again at the next import. */
function failed(world: World, offer: OfferRecord, error: GapferryError): void {
  const state: RepositoryState = error.kind === 'incomplete' ? 'waiting' : 'failed';
  world.journal.transaction(() => {
    world.journal.bundles.setState(offer, state, isoSeconds(world.now()), { code: error.code, says: error.message });
    world.journal.oweAudit({
      event: 'repository.failed',
      repository: offer.repository,
      exporter: offer.exporter,
      sequence: offer.sequence,
      snapshot: offer.snapshot,
      code: error.code,
    });
  });
  payAudit(world);
  world.log.error(`${offer.repository}: ${error.message}`, {
    repository: offer.repository,
    code: error.code,
    ...error.facts,
  });
}

/** Offers that can no longer be published: the same snapshot in another bundle, and older ones. */
function supersedeOthers({ journal, now }: World, published: OfferRecord, trust: TrustStore): void {
  const all = newestFirst([...journal.bundles.openOffers(published.repository), published], trust);
  const older = all.slice(all.findIndex((offer) => offer.bundle === published.bundle) + 1);
  for (const offer of all) {
    if (offer.bundle === published.bundle) continue;
    const same = offer.exporter === published.exporter && offer.snapshot === published.snapshot;
    if (same) journal.bundles.setState(offer, 'published', isoSeconds(now()));
    else if (older.includes(offer)) journal.bundles.setState(offer, 'superseded', isoSeconds(now()));
  }
}

/** Staged objects and inventories that nobody needs any more. */
async function tidy(world: World): Promise<void> {
  const { journal, config } = world;
  const open = [...config.repositories.keys()].flatMap((name) => journal.bundles.openOffers(name));
  const targets = open.flatMap((offer) => journal.targetOf(offer) ?? []);
  journal.holdings.settleStaged(targets);
  const current = [...config.repositories.keys()].flatMap((name) => journal.bundles.published(name)?.inventory ?? []);
  journal.inventories.prune([...current, ...open.map(({ inventory }) => inventory)]);
  for (const name of config.repositories.keys()) await sweepStaging(world, name, false);
}
