/** What parent and child say to each other over the channel. JSON only: what a child that parses hostile bytes sends must stay plain data. */
import { type ErrorJSON, isErrorCode } from '@gapferry/bundle-format/errors';

/**
 * What a medium process can be asked: per request the question, the events on the way, and the answer. All of it goes through JSON: no
 * `undefined`, no bigint, no bytes, no Infinity.
 */
export type Requests = { readonly [name: string]: { ask: unknown; event: unknown; reply: unknown } };

export interface Question {
  readonly id: number;
  readonly type: string;
  readonly ask: unknown;
}

export type Statement =
  | { readonly id: number; readonly kind: 'alive' }
  | { readonly id: number; readonly kind: 'event'; readonly event: unknown }
  | { readonly id: number; readonly kind: 'reply'; readonly reply: unknown }
  | { readonly id: number; readonly kind: 'error'; readonly error: ErrorJSON };

/** Names the parent's pid to the child, so that it notices when that process is no longer its parent. */
export const PARENT_VARIABLE = 'GAPFERRY_PARENT';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isQuestion = (value: unknown): value is Question =>
  isObject(value) && Number.isSafeInteger(value['id']) && typeof value['type'] === 'string';

const isErrorJSON = (value: unknown): value is ErrorJSON =>
  isObject(value) &&
  typeof value['code'] === 'string' &&
  isErrorCode(value['code']) &&
  typeof value['says'] === 'string' &&
  typeof value['hint'] === 'string' &&
  isObject(value['facts']);

export const isStatement = (value: unknown): value is Statement => {
  if (!isObject(value) || !Number.isSafeInteger(value['id'])) return false;
  const { kind } = value;
  return kind === 'alive' || kind === 'event' || kind === 'reply' || (kind === 'error' && isErrorJSON(value['error']));
};
