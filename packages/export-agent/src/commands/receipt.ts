/** `receipt add FILE`: takes in a receipt that came by another way than a medium. */

import { copyFileSync, existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Incomplete, Refused } from '@gapferry/bundle-format/errors';
import { SIGNATURE_SUFFIX } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { HOLDS_SUFFIX, MISSING_SUFFIX } from '@gapferry/bundle-format/receipt';
import { isSameKey, parsePublicKey, type PublicKey, verifySignatures } from '@gapferry/bundle-format/signature';
import type { Command } from '@gapferry/station/command/command';
import { formatCount } from '@gapferry/station/format/counts';
import { readBounded, readBoundedIfThere } from '@gapferry/station/files/safe-open';
import { takeReceipt, type TakenReceipt } from '../receipts/take.ts';
import type { World } from '../world.ts';
import { changing } from './with-world.ts';

const SUFFIX = { '.holds': HOLDS_SUFFIX, '.missing': MISSING_SUFFIX } as const;

const enrolled = (world: World): { site: string; key: PublicKey }[] =>
  world.ledger.sites
    .list()
    .flatMap(({ name, key }) => (key === null ? [] : [{ site: name, key: parsePublicKey(key, name) }]));

/** The site is the one whose enrolled key signed: neither the name of the file nor anything unsigned says it. */
const signerOf = (world: World, what: string, json: Uint8Array, signature: Uint8Array | undefined): string => {
  const sites = enrolled(world);
  const files = signature === undefined ? [] : [{ name: `${what}${SIGNATURE_SUFFIX}`, bytes: signature }];
  const { signers } = verifySignatures(
    what,
    json,
    files,
    sites.map(({ key }) => key),
  );
  const found = sites.find(({ key }) => signers.some((signer) => isSameKey(signer, key)));
  if (found === undefined) throw new Refused('KEY_UNKNOWN', `${what}: no enrolled site signed it`);
  return found.site;
};

const companionPath = (file: string, suffix: '.holds' | '.missing'): string => {
  const [short, long] = [file.replace(/\.json$/, SUFFIX[suffix]), `${file}${SUFFIX[suffix]}`];
  const found = [short, long].find((path) => existsSync(path));
  if (found === undefined)
    throw new Incomplete('BUNDLE_INCOMPLETE', `${basename(short)} does not lie beside the receipt`, {
      hint: 'bring all files of the receipt',
    });
  return found;
};

const take = (world: World, file: string): Promise<TakenReceipt> => {
  const json = readBounded(file, LIMITS.receiptBytes, { where: 'machine' });
  const signature = readBoundedIfThere(`${file}${SIGNATURE_SUFFIX}`, LIMITS.signatureBytes, { where: 'machine' });
  const what = basename(file);
  return takeReceipt(world, {
    site: signerOf(world, what, json, signature),
    what,
    json,
    signature,
    fetch: (suffix, _bytes, to) => {
      copyFileSync(companionPath(file, suffix), to);
      return Promise.resolve();
    },
  });
};

const lineOf = (taken: TakenReceipt): string => {
  switch (taken.outcome) {
    case 'accepted':
      return `receipt ${taken.number} of ${taken.site}: holds ${formatCount(taken.held, 'object')}, ${taken.missing} missing`;
    case 'known':
      return `receipt ${taken.number} of ${taken.site} was taken in before; nothing changed`;
    case 'older':
      return `receipt ${taken.number} of ${taken.site} is older than one that was taken in; nothing changed`;
    case 'not enrolled':
      return `${taken.site} is not enrolled; nothing changed`;
    case 'refused':
      return taken.says;
  }
};

export const receiptAdd: Command = {
  name: 'receipt add',
  says: 'take in a receipt that came by another way',
  arguments: [{ name: '<file>', says: 'the receipt (NNNNNNNN.json), its signature and lists beside it' }],
  run: (input, context) =>
    changing(context, 'receipt add', async (world) => {
      const taken = await take(world, resolve(input.argument(0) ?? ''));
      if (taken.outcome === 'refused')
        throw new Refused('RECEIPT_INVALID', taken.says, { facts: { site: taken.site, because: taken.code } });
      return { status: 0, json: { ...taken }, lines: [lineOf(taken)] };
    }),
};
