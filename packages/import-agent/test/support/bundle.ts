/** Makes correct signed bundles with bundle-format alone, so that a test bends one fact and sees what comes of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BlockHasher,
  BUNDLES,
  bundleFolder,
  blocksName,
  COMMIT,
  comparePaths,
  DEFAULT_LIMITS,
  encodeBlockList,
  encodeIndexRow,
  encodeInventoryRow,
  encodeManifest,
  encodeSums,
  exporterIdOf,
  generateKeyPair,
  INDEX_ENTRY,
  type IndexRow,
  inventoryEntry,
  type InventoryRow,
  type Manifest,
  MANIFEST,
  PackWriter,
  planVolumes,
  type PublicKey,
  type SecretKey,
  type Sha256,
  sha256Of,
  signStatement,
  SUMS,
  type VolumeLimits,
  volumeName,
  VolumeWriter,
} from '@gapferry/bundle-format';

export interface Exporter {
  readonly id: string;
  readonly publicKey: PublicKey;
  readonly secretKey: SecretKey;
}

export const anExporter = (): Exporter => {
  const { publicKey, secretKey } = generateKeyPair();
  return { id: exporterIdOf(publicKey), publicKey, secretKey };
};

/** A file, a link or an empty folder of a snapshot. Phase 0 or none: content. */
export type Thing =
  | { readonly data: string | Uint8Array; readonly phase?: number; readonly exec?: boolean; readonly mtime?: number }
  | { readonly link: string; readonly phase?: number }
  | { readonly dir: true };

export type Tree = Readonly<Record<string, Thing | string>>;

interface Repository {
  readonly name: string;
  readonly preset: string;
  readonly snapshot: number;
  readonly tree: Tree;
}

const DAY_MS = 86_400_000;
const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
export const MTIME: number = Date.UTC(2026, 9, 5, 12, 30, 15, 250);

export const aBundle = (exporter: Exporter): BundleMaker => new BundleMaker(exporter);

export class BundleMaker {
  readonly #exporter: Exporter;
  #sequence = 1;
  #sites: readonly string[] = ['plant7'];
  readonly #repositories: Repository[] = [];
  #without: (path: string) => boolean = () => false;
  #limits: VolumeLimits = DEFAULT_LIMITS;
  #bend: (manifest: Manifest) => Manifest = (manifest) => manifest;
  #bendIndex: (rows: IndexRow[]) => IndexRow[] = (rows) => rows;
  #signer: SecretKey;
  #created = Date.now() - 3_600_000;

  constructor(exporter: Exporter) {
    this.#exporter = exporter;
    this.#signer = exporter.secretKey;
  }

  sequence(n: number): this {
    this.#sequence = n;
    return this;
  }
  forSites(...sites: string[]): this {
    this.#sites = sites;
    return this;
  }
  repository(name: string, tree: Tree, snapshot: number = this.#sequence, preset = 'tree'): this {
    this.#repositories.push({ name, preset, snapshot, tree });
    return this;
  }
  /** Paths whose objects are not carried. */
  without(...paths: string[]): this {
    this.#without = (path) => paths.includes(path);
    return this;
  }
  bearing(...paths: string[]): this {
    this.#without = (path) => !paths.includes(path);
    return this;
  }
  limits(limits: Partial<VolumeLimits>): this {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    return this;
  }
  /** Changes the manifest before it is signed. */
  bent(bend: (manifest: Manifest) => Manifest): this {
    this.#bend = bend;
    return this;
  }
  /** Changes the rows of the index, and leaves the volumes as they are. */
  bentIndex(bend: (rows: IndexRow[]) => IndexRow[]): this {
    this.#bendIndex = bend;
    return this;
  }
  signedBy(key: SecretKey): this {
    this.#signer = key;
    return this;
  }

