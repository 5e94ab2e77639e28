/** Keeps the journal true to the disk: before an import, and after one that was cut off. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isSha256 } from '@gapferry/bundle-format/sha256';
import { makeFolder, removeDurably } from '@gapferry/station/files/durable';
import { errnoOf } from '@gapferry/station/files/fault';
import { stagingOf, tampered } from '../publishing/tree.ts';
import { runTask } from '../work/run.ts';
import { findingsPath, inboxOf, spoolOf, type World } from '../world.ts';
import { payAuditOnce } from '../record-owed.ts';

/** Compares what the journal says is held with the disk. @returns how many paths are no longer what they were */
export async function surveyAll(world: World): Promise<number> {
  makeFolder(spoolOf(world.config));
  let lost = 0;
  for (const [repository, { path: root }] of world.config.repositories) {
    if (world.journal.holdings.count(repository).files === 0) continue;
    const findings = findingsPath(world.config, repository);
    const summary = await runTask({ do: 'survey', repository, root, journal: world.journal.path, findings });
    if (summary.changed > 0) world.journal.holdings.merge(repository, findings);
    clearFindings(findings);
    if (summary.lost > 0)
      world.log.warn(`${repository}: ${summary.lost} files are no longer what was published; they count as missing`, {
        repository,
        lost: summary.lost,
      });
    if (summary.tampered !== null) {
      const error = tampered(
        summary.tampered,
        'was published as a folder, and is a link now: what is below it counts as missing',
      );
      world.log.error(`${repository}: ${error.message}`, {
        repository,
        code: error.code,
        ...error.facts,
        hint: error.hint,
      });
    }
    lost += summary.lost;
  }
  return lost;
}

/** After a start: what a run that was cut off left behind is found again or deleted. */
export async function recoverAll(world: World): Promise<void> {
  clearLeftovers(world);
  payAuditOnce(world);
  for (const [repository, { path: root }] of world.config.repositories) {
    const cutOff = world.journal.bundles
      .openOffers(repository)
      .filter(({ state }) => state === 'publishing' || state === 'failed');
    for (const offer of cutOff) {
      const target = world.journal.targetOf(offer);
      if (target === undefined) continue;
      const findings = findingsPath(world.config, repository);
      const { found } = await runTask({
        do: 'recover',
        repository,
        root,
        journal: world.journal.path,
        findings,
        inventory: target.inventory,
      });
      if (found > 0) world.journal.holdings.merge(repository, findings);
      clearFindings(findings);
    }
    await sweepStaging(world, repository, cutOff.length > 0);
  }
}

/** Makes staging folder and journal agree. */
export async function sweepStaging(world: World, repository: string, keepMaterialised: boolean): Promise<void> {
  const root = world.config.repositories.get(repository)?.path ?? '';
  const { holdings } = world.journal;
  if (isEmpty(stagingOf(root)) && holdings.staged(repository).next().done === true) return;
  const { kept, lost } = await runTask({
    do: 'sweep',
    repository,
    root,
    journal: world.journal.path,
    keepMaterialised,
  });
  holdings.stage(repository, kept);
  holdings.unstage(lost);
}

const isEmpty = (folder: string): boolean => {
  try {
    return readdirSync(folder).length === 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw error;
  }
};

/** What a worker found, once the journal has taken it over. */
export function clearFindings(findings: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(findings + suffix, { force: true });
}

/** What lies in the spool belongs to one run, and in the inbox only evidence stays of what this journal knows: the rest was left by a run that was killed. */
function clearLeftovers({ config, journal }: World): void {
  for (const folder of [spoolOf(config), inboxOf(config)]) makeFolder(folder);
  for (const name of readdirSync(spoolOf(config))) removeDurably(join(spoolOf(config), name));
  for (const name of readdirSync(inboxOf(config)))
    if (!isSha256(name) || !journal.bundles.isEvidence(name)) removeDurably(join(inboxOf(config), name));
}
