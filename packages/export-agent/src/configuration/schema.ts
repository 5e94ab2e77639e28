/** The configuration file: every key, its meaning and its default. `template.ts` writes one that explains itself. */

import { join } from 'node:path';
import { DEFAULT_LIMITS } from '@gapferry/bundle-format/volume-plan';
import { duration, name, pathIn, size } from '@gapferry/station/configuration/units';
import type { Place } from '@gapferry/station/media/place';
import { z } from 'zod';
import { cronMistake } from '../schedule/schedule.ts';

const DAY_MS = 86_400_000;
const MIB = 2 ** 20;

export interface RepositoryConfig {
  readonly preset: string;
  /** Absolute. */
  readonly path: string;
  readonly facts: Readonly<Record<string, string>>;
}

export interface BundleConfig {
  /** No volume becomes longer. */
  readonly volumeBytes: number;
  /** Files of fewer bytes share packs. */
  readonly packBelowBytes: number;
  readonly expiresMs: number;
  readonly basis: 'acknowledged' | 'sent';
  readonly overdueMs: number;
  readonly renewAfterMs: number;
}

export interface ExportConfig {
  readonly state: string;
  readonly logs: string;
  readonly key: string;
  /** Folders with presets of the user's own, in order of preference. */
  readonly presets: readonly string[];
  readonly repositories: ReadonlyMap<string, RepositoryConfig>;
  /** Names of repositories by site; undefined: all. */
  readonly sites: ReadonlyMap<string, readonly string[] | undefined>;
  readonly media: readonly Place[];
  readonly schedule: { readonly cron: string; readonly timeZone: string } | undefined;
  /** Does a medium that arrives get a bundle at once, if there is something for it? */
  readonly onArrival: boolean;
  readonly bundle: BundleConfig;
  /** Threads that walk and hash; undefined: as many as there are processors, at most 4. */
  readonly threads: number | undefined;
}

const isTimeZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
};

const days = (n: number): number => n * DAY_MS;

const bundle = z
  .strictObject({
    volumeBytes: size()
      .refine((bytes) => bytes >= 8 * MIB, 'must be at least 8 MiB')
      .optional(),
    packBelow: size()
      .refine((bytes) => bytes <= MIB, 'must be at most 1 MiB')
      .optional(),
    expires: duration().optional(),
    basis: z.enum(['acknowledged', 'sent']).optional(),
    overdue: duration().optional(),
    renewAfter: duration().optional(),
  })
  .default({});

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

const schedule = z
  .strictObject({
    cron: z.string().superRefine((cron, context) => {
      const message = cronMistake(cron);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    }),
    timeZone: z.string().default('UTC').refine(isTimeZone, 'must be the name of a time zone, such as Europe/Vienna'),
  })
  .optional();

/** @param folder absolute folder of the configuration file: relative paths begin there */
export const exportConfig = (folder: string): z.ZodType<ExportConfig> =>
  z
    .strictObject({
      state: pathIn(folder).default(join(folder, 'state')),
      logs: pathIn(folder).default(join(folder, 'logs')),
      key: pathIn(folder).default(join(folder, 'exporter.key')),
      presets: z.array(pathIn(folder)).default([]),
      repositories: z
        .record(
          name(),
          z.strictObject({ preset: name(), path: pathIn(folder), facts: z.record(z.string(), z.string()).default({}) }),
        )
        .refine((all) => Object.keys(all).length > 0, 'must name at least one repository'),
      sites: z
        .record(name(), z.strictObject({ repositories: z.array(name()).min(1).optional() }).nullable())
        .default({}),
      media: media(folder),
      schedule,
      onArrival: z.boolean().default(true),
      bundle,
      threads: z.number().int().min(1).max(64).optional(),
    })
    .transform((raw): ExportConfig => ({
      state: raw.state,
      logs: raw.logs,
      key: raw.key,
      presets: raw.presets,
      repositories: new Map(Object.entries(raw.repositories)),
      sites: new Map(Object.entries(raw.sites).map(([site, more]) => [site, more?.repositories])),
      media: raw.media,
      schedule: raw.schedule,
      onArrival: raw.onArrival,
      bundle: {
        volumeBytes: raw.bundle.volumeBytes ?? DEFAULT_LIMITS.volumeBytes,
        packBelowBytes: raw.bundle.packBelow ?? DEFAULT_LIMITS.packBelowBytes,
        expiresMs: raw.bundle.expires ?? days(180),
        basis: raw.bundle.basis ?? 'acknowledged',
        overdueMs: raw.bundle.overdue ?? days(14),
        renewAfterMs: raw.bundle.renewAfter ?? days(30),
      },
      threads: raw.threads,
    }));
