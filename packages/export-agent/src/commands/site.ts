/** `site add`, `site list`, `site show`: who receives, and by which key their receipts are known. */

import { CONFIG_NAME } from '../configuration/load.ts';
import { Misused, Refused } from '@gapferry/bundle-format/errors';
import { assertName } from '@gapferry/bundle-format/names';
import {
  encodePublicKey,
  fingerprintOf,
  isFingerprint,
  isSameKey,
  keyIdText,
  parsePublicKey,
  type PublicKey,
  sameFingerprint,
} from '@gapferry/bundle-format/signature';
import type { Command, Context, JSONish } from '@gapferry/station/command/command';
import { formatCount } from '@gapferry/station/format/counts';
import { type Column, formatPairs, formatTable } from '@gapferry/station/format/table';
import { readPublicKeyFile } from '@gapferry/station/keys/files';
import type { SiteRecord } from '../ledger/records.ts';
import { withMedium } from '../sealing/medium.ts';
import type { World } from '../world.ts';
import { presentPlaces } from './places.ts';
import { forPeople, ROAD } from './status.ts';
import { changing, reading } from './with-world.ts';

/** A key that lies on a medium under the site's name: a proposal, which only the fingerprint makes trusted. */
const keyFromMedia = async (world: World, site: string): Promise<PublicKey> => {
  for (const place of presentPlaces(world.config)) {
    const keys = await withMedium(place, world.signal, (medium) => medium.ask('keys', { place }));
    const found = keys.find(({ name }) => name === site);
    if (found !== undefined) return parsePublicKey(found.text, `${place.path}/gapferry/keys/${site}.pub`);
  }
  throw new Misused('USAGE', `there is no key of ${site} on any medium`, { hint: 'give the key file with --key' });
};

/** @throws Misused FINGERPRINT_MISSING; Refused KEY_MISMATCH */
const assertFingerprint = async (key: PublicKey, given: string | undefined, context: Context): Promise<void> => {
  const typed = given ?? (await context.ask(`fingerprint of the key ${keyIdText(key)}, as the site tells it: `));
  if (typed === undefined || typed.trim() === '')
    throw new Misused(
      'FINGERPRINT_MISSING',
      'a key is enrolled only with the fingerprint that its owner told by voice or on paper',
    );
  if (!isFingerprint(typed))
    throw new Misused(
      'USAGE',
      `${JSON.stringify(typed)} is not a fingerprint: that has 40 hex digits in ten groups of four`,
    );
  if (!sameFingerprint(typed, key))
    throw new Refused('KEY_MISMATCH', 'the fingerprint given is not the one of this key', {
      facts: { given: typed.trim(), keyId: keyIdText(key) },
    });
};

/** @returns false when it is enrolled with this very key already */
const assertNew = (world: World, site: string, key: PublicKey, replace: boolean): boolean => {
  if (isSameKey(key, world.publicKey))
    throw new Misused('CONFIG_TRUST', `the key is this exporter's own, not one of ${site}`);
  for (const other of world.ledger.sites.list()) {
    if (other.key === null || !isSameKey(parsePublicKey(other.key, other.name), key)) continue;
    if (other.name === site) return false;
    throw new Misused('CONFIG_TRUST', `the key is enrolled for ${other.name} already: each site has its own`);
  }
  const known = world.ledger.sites.find(site)?.key ?? null;
  if (known !== null && !replace)
    throw new Misused('ALREADY_THERE', `${site} is enrolled with another key`, {
      hint: 'if the site really has a new key, say --replace',
    });
  return true;
};

const add = (
  site: string,
  keyFile: string | undefined,
  fingerprint: string | undefined,
  replace: boolean,
  context: Context,
) =>
  changing(context, 'site add', async (world) => {
    assertName('site', site);
    const key = keyFile === undefined ? await keyFromMedia(world, site) : readPublicKeyFile(keyFile);
    await assertFingerprint(key, fingerprint, context);
    const isNew = assertNew(world, site, key, replace);
    const print = fingerprintOf(key);
    if (isNew) {
      world.ledger.sites.enrol(site, encodePublicKey(key), print, world.clock.now().toISOString());
      world.audit.append({
        event: 'site.enrolled',
        site,
        keyId: keyIdText(key),
        fingerprint: print,
        replaced: replace,
      });
      world.log.info(`site ${site} is enrolled with the key ${keyIdText(key)}`, { site, fingerprint: print });
    }
    const configured = world.config.sites.has(site)
      ? []
      : [`${site} is not named in ${CONFIG_NAME}: it gets all repositories`];
    return {
      status: 0 as const,
      json: { site, fingerprint: print, keyId: keyIdText(key), enrolled: isNew },
      lines: [
        isNew ? `${site} is enrolled: ${print}` : `${site} was enrolled with this key already; nothing changed`,
        ...configured,
      ],
    };
  });

