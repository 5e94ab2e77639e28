/**
 * The closure of APT archives (https://wiki.debian.org/DebianRepository/Format):
 *
 * - Release and InRelease of one folder list the same;
 * - what they list and what is here has the listed size and digest. What is listed and not here is right (partial mirrors; uncompressed
 *   indexes are listed even where nobody keeps them) as long as something is left for clients to use;
 * - files in by-hash folders have the digest that their name says;
 * - each package index that is here, in one variant at least, names only files that are here with the right size and digest.
 */

import { BadMetadata } from '../bad-metadata.ts';
import type { ClosureFindings } from '../closure-report.ts';
import type { ClosureWorld } from '../closure-world.ts';
import { folderOf, joinInside } from '../inside.ts';
import { readText } from '../read-text.ts';
import type { RepositoryView } from '../view.ts';
import { IndexContents, type PackageIndex, type Variant } from './index-contents.ts';
import { basesOf, byHashName, byHashPath, indexName, type IndexKind } from './index-names.ts';
import { disagreement, parseInRelease, parseRelease, type Release } from './release.ts';
import { differenceFrom, type Sum } from './sums.ts';
import { RELEASE_NAMES, surveyOf, type Survey } from './survey.ts';
import { noteValidity } from './validity.ts';

/** The Release of a large suite has about 1 MB. */
const LARGEST_RELEASE = 64 * 1024 * 1024;

export const checkApt = async (view: RepositoryView, world: ClosureWorld, findings: ClosureFindings): Promise<void> => {
  const survey = surveyOf(view);
  await new AptCheck(view, world, findings, survey).run();
};

interface ListedIndex {
  readonly kind: IndexKind;
  readonly index: string;
  readonly variants: Variant[];
  /** Some variant is here, though not with the listed bytes: reported already. */
  wrong: boolean;
  plain: Sum | undefined;
}

/** Where the listed bytes are: in a file, nowhere, or other bytes are in their place. */
type Found = { readonly at: string } | 'wrong' | 'absent';

class AptCheck {
  readonly #view: RepositoryView;
  readonly #world: ClosureWorld;
  readonly #findings: ClosureFindings;
  readonly #survey: Survey;
  readonly #contents: IndexContents;
  readonly #listed = new Set<string>();
  /** Folders whose Release lists indexes. */
  readonly #governed = new Set<string>();

  constructor(view: RepositoryView, world: ClosureWorld, findings: ClosureFindings, survey: Survey) {
    this.#view = view;
    this.#world = world;
    this.#findings = findings;
    this.#survey = survey;
    this.#contents = new IndexContents({ view, findings, decompress: world.decompress });
  }

