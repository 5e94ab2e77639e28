/**
 * A client of an APT repository, as a process of its own, that reads in a loop while somebody else publishes:
 * (In)Release → the index by its hash → the package files that the index names. It counts what no client may ever see.
 *
 *     node apt-reader.ts PUBLISHED STOPFILE [MAXPAUSE]
 *
 * Reads until STOPFILE exists, once more after that, and then prints one JSON document (`Sightings`).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sha256 } from './seeded.ts';

export interface Sightings {
  readonly rounds: number;
  readonly indexReads: number;
  readonly poolReads: number;
  /** Different root pointers that were seen, in the order of first sight. */
  readonly releases: readonly string[];
  /** What was named and not there. */
  readonly missing: readonly string[];
  /** What was there with other bytes than those that were named. */
  readonly mixed: readonly string[];
}

const [published = '', stopFile = '', maxPause = '0'] = process.argv.slice(2);
const dist = join(published, 'dists', 'stable');
const missing = new Set<string>();
const mixed = new Set<string>();
const releases: string[] = [];
const counts = { rounds: 0, indexReads: 0, poolReads: 0 };

const wait = (ms: number): void => {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

const readNamed = (path: string, digest: string, namedBy: string): Buffer | undefined => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    missing.add(`${path} named by ${namedBy}: ${String(error)}`);
    return undefined;
  }
  if (sha256(bytes) !== digest) {
    mixed.add(`${path}: not the bytes that ${namedBy} names`);
    return undefined;
  }
  return bytes;
};

/** The `SHA256:` table of a Release file: path to digest. */
const indexesOf = (release: string): Map<string, string> => {
  const table = /^SHA256:\n((?: .+\n?)+)/m.exec(release)?.[1] ?? '';
  return new Map(
    table
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .flatMap(([digest, , path]): [string, string][] => (digest && path ? [[path, digest]] : [])),
  );
};

const readPool = (index: string, namedBy: string): void => {
  for (const stanza of index.split('\n\n')) {
    const file = /^Filename: (.+)$/m.exec(stanza)?.[1];
    const digest = /^SHA256: ([0-9a-f]{64})$/m.exec(stanza)?.[1];
    if (file === undefined || digest === undefined) continue;
    counts.poolReads += 1;
    readNamed(join(published, file), digest, namedBy);
  }
};

const readAll = (root: 'InRelease' | 'Release', pauseMs: number): void => {
  let release: string;
  try {
    release = readFileSync(join(dist, root), 'utf8');
  } catch (error) {
    missing.add(`${root}: ${String(error)}`);
    return;
  }
  const named = `${root} ${sha256(release).slice(0, 8)}`;
  if (!releases.includes(named)) releases.push(named);
  wait(pauseMs);
  let found = 0;
  for (const [path, digest] of indexesOf(release)) {
    if (!path.endsWith('/Packages.gz')) continue;
    found += 1;
    counts.indexReads += 1;
    const byHash = join(dist, path.replace(/[^/]+$/, ''), 'by-hash/SHA256', digest);
    const index = readNamed(byHash, digest, named);
    wait(pauseMs);
    if (index) readPool(gunzipSync(index).toString('utf8'), `${named} ${path}`);
  }
  if (found === 0) mixed.add(`${named} names no index`);
};

for (let last = false; !last; counts.rounds += 1) {
  last = existsSync(stopFile);
  // in turn without a pause and as a slow client, who holds an old Release while the tree goes on
  const pauseMs = counts.rounds % 2 === 0 ? 0 : (counts.rounds * 7) % (Number(maxPause) + 1);
  readAll(counts.rounds % 3 === 2 ? 'Release' : 'InRelease', pauseMs);
}

const sightings: Sightings = { ...counts, releases, missing: [...missing], mixed: [...mixed] };
process.stdout.write(`${JSON.stringify(sightings)}\n`);
