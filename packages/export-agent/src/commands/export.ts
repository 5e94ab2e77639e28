/** `export`: one bundle now. */

import { errorToJSON, Misused } from '@gapferry/bundle-format/errors';
import type { Command, Context, Input, JSONish } from '@gapferry/station/command/command';
import { courierLine } from '@gapferry/station/courier';
import { formatBytes } from '@gapferry/station/format/bytes';
import { formatCount } from '@gapferry/station/format/counts';
import { type Place, requirePlace } from '@gapferry/station/media/place';
import { type BundleReport, type ExportReport, exportOnce, type ExportWish } from '../agent.ts';
import type { World } from '../world.ts';
import { placeFlag, requireConfigured } from './places.ts';
import { contextWatch } from './watch.ts';
import { changing } from './with-world.ts';

/** @throws Unfit NOT_MOUNTED: a command that a person gave does not quietly do something else */
const placeOf = (world: World, input: Input): Place | null => {
  const given = placeFlag(input);
  if (input.flag('outbox')) {
    if (given !== undefined) throw new Misused('USAGE', 'give a place or --outbox, not both');
    return null;
  }
  if (given === undefined) return requireConfigured(world.config);
  requirePlace(given);
  return given;
};

const listOrUndefined = (names: readonly string[]): readonly string[] | undefined =>
  names.length === 0 ? undefined : names;

const WHY: Readonly<Record<BundleReport['why'], string>> = {
  asked: 'as asked: everything',
  first: 'the first one',
  objects: 'new content',
  metadata: 'new metadata',
  renewal: 'nothing changed, and the last one grows old',
  'nothing changed': 'nothing changed',
};

const bundleLines = (bundle: BundleReport): string[] => {
  const sites = bundle.sites.join(', ');
  if (bundle.outcome === 'nothing')
    return [`nothing to do for ${sites}: nothing changed, and the last bundle is young`];
  const what = `${formatCount(bundle.objects, 'object')}, ${formatBytes(bundle.bytes)}`;
  const volumes = (bundle.volumes ?? 0) === 0 ? '' : ` in ${formatCount(bundle.volumes ?? 0, 'volume')}`;
  const head =
    bundle.outcome === 'planned'
      ? `would make a bundle for ${sites} (${WHY[bundle.why]}): ${what}`
      : `bundle ${bundle.sequence} for ${sites} (${WHY[bundle.why]}): ${what}${volumes}, ${bundle.seconds} s`;
  const repositories = bundle.repositories.map(
    ({ name, snapshot, files, changed, gone, objects, bytes }) =>
      `  ${name}: snapshot ${snapshot}, ${formatCount(files, 'file')} (${changed} new or changed, ${gone} gone); ${formatCount(objects, 'object')} to carry, ${formatBytes(bytes)}`,
  );
  const enrolment = bundle.notEnrolled.map(
    (site) => `  the key of ${site} has not come back yet: this bundle counts as on the road until it is overdue`,
  );
  const where =
    bundle.outcome === 'planned'
      ? []
      : [`  manifest ${bundle.manifest}`, `  ${bundle.outbox === true ? 'waits in the outbox' : `at ${bundle.place}`}`];
  return [head, ...repositories, ...enrolment, ...where];
};

const isNew = (report: ExportReport): boolean =>
  report.bundles.some(({ outcome }) => outcome === 'exported') || report.delivered.length > 0;

const courier = (report: ExportReport): string[] => {
  if (!isNew(report) || report.bundles.some(({ outbox }) => outbox === true)) return [];
  const made = report.bundles.filter(({ outcome }) => outcome === 'exported');
  const sites = [...new Set(made.flatMap((bundle) => bundle.sites))].join(', ');
  const proven = made.every(({ readBack }) => readBack === 'device');
  return [courierLine({ state: 'finished', wrote: true, proven, ...(sites === '' ? {} : { carryTo: sites }) }).line];
};

