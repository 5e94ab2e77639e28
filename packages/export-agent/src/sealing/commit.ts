/** Manifest, sums and signature on their place. The signature is written last, under a temporary name, and renamed: that is the commit. */

import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { COMMIT, MANIFEST, SUMS } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { removeDurably } from '@gapferry/station/files/durable';
import { readBoundedIfThere } from '@gapferry/station/files/safe-open';
import type { Place } from '@gapferry/station/media/place';
import { bundlePath, requireWritable } from './places.ts';
import { writeProven } from './proven-file.ts';

interface Where {
  readonly place: Place;
  readonly identity: string;
  readonly bundle: string;
}

export const writeStatement = ({
  place,
  identity,
  bundle,
  manifest,
  sums,
}: Where & { manifest: string; sums: string }): null => {
  requireWritable(place, identity);
  const folder = bundlePath(place, bundle);
  writeProven(join(folder, SUMS), Buffer.from(sums));
  writeProven(join(folder, MANIFEST), Buffer.from(manifest));
  return null;
};

export const writeSignature = ({ place, identity, bundle, signature }: Where & { signature: string }): null => {
  requireWritable(place, identity);
  writeProven(join(bundlePath(place, bundle), COMMIT), Buffer.from(signature));
  return null;
};

/** Names that this program gives to files of a bundle, also while they are written. */
const OURS = /^(?:vol-\d{4,5}\.(?:zip|blocks)|manifest\.json|manifest\.json\.minisig|SHA256SUMS)$/;
const TEMPORARY =
  /^\.?(?:vol-\d{4,5}\.(?:zip|blocks)|manifest\.json(?:\.minisig)?|SHA256SUMS).*\.(?:tmp|part|temporary)$/;

/** Removes what an interrupted run left. A folder with a signature is complete and stays. */
export const discardUnsigned = ({ place, identity, bundle }: Where): { removed: boolean } => {
  requireWritable(place, identity);
  const folder = bundlePath(place, bundle);
  if (!existsSync(folder) || existsSync(join(folder, COMMIT))) return { removed: false };
  for (const name of readdirSync(folder))
    if (OURS.test(name) || TEMPORARY.test(name)) removeDurably(join(folder, name), { where: 'medium' });
  removeIfEmpty(folder);
  return { removed: true };
};

/** Removes these files of a bundle; a folder with anything else in it stays. The signature goes first: from then on it is no bundle. */
export const removeFiles = ({ place, identity, bundle, names }: Where & { names: readonly string[] }): null => {
  requireWritable(place, identity);
  const folder = bundlePath(place, bundle);
  const ours = names.filter((name) => OURS.test(name));
  for (const name of ours.toSorted((a, b) => Number(b === COMMIT) - Number(a === COMMIT)))
    removeDurably(join(folder, name), { where: 'medium' });
  removeIfEmpty(folder);
  return null;
};

const removeIfEmpty = (folder: string): void => {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
};

const asText = (bytes: Uint8Array | undefined): string | null =>
  bytes === undefined ? null : Buffer.from(bytes).toString('utf8');

/** Manifest and signature as they lie there, bounded; the parent judges them. */
export const readStatement = ({
  place,
  bundle,
}: {
  place: Place;
  bundle: string;
}): { manifest: string | null; signature: string | null } => {
  const folder = bundlePath(place, bundle);
  return {
    manifest: asText(readBoundedIfThere(join(folder, MANIFEST), LIMITS.manifestBytes)),
    signature: asText(readBoundedIfThere(join(folder, COMMIT), LIMITS.signatureBytes)),
  };
};