  async run(): Promise<void> {
    for (const path of this.#survey.byHash) await this.#byHash(path);
    for (const folder of [...this.#survey.releaseFolders].toSorted()) await this.#release(folder);
    await this.#unlisted();
  }

  async #byHash(path: string): Promise<void> {
    const name = byHashName(path);
    if (name?.digest === undefined) return;
    this.#findings.reference();
    const file = this.#view.file(path);
    if (file === undefined) return this.#findings.absent(path, path, `${path} leads to nothing`);
    const sum: Sum = { algorithm: name.algorithm, digest: name.digest, size: file.size };
    const says = await differenceFrom(this.#view, path, file, sum);
    if (says !== undefined) this.#findings.problem('META_HASH', path, path, `${path} ${says}`);
  }

  async #release(folder: string): Promise<void> {
    const read = await this.#readReleases(folder);
    if (read === undefined) return;
    noteValidity(read.path, read.release.validUntil, this.#world.now, this.#findings);
    if (read.release.sums.size === 0) return;
    this.#governed.add(folder);
    const indexes = await this.#sums(folder, read.path, read.release);
    for (const index of indexes) await this.#index(read.path, index);
    this.#somethingUsable(read.path, indexes);
  }

  /** Both files where both are there; they must agree, and the one that clients prefer is used. */
  async #readReleases(folder: string): Promise<{ readonly path: string; readonly release: Release } | undefined> {
    const at = (name: string): string => joinInside(folder, name) ?? name;
    const inline = await this.#readRelease(at('InRelease'), parseInRelease);
    const plain = await this.#readRelease(at('Release'), parseRelease);
    if (inline !== undefined && plain !== undefined) {
      const name = disagreement(inline, plain);
      const says = `${at('InRelease')} and ${at('Release')} list different sums for ${name ?? ''}`;
      if (name !== undefined) this.#findings.problem('META_HASH', at('InRelease'), at('Release'), says);
    }
    if (inline !== undefined) return { path: at('InRelease'), release: inline };
    if (plain !== undefined) return { path: at('Release'), release: plain };
    return undefined;
  }

  async #readRelease(path: string, parse: (text: string) => Release): Promise<Release | undefined> {
    if (this.#view.file(path) === undefined) return undefined;
    try {
      return parse(await readText(this.#view, path, LARGEST_RELEASE));
    } catch (error) {
      if (!(error instanceof BadMetadata)) throw error;
      this.#findings.problem('META_VALUE', path, '', `${path} ${error.message}`);
      return undefined;
    }
  }

  /** Compares all listed files that are here, and gathers the package indexes among them. */
  async #sums(folder: string, from: string, release: Release): Promise<ListedIndex[]> {
    const indexes = new Map<string, ListedIndex>();
    for (const [name, sum] of release.sums) {
      // Some writers list the unfinished Release that they were just writing; clients ignore it.
      if (RELEASE_NAMES.includes(name)) continue;
      this.#findings.reference();
      const path = joinInside(folder, name);
      if (path === undefined) {
        this.#findings.problem(
          'META_VALUE',
          from,
          name,
          `${from} lists ${JSON.stringify(name)}, which leads out of its folder`,
        );
        continue;
      }
      const found = await this.#locate(from, path, sum);
      this.#gather(indexes, path, sum, found);
    }
    return [...indexes.values()];
  }

  async #locate(from: string, path: string, sum: Sum): Promise<Found> {
    const file = this.#view.file(path);
    const says = file === undefined ? undefined : await differenceFrom(this.#view, path, file, sum);
    if (file !== undefined && says === undefined) return { at: path };
    if (says !== undefined) {
      this.#findings.problem('META_HASH', from, path, `${path} ${says}, as ${from} lists it`);
      return 'wrong';
    }
    const copy = byHashPath(path, sum.algorithm, sum.digest);
    if (this.#view.file(copy) !== undefined) return { at: copy };
    this.#findings.open();
    return 'absent';
  }

  #gather(indexes: Map<string, ListedIndex>, path: string, sum: Sum | undefined, found: Found): void {
    const name = indexName(path);
    if (name === undefined) return;
    this.#listed.add(path);
    const { kind, index, compression, preference } = name;
    const listed = indexes.get(index) ?? { kind, index, variants: [], wrong: false, plain: undefined };
    indexes.set(index, listed);
    if (compression === 'none') listed.plain = sum;
    if (found === 'wrong') listed.wrong = true;
    else if (found !== 'absent') listed.variants.push({ compression, preference, path: found.at });
  }

  async #index(from: string, listed: ListedIndex): Promise<void> {
    if (listed.variants.length > 0) return this.#contents.check(toPackageIndex(listed));
    // Not mirrored at all is right. Older copies without the present one are not: clients of this index would find nothing.
    if (listed.wrong || !this.#survey.foldersWithCopies.has(folderOf(listed.index))) return;
    const says = `${from} lists ${listed.index}, of which only older copies are there`;
    this.#findings.absent(from, listed.index, says);
  }

  #somethingUsable(from: string, indexes: readonly ListedIndex[]): void {
    if (indexes.length === 0 || indexes.some((index) => index.variants.length > 0 || index.wrong)) return;
    const says = `${from} lists ${indexes.length} package indexes, and none of them is there`;
    this.#findings.absent(from, indexes[0]?.index ?? '', says);
  }

  /** Indexes that no Release lists: no client uses them where there is a Release; where there is none, they are all there is. */
  async #unlisted(): Promise<void> {
    const alone = new Map<string, ListedIndex>();
    for (const path of this.#survey.indexes) {
      if (this.#listed.has(path) || this.#view.file(path) === undefined) continue;
      if (this.#isGoverned(path)) this.#findings.note(`${path}: no Release lists it, so it was not looked into`);
      else this.#gather(alone, path, undefined, { at: path });
    }
    for (const index of alone.values()) await this.#contents.check(toPackageIndex(index));
  }

  #isGoverned(path: string): boolean {
    const own = folderOf(path);
    if (this.#governed.has(own)) return true;
    if (!own.split('/').includes('dists')) return false;
    return [...this.#governed].some((folder) => folder !== '' && own.startsWith(`${folder}/`));
  }
}

const toPackageIndex = ({ kind, index, variants, plain }: ListedIndex): PackageIndex => ({
  kind,
  variants,
  bases: basesOf(index),
  plain,
});
