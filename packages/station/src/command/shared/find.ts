/** Where the bundles are that a person named: a bundle folder, its manifest, a medium's root, or the folder of bundles. */
import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Incomplete } from '@gapferry/bundle-format/errors';
import { BUNDLES, MANIFEST } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { withFaults } from '../../files/fault.ts';
import { insideFolder } from '../../files/inside.ts';
import { listFolders, listNames } from '../../files/safe-open.ts';

const isBundle = (folder: string): boolean => {
  try {
    return statSync(join(folder, MANIFEST)).isFile();
  } catch {
    return false;
  }
};

const bundlesIn = (folder: string): string[] =>
  listFolders(folder, LIMITS.names)
    .map((name) => join(folder, name))
    .filter(isBundle);

/**
 * The bundle folders at `path`, sorted by name.
 * @throws Incomplete MANIFEST_MISSING when there is none; Damaged MEDIA_READ when there is no such path; Unfit SCAN_LIMIT
 */
export const findBundles = (path: string): string[] => {
  const named = resolve(path);
  const folder = basename(named) === MANIFEST ? dirname(named) : named;
  withFaults({ where: 'medium', doing: 'read', what: path }, () => statSync(folder));
  if (isBundle(folder)) return [folder];
  const found = [...bundlesIn(insideFolder(folder, BUNDLES)), ...bundlesIn(folder)];
  if (found.length > 0) return found;
  const partial = listNames(folder, LIMITS.names).some((name) => /^vol-\d+\.(?:zip|blocks)$/.test(name));
  throw new Incomplete(
    'MANIFEST_MISSING',
    partial ? `${path} has volumes and no ${MANIFEST}: it was not completely written` : `there is no bundle at ${path}`,
    {
      facts: { path },
    },
  );
};
