/** The shape of a preset file. Unknown keys are refused: a misspelt `exclude` must not carry what it was to hold back. */

import { z } from 'zod';
import { globFault } from './glob.ts';

export type ClosureChecker = 'none' | 'apt' | 'npm';
export type FactRule = 'same' | 'covers';

export interface MetadataPhase {
  /** For people: logs and reports name it. */
  readonly phase: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Files of this phase are named after their digest: a path never gets other bytes. */
  readonly immutable: boolean;
}

/** A named description of one kind of repository, as data (DESIGN section 9). Each field is explained in docs/presets.md. */
export interface Preset {
  readonly name: string;
  readonly summary: string;
  readonly content: {
    readonly include: readonly string[];
    readonly exclude: readonly string[];
    /** A path, once there, keeps its bytes (digest or version in its name). */
    readonly immutable: boolean;
  };
  /** In publish order; the last holds the root pointers. Empty: the repository has no metadata. */
  readonly metadata: readonly MetadataPhase[];
  /** Never carried, whatever else matches. */
  readonly never: readonly string[];
  /** Markers: while such a path exists, the source is being changed. Never carried either. */
  readonly busy: readonly string[];
  readonly closure: { readonly checker: ClosureChecker; readonly dangling: 'refuse' | 'count' };
  readonly prune: 'off' | 'unlisted';
  /** Facts that must fit on both sides: `same` value, or the near side `covers` what the far side wants. */
  readonly facts: Readonly<Record<string, FactRule>>;
}

const glob = z.string().superRefine((text, context) => {
  const fault = globFault(text);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: `the glob ${JSON.stringify(text)} ${fault}` });
});
const globs = z.array(glob).max(200);
const someGlobs = globs.min(1);
const label = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a name of lower-case letters, digits, `.`, `_`, `-`');

const metadataPhase = z.strictObject({
  phase: label,
  include: someGlobs,
  exclude: globs.default([]),
  immutable: z.boolean().default(false),
});

const metadata = z
  .array(metadataPhase)
  .max(16)
  .default([])
  .superRefine((phases, context) => {
    phases.forEach(({ phase }, at) => {
      if (phases.findIndex((other) => other.phase === phase) === at) return;
      context.addIssue({
        code: 'custom',
        path: [at, 'phase'],
        message: `two phases are called ${JSON.stringify(phase)}`,
      });
    });
  });

/** What stands in the file; the name of a preset is the name of its file. */
export const presetFile: z.ZodType<Omit<Preset, 'name'>> = z.strictObject({
  summary: z.string().min(1).max(200),
  content: z.strictObject({ include: someGlobs, exclude: globs.default([]), immutable: z.boolean().default(false) }),
  metadata,
  never: globs.default([]),
  busy: globs.default([]),
  closure: z
    .strictObject({ checker: z.enum(['none', 'apt', 'npm']), dangling: z.enum(['refuse', 'count']).default('refuse') })
    .default({ checker: 'none', dangling: 'refuse' }),
  prune: z.enum(['off', 'unlisted']).default('off'),
  facts: z.record(label, z.enum(['same', 'covers'])).default({}),
});

const keyPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');

/** One fault as `content.include: expected array, received string`, with the path of the key in front. */
export const faultText = (issue: z.core.$ZodIssue): string => {
  const keys = issue.code === 'unrecognized_keys' ? issue.keys : undefined;
  const says =
    keys === undefined ? issue.message.replace(/^Invalid (input|option): /, '') : `unknown key ${keys.join(', ')}`;
  const where = keyPath(issue.path);
  return where === '' ? says : `${where}: ${says}`;
};