export const siteAdd: Command = {
  name: 'site add',
  says: 'enrol the key of a site, so that its receipts count',
  arguments: [{ name: '<site>', says: 'name of the site' }],
  options: [
    { flags: '--key <file>', says: 'its public key; without it, the key that lies on a medium is proposed' },
    { flags: '--fingerprint <f>', says: 'as the site told it by voice or on paper; asked for on a terminal' },
    { flags: '--replace', says: 'the site has a new key' },
  ],
  run: (input, context) =>
    add(input.argument(0) ?? '', input.text('key'), input.text('fingerprint'), input.flag('replace'), context),
};

const siteJSON = (world: World, site: SiteRecord): { [key: string]: JSONish } => ({
  site: site.name,
  enrolled: site.enrolled,
  fingerprint: site.fingerprint,
  receipt: site.number,
  received: site.received,
  held: site.held,
  missing: site.missing,
  configured: world.config.sites.has(site.name),
  repositories: world.ledger.sites.repositories(site.id).map((each) => ({ ...each })),
  bundles: world.ledger.bundles.sentTo(site.id).map(({ sequence, road, since }) => ({ sequence, road, since })),
});

export const siteList: Command = {
  name: 'site list',
  says: 'list the sites',
  run: (_input, context) =>
    reading(context, (world) => {
      const sites = world.ledger.sites.list();
      const rows = sites.map((site) => [
        site.name,
        site.fingerprint ?? 'not enrolled',
        site.number === null ? 'none' : String(site.number),
        site.received === null ? '' : forPeople(site.received),
      ]);
      return {
        status: 0,
        json: { sites: sites.map((site) => siteJSON(world, site)) },
        lines: formatTable(
          [{ title: 'site' }, { title: 'fingerprint' }, { title: 'receipt', align: 'right' }, { title: 'received' }],
          rows,
        ),
      };
    }),
};

/** Older bundles are told by `history`. */
const MOST_SHOWN = 20;

/** A table after an empty line, or nothing. */
const section = (columns: readonly Column[], rows: readonly (readonly string[])[]): string[] =>
  rows.length === 0 ? [] : ['', ...formatTable(columns, rows)];

const showLines = (world: World, site: SiteRecord): string[] => [
  ...formatPairs([
    ['site', site.name],
    ['key', site.fingerprint ?? 'not enrolled'],
    [
      'receipt',
      site.number === null
        ? 'none yet'
        : `${site.number}, received ${site.received === null ? 'never' : forPeople(site.received)}`,
    ],
    ['holds', formatCount(site.held, 'object')],
    ['missing', formatCount(site.missing, 'object')],
  ]),
  ...section(
    [
      { title: 'repository' },
      { title: 'state' },
      { title: 'snapshot', align: 'right' },
      { title: 'offered', align: 'right' },
    ],
    world.ledger.sites
      .repositories(site.id)
      .map(({ repository, state, snapshot, offered }) => [
        repository,
        state,
        String(snapshot ?? 'none'),
        String(offered ?? 'none'),
      ]),
  ),
  ...section(
    [{ title: 'bundle', align: 'right' }, { title: 'state' }, { title: 'since' }],
    world.ledger.bundles
      .sentTo(site.id)
      .slice(-MOST_SHOWN)
      .map(({ sequence, road, since }) => [String(sequence), ROAD[road], forPeople(since)]),
  ),
];

export const siteShow: Command = {
  name: 'site show',
  says: 'tell what is known of a site',
  arguments: [{ name: '<site>', says: 'name of the site' }],
  run: (input, context) =>
    reading(context, (world) => {
      const name = input.argument(0) ?? '';
      const site = world.ledger.sites.find(name);
      if (site === undefined) throw new Misused('UNKNOWN_NAME', `there is no site ${name}`);
      return { status: 0, json: siteJSON(world, site), lines: showLines(world, site) };
    }),
};
