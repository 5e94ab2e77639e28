/**
 * Decoders for the signed documents. Each collects *every* bad field with its path, so that one run tells the whole truth,
 * and refuses fields that it does not know.
 */
import { isSha256, type Sha256 } from './sha256.ts';
import type { JSONValue } from './json.ts';

export interface Problem {
  readonly path: string;
  readonly says: string;
}

/** Gives the value, or notes problems and gives undefined. */
export type Decoder<T> = (value: JSONValue | undefined, path: string, problems: Problem[]) => T | undefined;
type Decoded<D> = D extends Decoder<infer T> ? T : never;

const bad = (problems: Problem[], path: string, says: string): undefined => {
  problems.push({ path, says });
  return undefined;
};

export const text =
  (accepts: (value: string) => boolean, says: string): Decoder<string> =>
  (value, path, problems) =>
    typeof value === 'string' && accepts(value) ? value : bad(problems, path, says);

export const oneOf =
  <const T extends string>(...words: readonly T[]): Decoder<T> =>
  (value, path, problems) =>
    words.find((word) => word === value) ?? bad(problems, path, `must be one of ${words.join(', ')}`);

export const integer =
  (least: number, most: number): Decoder<number> =>
  (value, path, problems) =>
    typeof value === 'number' && value >= least && value <= most
      ? value
      : bad(problems, path, `must be an integer from ${least} to ${most}`);

export const sha256: Decoder<Sha256> = (value, path, problems) =>
  typeof value === 'string' && isSha256(value)
    ? value
    : bad(problems, path, 'must be a SHA-256 digest of 64 lower-case hex digits');

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
// `Date.parse` takes 30 February for 2 March and knows an hour 24; other readers do not.
const isRealTime = (text: string): boolean => {
  const parsed = Date.parse(text);
  return !Number.isNaN(parsed) && new Date(parsed).toISOString() === text.replace('Z', '.000Z');
};
/** UTC, whole seconds (format §2.3). */
export const time: Decoder<string> = (value, path, problems) =>
  typeof value === 'string' && TIME.test(value) && isRealTime(value)
    ? value
    : bad(problems, path, 'must be a time like 2026-11-20T21:00:00Z');

export const optional =
  <T>(decoder: Decoder<T>): Decoder<T | null> =>
  (value, path, problems) =>
    value === null ? null : decoder(value, path, problems);

export const list =
  <T>(item: Decoder<T>, least: number, most: number): Decoder<readonly T[]> =>
  (value, path, problems) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      return bad(problems, path, `must be a list of ${least} to ${most}`);
    const items: readonly JSONValue[] = value;
    const decoded: T[] = [];
    items.forEach((each, i) => {
      const one = item(each, `${path}[${i}]`, problems);
      if (one !== undefined) decoded.push(one);
    });
    return decoded;
  };

/** Free keys, text values. */
export const words =
  (most: number): Decoder<ReadonlyMap<string, string>> =>
  (value, path, problems) => {
    if (!(value instanceof Map) || value.size > most)
      return bad(problems, path, `must be an object of at most ${most} texts`);
    const decoded = new Map<string, string>();
    for (const [key, one] of value as ReadonlyMap<string, JSONValue>) {
      if (typeof one === 'string' && one.length <= 4096 && key.length <= 128) decoded.set(key, one);
      else bad(problems, `${path}.${key}`, 'must be a text');
    }
    return decoded;
  };

export const object =
  <const F extends Readonly<Record<string, Decoder<unknown>>>>(
    fields: F,
  ): Decoder<{ readonly [K in keyof F]: Decoded<F[K]> }> =>
  (value, path, problems) => {
    if (!(value instanceof Map)) return bad(problems, path, 'must be an object');
    const found = value as ReadonlyMap<string, JSONValue>;
    const before = problems.length;
    for (const key of found.keys())
      if (!Object.hasOwn(fields, key)) bad(problems, `${path}.${key}`, 'is not a field of this version');
    const decoded = Object.entries(fields).map(
      ([key, decoder]) => [key, decoder(found.get(key), `${path}.${key}`, problems)] as const,
    );
    // Every decoder either gave a value of its type or noted a problem, so without a new problem the object is whole.
    return problems.length > before ? undefined : (Object.fromEntries(decoded) as { [K in keyof F]: Decoded<F[K]> });
  };

export const describeProblems = (problems: readonly Problem[]): string =>
  problems
    .slice(0, 10)
    .map(({ path, says }) => `${path} ${says}`)
    .join('; ') + (problems.length > 10 ? `; and ${problems.length - 10} more` : '');
