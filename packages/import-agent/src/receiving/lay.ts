/** Lays receipts and keys onto a medium, and reads the keys that lie there. */
import { join } from 'node:path';
import { KEYS, SIGNATURE_SUFFIX } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { GapferryError } from '@gapferry/bundle-format/errors';
import { makeFolder, removeDurably, writeDurably } from '@gapferry/station/files/durable';
import { insideFolder } from '@gapferry/station/files/inside';
import { listNames, readBounded, readBoundedIfThere } from '@gapferry/station/files/safe-open';
import type { KeyOnMedium, LayAsk } from './requests.ts';

/** A companion of the largest site: a line of 65 bytes for each row. */
const LAID_BYTES = LIMITS.rows * 65;
const KEY_FILE_BYTES = 4096;
const MEDIUM = { where: 'medium' } as const;
const OURS = /^\d{8,16}\.(?:json|json\.minisig|holds|missing)$/;

/** Each file whole under its name or not at all, in the given order: the signature comes last. @throws Unfit MEDIA_FULL, MEDIA_READONLY, MEDIA_GONE, MEDIA_WRITE */
export function lay(ask: LayAsk, alive: () => void): void {
  const folder = insideFolder(ask.root, ask.under);
  makeFolder(folder, 0o755, MEDIUM);
  for (const { from, name } of ask.files) {
    const bytes = readBounded(from, LAID_BYTES, { where: 'machine' });
    if (!isThere(join(folder, name), bytes)) writeDurably(join(folder, name), bytes, 0o644, MEDIUM);
    alive();
  }
  if (ask.keep !== null) removeOthers(folder, new Set([...ask.keep, ...ask.files.map(({ name }) => name)]));
}

/** A medium that comes back is not written to once more for nothing. */
function isThere(path: string, bytes: Uint8Array): boolean {
  try {
    const there = readBoundedIfThere(path, bytes.length);
    return there !== undefined && Buffer.from(there).equals(bytes);
  } catch (error) {
    if (error instanceof GapferryError && error.kind !== 'unfit') return false;
    throw error;
  }
}

/** Only what is named like a receipt of ours, in our own folder; the signature first, so that no half receipt remains. */
function removeOthers(folder: string, keep: ReadonlySet<string>): void {
  const old = listNames(folder, LIMITS.names).filter((name) => OURS.test(name) && !keep.has(name));
  for (const name of old.toSorted(
    (a, b) => Number(b.endsWith(SIGNATURE_SUFFIX)) - Number(a.endsWith(SIGNATURE_SUFFIX)),
  ))
    removeDurably(join(folder, name), MEDIUM);
}

/** Public keys that travel on the medium. They are trusted for nothing: a person compares the fingerprint. */
export function readKeys(root: string): KeyOnMedium[] {
  const folder = insideFolder(root, KEYS);
  return listNames(folder, LIMITS.names)
    .filter((name) => name.endsWith('.pub'))
    .slice(0, 100)
    .map((name) => ({ name, text: Buffer.from(readBounded(join(folder, name), KEY_FILE_BYTES)).toString('utf8') }));
}
