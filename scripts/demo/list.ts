/** What a bundle carries, read out of the ZIP files themselves with a ZIP library and nothing of ours. A pack is a ZIP file within: it is opened too. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';

export interface Carried {
  /** `content/npm/zod/zod-4.6.7.tgz` */
  readonly path: string;
  readonly bytes: number;
}

/** The head, volume 0, carries lists and no files. */
const VOLUME = /^vol-(?!0000)\d+\.zip$/;

export const listBundle = async (bundle: string): Promise<Carried[]> => {
  const found: Carried[] = [];
  for (const name of readdirSync(bundle).filter((each) => VOLUME.test(each))) {
    await list(await yauzl.openPromise(join(bundle, name), { lazyEntries: true, autoClose: true }), found);
  }
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
};

const list = async (zip: yauzl.ZipFile, found: Carried[]): Promise<void> => {
  for await (const entry of zip.eachEntry()) {
    if (!entry.fileName.startsWith('packs/')) found.push({ path: entry.fileName, bytes: entry.uncompressedSize });
    else await list(await openPack(zip, entry), found);
  }
};

const openPack = async (zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<yauzl.ZipFile> =>
  yauzl.fromBufferPromise(await buffer(await zip.openReadStreamPromise(entry)), { lazyEntries: true });

export const contentOf = (carried: readonly Carried[]): Carried[] =>
  carried.filter(({ path }) => !path.startsWith('metadata/'));
export const metadataOf = (carried: readonly Carried[]): Carried[] =>
  carried.filter(({ path }) => path.startsWith('metadata/'));
