/** One walk over all paths: where the archives, package indexes and by-hash copies of a repository are. */

import { baseOf, folderOf } from '../inside.ts';
import type { RepositoryView } from '../view.ts';
import { byHashName, indexName } from './index-names.ts';

export interface Survey {
  /** Folders with a Release or an InRelease. */
  readonly releaseFolders: ReadonlySet<string>;
  /** Paths of Packages and Sources in any compression, without copies in by-hash folders. */
  readonly indexes: readonly string[];
  /** Paths in by-hash folders. */
  readonly byHash: readonly string[];
  /** Folders that have digest-named copies of their files. */
  readonly foldersWithCopies: ReadonlySet<string>;
}

export const RELEASE_NAMES: readonly string[] = ['InRelease', 'Release', 'Release.gpg'];

export const surveyOf = (view: RepositoryView): Survey => {
  const releaseFolders = new Set<string>();
  const indexes: string[] = [];
  const byHash: string[] = [];
  const foldersWithCopies = new Set<string>();
  for (const path of view.paths()) {
    const copy = byHashName(path);
    if (copy !== undefined) {
      byHash.push(path);
      if (copy.digest !== undefined) foldersWithCopies.add(copy.folder);
    } else if (RELEASE_NAMES.includes(baseOf(path))) {
      releaseFolders.add(folderOf(path));
    } else if (indexName(path) !== undefined) {
      indexes.push(path);
    }
  }
  return { releaseFolders, indexes, byHash, foldersWithCopies };
};
