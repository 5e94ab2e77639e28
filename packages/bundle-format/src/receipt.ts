/** The receipt: what a site holds and has published, signed by the site (format §9). Nothing of the host is in it: no path, no time, no free text. */
import { Damaged, Refused, isErrorCode, type ErrorCode } from './errors.ts';
import { parseStrictJSON } from './json.ts';
import { LIMITS } from './limits.ts';
import { requireKind } from './manifest.ts';
import { isExporterId, isName } from './names.ts';
import {
  describeProblems,
  integer,
  list,
  object,
  oneOf,
  optional,
  sha256,
  text,
  type Decoder,
  type Problem,
} from './shape.ts';
import { isSha256, type Sha256 } from './sha256.ts';
import type { SignedBytes } from './signature.ts';

/** States of a repository within a bundle, as people see them too (DESIGN section 2). */
export type RepositoryState =
  | 'seen'
  | 'admitted'
  | 'receiving'
  | 'received'
  | 'on hold'
  | 'publishing'
  | 'published'
  | 'waiting'
  | 'superseded'
  | 'refused'
  | 'failed';
const STATES = [
  'seen',
  'admitted',
  'receiving',
  'received',
  'on hold',
  'publishing',
  'published',
  'waiting',
  'superseded',
  'refused',
  'failed',
] as const;

/** A list of digests that lies beside a receipt: ascending lines of 64 hex digits and a line feed. */
export interface Companion {
  readonly bytes: number;
  readonly sha256: Sha256;
  readonly rows: number;
}
export interface RepositoryReceipt {
  readonly name: string;
  readonly state: RepositoryState;
  /** The published snapshot. */
  readonly snapshot: number | null;
  /** The newest snapshot that was admitted. */
  readonly offered: number | null;
}
export interface BundleReceipt {
  readonly sequence: number;
  /** Identity of its manifest. */
  readonly sha256: Sha256;
  readonly state: RepositoryState;
  /** Why, when it was refused. */
  readonly code: ErrorCode | null;
}
export interface Receipt {
  readonly site: string;
  readonly exporter: string;
  /** 32 hex digits, new with each journal. */
  readonly epoch: string;
  /** Never falls within an epoch. */
  readonly number: number;
  readonly repositories: readonly RepositoryReceipt[];
  readonly bundles: readonly BundleReceipt[];
  /** All that this site holds. */
  readonly holds: Companion;
  /** What it needs for the newest snapshots and lacks. */
  readonly missing: Companion;
}

export const RECEIPT_KIND = '{"gapferry":"receipt/1",';
export const HOLDS_SUFFIX = '.holds';
export const MISSING_SUFFIX = '.missing';

export const encodeReceipt = (receipt: Receipt): Uint8Array =>
  Buffer.from(`${JSON.stringify({ gapferry: 'receipt/1', ...receipt })}\n`);

const name = text(isName, 'must be a name');
const number = integer(1, LIMITS.sequence);
const companion = object({ bytes: integer(0, LIMITS.rows * 65), sha256, rows: integer(0, LIMITS.rows) });
/** Codes are added without a new version of the receipt; one that is not known here reads as none. */
const code: Decoder<ErrorCode | null> = (value, path, problems) => {
  if (typeof value === 'string' && isErrorCode(value)) return value;
  if (typeof value === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(value)) return null;
  problems.push({ path, says: 'must be an error code' });
  return undefined;
};

const RECEIPT_SHAPE: Decoder<Receipt & { readonly gapferry: 'receipt/1' }> = object({
  gapferry: oneOf('receipt/1'),
  site: name,
  exporter: text(isExporterId, "must be 'x' and 16 hex digits"),
  epoch: text((epoch) => /^[0-9a-f]{32}$/.test(epoch), 'must be 32 hex digits'),
  number,
  repositories: list(
    object({ name, state: oneOf(...STATES), snapshot: optional(number), offered: optional(number) }),
    0,
    LIMITS.repositories,
  ),
  bundles: list(
    object({ sequence: number, sha256, state: oneOf(...STATES), code: optional(code) }),
    0,
    LIMITS.bundlesInReceipt,
  ),
  holds: companion,
  missing: companion,
});

/** @throws Refused WRONG_STATEMENT, FORMAT_UNSUPPORTED, LIMIT_MANIFEST, JSON_INVALID, JSON_DUPLICATE_KEY, RECEIPT_INVALID */
export function parseReceipt(bytes: SignedBytes): Receipt {
  requireKind(bytes, 'receipt', RECEIPT_KIND, 'receipt');
  const problems: Problem[] = [];
  const decoded = RECEIPT_SHAPE(parseStrictJSON(bytes, 'receipt', LIMITS.receiptBytes), 'receipt', problems);
  if (decoded === undefined) throw new Refused('RECEIPT_INVALID', `receipt: ${describeProblems(problems)}`);
  const { gapferry: _kind, ...receipt } = decoded;
  const broken = contradictions(receipt);
  if (broken.length > 0) throw new Refused('RECEIPT_INVALID', `receipt: ${describeProblems(broken)}`);
  return receipt;
}

const DIGEST_LINE_BYTES = 65;

function contradictions(receipt: Receipt): Problem[] {
  const problems: Problem[] = [];
  const require = (holds: boolean, path: string, says: string): void => {
    if (!holds) problems.push({ path: `receipt.${path}`, says });
  };
  require(new Set(receipt.repositories.map((one) => one.name)).size ===
    receipt.repositories.length, 'repositories', 'must not name a repository twice');
  require(new Set(receipt.bundles.map((one) => `${one.sequence} ${one.sha256}`)).size ===
    receipt.bundles.length, 'bundles', 'must not name a bundle twice');
  for (const companion of ['holds', 'missing'] as const)
    require(receipt[companion].bytes ===
      receipt[companion].rows * DIGEST_LINE_BYTES, `${companion}.bytes`, 'must be 65 for each row');
  return problems;
}

/** The bytes of a companion, in chunks. @param digests ascending, without repetition */
export function* encodeDigestList(digests: Iterable<Sha256>): Generator<Uint8Array> {
  let lines: string[] = [];
  for (const digest of digests) {
    lines.push(`${digest}\n`);
    if (lines.length === 4096) {
      yield Buffer.from(lines.join(''), 'latin1');
      lines = [];
    }
  }
  if (lines.length > 0) yield Buffer.from(lines.join(''), 'latin1');
}

/** Reads a companion in bounded memory; its length and digest were compared with the receipt before. @throws Damaged INVENTORY_INVALID */
export function* readDigestList(chunks: Iterable<Uint8Array>, what: string): Generator<Sha256> {
  let rest = '';
  let previous = '';
  for (const chunk of chunks) {
    const lines = (rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!isSha256(line) || line <= previous)
        throw new Damaged('INVENTORY_INVALID', `${what}: is not an ascending list of digests`);
      previous = line;
      yield line;
    }
    if (rest.length > 64) throw new Damaged('INVENTORY_INVALID', `${what}: is not a list of digests`);
  }
  if (rest !== '') throw new Damaged('INVENTORY_INVALID', `${what}: does not end with a line feed`);
}
