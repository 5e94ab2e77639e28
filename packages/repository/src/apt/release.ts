/** Release and InRelease: the list of indexes with their sums. */

import { BadMetadata } from '../bad-metadata.ts';
import { clearsignedText } from './clearsigned.ts';
import { ParagraphReader } from './paragraphs.ts';
import { chooseDigest, RELEASE_LISTS, sameSum, toSums, type Sum } from './sums.ts';

export interface Release {
  /** Name relative to the folder of the Release → sum. Empty where the Release has no list, as those of components. */
  readonly sums: ReadonlyMap<string, Sum>;
  readonly validUntil: Date | undefined;
}

const WANTED = [...RELEASE_LISTS.fields.map(([field]) => field), 'valid-until'];

const toDate = (text: string): Date => {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new BadMetadata(`names ${JSON.stringify(text.slice(0, 60))} as Valid-Until`);
  return date;
};

/** @throws BadMetadata */
export const parseRelease = (text: string): Release => {
  const reader = new ParagraphReader(WANTED);
  const paragraphs = [...reader.push(Buffer.from(text)), ...reader.end()];
  const [paragraph] = paragraphs;
  if (paragraph === undefined || paragraphs.length > 1)
    throw new BadMetadata(`has ${paragraphs.length} paragraphs instead of one`);
  const list = chooseDigest(RELEASE_LISTS, paragraph);
  const validUntil = paragraph.get('valid-until');
  return {
    sums: list === undefined ? new Map<string, Sum>() : toSums(list.algorithm, list.value),
    validUntil: validUntil === undefined ? undefined : toDate(validUntil),
  };
};

/** @throws BadMetadata */
export const parseInRelease = (message: string): Release => parseRelease(clearsignedText(message));

/** A name that the two list differently, or that only one lists; `undefined` when they agree. */
export const disagreement = (one: Release, other: Release): string | undefined => {
  for (const [name, sum] of one.sums) {
    const twin = other.sums.get(name);
    if (twin === undefined || !sameSum(sum, twin)) return name;
  }
  return [...other.sums.keys()].find((name) => !one.sums.has(name));
};
