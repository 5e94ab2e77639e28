/** Looks at what lies on a medium: one fixed folder, bounded, no link followed, each manifest and signature read once (DESIGN section 5.1). */
import { createHash } from 'node:crypto';
import { lstatSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorToJSON, Unfit } from '@gapferry/bundle-format/errors';
import { BUNDLES, isSignatureName, MANIFEST, SUMS } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { sha256Of } from '@gapferry/bundle-format/sha256';
import { makeFolder, writeDurably } from '@gapferry/station/files/durable';
import { errnoOf } from '@gapferry/station/files/fault';
import { copyIn } from './evidence.ts';
import { insideFolder } from '@gapferry/station/files/inside';
import { listFolders, listNames, readBounded, readBoundedIfThere } from '@gapferry/station/files/safe-open';
import type { LookAsk, LookReply, SeenBundle } from './requests.ts';

/** Volumes, block lists and a few more. */
const NAMES_IN_BUNDLE = 2 * LIMITS.volumes + LIMITS.names;
const SUMS_BYTES = 4 * 1024 * 1024;
/** Manifests and signatures of one look, all together. */
const INBOX_BYTES = 256 * 1024 * 1024;
const VOLUME = /^vol-\d{4,5}\.(?:zip|blocks)$/;

export function look(ask: LookAsk, alive: () => void): LookReply {
  const { folders, root, foreign } = findFolders(ask.path);
  rmSync(ask.inbox, { recursive: true, force: true }); // of the look before: what was to be kept is elsewhere
  const budget = new Budget();
  const bundles = folders.map((folder) => {
    alive();
    return lookAt(folder, ask, budget);
  });
  return { bundles, root, foreign };
}

/** What nobody has verified yet must not fill the disk: a thousand manifests of full length would be four gigabytes. */
class Budget {
  #left = INBOX_BYTES;

  /** @throws Unfit SCAN_LIMIT */
  take(folder: string, bytes: number): void {
    if (bytes > this.#left)
      throw new Unfit('SCAN_LIMIT', `${folder}: the manifests on this medium have more than ${INBOX_BYTES} bytes`, {
        facts: { folder, max: INBOX_BYTES },
      });
    this.#left -= bytes;
  }
}

interface Found {
  readonly folders: readonly string[];
  readonly root: string | null;
  readonly foreign: readonly string[];
}

/** A path may be a medium's root, a folder of bundles, or one bundle. */
function findFolders(path: string): Found {
  // A medium's root comes first: a file that somebody calls manifest.json there hides no bundle.
  const isBundle = isBundleFolder(path) || (isThere(join(path, MANIFEST)) && !isThere(join(path, BUNDLES)));
  if (isBundle) return { folders: [path], root: rootAbove(dirname(path)), foreign: [] };
  const bundles = isThere(join(path, 'gapferry')) ? insideFolder(path, BUNDLES) : path;
  const root = bundles === path ? rootAbove(path) : path;
  return {
    folders: listFolders(bundles, LIMITS.names).map((name) => join(bundles, name)),
    root,
    foreign: listNames(bundles, LIMITS.names),
  };
}

const isBundleFolder = (path: string): boolean => /^x[0-9a-f]{16}-\d{8,}$/.test(basename(path));

/** `R` for `R/gapferry/bundles`. */
function rootAbove(bundles: string): string | null {
  const gapferry = dirname(bundles);
  return basename(bundles) === 'bundles' && basename(gapferry) === 'gapferry' ? dirname(gapferry) : null;
}

const isThere = (path: string): boolean => {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
};

function lookAt(folder: string, ask: LookAsk, budget: Budget): SeenBundle {
  const nothing = { folder, manifest: null, signatures: [], sums: null, foreign: [], error: null, unchanged: false };
  let stamp = '';
  try {
    const names = listNames(folder, NAMES_IN_BUNDLE);
    stamp = stampOf(folder, names);
    if (ask.known[folder] === stamp) return { ...nothing, stamp, unchanged: true };
    return { ...nothing, stamp, ...readBundle(folder, names, copyIn(ask.inbox, folder), budget) };
  } catch (error) {
    return { ...nothing, stamp, error: errorToJSON(error) };
  }
}

function stampOf(folder: string, names: readonly string[]): string {
  const hash = createHash('sha256');
  for (const name of names) {
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
    hash.update(`${name}\0${stat?.size ?? -1}\0${stat?.mtimeMs ?? 0}\0${stat?.ino ?? 0}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}

function readBundle(
  folder: string,
  names: readonly string[],
  copy: string,
  budget: Budget,
): Pick<SeenBundle, 'manifest' | 'signatures' | 'sums' | 'foreign'> {
  const signatures = names.filter(isSignatureName);
  const foreign = names
    .filter((name) => name !== MANIFEST && name !== SUMS && !isSignatureName(name) && !VOLUME.test(name))
    .slice(0, 20);
  if (!names.includes(MANIFEST)) return { manifest: null, signatures, sums: null, foreign };
  const manifest = readBounded(join(folder, MANIFEST), LIMITS.manifestBytes);
  const sha256 = sha256Of(manifest);
  // One more than allowed is read too, so that the parent refuses the bundle and does not pick among its signatures.
  const read = signatures
    .slice(0, LIMITS.signatures + 1)
    .map((name) => ({ name, bytes: readBounded(join(folder, name), LIMITS.signatureBytes) }));
  if (read.length > 0) {
    budget.take(folder, manifest.length + read.reduce((sum, { bytes }) => sum + bytes.length, 0));
    layInInbox(copy, manifest, read);
  }
  const sums = readBoundedIfThere(join(folder, SUMS), SUMS_BYTES);
  return {
    manifest: sha256,
    signatures: read.map(({ name }) => name),
    sums: sums === undefined ? null : sha256Of(sums),
    foreign,
  };
}

/** Kept as evidence once it is found to be signed. */
function layInInbox(
  folder: string,
  manifest: Uint8Array,
  signatures: readonly { name: string; bytes: Uint8Array }[],
): void {
  makeFolder(folder);
  writeDurably(join(folder, MANIFEST), manifest);
  for (const { name, bytes } of signatures) writeDurably(join(folder, name), bytes);
}
