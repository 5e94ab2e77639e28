/** The head, `vol-0000.zip`: inventories and index, read through yauzl after our own audit (format §8.6). */
import yauzl from 'yauzl';
import { Readable, pipeline } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import type { CheckedVolume } from './blocks.ts';
import { Damaged } from './errors.ts';
import type { DocumentInHead, Manifest } from './manifest.ts';
import { Sha256Stream } from './sha256.ts';
import { checkDescriptor, checkLocalHeader, readZipDirectory, type ZipEntry } from './zip.ts';

/** What yauzl asks for at once; a block is checked as a whole anyway. */
const PIECE_BYTES = 256 * 1024;

/** The documents of a head in the order in which they lie there: inventories as the manifest names them, then the index. */
export const headDocuments = (manifest: Manifest): readonly DocumentInHead[] => [
  ...manifest.repositories.map((one) => one.inventory),
  manifest.index,
];

/**
 * Audits the head and streams each document through `sink`. A document has exactly the signed length and digest, which is known only at its end:
 * what the sink got before an error must be thrown away.
 * @throws Damaged ZIP_*, ENTRY_MISSING, ENTRY_UNLISTED, ENTRY_SIZE, ENTRY_HASH, HASH_MISMATCH; Refused ENTRY_TYPE, NAME_DUPLICATE
 */
export async function readHead(
  volume: CheckedVolume,
  manifest: Manifest,
  sink: (document: DocumentInHead, pieces: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const documents = headDocuments(manifest);
  auditHead(volume, documents);
  const zip = await yauzl.fromRandomAccessReaderPromise(new CheckedRandomAccess(volume), volume.bytes, {
    strictFileNames: true,
    validateEntrySizes: true,
    autoClose: false,
  });
  let n = 0;
  for await (const entry of zip.eachEntry()) {
    const document = documents[n++];
    if (document === undefined || entry.fileName !== document.entry)
      throw new Damaged('ENTRY_UNLISTED', `${volume.name}: entry ${JSON.stringify(entry.fileName)} is not expected`);
    const raw = await zip.openReadStreamPromise(entry, { decodeFileData: false });
    const pieces = entry.compressionMethod === 0 ? raw : inflated(raw, entry.compressedSize, volume.name, document);
    await sink(document, exactly(document, volume.name, pieces));
  }
  if (n !== documents.length)
    throw new Damaged('ENTRY_MISSING', `${volume.name}: has ${n} of ${documents.length} documents`);
}

/** All that a general ZIP reader takes on trust is shown here first. */
function auditHead(volume: CheckedVolume, documents: readonly DocumentInHead[]): void {
  const entries = readZipDirectory(volume);
  if (entries.length < documents.length)
    throw new Damaged(
      'ENTRY_MISSING',
      `${volume.name}: has ${entries.length} entries, the manifest names ${documents.length}`,
    );
  entries.forEach((entry, i) => auditDocument(volume, entry, documents[i]));
}

function auditDocument(volume: CheckedVolume, entry: ZipEntry, document: DocumentInHead | undefined): void {
  if (entry.name !== document?.entry)
    throw new Damaged('ENTRY_UNLISTED', `${volume.name}: entry ${JSON.stringify(entry.name)} is not expected here`);
  if (entry.size !== document.bytes)
    throw new Damaged(
      'ENTRY_SIZE',
      `${volume.name}: entry ${JSON.stringify(entry.name)} is said to have ${entry.size} bytes, the manifest says ${document.bytes}`,
    );
  checkLocalHeader(volume, entry);
  checkDescriptor(volume, entry);
}

/** Inflates, and shows that the deflated data fill their entry: what stands behind their end nobody would see. */
async function* inflated(
  raw: Readable,
  stored: number,
  name: string,
  document: DocumentInHead,
): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw();
  pipeline(raw, inflate, () => undefined); // an error of either ends the loop below
  try {
    for await (const piece of inflate) if (piece instanceof Uint8Array) yield piece;
  } catch (cause) {
    if (!isZlibError(cause)) throw cause;
    throw new Damaged('ENTRY_SIZE', `${name}: ${document.entry} cannot be inflated`, { cause });
  }
  if (inflate.bytesWritten !== stored)
    throw new Damaged('ZIP_GAP', `${name}: bytes after the deflated data of ${document.entry} belong to nothing`);
}

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');

async function* exactly(
  document: DocumentInHead,
  name: string,
  pieces: AsyncIterable<unknown>,
): AsyncGenerator<Uint8Array> {
  const digest = new Sha256Stream();
  for await (const piece of pieces) {
    if (!(piece instanceof Uint8Array)) continue;
    digest.update(piece);
    if (digest.bytes > document.bytes) break;
    yield piece;
  }
  if (digest.bytes !== document.bytes)
    throw new Damaged(
      'ENTRY_SIZE',
      `${name}: ${document.entry} does not have the ${document.bytes} bytes of the manifest`,
    );
  if (digest.digest() !== document.sha256)
    throw new Damaged('ENTRY_HASH', `${name}: ${document.entry} is not the signed document`);
}

class CheckedRandomAccess extends yauzl.RandomAccessReader {
  readonly #volume: CheckedVolume;

  constructor(volume: CheckedVolume) {
    super();
    this.#volume = volume;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const volume = this.#volume;
    const pieces = function* (): Generator<Uint8Array> {
      for (let at = start; at < end;) {
        const length = Math.min(PIECE_BYTES, end - at);
        yield Uint8Array.from(volume.read(at, length)); // the stream keeps it beyond the next read
        at += length;
      }
    };
    return Readable.from(pieces(), { objectMode: false });
  }
}
