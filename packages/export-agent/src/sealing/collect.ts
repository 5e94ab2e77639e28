/** What comes back on a medium: receipts and keys. Listed and read within bounds; nothing is believed here. */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Damaged, GapferryError } from '@gapferry/bundle-format/errors';
import { BUNDLES, KEYS, receiptNumber, RECEIPTS, SIGNATURE_SUFFIX } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { insideFolder } from '@gapferry/station/files/inside';
import { listFolders, listNames, openRegular, readBoundedIfThere } from '@gapferry/station/files/safe-open';
import type { Place } from '@gapferry/station/media/place';
import { inPlace, makeInPlace, requireWritable } from './places.ts';
import { writeProven } from './proven-file.ts';
import type { CollectedKey, FoundReceipt } from './messages.ts';

const JSON_SUFFIX = '.json';
const MOST_KEYS = 64;
const KEY_BYTES = 4096;
const COPY_BYTES = 1 << 20;

const text = (bytes: Uint8Array | undefined): string | null =>
  bytes === undefined ? null : Buffer.from(bytes).toString('utf8');

/** One odd file on a medium must not hide the others. */
const readable = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    if (error instanceof GapferryError && (error.kind === 'damaged' || error.kind === 'refused')) return undefined;
    throw error;
  }
};

/** The newest receipts of a site, newest first: by the number in the name, which is a hint. */
export const collectReceipts = ({
  place,
  site,
  most,
}: {
  place: Place;
  site: string;
  most: number;
}): FoundReceipt[] => {
  const folder = inPlace(place, `${RECEIPTS}/${site}`);
  const numbered = listNames(folder, LIMITS.names * 8)
    .map((name) => ({ name, number: receiptNumber(name) }))
    .filter((each): each is { name: string; number: number } => each.number !== undefined)
    .toSorted((a, b) => b.number - a.number)
    .slice(0, most);
  return numbered.flatMap(({ name }) => {
    const json = readable(() => text(readBoundedIfThere(join(folder, name), LIMITS.receiptBytes)));
    const signature = readable(() =>
      text(readBoundedIfThere(join(folder, name + SIGNATURE_SUFFIX), LIMITS.signatureBytes)),
    );
    return typeof json === 'string'
      ? [{ name: name.slice(0, -JSON_SUFFIX.length), json, signature: signature ?? null }]
      : [];
  });
};

/** @throws Damaged LENGTH_MISMATCH when the file is not exactly as long as its receipt says */
export const copyCompanion = (ask: { place: Place; site: string; name: string; bytes: number; to: string }): null => {
  const path = insideFolder(ask.place.path, `${RECEIPTS}/${ask.site}/${ask.name}`);
  const fd = openRegular(path);
  const out = openSync(ask.to, 'w', 0o600);
  try {
    const buffer = new Uint8Array(COPY_BYTES);
    let at = 0;
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) {
      at += got;
      if (at > ask.bytes) break;
      for (let written = 0; written < got;) written += writeSync(out, buffer, written, got - written);
    }
    if (at !== ask.bytes)
      throw new Damaged('LENGTH_MISMATCH', `${path} is not as long as its receipt says`, { facts: { path } });
    return null;
  } finally {
    closeSync(fd);
    closeSync(out);
  }
};

export const collectKeys = ({ place }: { place: Place }): CollectedKey[] => {
  const folder = inPlace(place, KEYS);
  return listNames(folder, LIMITS.names)
    .filter((name) => name.endsWith('.pub'))
    .slice(0, MOST_KEYS)
    .flatMap((name) => {
      const found = readable(() => text(readBoundedIfThere(join(folder, name), KEY_BYTES)));
      return typeof found === 'string' ? [{ name: name.slice(0, -'.pub'.length), text: found }] : [];
    });
};

export const layKey = (ask: { place: Place; identity: string; name: string; text: string }): null => {
  requireWritable(ask.place, ask.identity);
  const path = join(makeInPlace(ask.place, KEYS), ask.name);
  const there = readable(() => text(readBoundedIfThere(path, KEY_BYTES)));
  if (there !== ask.text) writeProven(path, Buffer.from(ask.text));
  return null;
};

export const listBundles = ({ place, exporter }: { place: Place; exporter: string }): string[] =>
  listFolders(inPlace(place, BUNDLES), LIMITS.names).filter((name) => name.startsWith(`${exporter}-`));
