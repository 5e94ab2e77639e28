/** The hash chain of an audit log. Pure: lines in, lines out. */
import { createHash } from 'node:crypto';
import { escapeJSON } from '../format/escape.ts';

export type AuditFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
export type AuditEntry = AuditFields & { readonly event: string };

/** Where the chain stands: how many lines, and the digest that the next one names. */
export interface ChainHead {
  readonly n: number;
  /** SHA-256 of the last line without its line feed; of nothing: 64 zeros. */
  readonly digest: string;
}

export const EMPTY_CHAIN: ChainHead = { n: 0, digest: '0'.repeat(64) };

export const lineDigest = (line: Uint8Array | string): string => createHash('sha256').update(line).digest('hex');

/** {"n":1,"at":"2026-11-20T21:04:11.123Z","event":"bundle.published",…,"prev":"<64 hex>"}: one line of ASCII and UTF-8 without its line feed. */
export const chainLine = (head: ChainHead, at: Date, entry: AuditEntry): { line: string; head: ChainHead } => {
  const { event, n: _n, at: _at, prev: _prev, ...fields } = entry; // a field cannot pretend to be the chain's own
  const line = escapeJSON(JSON.stringify({ n: head.n + 1, at: at.toISOString(), event, ...fields, prev: head.digest }));
  return { line, head: { n: head.n + 1, digest: lineDigest(line) } };
};

/** Whether `line` is the one that comes after `head`; gives the next head, or undefined. */
export const followsChain = (head: ChainHead, line: string): ChainHead | undefined => {
  const fields = parseLine(line);
  if (fields === undefined || fields.n !== head.n + 1 || fields.prev !== head.digest) return undefined;
  return { n: fields.n, digest: lineDigest(line) };
};

/** The number and predecessor that a line claims. */
export const parseLine = (line: string): { readonly n: number; readonly prev: string } | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('n' in value) || !('prev' in value)) return undefined;
    const { n, prev } = value;
    return typeof n === 'number' && typeof prev === 'string' ? { n, prev } : undefined;
  } catch {
    return undefined;
  }
};