  /** Writes the bundle onto a medium. @returns its folder and manifest digest */
  async on(root: string): Promise<{ folder: string; sha256: Sha256; manifest: Manifest }> {
    const folder = join(root, BUNDLES, bundleFolder(this.#exporter.id, this.#sequence));
    mkdirSync(folder, { recursive: true });
    const { index, volumes } = await this.#writeVolumes(folder);
    const inventories = this.#repositories.map(({ name, tree }) =>
      document(inventoryEntry(name), inventoryRows(tree).map(encodeInventoryRow)),
    );
    const indexDocument = document(INDEX_ENTRY, this.#bendIndex(index).map(encodeIndexRow));
    const head = await writeVolume(
      folder,
      0,
      async (writer) => {
        for (const { entry, data } of [...inventories, indexDocument]) await writer.add(entry, [data]);
      },
      true,
    );
    const manifest = this.#bend({
      requires: [],
      exporter: this.#exporter.id,
      sites: this.#sites,
      sequence: this.#sequence,
      created: iso(this.#created),
      expires: iso(this.#created + 180 * DAY_MS),
      previous: null,
      basis: 'acknowledged',
      contents: 'scannable',
      repositories: this.#repositories.map(({ name, preset, snapshot }, i) => ({
        name,
        preset,
        snapshot,
        facts: new Map(),
        inventory: statement(inventories[i]),
      })),
      index: statement(indexDocument),
      volumes: [head, ...volumes],
    });
    const bytes = encodeManifest(manifest);
    writeFileSync(join(folder, MANIFEST), bytes);
    writeFileSync(join(folder, SUMS), encodeSums(bytes, manifest));
    writeFileSync(join(folder, COMMIT), signStatement(bytes, this.#signer, `bundle ${this.#sequence}`));
    return { folder, sha256: sha256Of(bytes), manifest };
  }

  *#objects(): Generator<{
    sha256: Sha256;
    size: number;
    repository: string;
    role: 'content' | 'metadata';
    path: string;
    data: Uint8Array;
  }> {
    const carried = new Set<string>();
    for (const { name, tree } of this.#repositories) {
      for (const [path, thing] of sorted(tree)) {
        if (!('data' in thing) || this.#without(path)) continue;
        const data = bytesOf(thing.data);
        const sha256 = sha256Of(data);
        if (carried.has(sha256)) continue;
        carried.add(sha256);
        yield {
          sha256,
          size: data.length,
          repository: name,
          role: (thing.phase ?? 0) > 0 ? 'metadata' : 'content',
          path,
          data,
        };
      }
    }
  }

  async #writeVolumes(folder: string): Promise<{ index: IndexRow[]; volumes: Manifest['volumes'][number][] }> {
    const plans = [...planVolumes(this.#objects(), this.#limits)];
    const index: IndexRow[] = [];
    const volumes: Manifest['volumes'][number][] = [];
    const last = plans.at(-1)?.volume ?? 0;
    for (let number = 1; number <= last; number++) {
      volumes.push(
        await writeVolume(folder, number, async (writer) => {
          for (const plan of plans.filter((one) => one.volume === number)) {
            if (plan.kind === 'pack') {
              const pack = new PackWriter();
              const pieces: Uint8Array[] = [];
              const members = plan.members.map(({ object, member }) => {
                const { header, offset } = pack.add(member, object.data);
                pieces.push(header, object.data);
                return { object, member, offset };
              });
              pieces.push(pack.end());
              const { offset } = await writer.add(plan.entry, pieces);
              for (const one of members) {
                index.push({
                  sha256: one.object.sha256,
                  size: one.object.size,
                  kind: 'packed',
                  volume: number,
                  entry: plan.entry,
                  offset: offset + one.offset,
                  stored: one.object.size,
                  method: 'stored',
                  member: one.member,
                });
              }
            } else {
              const { object } = plan;
              const at = plan.kind === 'part' ? plan.at : 0;
              const { offset } = await writer.add(plan.entry, [object.data.subarray(at, at + plan.stored)]);
              const where = {
                sha256: object.sha256,
                size: object.size,
                volume: number,
                entry: plan.entry,
                offset,
                stored: plan.stored,
                method: 'stored',
              } as const;
              index.push(
                plan.kind === 'part'
                  ? { ...where, kind: 'part', part: plan.part, of: plan.of, at: plan.at }
                  : { ...where, kind: 'whole' },
              );
            }
          }
        }),
      );
    }
    return { index, volumes };
  }
}

export const bytesOf = (data: string | Uint8Array): Uint8Array => (typeof data === 'string' ? Buffer.from(data) : data);

const sorted = (tree: Tree): [string, Exclude<Tree[string], string>][] =>
  Object.entries(tree)
    .map(([path, thing]): [string, Exclude<Tree[string], string>] => [
      path,
      typeof thing === 'string' ? { data: thing } : thing,
    ])
    .sort(([a], [b]) => comparePaths(a, b));

const place = (phase = 0): { role: 'content' } | { role: 'metadata'; phase: number } =>
  phase > 0 ? { role: 'metadata', phase } : { role: 'content' };

export const inventoryRows = (tree: Tree): InventoryRow[] =>
  sorted(tree).map(([path, thing]): InventoryRow => {
    if ('dir' in thing) return { path, type: 'dir' };
    if ('link' in thing) return { path, type: 'link', ...place(thing.phase), target: thing.link };
    const data = bytesOf(thing.data);
    return {
      path,
      type: 'file',
      ...place(thing.phase),
      size: data.length,
      sha256: sha256Of(data),
      exec: thing.exec ?? false,
      mtime: thing.mtime ?? MTIME,
    };
  });

interface Document {
  readonly entry: string;
  readonly data: Uint8Array;
  readonly rows: number;
}

const document = (entry: string, lines: readonly string[]): Document => ({
  entry,
  data: Buffer.from(lines.join('')),
  rows: lines.length,
});

const statement = (one: Document | undefined): Manifest['index'] => {
  if (one === undefined) throw new Error('no document');
  return { entry: one.entry, bytes: one.data.length, sha256: sha256Of(one.data), rows: one.rows };
};

async function writeVolume(
  folder: string,
  number: number,
  fill: (writer: VolumeWriter) => Promise<void>,
  deflate = false,
): Promise<Manifest['volumes'][number]> {
  const pieces: Uint8Array[] = [];
  const blocks = new BlockHasher();
  const writer = new VolumeWriter(
    {
      write: (bytes) => {
        pieces.push(Uint8Array.from(bytes));
        blocks.update(bytes);
      },
    },
    deflate,
  );
  await fill(writer);
  await writer.end();
  const volume = Buffer.concat(pieces);
  const list = encodeBlockList(blocks.end());
  writeFileSync(join(folder, volumeName(number)), volume);
  writeFileSync(join(folder, blocksName(number)), list);
  return {
    name: volumeName(number),
    encoding: 'zip',
    bytes: volume.length,
    sha256: sha256Of(volume),
    blocks: sha256Of(list),
  };
}
