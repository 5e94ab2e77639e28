import { gzipSync, zstdCompressSync } from 'node:zlib';
import { bytesOf, hexOf, type Files } from './memory-view.ts';

export const DEB = 'the bytes of a package';
export const DEB_PATH = 'pool/main/h/hello/hello_1_amd64.deb';

export interface PackageFacts {
  name?: string;
  filename?: string;
  size?: number;
  sha256?: string;
}

export const paragraph = ({
  name = 'hello',
  filename = DEB_PATH,
  size = DEB.length,
  sha256 = hexOf('sha256', DEB),
}: PackageFacts = {}): string =>
  [
    `Package: ${name}`,
    'Version: 1',
    'Description: says hello',
    ' over more than one line',
    ' Filename: not/a/field',
    `Filename: ${filename}`,
    `Size: ${size}`,
    `SHA256: ${sha256}`,
    '',
    '',
  ].join('\n');

const sumLine = (name: string, data: string | Uint8Array): string =>
  ` ${hexOf('sha256', data)} ${bytesOf(data).length} ${name}`;

/** A Release that lists these files of its folder. */
export const release = (listed: Files, more = ''): string =>
  [
    'Origin: Test',
    'Suite: stable',
    ...(more === '' ? [] : [more]),
    'SHA256:',
    ...Object.entries(listed).map(([name, data]) => sumLine(name, data)),
    '',
  ].join('\n');

export const clearsigned = (text: string): string =>
  `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${text}-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n`;

export const SUITE = 'dists/stable';
export const INDEX = 'main/binary-amd64/Packages';

export interface ArchiveFacts {
  packages?: string;
  /** Which variants of the index are on the server; all are listed. */
  variants?: readonly ('' | '.gz' | '.zst')[];
  more?: string;
}

/** A good archive of one package: tests bend one fact of it. */
export const archive = ({
  packages = paragraph(),
  variants = ['', '.gz', '.zst'],
  more = '',
}: ArchiveFacts = {}): Files => {
  const index: Files = {
    [INDEX]: packages,
    [`${INDEX}.gz`]: gzipSync(packages),
    [`${INDEX}.zst`]: zstdCompressSync(packages),
  };
  const text = release({ ...index, 'main/binary-arm64/Packages.gz': 'of another architecture' }, more);
  const present = Object.entries(index).filter(([name]) => variants.some((variant) => name === INDEX + variant));
  return {
    [`${SUITE}/Release`]: text,
    [`${SUITE}/InRelease`]: clearsigned(text),
    [`${SUITE}/Release.gpg`]: 'a signature',
    ...Object.fromEntries(present.map(([name, data]) => [`${SUITE}/${name}`, data])),
    [DEB_PATH]: DEB,
  };
};
