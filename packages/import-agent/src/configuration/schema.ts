/** The configuration file: every key, its meaning and its default. `template.ts` writes one that explains itself. */
import { join } from 'node:path';
import type { Place } from '@gapferry/station/media/place';
import { duration, name, pathIn } from '@gapferry/station/configuration/units';
import { z } from 'zod';

export interface RepositoryConfig {
  readonly preset: string;
  /** Absolute: where clients read. */
  readonly path: string;
  /** Settings that must fit where both sides state them. */
  readonly facts: ReadonlyMap<string, string>;
  /** May content that is no longer named be taken away? Undefined: as the preset says. */
  readonly prune: 'off' | 'unlisted' | undefined;
}

export interface ImportConfig {
  readonly site: string;
  readonly state: string;
  readonly logs: string;
  readonly key: string;
  readonly trust: string;
  /** Folders with presets of the user's own, in order of preference. */
  readonly presets: readonly string[];
  readonly repositories: ReadonlyMap<string, RepositoryConfig>;
  readonly media: readonly Place[];
  /** Does this site write receipts onto media? */
  readonly receipts: boolean;
  /** A medium that gives no sign of life for so long is given up. */
  readonly stallMs: number;
  /** How often a mounted medium is looked at again. */
  readonly lookEveryMs: number;
}

const media = (folder: string) =>
  z
    .array(
      z
        .union([z.strictObject({ medium: pathIn(folder) }), z.strictObject({ folder: pathIn(folder) })])
        .transform((place): Place =>
          'medium' in place ? { kind: 'medium', path: place.medium } : { kind: 'folder', path: place.folder },
        ),
    )
    .default([]);

const repository = (folder: string) =>
  z
    .strictObject({
      preset: name(),
      path: pathIn(folder),
      facts: z.record(z.string(), z.string()).default({}),
      prune: z.enum(['off', 'unlisted']).optional(),
    })
    .transform(({ preset, path, facts, prune }): RepositoryConfig => ({
      preset,
      path,
      facts: new Map(Object.entries(facts)),
      prune,
    }));

/** @param folder absolute folder of the configuration file: relative paths begin there */
export const importConfig = (folder: string): z.ZodType<ImportConfig> =>
  z
    .strictObject({
      site: name(),
      state: pathIn(folder).default(join(folder, 'state')),
      logs: pathIn(folder).default(join(folder, 'logs')),
      key: pathIn(folder).default(join(folder, 'site.key')),
      trust: pathIn(folder).default(join(folder, 'trust.json')),
      presets: z.array(pathIn(folder)).default([]),
      repositories: z
        .record(name(), repository(folder))
        .refine((all) => Object.keys(all).length > 0, 'must name at least one repository'),
      media: media(folder),
      receipts: z.boolean().default(true),
      look: z.strictObject({ every: duration().optional(), stall: duration().optional() }).default({}),
    })
    .transform(({ repositories, look, ...rest }): ImportConfig => ({
      ...rest,
      repositories: new Map(Object.entries(repositories)),
      stallMs: look.stall ?? 60_000,
      lookEveryMs: look.every ?? 2000,
    }));