const receiptLines = (report: ExportReport): string[] =>
  report.receipts.map((each) => {
    switch (each.outcome) {
      case 'accepted':
        return `receipt ${each.number} of ${each.site}: holds ${formatCount(each.held, 'object')}, ${each.missing} missing`;
      case 'known':
      case 'older':
        return `receipt ${each.number} of ${each.site}: ${each.outcome}`;
      case 'not enrolled':
        return `a receipt of ${each.site} lies there, whose key is not enrolled: site add ${each.site}`;
      case 'refused':
        return each.says;
    }
  });

export const exportLines = (report: ExportReport): string[] => [
  ...receiptLines(report),
  ...report.delivered.map((sequence) => `bundle ${sequence} left the outbox`),
  ...report.bundles.flatMap(bundleLines),
  ...report.notes.map((note) => `note: ${note}`),
  ...report.removed.map((sequence) => `removed bundle ${sequence}: every site has answered it`),
  ...courier(report),
];

const plain = (bundle: BundleReport): { [key: string]: JSONish | undefined } => ({
  ...bundle,
  sites: [...bundle.sites],
  notEnrolled: [...bundle.notEnrolled],
  repositories: bundle.repositories.map((repository) => ({ ...repository })),
});

/** One bundle is the ordinary case: then its fields stand at the top, too. */
export const exportJSON = (report: ExportReport): JSONish => {
  const bundles = report.bundles.map(plain);
  const outcome = report.bundles.some((bundle) => bundle.outcome === 'exported')
    ? 'exported'
    : (report.bundles[0]?.outcome ?? 'nothing');
  return {
    ...(bundles.length === 1 ? bundles[0] : {}),
    outcome,
    bundles,
    receipts: report.receipts.map((receipt) => ({ ...receipt })),
    delivered: report.delivered,
    removed: report.removed,
    notes: report.notes,
    seconds: report.seconds,
  };
};

const run = async (world: World, input: Input, context: Context): Promise<ExportReport> => {
  const wish: ExportWish = {
    sites: listOrUndefined(input.list('site')),
    repositories: listOrUndefined(input.list('repository')),
    full: input.flag('full'),
    dryRun: input.flag('dry-run'),
    make: true,
    place: placeOf(world, input),
  };
  if (wish.dryRun) return exportOnce(world, wish, contextWatch(context)); // a run that leaves no trace has no record either
  const id = world.ledger.runs.begin('command', world.clock.now().toISOString());
  const end = (how: Parameters<typeof world.ledger.runs.end>[1]): void =>
    world.ledger.runs.end(id, how, world.clock.now().toISOString());
  try {
    const report = await exportOnce(world, wish, contextWatch(context));
    const sequence = report.bundles.at(-1)?.sequence;
    end({ outcome: sequence === undefined ? 'nothing' : 'exported', ...(sequence === undefined ? {} : { sequence }) });
    return report;
  } catch (error) {
    const { code, says } = errorToJSON(error);
    end({ outcome: 'failed', code, says });
    world.log.error(`the export failed: ${says}`, { code, error });
    world.audit.append({ event: 'export.failed', code, says });
    throw error;
  }
};

export const exportCommand: Command = {
  name: 'export',
  says: 'make one bundle now',
  options: [
    { flags: '--site <name...>', says: 'only for these sites' },
    { flags: '--repository <name...>', says: 'only these repositories' },
    { flags: '--medium <dir>', says: 'onto the medium mounted there' },
    { flags: '--folder <dir>', says: 'into this folder' },
    { flags: '--outbox', says: 'into the outbox, for the next medium that comes' },
    { flags: '--full', says: 'everything, whatever the sites hold' },
    { flags: '--dry-run', says: 'look, plan and tell; write nothing' },
  ],
  run: (input, context) =>
    changing(context, 'export', async (world) => {
      const report = await run(world, input, context);
      return { status: 0, json: exportJSON(report), lines: exportLines(report) };
    }),
};
