/** Reads a bundle out of memory in the order of the specification (format §10.2), with the parts of the format and nothing else. */
import {
  BlockChecker,
  CheckedVolume,
  Damaged,
  Incomplete,
  MANIFEST,
  SUMS,
  Sha256Stream,
  blocksName,
  checkSums,
  isSignatureName,
  parseBlockList,
  parseManifest,
  readHead,
  readIndex,
  readInventory,
  sha256Of,
  verifySignatures,
  walkVolume,
  type ByteSource,
  type IndexRow,
  type InventoryRow,
  type Manifest,
  type PublicKey,
  type Sha256,
} from '../../src/index.ts';

export type Files = ReadonlyMap<string, Buffer>;

export interface ReadBundle {
  readonly manifest: Manifest;
  readonly signers: readonly PublicKey[];
  readonly inventories: readonly (readonly InventoryRow[])[];
  readonly index: readonly IndexRow[];
  /** Each object that the bundle brings completely, by its digest. */
  readonly objects: ReadonlyMap<Sha256, Buffer>;
}

const need = (files: Files, name: string): Buffer => {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Incomplete('BUNDLE_INCOMPLETE', `${name} is not there`);
  return bytes;
};

export const sourceOf = (bytes: Buffer): ByteSource => ({
  bytes: bytes.length,
  read: (into, position) => bytes.copy(into, 0, position),
});

export function openVolume(files: Files, manifest: Manifest, n: number): CheckedVolume {
  const statement = manifest.volumes[n];
  if (statement === undefined) throw new RangeError(`no volume ${n}`);
  const list = parseBlockList(blocksName(n), need(files, blocksName(n)), statement.bytes, statement.blocks);
  return new CheckedVolume(new BlockChecker(statement.name, sourceOf(need(files, statement.name)), list));
}

export async function readHeadDocuments(volume: CheckedVolume, manifest: Manifest): Promise<Buffer[]> {
  const documents: Buffer[] = [];
  await readHead(volume, manifest, async (_document, pieces) => {
    const chunks: Uint8Array[] = [];
    for await (const piece of pieces) chunks.push(Uint8Array.from(piece));
    documents.push(Buffer.concat(chunks));
  });
  return documents;
}

export async function readBundle(files: Files, keys: readonly PublicKey[]): Promise<ReadBundle> {
  const statement = files.get(MANIFEST);
  if (statement === undefined) throw new Incomplete('MANIFEST_MISSING', 'there is no manifest');
  const signatures = [...files].filter(([name]) => isSignatureName(name)).map(([name, bytes]) => ({ name, bytes }));
  const { bytes, signers } = verifySignatures(MANIFEST, statement, signatures, keys);
  const manifest = parseManifest(bytes);
  const sums = files.get(SUMS);
  if (sums !== undefined) checkSums(sums, bytes, manifest);
  const documents = await readHeadDocuments(openVolume(files, manifest, 0), manifest);
  const inventories = manifest.repositories.map(({ inventory }, i) => [
    ...readInventory([documents[i] ?? Buffer.alloc(0)], inventory.entry, inventory),
  ]);
  const index = [
    ...readIndex([documents.at(-1) ?? Buffer.alloc(0)], manifest.index.entry, {
      rows: manifest.index.rows,
      volumes: manifest.volumes.length,
    }),
  ];
  const objects = new Gathered();
  for (let n = 1; n < manifest.volumes.length; n++)
    walkVolume(
      openVolume(files, manifest, n),
      index.filter((row) => row.volume === n),
      (row) => (pieces) => objects.take(row, pieces),
    );
  return { manifest, signers, inventories, index, objects: objects.whole };
}

class Gathered {
  readonly whole = new Map<Sha256, Buffer>();
  readonly #parts = new Map<Sha256, { readonly data: Buffer; count: number }>();

  take(row: IndexRow, pieces: Iterable<Uint8Array>): void {
    if (row.kind === 'patch') return;
    const digest = new Sha256Stream();
    const data = Buffer.concat(Array.from(pieces, (piece) => (digest.update(piece), Uint8Array.from(piece))));
    if (row.kind === 'part') this.#part(row, data);
    else this.#object(row, data);
  }

  #object(row: IndexRow, data: Buffer): void {
    if (sha256Of(data) !== row.sha256) throw new Damaged('ENTRY_HASH', `${row.entry} is not the signed object`);
    this.whole.set(row.sha256, data);
  }

  #part(row: Extract<IndexRow, { kind: 'part' }>, data: Buffer): void {
    const object = this.#parts.get(row.sha256) ?? { data: Buffer.alloc(row.size), count: 0 };
    this.#parts.set(row.sha256, object);
    data.copy(object.data, row.at);
    if (++object.count === row.of) this.#object(row, object.data);
  }
}
