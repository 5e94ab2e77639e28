/** Reads the volumes of a bundle with yauzl alone, to see what really crosses. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';
import { sha256 } from './seeded.ts';

export interface Carried {
  /** `vol-0001.zip` */
  readonly volume: string;
  /** The entry, and after `!` its name inside a pack. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly bytes: Buffer;
}

const entriesOf = async (bytes: Buffer, volume: string, prefix = ''): Promise<Carried[]> => {
  const zip = await yauzl.fromBufferPromise(bytes);
  const found: Carried[] = [];
  for await (const entry of zip.eachEntry()) {
    const data = await buffer(await zip.openReadStreamPromise(entry));
    const name = prefix + entry.fileName;
    if (prefix === '' && name.startsWith('packs/')) found.push(...(await entriesOf(data, volume, `${name}!`)));
    else found.push({ volume, name, size: data.length, sha256: sha256(data), bytes: data });
  }
  return found;
};

export const volumesOf = (bundle: string): string[] =>
  readdirSync(bundle)
    .filter((name) => /^vol-\d{4}\.zip$/.test(name))
    .toSorted();

/** Everything in the volumes, packs opened one deeper; the head (`vol-0000.zip`) only when asked for. */
export const carriedBy = async (bundle: string, also: { head: boolean } = { head: false }): Promise<Carried[]> => {
  const all: Carried[] = [];
  for (const name of volumesOf(bundle)) {
    if (name !== 'vol-0000.zip' || also.head) all.push(...(await entriesOf(readFileSync(join(bundle, name)), name)));
  }
  return all;
};

/** A carried file as it will stand in the repository: parts joined again. */
export interface CarriedFile {
  readonly role: string;
  readonly repository: string;
  readonly path: string;
  readonly sha256: string;
}

const PART = /^parts\/([^/]+)\/(.+)\/(\d+)-of-(\d+)$/;
const PLAIN = /^(content|metadata|packages?)\/([^/]+)\/(.+)$/;

/**
 * The files that a bundle bears, by their real paths. Throws for a name that is none of those that DESIGN section 4 allows.
 */
export const filesCarriedBy = async (bundle: string): Promise<CarriedFile[]> => {
  const files: CarriedFile[] = [];
  const parts = new Map<string, { repository: string; path: string; of: number; pieces: Map<number, Buffer> }>();
  for (const item of await carriedBy(bundle)) {
    const name = item.name.replace(/^packs\/[^!]+!/, '');
    const part = PART.exec(name);
    const plain = PLAIN.exec(name);
    if (part) {
      const [, repository = '', path = '', number = '', of = ''] = part;
      const key = `${repository}/${path}`;
      const whole = parts.get(key) ?? { repository, path, of: Number(of), pieces: new Map<number, Buffer>() };
      whole.pieces.set(Number(number), item.bytes);
      parts.set(key, whole);
    } else if (plain) {
      const [, role = '', repository = '', path = ''] = plain;
      files.push({ role, repository, path, sha256: item.sha256 });
    } else throw new Error(`${item.volume}: ${item.name} is not named as DESIGN section 4 says`);
  }
  for (const { repository, path, of, pieces } of parts.values()) {
    const joined = Buffer.concat(Array.from({ length: of }, (_, n) => pieces.get(n + 1) ?? Buffer.alloc(0)));
    files.push({ role: 'parts', repository, path, sha256: sha256(joined) });
  }
  return files;
};
