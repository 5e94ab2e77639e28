/** What one paragraph of a package index refers to. */

import { BadMetadata } from '../bad-metadata.ts';
import type { IndexKind } from './index-names.ts';
import type { Paragraph } from './paragraphs.ts';
import { chooseDigest, PACKAGE_DIGESTS, SOURCE_LISTS, toSum, toSums, type Sum } from './sums.ts';

export interface Reference {
  /** As the index has it: relative to the base of the archive. */
  readonly name: string;
  readonly sum: Sum;
}

export const WANTED: Readonly<Record<IndexKind, readonly string[]>> = {
  Packages: ['filename', 'size', ...PACKAGE_DIGESTS.fields.map(([field]) => field)],
  Sources: ['package', 'directory', ...SOURCE_LISTS.fields.map(([field]) => field)],
};

const ofPackage = (paragraph: Paragraph): Reference[] => {
  const name = paragraph.get('filename');
  const size = paragraph.get('size');
  if (name === undefined || name === '') throw new BadMetadata('has a paragraph without Filename');
  const digest = chooseDigest(PACKAGE_DIGESTS, paragraph);
  if (size === undefined || digest === undefined) throw new BadMetadata(`names ${name} without size or digest`);
  return [{ name, sum: toSum(digest.algorithm, digest.value, size) }];
};

const ofSource = (paragraph: Paragraph): Reference[] => {
  const directory = paragraph.get('directory');
  const source = paragraph.get('package') ?? 'a source';
  const list = chooseDigest(SOURCE_LISTS, paragraph);
  if (directory === undefined || list === undefined)
    throw new BadMetadata(`names ${source} without directory or digests`);
  return [...toSums(list.algorithm, list.value)].map(([file, sum]) => ({ name: `${directory}/${file}`, sum }));
};

/** @throws BadMetadata */
export const referencesOf = (kind: IndexKind, paragraph: Paragraph): Reference[] =>
  kind === 'Packages' ? ofPackage(paragraph) : ofSource(paragraph);
