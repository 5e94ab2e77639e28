/** A repository as closure checkers see it: paths and digests from the ledger, bytes of metadata from the spool (what was frozen is what is judged). */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Incomplete, Unfit } from '@gapferry/bundle-format/errors';
import { resolveLink } from '@gapferry/bundle-format/names';
import type { DigestAlgorithm, RepositoryView } from '@gapferry/repository';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { SourceRow } from '../ledger/records.ts';
import type { Sources } from '../ledger/sources.ts';
import type { Spool } from './spool.ts';

const CHUNK_BYTES = 1 << 20;
/** Links that lead to links; more is a circle. */
const MOST_LINKS = 40;

interface Found extends SourceRow {
  readonly kind: 'file';
  readonly sha256: Sha256;
}
const isFound = (row: SourceRow | undefined): row is Found => row?.kind === 'file' && row.sha256 !== null;

/** Replaces the first component that is a link by what it names; undefined when there is none. */
const followOne = (path: string, link: (path: string) => string | null | undefined): string | undefined => {
  for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
    const head = end === -1 ? path : path.slice(0, end);
    const target = link(head);
    if (typeof target === 'string') {
      const named = resolveLink(head, target);
      if (named === undefined) return undefined;
      return end === -1 ? named : `${named}${named === '' ? path.slice(end + 1) : path.slice(end)}`;
    }
    if (end === -1) return undefined;
  }
};

export const ledgerView = (sources: Sources, repositoryId: number, root: string, spool: Spool): RepositoryView => {
  const linkAt = (path: string): string | null | undefined => {
    const row = sources.find(repositoryId, path);
    return row?.kind === 'link' ? row.target : undefined;
  };
  const find = (path: string): Found | undefined => {
    let current: string | undefined = path;
    for (let n = 0; current !== undefined && n <= MOST_LINKS; n++) {
      const row = sources.find(repositoryId, current);
      if (isFound(row)) return row;
      current = followOne(current, linkAt);
    }
    return undefined;
  };
  const bytesOf = (row: Found): AsyncIterable<Uint8Array> =>
    createReadStream(row.phase > 0 ? spool.frozen(row.sha256) : join(root, row.path), { highWaterMark: CHUNK_BYTES });
  const must = (path: string): Found => {
    const row = find(path);
    if (row === undefined) throw new Unfit('LOCAL_IO', `${path} is not known to the ledger`);
    return row;
  };

  return {
    file: (path) => {
      const row = find(path);
      return row === undefined ? undefined : { size: row.size, sha256: row.sha256 };
    },
    read: async function* (path): AsyncGenerator<Uint8Array> {
      const row = must(path);
      let bytes = 0;
      for await (const chunk of bytesOf(row)) {
        bytes += chunk.length;
        yield chunk;
      }
      if (bytes !== row.size)
        throw new Incomplete('SOURCE_CHANGED', `${path} has ${bytes} bytes instead of ${row.size}`, {
          facts: { path: row.path },
        });
    },
    digest: async (path, algorithm: DigestAlgorithm): Promise<string> => {
      const row = must(path);
      if (algorithm === 'sha256') return row.sha256;
      const known = sources.digest(row.sha256, algorithm);
      if (known !== undefined) return known;
      const [sha256, wanted] = [createHash('sha256'), createHash(algorithm)];
      for await (const chunk of bytesOf(row)) {
        sha256.update(chunk);
        wanted.update(chunk);
      }
      if (sha256.digest('hex') !== row.sha256)
        throw new Incomplete('SOURCE_CHANGED', `${path} changed while its digest was made`, {
          facts: { path: row.path },
        });
      const value = wanted.digest('hex');
      sources.keepDigests([{ sha256: row.sha256, algorithm, value }]);
      return value;
    },
    paths: () => sources.paths(repositoryId),
  };
};
