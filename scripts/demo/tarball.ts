/** Tarballs as `npm pack` makes them: gzip over ustar, every file under `package/`. Same files, same bytes. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface PackedFile {
  /** Relative to the package's folder, with '/'. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly exec: boolean;
}

const BLOCK = 512;
/** The time that npm itself writes into every tarball: 26 October 1985, in seconds. */
const NPM_TIME = 499_162_500;

/** The files of an installed package, without the packages that are nested in it. Sorted by path. */
export const filesOfPackage = (folder: string): PackedFile[] => {
  const found: PackedFile[] = [];
  const visit = (inside: string): void => {
    for (const entry of readdirSync(join(folder, inside), { withFileTypes: true })) {
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
      if (entry.isDirectory() && entry.name !== 'node_modules') visit(path);
      if (entry.isFile()) found.push(readPacked(folder, path));
    }
  };
  visit('');
  return found.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
};

const readPacked = (folder: string, path: string): PackedFile => {
  const file = join(folder, path);
  return { path, bytes: readFileSync(file), exec: (statSync(file).mode & 0o111) !== 0 };
};

/** @throws RangeError when a path is too long for ustar (no installed package has one) */
export const packTarball = (files: readonly PackedFile[]): Buffer => {
  const pieces: Uint8Array[] = [];
  for (const file of files) {
    pieces.push(ustarHeader(file), file.bytes, Buffer.alloc(-file.bytes.length & (BLOCK - 1)));
  }
  pieces.push(Buffer.alloc(2 * BLOCK));
  return gzipSync(Buffer.concat(pieces), { level: 1 });
};

/** POSIX 1003.1 ustar: field offsets and lengths as in its table. */
const ustarHeader = (file: PackedFile): Buffer => {
  const header = Buffer.alloc(BLOCK);
  const { name, prefix } = splitName(`package/${file.path}`);
  const octal = (value: number, at: number, width: number): void => {
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  };
  header.write(name, 0, 'utf8');
  octal(file.exec ? 0o755 : 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(file.bytes.length, 124, 12);
  octal(NPM_TIME, 136, 12);
  header.write(' '.repeat(8), 148, 'latin1'); // the sum is taken with spaces in its own place
  header.write('0', 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  header.write(prefix, 345, 'utf8');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
};

const splitName = (path: string): { name: string; prefix: string } => {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return { name, prefix };
  }
  throw new RangeError(`${path} is too long for a tarball`);
};
