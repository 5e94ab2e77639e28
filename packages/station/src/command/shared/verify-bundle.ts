/**
 * Verifies a bundle as a reader would, and goes on after damage: whoever looks wants the whole list. In the order of DESIGN section 5: signature,
 * manifest, block lists, head, then every volume that is here in one pass. Runs in a medium process.
 */
import { join } from 'node:path';
import type { CheckedVolume } from '@gapferry/bundle-format/blocks';
import { Damaged, type ErrorJSON, errorToJSON, GapferryError, Incomplete } from '@gapferry/bundle-format/errors';
import type { Manifest } from '@gapferry/bundle-format/manifest';
import type { IndexRow } from '@gapferry/bundle-format/object-index';
import { type Sha256, Sha256Stream } from '@gapferry/bundle-format/sha256';
import type { PublicKey } from '@gapferry/bundle-format/signature';
import { type Taker, walkVolume } from '@gapferry/bundle-format/volume-walk';
import { type Database, integer, openDatabase } from '../../state/database.ts';
import { checkSumsFile, openBundle, type OpenedBundle, openVolume, volumesThere } from './bundle.ts';
import { indexRows, inventoryRows, layDocuments } from './documents.ts';
import { type BundleReport, statementOf, type VolumeReport } from './report.ts';

export interface VerifyOptions {
  readonly keys: readonly PublicKey[];
  /** An empty local folder for what is too large for memory. */
  readonly spool: string;
  /** Bytes of the volumes that are there, told once, as soon as the manifest is verified. */
  readonly onTotal: (bytes: number) => void;
  readonly onBytes: (bytes: number) => void;
}

/** A bundle that is bad all over need not be told a million times. */
const MOST_PROBLEMS = 100;

class Problems {
  readonly list: ErrorJSON[] = [];
  #count = 0;

  /** How many there were, also those that are not listed. */
  get count(): number {
    return this.#count;
  }

  /** Faults of this machine and a pulled medium are no findings about the bundle: they are thrown. */
  add(error: unknown): void {
    if (!(error instanceof GapferryError) || error.kind === 'fault' || error.kind === 'unfit') throw error;
    this.#count++;
    const problem = errorToJSON(error);
    const known = this.list.some(({ code, says }) => code === problem.code && says === problem.says);
    if (!known && this.list.length < MOST_PROBLEMS) this.list.push(problem);
  }

  around(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.add(error);
    }
  }
}

/** Objects by digest, on disk: ten million of them must not need memory. */
class Inventoried {
  readonly #db: Database;

  constructor(spool: string) {
    const schema = 'CREATE TABLE object (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT, WITHOUT ROWID';
    this.#db = openDatabase(join(spool, 'objects.sqlite'), [schema], { durability: 'none' });
  }

  fill(spool: string, manifest: Manifest): void {
    this.#db.transaction(() => {
      manifest.repositories.forEach(({ name }, n) => {
        for (const row of inventoryRows(spool, manifest, n))
          if (row.type === 'file') this.#add(name, row.path, row.sha256, row.size);
      });
    });
  }

  #add(repository: string, path: string, sha256: Sha256, size: number): void {
    this.#db.run('INSERT OR IGNORE INTO object VALUES (?, ?)', [sha256, size]);
    if (this.sizeOf(sha256) !== size) {
      throw new Damaged(
        'INVENTORY_INVALID',
        `${repository}: ${path} has another size than a file with the same digest`,
        { facts: { repository, path } },
      );
    }
  }

  sizeOf(sha256: Sha256): number | undefined {
    const row = this.#db.get('SELECT size FROM object WHERE sha256 = ?', [sha256]);
    return row === undefined ? undefined : integer(row, 'size');
  }

  close(): void {
    this.#db.close();
  }
}

/** Each object is exactly the one that its index row names; parts are put together over volumes. */
class ObjectDigests {
  #open: { readonly sha256: Sha256; readonly digest: Sha256Stream; next: number } | undefined;

  taker(row: IndexRow): Taker | undefined {
    if (row.kind === 'patch') return undefined; // cannot be made without its bases
    if (row.kind !== 'part') {
      return (pieces) => {
        const digest = new Sha256Stream();
        for (const piece of pieces) digest.update(piece);
        requireObject(row, digest);
      };
    }
    return (pieces) => this.#part(row, pieces);
  }

  #part(row: IndexRow & { readonly kind: 'part' }, pieces: Iterable<Uint8Array>): void {
    if (row.part === 1) this.#open = { sha256: row.sha256, digest: new Sha256Stream(), next: 1 };
    const open = this.#open?.sha256 === row.sha256 && this.#open.next === row.part ? this.#open : undefined;
    for (const piece of pieces) open?.digest.update(piece);
    if (open === undefined) return; // an earlier part is not here: the blocks are right, the object cannot be told
    open.next++;
    if (row.part === row.of) requireObject(row, open.digest);
  }
}

const requireObject = (row: IndexRow, digest: Sha256Stream): void => {
  const facts = { entry: row.entry, sha256: row.sha256 };
  if (digest.bytes !== row.size)
    throw new Damaged('ENTRY_SIZE', `${row.entry}: has ${digest.bytes} bytes instead of ${row.size}`, { facts });
  if (digest.digest() !== row.sha256)
    throw new Damaged('ENTRY_HASH', `${row.entry}: is not the object that the index names`, { facts });
};

