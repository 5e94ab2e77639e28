/** Builds small bundles in memory, with the parts of the format and nothing else. */
import {
  BlockHasher,
  DEFAULT_LIMITS,
  PackWriter,
  Sha256Stream,
  VolumeWriter,
  blocksName,
  comparePaths,
  encodeBlockList,
  encodeIndexRow,
  encodeInventoryRow,
  encodeManifest,
  encodeSums,
  exporterIdOf,
  generateKeyPair,
  inventoryEntry,
  planVolumes,
  sha256Of,
  signStatement,
  volumeName,
  type DocumentInHead,
  type EntryPlan,
  type IndexRow,
  type InventoryRow,
  type Manifest,
  type ObjectToCarry,
  type Sha256,
  type VolumeLimits,
  type VolumeStatement,
} from '../../src/index.ts';

export interface MemoryFile {
  readonly path: string;
  readonly data: Buffer;
  readonly role?: 'content' | 'metadata';
  readonly phase?: number;
  readonly exec?: boolean;
  readonly mtime?: number;
}
export interface MemoryBundle {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly index: readonly IndexRow[];
  readonly keys: ReturnType<typeof generateKeyPair>;
}

export interface MemoryOptions {
  readonly limits?: Partial<VolumeLimits>;
  readonly keys?: ReturnType<typeof generateKeyPair>;
  readonly manifest?: Partial<Manifest>;
  /** Links and empty folders. */
  readonly rows?: readonly InventoryRow[];
  /** In the place of `planVolumes`, which makes no tiny volumes. */
  readonly plan?: (objects: readonly ObjectToCarry[]) => Iterable<EntryPlan<ObjectToCarry>>;
  /** Default true. Deflated bytes may change with the version of zlib. */
  readonly deflateHead?: boolean;
}

const REPOSITORY = 'files';

export async function aMemoryBundle(tree: readonly MemoryFile[], options: MemoryOptions = {}): Promise<MemoryBundle> {
  const keys = options.keys ?? generateKeyPair();
  const byDigest = new Map<Sha256, Buffer>();
  const objects: ObjectToCarry[] = [];
  const rows: InventoryRow[] = [];
  for (const file of tree.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))) {
    const sha256 = sha256Of(file.data);
    const role = file.role ?? 'content';
    rows.push({
      path: file.path,
      type: 'file',
      ...(role === 'content' ? { role } : { role, phase: file.phase ?? 1 }),
      size: file.data.length,
      sha256,
      exec: file.exec ?? false,
      mtime: file.mtime ?? 0,
    });
    if (!byDigest.has(sha256))
      objects.push({ sha256, size: file.data.length, repository: REPOSITORY, role, path: file.path });
    byDigest.set(sha256, file.data);
  }
  rows.push(...(options.rows ?? []));
  rows.sort((a, b) => comparePaths(a.path, b.path));
  const files = new Map<string, Buffer>();
  const volumes: VolumeStatement[] = [];
  const index: IndexRow[] = [];
  const plans = Map.groupBy(
    options.plan?.(objects) ?? planVolumes(objects, { ...DEFAULT_LIMITS, ...options.limits }),
    (plan) => plan.volume,
  );
  for (const [n, entries] of plans)
    volumes[n] = await writeVolume(files, n, (writer) => writeEntries(writer, n, entries, byDigest, index));
  const inventory = document(inventoryEntry(REPOSITORY), rows.map(encodeInventoryRow));
  const listing = document('index.ndjson', index.map(encodeIndexRow));
  volumes[0] = await writeVolume(
    files,
    0,
    async (writer) => {
      await writer.add(inventory.entry, [inventory.data]);
      await writer.add(listing.entry, [listing.data]);
    },
    options.deflateHead ?? true,
  );
  const { data: _inventory, ...inventoryStatement } = inventory;
  const { data: _listing, ...indexStatement } = listing;
  const manifest: Manifest = {
    requires: ['zip', 'packs', 'parts'],
    exporter: exporterIdOf(keys.publicKey),
    sites: ['plant7'],
    sequence: 1,
    created: '2026-11-20T21:00:00Z',
    expires: '2027-05-19T21:00:00Z',
    previous: null,
    basis: 'full',
    contents: 'scannable',
    repositories: [{ name: REPOSITORY, preset: 'tree', snapshot: 1, facts: new Map(), inventory: inventoryStatement }],
    index: indexStatement,
    volumes,
    ...options.manifest,
  };
  const manifestBytes = encodeManifest(manifest);
  files.set('manifest.json', Buffer.from(manifestBytes));
  files.set('SHA256SUMS', Buffer.from(encodeSums(manifestBytes, manifest)));
  files.set('manifest.json.minisig', Buffer.from(signStatement(manifestBytes, keys.secretKey, 'manifest/1')));
  return { files, manifest, manifestBytes, index, keys };
}

const document = (entry: string, lines: readonly string[]): DocumentInHead & { readonly data: Buffer } => {
  const data = Buffer.from(lines.join(''));
  return { entry, bytes: data.length, sha256: sha256Of(data), rows: lines.length, data };
};

async function writeVolume(
  files: Map<string, Buffer>,
  n: number,
  fill: (writer: VolumeWriter) => Promise<void>,
  deflate = false,
): Promise<VolumeStatement> {
  const chunks: Buffer[] = [];
  const blocks = new BlockHasher();
  const whole = new Sha256Stream();
  const writer = new VolumeWriter(
    {
      write: (bytes) => {
        chunks.push(Buffer.from(bytes));
        blocks.update(bytes);
        whole.update(bytes);
      },
    },
    deflate,
  );
  await fill(writer);
  const bytes = await writer.end();
  const list = encodeBlockList(blocks.end());
  files.set(volumeName(n), Buffer.concat(chunks));
  files.set(blocksName(n), Buffer.from(list));
  return { name: volumeName(n), encoding: 'zip', bytes, sha256: whole.digest(), blocks: sha256Of(list) };
}

async function writeEntries(
  writer: VolumeWriter,
  volume: number,
  plans: readonly EntryPlan<ObjectToCarry>[],
  byDigest: ReadonlyMap<Sha256, Buffer>,
  index: IndexRow[],
): Promise<void> {
  for (const plan of plans) {
    const where = { volume, entry: plan.entry, method: 'stored' } as const;
    if (plan.kind === 'pack') {
      const pack = new PackWriter();
      const pieces: Uint8Array[] = [];
      const members = plan.members.map(({ object, member }) => {
        const data = byDigest.get(object.sha256) ?? Buffer.alloc(0);
        const { header, offset } = pack.add(member, data);
        pieces.push(header, data);
        return { object, member, offset };
      });
      pieces.push(pack.end());
      const { offset: start } = await writer.add(plan.entry, pieces);
      for (const { object, member, offset } of members)
        index.push({
          sha256: object.sha256,
          size: object.size,
          kind: 'packed',
          ...where,
          offset: start + offset,
          stored: object.size,
          member,
        });
      continue;
    }
    const data = byDigest.get(plan.object.sha256) ?? Buffer.alloc(0);
    const { sha256, size } = plan.object;
    if (plan.kind === 'whole') {
      const { offset } = await writer.add(plan.entry, [data]);
      index.push({ sha256, size, kind: 'whole', ...where, offset, stored: size });
    } else {
      const { offset } = await writer.add(plan.entry, [data.subarray(plan.at, plan.at + plan.stored)]);
      index.push({
        sha256,
        size,
        kind: 'part',
        ...where,
        offset,
        stored: plan.stored,
        part: plan.part,
        of: plan.of,
        at: plan.at,
      });
    }
  }
}
