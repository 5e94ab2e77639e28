/** The benchmark's own data. The same options give the same trees, but for the random bytes of the big files. */
import { randomFillSync } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { filesOfPackage, packTarball } from '../scripts/demo/tarball.ts';

export interface DataSet {
  readonly root: string;
  readonly says: string;
  readonly files: number;
  readonly bytes: number;
}

const MIB = 1024 * 1024;
/** Files are as old as in a real tree: nothing may gain or lose by having been written a moment ago. */
const YEAR_SECONDS = 365 * 86_400;
const agedBy = (share: number): number => Date.now() / 1000 - 3600 - share * 3 * YEAR_SECONDS;

/** mulberry32 by Tommy Ettinger (public domain): small, and the same on every machine. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** Three quarters and one quarter, incompressible. */
export const makeBigFiles = (root: string, bytes: number): DataSet => {
  mkdirSync(root, { recursive: true });
  const first = Math.floor(bytes * 0.75);
  for (const [name, size] of [
    ['image.iso', first],
    ['dump.bin', bytes - first],
  ] as const)
    writeRandom(join(root, name), size);
  return { root, says: 'big files', files: 2, bytes };
};

const writeRandom = (path: string, bytes: number): void => {
  const chunk = Buffer.allocUnsafe(8 * MIB);
  const fd = openSync(path, 'w');
  for (let left = bytes; left > 0; left -= chunk.length) {
    writeSync(fd, randomFillSync(chunk), 0, Math.min(left, chunk.length));
  }
  futimesSync(fd, agedBy(0.1), agedBy(0.1));
  closeSync(fd);
};

interface SmallShape {
  readonly count: number;
  /** Bytes: half of the files are smaller. */
  readonly median: number;
  /** Of the logarithm of the size; 0 makes all alike. */
  readonly spread: number;
}

/** As in source trees and package folders: half below 1.6 KB, a few hundred kilobytes at most, 5.4 KB on average; 3 % are programs, 1 in 200 is a link. */
export const makeSmallFiles = (root: string, count: number): DataSet =>
  makeFiles(root, 'small files', { count, median: 1600, spread: 1.56 });

/** For walking only: what lies in the files hardly matters. */
export const makeTinyFiles = (root: string, count: number): DataSet =>
  makeFiles(root, 'tiny files', { count, median: 120, spread: 0.3 });

const PER_FOLDER = 20;
const MOST = MIB;

const makeFiles = (root: string, says: string, { count, median, spread }: SmallShape): DataSet => {
  const random = randomFrom(20261120);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const pool = randomFillSync(Buffer.allocUnsafe(2 * MOST));
  let bytes = 0;
  let folder = '';
  for (let n = 0; n < count; n++) {
    if (n % PER_FOLDER === 0) {
      const number = n / PER_FOLDER;
      folder = join(root, `area-${number % 40}`, `part-${Math.floor(number / 40)}`, 'lib');
      mkdirSync(folder, { recursive: true });
    }
    const path = join(folder, `${n.toString(36).padStart(5, '0')}-module.${n % 3 === 0 ? 'json' : 'js'}`);
    if (n % 200 === 199) {
      symlinkSync(`${(n - 1).toString(36).padStart(5, '0')}-module.${(n - 1) % 3 === 0 ? 'json' : 'js'}`, path);
      continue;
    }
    const size = Math.max(8, Math.min(MOST, Math.round(median * Math.exp(spread * normal()))));
    const at = Math.floor(random() * MOST);
    const content = pool.subarray(at, at + size);
    content.writeUInt32LE(n, 0); // no two are alike, or one of them would cross for free
    writeFileSync(path, content);
    if (n % 33 === 0) chmodSync(path, 0o755);
    const time = agedBy(random());
    utimesSync(path, time, time);
    bytes += size;
  }
  return { root, says, files: count, bytes };
};

const APT_CACHE = '/var/cache/apt/archives';
const PACKAGES_MOST = 512 * MIB;

/** Real packages of this machine: what apt has fetched, else the installed npm packages as tarballs. */
export const makePackages = (root: string, nodeModules: string): DataSet => {
  mkdirSync(root, { recursive: true });
  const debs = aptPackages();
  return debs.length >= 20 ? copyPackages(root, debs) : packInstalled(root, nodeModules);
};

const aptPackages = (): string[] => {
  if (!existsSync(APT_CACHE)) return [];
  return readdirSync(APT_CACHE)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(APT_CACHE, name));
};

const copyPackages = (root: string, packages: readonly string[]): DataSet => {
  let [bytes, files] = [0, 0];
  for (const file of packages) {
    const { size, mtime } = statSync(file);
    if (bytes + size > PACKAGES_MOST) continue;
    const copy = join(root, basename(file));
    copyFileSync(file, copy);
    utimesSync(copy, mtime, mtime);
    bytes += size;
    files++;
  }
  return { root, says: 'Debian packages of this machine', files, bytes };
};

const packInstalled = (root: string, nodeModules: string): DataSet => {
  let [bytes, files] = [0, 0];
  const names = readdirSync(nodeModules).filter((name) => existsSync(join(nodeModules, name, 'package.json')));
  for (const name of names) {
    const tarball = packTarball(filesOfPackage(join(nodeModules, name)));
    const file = join(root, `${name}.tgz`);
    writeFileSync(file, tarball);
    utimesSync(file, agedBy(0.1), agedBy(0.1));
    bytes += tarball.length;
    files++;
  }
  return { root, says: 'npm packages of this checkout', files, bytes };
};
