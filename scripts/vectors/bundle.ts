/** Forges small bundles: everything fits and is signed, except what a vector bends. */
import {
  BlockHasher,
  blocksName,
  encodeBlockList,
  encodeIndexRow,
  encodeInventoryRow,
  encodeManifest,
  encodeSums,
  exporterIdOf,
  parseManifest,
  sha256Of,
  volumeName,
  type IndexRow,
  type InventoryRow,
  type Manifest,
  type SignedBytes,
} from '@gapferry/bundle-format';
import { EXPORTER, ownMinisig } from './keys.ts';
import { forgeZip, type ForgedEnd, type ForgedEntry } from './zip.ts';

export interface ForgedObject {
  readonly path: string;
  readonly data: Buffer;
  readonly role: 'content' | 'metadata';
}
const content = (path: string, text: string): ForgedObject => ({ path, data: Buffer.from(text), role: 'content' });
export const OBJECTS: readonly ForgedObject[] = [
  content('a.txt', 'alpha\n'),
  content('b.txt', 'bravo\n'),
  { path: 'index.json', data: Buffer.from('{"files":["a.txt","b.txt"]}\n'), role: 'metadata' },
];

export const entryOf = (object: ForgedObject): string => `${object.role}/files/${object.path}`;

/** The entries of the plain volume, to be bent. */
export const plainEntries = (): ForgedEntry[] =>
  OBJECTS.map((object) => ({ name: entryOf(object), data: object.data }));

export const rowOf = (object: ForgedObject, offset: number): IndexRow => ({
  sha256: sha256Of(object.data),
  size: object.data.length,
  kind: 'whole',
  volume: 1,
  entry: entryOf(object),
  offset,
  stored: object.data.length,
  method: 'stored',
});

export interface ForgedVolume {
  readonly bytes: Buffer;
  readonly rows: readonly IndexRow[];
}

/** A volume whose index tells where the three objects really lie. */
export function forgeVolume(
  bend: (entries: ForgedEntry[]) => readonly ForgedEntry[] = (same) => same,
  end?: ForgedEnd,
): ForgedVolume {
  const entries = bend(plainEntries());
  const { bytes, data } = forgeZip(entries, end);
  const rows = OBJECTS.flatMap((object) => {
    const at = entries.findIndex((entry) => entry.name === entryOf(object) && entry.hidden !== true);
    return at === -1 ? [] : [rowOf(object, data[at] ?? 0)];
  });
  return { bytes, rows };
}

export const inventoryRows = (): InventoryRow[] =>
  OBJECTS.map(({ path, data, role }): InventoryRow => ({
    path,
    type: 'file',
    ...(role === 'content' ? { role } : { role, phase: 1 }),
    size: data.length,
    sha256: sha256Of(data),
    exec: false,
    mtime: 1_795_208_400_000,
  }));

export const inventoryText = (rows: readonly InventoryRow[] = inventoryRows()): string =>
  rows.map(encodeInventoryRow).join('');
export const indexText = (rows: readonly IndexRow[]): string => rows.map(encodeIndexRow).join('');

export interface Forgery {
  readonly volume?: ForgedVolume;
  readonly inventory?: string | Buffer;
  readonly index?: string | Buffer;
  /** The row counts that the manifest states; those of the documents when absent. */
  readonly rows?: { readonly inventory?: number; readonly index?: number };
  readonly head?: (documents: readonly ForgedEntry[]) => Buffer;
  readonly manifest?: (manifest: Manifest) => Manifest;
  /** Bends the text of the manifest after it was encoded. */
  readonly text?: (text: string) => string | Buffer;
  readonly blocks?: (list: Buffer) => Buffer;
  readonly signature?: (manifest: Buffer) => Buffer;
}

export const blockListOf = (bytes: Uint8Array): Buffer => {
  const hasher = new BlockHasher();
  hasher.update(bytes);
  return Buffer.from(encodeBlockList(hasher.end()));
};

const lines = (bytes: Buffer): number => bytes.filter((byte) => byte === 0x0a).length;

/** The files of a bundle in which everything is signed. */
export function forgeBundle(forgery: Forgery = {}): Map<string, Buffer> {
  const volume = forgery.volume ?? forgeVolume();
  const inventory = Buffer.from(forgery.inventory ?? inventoryText());
  const index = Buffer.from(forgery.index ?? indexText(volume.rows));
  const documents: ForgedEntry[] = [
    { name: 'inventory/files.ndjson', data: inventory },
    { name: 'index.ndjson', data: index },
  ];
  const head = (forgery.head ?? ((entries) => forgeZip(entries).bytes))(documents);
  const files = new Map<string, Buffer>();
  const volumes = [head, volume.bytes].map((bytes, n) => {
    const list = n === 1 ? (forgery.blocks ?? ((same) => same))(blockListOf(bytes)) : blockListOf(bytes);
    files.set(volumeName(n), bytes);
    files.set(blocksName(n), list);
    return {
      name: volumeName(n),
      encoding: 'zip' as const,
      bytes: bytes.length,
      sha256: sha256Of(bytes),
      blocks: sha256Of(list),
    };
  });
  const manifest: Manifest = {
    requires: ['zip', 'packs', 'parts'],
    exporter: exporterIdOf(EXPORTER.publicKey),
    sites: ['plant7'],
    sequence: 7,
    created: '2026-11-20T21:00:00Z',
    expires: '2027-05-19T21:00:00Z',
    previous: null,
    basis: 'full',
    contents: 'scannable',
    repositories: [
      {
        name: 'files',
        preset: 'tree',
        snapshot: 7,
        facts: new Map([['languages', 'de,en']]),
        inventory: {
          entry: 'inventory/files.ndjson',
          bytes: inventory.length,
          sha256: sha256Of(inventory),
          rows: forgery.rows?.inventory ?? lines(inventory),
        },
      },
    ],
    index: {
      entry: 'index.ndjson',
      bytes: index.length,
      sha256: sha256Of(index),
      rows: forgery.rows?.index ?? lines(index),
    },
    volumes,
  };
  const encoded = Buffer.from(encodeManifest((forgery.manifest ?? ((same) => same))(manifest)));
  const bytes = forgery.text === undefined ? encoded : Buffer.from(forgery.text(encoded.toString()));
  files.set('manifest.json', bytes);
  files.set('manifest.json.minisig', (forgery.signature ?? ((signed) => ownMinisig(signed, EXPORTER)))(bytes));
  return files;
}

/** The good bundle that the bad ones are made of: three small files. */
export function plainBundle(): Map<string, Buffer> {
  const files = forgeBundle();
  const manifest = files.get('manifest.json') ?? Buffer.alloc(0);
  // Made here a moment ago, so there is nothing to verify.
  files.set('SHA256SUMS', Buffer.from(encodeSums(manifest, parseManifest(manifest as Uint8Array as SignedBytes))));
  return files;
}
