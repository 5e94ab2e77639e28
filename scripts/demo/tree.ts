/** Two trees compared as their clients see them: paths, bytes, links and exec bits. What Gapferry keeps in `.gapferry` is not for clients. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface TreeEntry {
  readonly path: string;
  /** `file` with exec bit, size and SHA-256, `link` with its target, or an empty `dir`. */
  readonly is: string;
  /** Bytes of a file, else 0. */
  readonly bytes: number;
}

const OWN = '.gapferry';
const CHUNK = 4 * 1024 * 1024;

/** Sorted by path. Reads every byte when `hashed`; else files are described by size alone. */
export const readTree = (root: string, hashed = true): TreeEntry[] => {
  const found: TreeEntry[] = [];
  const chunk = Buffer.allocUnsafe(CHUNK);
  const visit = (inside: string): number => {
    const names = readdirSync(join(root, inside), { withFileTypes: true }).filter(
      (entry) => !(inside === '' && entry.name === OWN),
    );
    for (const entry of names) {
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
      if (entry.isSymbolicLink()) found.push({ path, is: `link ${readlinkSync(join(root, path))}`, bytes: 0 });
      else if (entry.isFile()) found.push(describeFile(root, path, hashed ? chunk : undefined));
      else if (entry.isDirectory() && visit(path) === 0) found.push({ path, is: 'dir', bytes: 0 });
    }
    return names.length;
  };
  visit('');
  return found.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
};

const describeFile = (root: string, path: string, chunk: Buffer | undefined): TreeEntry => {
  const file = join(root, path);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return { path, is: 'a name that cannot be opened', bytes: 0 };
  const { size, mode } = found;
  const kind = (mode & 0o100) === 0 ? 'file' : 'program';
  return { path, is: `${kind} ${size}${chunk === undefined ? '' : ` ${sha256OfFile(file, chunk)}`}`, bytes: size };
};

const sha256OfFile = (file: string, chunk: Buffer): string => {
  const hash = createHash('sha256');
  const fd = openSync(file, 'r');
  try {
    for (let n = readSync(fd, chunk); n > 0; n = readSync(fd, chunk)) hash.update(chunk.subarray(0, n));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
};

/** One digest that changes when anything changes that a client could see. */
export const digestOfTree = (entries: readonly TreeEntry[]): string => {
  const hash = createHash('sha256');
  for (const { path, is } of entries) hash.update(`${path}\0${is}\n`);
  return hash.digest('hex');
};

export const bytesOfTree = (entries: readonly TreeEntry[]): number =>
  entries.reduce((sum, { bytes }) => sum + bytes, 0);

/** One line per path that differs. */
export const differencesBetween = (left: readonly TreeEntry[], right: readonly TreeEntry[]): string[] => {
  const [a, b] = [new Map(left.map((e) => [e.path, e.is])), new Map(right.map((e) => [e.path, e.is]))];
  const paths = [...new Set([...a.keys(), ...b.keys()])];
  return paths.flatMap((path) => {
    const [here, there] = [a.get(path), b.get(path)];
    return here === there ? [] : [`${path}: ${here ?? 'is not there'} / ${there ?? 'is not there'}`];
  });
};
