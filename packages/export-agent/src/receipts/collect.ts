/** Fetches receipts from a place through its medium process, and takes in the newest good one of each site. */

import { HOLDS_SUFFIX, MISSING_SUFFIX } from '@gapferry/bundle-format/receipt';
import { formatCount } from '@gapferry/station/format/counts';
import type { Place } from '@gapferry/station/media/place';
import type { Medium } from '../sealing/medium.ts';
import type { World } from '../world.ts';
import { takeReceipt, type TakenReceipt } from './take.ts';

/** Newest by name; an older one may count when the newest is damaged, or belongs to an older journal. */
const MOST_LOOKED_AT = 4;

const SUFFIX = { '.holds': HOLDS_SUFFIX, '.missing': MISSING_SUFFIX } as const;

const collectFrom = async (world: World, medium: Medium, place: Place, site: string): Promise<TakenReceipt[]> => {
  const found = await medium.ask('receipts', { place, site, most: MOST_LOOKED_AT });
  const taken: TakenReceipt[] = [];
  for (const { name, json, signature } of found) {
    const outcome = await takeReceipt(world, {
      site,
      what: `receipts/${site}/${name}.json`,
      json: Buffer.from(json),
      signature: signature === null ? undefined : Buffer.from(signature),
      fetch: async (suffix, bytes, to) => {
        await medium.ask('companion', { place, site, name: `${name}${SUFFIX[suffix]}`, bytes, to });
      },
    });
    taken.push(outcome);
    if (outcome.outcome === 'accepted' || outcome.outcome === 'known' || outcome.outcome === 'not enrolled') break;
  }
  return taken;
};

/** For every site that the configuration or the ledger knows. */
export const collectReceipts = async (world: World, medium: Medium, place: Place): Promise<TakenReceipt[]> => {
  const all: TakenReceipt[] = [];
  for (const site of world.siteNames()) all.push(...(await collectFrom(world, medium, place, site)));
  for (const each of all)
    if (each.outcome === 'accepted')
      world.log.info(
        `receipt ${each.number} of ${each.site}: holds ${formatCount(each.held, 'object')}, ${each.missing} missing`,
        {
          ...each,
        },
      );
    else if (each.outcome === 'not enrolled')
      world.log.warn(`there is a receipt of ${each.site}, whose key is not enrolled: it moves nothing`, {
        site: each.site,
      });
  return all;
};
