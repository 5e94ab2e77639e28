/** `adopt`: takes stock of targets that hold files already, and tells the exporter in a receipt. */
import { Misused } from '@gapferry/bundle-format/errors';
import { assertName } from '@gapferry/bundle-format/names';
import type { Command, Context, Input, Result } from '@gapferry/station/command/command';
import { formatBytes } from '@gapferry/station/format/bytes';
import { findPlace } from '@gapferry/station/media/place';
import type { AdoptSummary } from '../adoption/adopt.ts';
import { deliverReceipts, type Delivery, issueOwed } from '../receipts/deliver.ts';
import { MediumSession } from '../receiving/session.ts';
import { isoSeconds } from '../trust/admission.ts';
import { clearFindings } from '../holdings/check.ts';
import { readTrust } from '../trust/file.ts';
import { trustedExporters } from '../trust/store.ts';
import { runTask } from '../work/run.ts';
import { findingsPath, type World } from '../world.ts';
import { openWorld, requireTrust } from './open-world.ts';

export const adoptCommand: Command = {
  name: 'adopt',
  says: 'hash what lies at the targets already, so that the first bundle brings only the rest',
  arguments: [{ name: '[repository...]', says: 'default: all' }],
  run: adopt,
};

async function adopt(input: Input, context: Context): Promise<Result> {
  const { world, close } = openWorld(context.config, { doing: 'adopt', terminal: false, courier: () => undefined });
  try {
    requireTrust(world.config);
    const names = input.arguments().length === 0 ? [...world.config.repositories.keys()] : input.arguments();
    const found: (AdoptSummary & { repository: string })[] = [];
    for (const name of names) found.push({ repository: name, ...(await adoptRepository(world, name, context)) });
    world.journal.receipts.owe(trustedExporters(readTrust(world.config.trust)));
    issueOwed(world, []);
    const delivery = await deliver(world);
    return {
      status: 0,
      json: {
        repositories: found.map((one) => ({ ...one })),
        receipts: [...delivery.delivered],
        receiptKept: delivery.kept?.message ?? null,
      },
      lines: [
        ...found.map(
          ({ repository, files, bytes, strange }) =>
            `${repository}: ${files} files, ${formatBytes(bytes)}${strange > 0 ? `, ${strange} strange things left alone` : ''}`,
        ),
        delivery.delivered.length > 0
          ? `receipt ${delivery.delivered.join(', ')} lies on the medium: take it to the exporter`
          : 'the receipt is kept and goes onto the next medium',
      ],
    };
  } finally {
    await close();
  }
}

async function adoptRepository(world: World, name: string, context: Context): Promise<AdoptSummary> {
  assertName('repository', name);
  const repository = world.config.repositories.get(name);
  const preset = world.presets.get(name);
  if (repository === undefined || preset === undefined)
    throw new Misused('UNKNOWN_NAME', `there is no repository ${name}`);
  const findings = findingsPath(world.config, name);
  const bar = context.progress(`adopting ${name}`, undefined);
  try {
    const summary = await runTask(
      { do: 'adopt', repository: name, root: repository.path, journal: world.journal.path, findings, preset },
      (bytes) => bar.advance(bytes),
    );
    world.journal.holdings.adopt(name, findings);
    clearFindings(findings);
    const now = isoSeconds(world.now());
    world.journal.addHistory({
      at: now,
      event: 'adopted',
      repository: name,
      exporter: null,
      sequence: null,
      snapshot: null,
      manifest: null,
      code: null,
      says: null,
      bytes: summary.bytes,
      files: summary.files,
    });
    world.audit.append({ event: 'repository.adopted', repository: name, files: summary.files, bytes: summary.bytes });
    world.log.info(`${name}: ${summary.files} files adopted`, { repository: name, ...summary });
    return summary;
  } finally {
    bar.done();
  }
}

/** Onto the first configured place that is there. */
export async function deliver(world: World): Promise<Delivery> {
  for (const place of world.config.media) {
    const presence = findPlace(place);
    if (presence === undefined || presence.readOnly) continue;
    const medium = new MediumSession(presence.path, world.config.stallMs);
    try {
      return await deliverReceipts(world, { medium, root: presence.path, presence });
    } finally {
      await medium.stop();
    }
  }
  return { delivered: [], kept: null };
}