const requireInventoried = (row: IndexRow, known: Inventoried): void => {
  const size = known.sizeOf(row.sha256);
  if (size === row.size) return;
  const says =
    size === undefined
      ? 'is carried and stands in no inventory'
      : `has ${row.size} bytes in the index and ${size} in the inventory`;
  throw new Damaged(size === undefined ? 'ENTRY_UNLISTED' : 'ENTRY_SIZE', `${row.entry}: ${says}`, {
    facts: { entry: row.entry },
  });
};

/** Rows of one volume out of a stream over all, so that the index is read once. */
class RowsByVolume {
  readonly #rows: Iterator<IndexRow>;
  #next: IndexRow | undefined;

  constructor(rows: Iterator<IndexRow>) {
    this.#rows = rows;
    this.#advance();
  }

  skipTo(volume: number): void {
    while (this.#next !== undefined && this.#next.volume < volume) this.#advance();
  }

  *of(volume: number): Generator<IndexRow> {
    this.skipTo(volume);
    while (this.#next?.volume === volume) {
      const row = this.#next;
      this.#advance();
      yield row;
    }
  }

  #advance(): void {
    const { done, value } = this.#rows.next();
    this.#next = done === true ? undefined : value;
  }
}

class Verification {
  readonly #bundle: OpenedBundle;
  readonly #options: VerifyOptions;
  readonly #problems = new Problems();
  readonly #volumes: VolumeReport[] = [];

  constructor(bundle: OpenedBundle, options: VerifyOptions) {
    this.#bundle = bundle;
    this.#options = options;
  }

  async run(): Promise<BundleReport> {
    const there = volumesThere(this.#bundle.folder, this.#bundle.manifest);
    this.#options.onTotal(there.reduce((sum, { state, bytes }) => sum + (state === 'present' ? bytes : 0), 0));
    this.#problems.around(() => checkSumsFile(this.#bundle));
    const known = await this.#head();
    try {
      this.#contents(known);
    } finally {
      known?.close();
    }
    const { folder, sha256, signature, signers, claimedKeys, foreign, manifest } = this.#bundle;
    return {
      folder,
      sha256,
      signature,
      signers,
      claimedKeys,
      foreign,
      statement: statementOf(manifest),
      volumes: this.#volumes,
      problems: this.#problems.list,
    };
  }

  /** Undefined when the head cannot be read: then the volumes are only compared block by block. */
  async #head(): Promise<Inventoried | undefined> {
    const { manifest } = this.#bundle;
    const head = this.#open(0);
    if (head === undefined) return undefined;
    const known = new Inventoried(this.#options.spool);
    try {
      await layDocuments(head.volume, manifest, this.#options.spool);
      const before = this.#problems.count;
      head.finish((damage) => this.#problems.add(damage));
      known.fill(this.#options.spool, manifest);
      this.#state(0, this.#problems.count === before ? 'good' : 'damaged');
      return known;
    } catch (error) {
      known.close();
      this.#state(0, 'damaged');
      this.#problems.add(error);
      return undefined;
    } finally {
      head.close();
    }
  }

  #contents(known: Inventoried | undefined): void {
    const { manifest } = this.#bundle;
    const digests = new ObjectDigests();
    let rows: RowsByVolume | undefined;
    if (known !== undefined)
      this.#problems.around(() => (rows = new RowsByVolume(indexRows(this.#options.spool, manifest))));
    for (let n = 1; n < manifest.volumes.length; n++) {
      this.#volume(n, (volume) => {
        if (rows !== undefined && known !== undefined) this.#walk(volume, rows.of(n), known, digests);
      });
    }
    // The rows of volumes that are not here have to be sound as well.
    if (rows !== undefined) this.#problems.around(() => rows?.skipTo(manifest.volumes.length));
  }

  #walk(volume: CheckedVolume, rows: Iterable<IndexRow>, known: Inventoried, digests: ObjectDigests): void {
    const want = (row: IndexRow): Taker | undefined => {
      this.#problems.around(() => requireInventoried(row, known));
      return digests.taker(row);
    };
    walkVolume(volume, rows, want, (_row, damage) => this.#problems.add(damage));
  }

  #volume(n: number, walk: (volume: CheckedVolume) => void): void {
    const opened = this.#open(n);
    if (opened === undefined) return;
    try {
      const before = this.#problems.count;
      this.#problems.around(() => walk(opened.volume));
      opened.finish((damage) => this.#problems.add(damage));
      this.#state(n, this.#problems.count === before ? 'good' : 'damaged');
    } finally {
      opened.close();
    }
  }

  #open(n: number): ReturnType<typeof openVolume> | undefined {
    const statement = this.#bundle.manifest.volumes[n];
    if (statement === undefined) return undefined;
    try {
      return openVolume(this.#bundle.folder, n, statement, this.#options.onBytes);
    } catch (error) {
      this.#state(n, error instanceof Incomplete ? 'missing' : 'damaged');
      this.#problems.add(error);
      return undefined;
    }
  }

  #state(n: number, state: VolumeReport['state']): void {
    const statement = this.#bundle.manifest.volumes[n];
    if (statement !== undefined) this.#volumes[n] = { name: statement.name, bytes: statement.bytes, state };
  }
}

/**
 * @throws Refused when the signature or the manifest is not good: then nothing else was opened; Incomplete MANIFEST_MISSING; Unfit MEDIA_GONE, LOCAL_FULL.
 *   Everything that is wrong behind the manifest stands in `problems`.
 */
export const verifyBundle = (folder: string, options: VerifyOptions): Promise<BundleReport> =>
  new Verification(openBundle(folder, options.keys), options).run();
