/** Sizes and times as people write them. */
import { resolve } from 'node:path';
import { isName } from '@gapferry/bundle-format/names';
import { z } from 'zod';

const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  byte: 1,
  bytes: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const SECOND = 1000;
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  sec: SECOND,
  second: SECOND,
  seconds: SECOND,
  m: 60 * SECOND,
  min: 60 * SECOND,
  minute: 60 * SECOND,
  minutes: 60 * SECOND,
  h: 3600 * SECOND,
  hour: 3600 * SECOND,
  hours: 3600 * SECOND,
  d: 86_400 * SECOND,
  day: 86_400 * SECOND,
  days: 86_400 * SECOND,
  week: 604_800 * SECOND,
  weeks: 604_800 * SECOND,
};

const measure = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const [, digits, unit] = /^([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)$/.exec(text.trim().toLowerCase()) ?? [];
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (digits === undefined || factor === undefined) return undefined;
  const value = Number(digits) * factor;
  return Number.isSafeInteger(Math.round(value)) ? Math.round(value) : undefined;
};

/** '4 GiB', '900 MB', '4096 bytes' → bytes; undefined when it is not a size. */
export const parseSize = (text: string): number | undefined => measure(text, SIZE_UNITS);

/** '14 days', '30 min', '500 ms' → milliseconds; undefined when it is not a duration. */
export const parseDuration = (text: string): number | undefined => measure(text, DURATION_UNITS);

/** Text or number in, a positive whole number out, or the sentence that says what it must be. */
const measured = (read: (value: unknown) => number | undefined, says: string): z.ZodType<number> =>
  z.unknown().transform((value, context) => {
    const found = read(value);
    if (found !== undefined && Number.isSafeInteger(found) && found > 0) return found;
    context.addIssue({ code: 'custom', message: value === undefined ? 'is missing' : says });
    return z.NEVER;
  });

/** A size in a configuration: text with a unit, or a whole number of bytes. Above zero. */
export const size = (): z.ZodType<number> =>
  measured(
    (value) => (typeof value === 'string' ? parseSize(value) : typeof value === 'number' ? value : undefined),
    'must be a size above zero, such as 4 GiB or 900 MB',
  );

/** A duration in a configuration, in milliseconds. A bare number is refused: nobody knows its unit. Above zero. */
export const duration = (): z.ZodType<number> =>
  measured(
    (value) => (typeof value === 'string' ? parseDuration(value) : undefined),
    'must be a duration with a unit, such as 14 days or 30 min',
  );

/** A path that may be relative to the folder of the configuration file; comes out absolute. */
export const pathIn = (folder: string): z.ZodType<string> =>
  z
    .string()
    .min(1, 'must not be empty')
    .refine((path) => !path.includes('\0'), 'must not hold a NUL character')
    .transform((path) => resolve(folder, path));

/** The name of a repository, a site or a preset. */
export const name = (): z.ZodType<string> =>
  z.string().refine(isName, 'must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit');
