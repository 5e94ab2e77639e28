/**
 * The spool: frozen metadata under its digest, inventories, plans. It needs no flush: whatever a power cut takes from it fails its digest when it
 * is sealed, and is frozen again.
 */

import type { Sha256 } from '@gapferry/bundle-format/sha256';
import { makeFolder } from '@gapferry/station/files/durable';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Spool {
  /** Folder of frozen metadata of one repository. */
  readonly metadata: string;
  frozen(sha256: Sha256): string;
}

export const spoolFolder = (state: string): string => join(state, 'spool');

export const openSpool = (state: string, repository: string): Spool => {
  const metadata = join(spoolFolder(state), 'metadata', repository);
  makeFolder(metadata);
  return { metadata, frozen: (sha256) => join(metadata, sha256.slice(0, 2), sha256) };
};

/** Removes frozen files that no current row names. */
export const tidySpool = (spool: Spool, current: ReadonlySet<string>): void => {
  for (const folder of readdirSync(spool.metadata))
    for (const name of readdirSync(join(spool.metadata, folder)))
      if (!current.has(name)) rmSync(join(spool.metadata, folder, name), { force: true });
};

export const isFrozen = (spool: Spool, sha256: Sha256): boolean => existsSync(spool.frozen(sha256));
