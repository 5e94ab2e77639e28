/** `status` and `history`: what the ledger says, also while the daemon works. */

import type { Command, JSONish } from '@gapferry/station/command/command';
import { formatBytes } from '@gapferry/station/format/bytes';
import { formatAge, formatTime } from '@gapferry/station/format/durations';
import { formatPairs, formatTable } from '@gapferry/station/format/table';
import type { RoadState } from '../ledger/records.ts';
import { isOverdue } from '../plan/road.ts';
import type { World } from '../world.ts';
import { reading } from './with-world.ts';

/** A time of the ledger, without fractions. */
export const forPeople = (iso: string): string => formatTime(new Date(iso));

/** Where a bundle is for a site, in the words of the README. */
export const ROAD: Readonly<Record<RoadState, string>> = { road: 'on the road', settled: 'answered', lost: 'lost' };

const siteStatus = (world: World, now: Date) =>
  world.ledger.sites.list().map((site) => {
    const sent = world.ledger.bundles.sentTo(site.id);
    const road = sent.filter((bundle) => bundle.road === 'road');
    return {
      site: site.name,
      enrolled: site.key !== null,
      receipt: site.number,
      received: site.received,
      held: site.held,
      missing: site.missing,
      onTheRoad: road.map(({ sequence }) => sequence),
      overdue: road
        .filter((bundle) => isOverdue(bundle, now, world.config.bundle.overdueMs))
        .map(({ sequence }) => sequence),
      repositories: world.ledger.sites.repositories(site.id).map((each) => ({ ...each })),
    };
  });

const statusJSON = (world: World, now: Date) => ({
  exporter: world.exporter,
  repositories: [...world.config.repositories].map(([name, { preset, path }]) => {
    const newest = world.ledger.sources.newestSnapshot(name);
    return { name, preset, path, snapshot: newest?.number ?? null, rows: newest?.rows ?? null };
  }),
  sites: siteStatus(world, now),
  outbox: world.ledger.bundles.inOutbox().map(({ sequence }) => sequence),
  unfinished: world.ledger.bundles.unfinished().map(({ sequence }) => sequence),
  nextDue: world.config.schedule === undefined ? null : (world.ledger.runs.nextDue()?.nextDue ?? null),
  lastRun: world.ledger.runs.list(1).map((run) => ({ ...run }))[0] ?? null,
});

const statusLines = (status: ReturnType<typeof statusJSON>, now: Date): string[] => [
  ...formatPairs([
    ['exporter', status.exporter],
    ['next run', status.nextDue === null ? 'no schedule' : forPeople(status.nextDue)],
    [
      'last run',
      status.lastRun === null
        ? 'none'
        : `${forPeople(status.lastRun.started)}: ${status.lastRun.outcome ?? 'cut off'}${status.lastRun.says === null ? '' : `, ${status.lastRun.says}`}`,
    ],
    [
      'outbox',
      status.outbox.length === 0
        ? 'empty'
        : `${status.outbox.length === 1 ? 'bundle' : 'bundles'} ${status.outbox.join(', ')} waiting for a medium`,
    ],
  ]),
  '',
  ...formatTable(
    [
      { title: 'repository' },
      { title: 'preset' },
      { title: 'snapshot', align: 'right' },
      { title: 'rows', align: 'right' },
      { title: 'path' },
    ],
    status.repositories.map(({ name, preset, snapshot, rows, path }) => [
      name,
      preset,
      String(snapshot ?? '-'),
      String(rows ?? '-'),
      path,
    ]),
  ),
  '',
  ...formatTable(
    [
      { title: 'site' },
      { title: 'key' },
      { title: 'receipt', align: 'right' },
      { title: 'received' },
      { title: 'holds', align: 'right' },
      { title: 'missing', align: 'right' },
      { title: 'on the road' },
    ],
    status.sites.map((site) => [
      site.site,
      site.enrolled ? 'enrolled' : 'not enrolled',
      site.received === null ? 'none yet' : String(site.receipt),
      site.received === null ? '' : formatAge(new Date(site.received), now),
      String(site.held),
      String(site.missing),
      site.onTheRoad
        .map((sequence) => (site.overdue.includes(sequence) ? `${sequence} (overdue)` : String(sequence)))
        .join(', '),
    ]),
  ),
];

export const status: Command = {
  name: 'status',
  says: 'tell what was exported, what sites hold, what is on the road',
  run: (_input, context) =>
    reading(context, (world) => {
      const now = world.clock.now();
      const json = statusJSON(world, now);
      return { status: 0, json: json satisfies JSONish, lines: statusLines(json, now) };
    }),
};

const parseCount = (text: string | undefined): number =>
  text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 20;

export const history: Command = {
  name: 'history',
  says: 'list bundles and runs, newest first',
  options: [{ flags: '--last <n>', says: 'how many, default 20' }],
  run: (input, context) =>
    reading(context, (world) => {
      const limit = parseCount(input.text('last'));
      const bundles = world.ledger.bundles.list(limit).map((bundle) => ({
        ...bundle,
        sites: world.ledger.bundles.sitesOf(bundle.sequence),
        repositories: world.ledger.bundles.repositoriesOf(bundle.sequence),
      }));
      const runs = world.ledger.runs.list(limit);
      const rows = bundles.map((bundle) => [
        String(bundle.sequence),
        forPeople(bundle.committed ?? bundle.reserved),
        bundle.state === 'committed' && bundle.outbox ? 'in the outbox' : bundle.state,
        bundle.sites.map(({ site, road, says }) => `${site}: ${says ?? ROAD[road]}`).join(', '),
        String(bundle.objects),
        formatBytes(bundle.bytes),
        bundle.readBack ?? '',
      ]);
      return {
        status: 0,
        json: {
          bundles: bundles.map((bundle) => ({ ...bundle, sites: bundle.sites.map((each) => ({ ...each })) })),
          runs: runs.map((run) => ({ ...run })),
        },
        lines: [
          ...formatTable(
            [
              { title: 'bundle', align: 'right' },
              { title: 'time' },
              { title: 'state' },
              { title: 'sites' },
              { title: 'objects', align: 'right' },
              { title: 'bytes', align: 'right' },
              { title: 'read back' },
            ],
            rows,
          ),
          '',
          ...formatTable(
            [
              { title: 'run', align: 'right' },
              { title: 'started' },
              { title: 'cause' },
              { title: 'outcome' },
              { title: 'says' },
            ],
            runs.map(({ id, started, cause, outcome, code, says }) => [
              String(id),
              forPeople(started),
              cause,
              outcome ?? 'cut off',
              [code, says].filter((each) => each !== null).join(': '),
            ]),
          ),
        ],
      };
    }),
};
