/** Looks into a package index: does all that it names exist, with the right size and digest? */

import { createHash } from 'node:crypto';
import { BadMetadata } from '../bad-metadata.ts';
import type { ClosureFindings } from '../closure-report.ts';
import { decompressInto, isForeign, NotDecompressible, type Compression, type Decompress } from '../decompress.ts';
import { joinInside } from '../inside.ts';
import type { FileFacts, RepositoryView } from '../view.ts';
import type { IndexKind } from './index-names.ts';
import { ParagraphReader, type Paragraph } from './paragraphs.ts';
import { referencesOf, WANTED, type Reference } from './references.ts';
import { differenceFrom, sameSum, type Sum } from './sums.ts';

export interface Variant {
  readonly compression: Compression;
  readonly preference: number;
  /** Where its bytes are: its own path, or that of its by-hash copy. */
  readonly path: string;
}

export interface PackageIndex {
  readonly kind: IndexKind;
  /** Those that are here and are what the Release says, if there is one. */
  readonly variants: readonly Variant[];
  /** Folders that names in it may be relative to. */
  readonly bases: readonly string[];
  /** What the Release says of the uncompressed index, which need not be here itself. */
  readonly plain: Sum | undefined;
}

export interface IndexWorld {
  readonly view: RepositoryView;
  readonly decompress: Decompress | undefined;
  readonly findings: ClosureFindings;
}

/** To compare variants with each other where no Release says what they stand for. */
const PLAIN_ALGORITHM = 'sha256';

/** The sum of the plain text of a variant; or why there is none: nothing opens it, or it is bad and was reported. */
type Outcome = Sum | 'unopened' | 'bad';

type Take = (chunk: Uint8Array) => void | Promise<void>;

export class IndexContents {
  readonly #world: IndexWorld;
  /** Indexes that stand at several places are looked into once. */
  readonly #followed = new Map<string, Outcome>();

  constructor(world: IndexWorld) {
    this.#world = world;
  }

  /**
   * Reads one variant and follows its references. Other variants that Node can open must hold the same; foreign ones are
   * opened only if there is nothing else.
   */
  async check(index: PackageIndex): Promise<void> {
    const ordered = index.variants.toSorted((one, other) => one.preference - other.preference);
    const own = ordered.filter((variant) => !isForeign(variant.compression));
    if (own.length > 0) return this.#checkOwn(index, own);
    for (const variant of ordered) {
      if ((await this.#follow(index, variant)) !== 'unopened') return;
    }
    const names = ordered.map((variant) => variant.path).join(', ');
    if (names !== '') this.#world.findings.note(`${names}: not looked into, because nothing here can open it`);
  }

  async #checkOwn(index: PackageIndex, variants: readonly Variant[]): Promise<void> {
    const [first, ...others] = variants;
    if (first === undefined) return;
    const outcome = await this.#follow(index, first);
    const plain = index.plain ?? (typeof outcome === 'string' ? undefined : outcome);
    for (const variant of others) await this.#read(variant, plain, () => {});
  }

  async #follow(index: PackageIndex, variant: Variant): Promise<Outcome> {
    const file = this.#world.view.file(variant.path);
    const key = JSON.stringify([file?.sha256, variant.compression, index.kind, index.bases]);
    const before = this.#followed.get(key);
    if (before !== undefined) return before;
    const outcome = await this.#readParagraphs(index, variant);
    this.#followed.set(key, outcome);
    return outcome;
  }

  async #readParagraphs(index: PackageIndex, variant: Variant): Promise<Outcome> {
    const reader = new ParagraphReader(WANTED[index.kind]);
    const follow = async (paragraphs: readonly Paragraph[]): Promise<void> => {
      for (const paragraph of paragraphs) await this.#paragraph(index, variant.path, paragraph);
    };
    const end = (): Promise<void> => follow(reader.end());
    return this.#read(variant, index.plain, (chunk) => follow(reader.push(chunk)), end);
  }

  /** Streams the plain text of a variant, and compares its sum with the one it should have. */
  async #read(variant: Variant, plain: Sum | undefined, take: Take, end?: () => Promise<void>): Promise<Outcome> {
    const { view, decompress, findings } = this.#world;
    const algorithm = plain?.algorithm ?? PLAIN_ALGORITHM;
    const hash = createHash(algorithm);
    let size = 0;
    const count: Take = (chunk) => {
      size += chunk.length;
      hash.update(chunk);
      return take(chunk);
    };
    try {
      const opened = await decompressInto(variant.compression, view.read(variant.path), count, decompress);
      if (!opened) return 'unopened';
      await end?.();
    } catch (error) {
      if (!(error instanceof BadMetadata) && !(error instanceof NotDecompressible)) throw error;
      findings.problem('META_VALUE', variant.path, '', `${variant.path} ${error.message}`);
      return 'bad';
    }
    const found: Sum = { algorithm, digest: hash.digest('hex'), size };
    if (plain !== undefined && !sameSum(plain, found)) {
      const says = `${variant.path} holds another text than the Release or its other variants say`;
      findings.problem('META_HASH', variant.path, variant.path, says);
    }
    return found;
  }

  async #paragraph(index: PackageIndex, from: string, paragraph: Paragraph): Promise<void> {
    for (const reference of referencesOf(index.kind, paragraph)) await this.#reference(index, from, reference);
  }

  async #reference(index: PackageIndex, from: string, reference: Reference): Promise<void> {
    const { view, findings } = this.#world;
    findings.reference();
    let wrong: { readonly path: string; readonly says: string } | undefined;
    for (const base of index.bases) {
      const path = joinInside(base, reference.name);
      if (path === undefined)
        throw new BadMetadata(`names ${JSON.stringify(reference.name)}, which leads out of the archive`);
      const file: FileFacts | undefined = view.file(path);
      if (file === undefined) continue;
      const says = await differenceFrom(view, path, file, reference.sum);
      if (says === undefined) return;
      wrong ??= { path, says };
    }
    if (wrong === undefined)
      findings.absent(from, reference.name, `${from} names ${reference.name}, which is not there`);
    else findings.problem('META_HASH', from, wrong.path, `${wrong.path} ${wrong.says}, as ${from} has it`);
  }
}
