/**
 * What a path is, by the globs of its preset. Total and deterministic: every path gets exactly one answer.
 *
 * 1. `never` and `busy` win over everything, and `.gapferry` (Gapferry's own staging, in any case) is never carried, whatever a
 *    preset says.
 * 2. Metadata wins over content. Of several phases that match, the LAST wins: a path moves as late as any glob asks for, so a root
 *    pointer cannot become visible early because a broad glob caught it first.
 * 3. Then content. What no glob names is not carried.
 */

import { compileGlobs, type Matcher } from './glob.ts';
import type { Preset } from './preset-schema.ts';

export type Classification =
  | { readonly carry: false; readonly why: 'never' | 'unnamed' }
  | { readonly carry: true; readonly role: 'content'; readonly immutable: boolean }
  /** `phase` counts from 1, in publish order. */
  | { readonly carry: true; readonly role: 'metadata'; readonly phase: number; readonly immutable: boolean };

export type Classifier = (path: string) => Classification;

const NEVER: Classification = Object.freeze({ carry: false, why: 'never' });
const UNNAMED: Classification = Object.freeze({ carry: false, why: 'unnamed' });

/** In any case: a filesystem that folds case would let `.GAPFERRY/staging` be our own folder. */
const OWN = /^\.gapferry(?:\/|$)/iu;

const included = (globs: { readonly include: readonly string[]; readonly exclude: readonly string[] }): Matcher => {
  const include = compileGlobs(globs.include);
  if (globs.exclude.length === 0) return include;
  const exclude = compileGlobs(globs.exclude);
  return (path) => include(path) && !exclude(path);
};

/** Number of metadata phases. */
export const phases = (preset: Preset): number => preset.metadata.length;

/** Compiles the globs of a preset once; the answer is for paths relative to the repository, with `/`. */
export const classifier = (preset: Preset): Classifier => {
  const never = compileGlobs([...preset.never, ...preset.busy]);
  const isContent = included(preset.content);
  const content: Classification = Object.freeze({ carry: true, role: 'content', immutable: preset.content.immutable });
  const lastFirst = preset.metadata
    .map((phase, at) => ({
      matches: included(phase),
      answer: Object.freeze({ carry: true, role: 'metadata', phase: at + 1, immutable: phase.immutable } as const),
    }))
    .toReversed();
  return (path) => {
    if (OWN.test(path) || never(path)) return NEVER;
    for (const phase of lastFirst) if (phase.matches(path)) return phase.answer;
    return isContent(path) ? content : UNNAMED;
  };
};

const BENEATH = '/**';

/** True for folders beneath which nothing is ever carried: a walk need not enter them, nor be allowed to read them. */
export const neverEntered = (preset: Preset): Matcher => {
  const folders = preset.never.filter((glob) => glob.endsWith(BENEATH)).map((glob) => glob.slice(0, -BENEATH.length));
  const named = compileGlobs(folders.filter((glob) => glob !== '' && glob !== '**'));
  return (folder) => OWN.test(folder) || named(folder);
};

/** The first of these paths that marks the source as being changed just now, or `undefined` when it is quiet. */
export const busyMarker = (preset: Preset, paths: Iterable<string>): string | undefined => {
  const marks = compileGlobs(preset.busy);
  for (const path of paths) if (marks(path)) return path;
  return undefined;
};

/** True while one of these paths is a marker of the preset: the source is being changed, and half a mirror is never exported. */
export const isBusy = (preset: Preset, paths: Iterable<string>): boolean => busyMarker(preset, paths) !== undefined;
