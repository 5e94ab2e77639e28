/** What may stand in a log: plain values, no secret, no bytes, no raw control character. Pure. */
import { errorToJSON } from '@gapferry/bundle-format/errors';
import { escapeText } from '../format/escape.ts';

export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** Belt and braces: nobody should log these in the first place. */
const SECRET_NAME = /secret|password|passphrase|private|^key$|token/i;
/** A key id or a fingerprint is public, and the usual thing to stand under the name `key`. */
const PUBLIC_KEY_NAME = /^(?:[0-9A-Fa-f]{16}|[0-9a-f]{4}(?:-[0-9a-f]{4}){9})$/;
const HIDDEN = '[hidden]';
const DEPTH = 6;
const MAX_TEXT = 8192;

const isSecret = (name: string, value: unknown): boolean =>
  SECRET_NAME.test(name) && !(name === 'key' && typeof value === 'string' && PUBLIC_KEY_NAME.test(value));

const plainObject = (value: object, depth: number): Plain => {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.map(([name, each]) => [escapeText(name), isSecret(name, each) ? HIDDEN : toPlain(each, depth - 1)]),
  );
};

/** A value as it may stand in a log. */
export const toPlain = (value: unknown, depth: number = DEPTH): Plain => {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string') return escapeText(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return `[${typeof value}]`; // a function, a symbol, undefined
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (value instanceof URL) return escapeText(value.href);
  if (value instanceof Error) return plainError(value, depth);
  if (depth <= 0) return '…';
  return Array.isArray(value) ? value.map((each) => toPlain(each, depth - 1)) : plainObject(value, depth);
};

const plainError = (error: Error, depth: number): Plain => {
  const { code, says, hint, facts } = errorToJSON(error);
  const stack = code === 'INTERNAL' && error.stack !== undefined ? { stack: error.stack } : {};
  const cause = error.cause === undefined || depth <= 0 ? {} : { cause: toPlain(error.cause, depth - 1) };
  return { code, says: escapeText(says), hint, ...asRecord(toPlain({ facts, ...stack }, depth)), ...cause };
};

const asRecord = (value: Plain): { readonly [key: string]: Plain } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
