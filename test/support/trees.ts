/** Folders of files for the tests: make them, read them exactly, compare them. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256 } from './seeded.ts';

/** A file's bytes; or a link, an executable file, an empty folder. */
export type Planted = string | Uint8Array | { link: string } | { exec: string | Uint8Array } | { folder: true };

export const tempFolder = (name: string): string => realpathSync(mkdtempSync(join(tmpdir(), `gapferry-${name}-`)));

export const removeFolder = (path: string): void =>
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });

/** Puts these into the folder, replacing what stands there. */
export const plant = (root: string, what: Readonly<Record<string, Planted>>): void => {
  for (const [path, value] of Object.entries(what)) {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof value === 'string' || value instanceof Uint8Array) writeFileSync(full, value, { mode: 0o644 });
    else if ('exec' in value) {
      writeFileSync(full, value.exec);
      chmodSync(full, 0o755);
    } else if ('link' in value) {
      rmSync(full, { force: true });
      symlinkSync(value.link, full);
    } else mkdirSync(full, { recursive: true });
  }
};

interface Entry {
  readonly path: string;
  readonly full: string;
  readonly kind: 'file' | 'link' | 'folder' | 'other';
}

/** Every path below, folders too, in the order of their bytes; the agents' own `.gapferry` at the top is left out. */
const walk = (root: string): Entry[] => {
  const visit = (below: string): Entry[] =>
    readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (path === '.gapferry') return [];
      const full = join(root, path);
      if (entry.isDirectory()) return [{ path, full, kind: 'folder' as const }, ...visit(path)];
      const kind = entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'other';
      return [{ path, full, kind } as const];
    });
  return visit('').toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
};

const isEmptyFolder = (path: string): boolean => readdirSync(path).length === 0;

/** What must be equal on both sides: bytes, links, exec bits, empty folders. One line of text a path. */
export const readTree = (root: string): Map<string, string> =>
  new Map(
    walk(root).flatMap(({ path, full, kind }): [string, string][] => {
      if (kind === 'link') return [[path, `link ${readlinkSync(full)}`]];
      if (kind === 'folder') return isEmptyFolder(full) ? [[path, 'empty folder']] : [];
      if (kind === 'other') return [[path, 'not a file, link or folder']];
      const exec = (lstatSync(full).mode & 0o100) !== 0;
      const bytes = readFileSync(full);
      return [[path, `file ${bytes.length} ${sha256(bytes)}${exec ? ' exec' : ''}`]];
    }),
  );

/** What differs, one sentence a path; nothing when the two are the same. `carried` may leave paths of the source out. */
export const differences = (wanted: string, got: string, carried: (path: string) => boolean = () => true): string[] => {
  const left = new Map([...readTree(wanted)].filter(([path]) => carried(path)));
  const right = readTree(got);
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((path) => left.get(path) !== right.get(path))
    .map((path) => `${path}: wanted ${left.get(path) ?? 'nothing'}, got ${right.get(path) ?? 'nothing'}`);
};

/** Everything there is to see of a folder, to prove later that nobody touched it: also modes, times and inode numbers. */
export const snapshotOf = (root: string): string =>
  walk(root)
    .map(({ path, full, kind }) => {
      const stat = lstatSync(full);
      const what = kind === 'file' ? sha256(readFileSync(full)) : kind === 'link' ? readlinkSync(full) : kind;
      const time = kind === 'folder' ? '' : String(stat.mtimeMs);
      return `${path} ${what} ${stat.mode.toString(8)} ${time} ${stat.ino}`;
    })
    .join('\n');

/** The digests of all files below that a rule chooses. */
export const digestsBelow = (root: string, chosen: (path: string) => boolean = () => true): Set<string> =>
  new Set(
    walk(root)
      .filter(({ path, kind }) => kind === 'file' && chosen(path))
      .map(({ full }) => sha256(readFileSync(full))),
  );

/** All files below, as paths relative to the folder. */
export const filesBelow = (root: string): string[] =>
  walk(root).flatMap(({ path, kind }) => (kind === 'file' ? [path] : []));
