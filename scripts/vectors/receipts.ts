/** Vectors about receipts and their companions (format §9). */
import { encodeReceipt, exporterIdOf, sha256Of, type Receipt } from '@gapferry/bundle-format';
import { EXPORTER, SITE, ownMinisig } from './keys.ts';
import { fileInVector, type FileInVector, type NamedVector } from './vector.ts';

const digests = ['alpha\n', 'bravo\n'].map((text) => sha256Of(Buffer.from(text))).toSorted();
const HOLDS = digests.map((digest) => `${digest}\n`).join('');
const MISSING = `${sha256Of(Buffer.from('charlie\n'))}\n`;
const companion = (text: string): Receipt['holds'] => ({
  bytes: text.length,
  sha256: sha256Of(Buffer.from(text)),
  rows: text.split('\n').length - 1,
});

const RECEIPT: Receipt = {
  site: 'plant7',
  exporter: exporterIdOf(EXPORTER.publicKey),
  epoch: '000102030405060708090a0b0c0d0e0f',
  number: 12,
  repositories: [{ name: 'files', state: 'waiting', snapshot: 6, offered: 7 }],
  bundles: [
    { sequence: 6, sha256: sha256Of(Buffer.from('six')), state: 'published', code: null },
    { sequence: 7, sha256: sha256Of(Buffer.from('seven')), state: 'refused', code: 'WRONG_SITE' },
  ],
  holds: companion(HOLDS),
  missing: companion(MISSING),
};

interface Bend {
  readonly receipt?: Receipt;
  readonly text?: (text: string) => string;
  readonly holds?: string;
  readonly missing?: string | null;
  readonly signature?: (bytes: Buffer) => Buffer | null;
  readonly keys?: readonly string[];
}

function receipt(name: string, says: string, spec: string, expect: string, bend: Bend = {}): NamedVector {
  const encoded = Buffer.from(encodeReceipt(bend.receipt ?? RECEIPT)).toString();
  const bytes = Buffer.from((bend.text ?? ((same) => same))(encoded));
  const signature = (bend.signature ?? ((signed) => ownMinisig(signed, SITE, 'receipt/1')))(bytes);
  const missing = bend.missing === undefined ? MISSING : bend.missing;
  const files: Record<string, FileInVector> = {
    'receipt.json': fileInVector(bytes),
    'receipt.holds': { text: bend.holds ?? HOLDS },
  };
  if (signature !== null) files['receipt.json.minisig'] = fileInVector(signature);
  if (missing !== null) files['receipt.missing'] = { text: missing };
  return { name, says, spec, expect, kind: 'receipt', files, keys: bend.keys ?? ['site'] };
}
const bad = (
  name: string,
  says: string,
  change: (receipt: Receipt) => object,
  expect = 'RECEIPT_INVALID',
  spec = '§9.1',
): NamedVector => receipt(`receipt-${name}`, says, spec, expect, { receipt: { ...RECEIPT, ...change(RECEIPT) } });
const companionBend = (
  name: string,
  says: string,
  expect: string,
  text: string,
  signed = companion(text),
): NamedVector =>
  receipt(`companion-${name}`, says, '§9.2', expect, { receipt: { ...RECEIPT, holds: signed }, holds: text });

export const receiptVectors = (): NamedVector[] => [
  receipt('accepts-receipt', 'a receipt with both companions', '§9.1', 'ok'),
  receipt('accepts-new-code', 'a code that this version does not have reads as none', '§9.1', 'ok', {
    text: (text) => text.replace('WRONG_SITE', 'SOMETHING_NEW'),
  }),
  receipt('receipt-without-signature', 'a receipt without a signature', '§9.1', 'SIG_MISSING', {
    signature: () => null,
  }),
  receipt('receipt-by-exporter', 'a receipt signed by a key that is not the site’s', '§9.1', 'KEY_UNKNOWN', {
    signature: (bytes) => ownMinisig(bytes, EXPORTER, 'receipt/1'),
  }),
  receipt('receipt-altered', 'a receipt that was altered after it was signed', '§9.1', 'SIG_INVALID', {
    signature: () => ownMinisig(Buffer.from('{}'), SITE),
  }),
  receipt('receipt-is-manifest', 'another kind of statement, signed by the site', '§2.2', 'WRONG_STATEMENT', {
    text: (text) => text.replace('receipt/1', 'manifest/1'),
  }),
  receipt('receipt-version-2', 'version 2', '§2.2', 'FORMAT_UNSUPPORTED', {
    text: (text) => text.replace('receipt/1', 'receipt/2'),
  }),
  receipt('receipt-duplicate-key', 'a key stands twice', '§2.3', 'JSON_DUPLICATE_KEY', {
    text: (text) => text.replace('"number":12', '"number":11,"number":12'),
  }),
  receipt(
    'receipt-unknown-field',
    'a field that receipts do not have: a way out for anything',
    '§9.1',
    'RECEIPT_INVALID',
    { text: (text) => text.replace('"number":12', '"number":12,"host":"srv1"') },
  ),
  receipt('receipt-missing-field', 'the epoch is missing', '§9.1', 'RECEIPT_INVALID', {
    text: (text) => text.replace(/"epoch":"[0-9a-f]+",/, ''),
  }),
  bad('site', 'a site name that is none', () => ({ site: '*' })),
  bad('exporter', 'an exporter id that is none', () => ({ exporter: 'plant7' })),
  bad('epoch', 'an epoch that is not 32 hex digits', () => ({ epoch: '00' })),
  bad('number-0', 'number 0', () => ({ number: 0 })),
  bad('state', 'a state that does not exist', ({ repositories }) => ({
    repositories: repositories.map((one) => ({ ...one, state: 'applied' })),
  })),
  bad('code', 'free text in the place of a code', ({ bundles }) => ({
    bundles: bundles.map((one) => ({ ...one, code: 'no space on srv1' })),
  })),
  bad('repository-twice', 'a repository is named twice', ({ repositories }) => ({
    repositories: [...repositories, ...repositories],
  })),
  bad('bundle-twice', 'a bundle is named twice', ({ bundles }) => ({ bundles: [...bundles, ...bundles] })),
  bad('companion-bytes', 'a companion whose length and rows do not fit', ({ holds }) => ({
    holds: { ...holds, bytes: holds.bytes + 1 },
  })),
  companionBend(
    'altered',
    'a companion that is not the signed one',
    'HASH_MISMATCH',
    HOLDS.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    companion(HOLDS),
  ),
  companionBend('truncated', 'a companion that is too short', 'LENGTH_MISMATCH', HOLDS.slice(0, 65), companion(HOLDS)),
  companionBend(
    'descending',
    'a companion that does not ascend',
    'INVENTORY_INVALID',
    digests
      .toReversed()
      .map((digest) => `${digest}\n`)
      .join(''),
  ),
  companionBend(
    'twice',
    'a companion in which a digest stands twice',
    'INVENTORY_INVALID',
    `${digests[0]}\n${digests[0]}\n`,
  ),
  companionBend('upper-case', 'a companion in upper-case letters', 'INVENTORY_INVALID', HOLDS.toUpperCase()),
  companionBend('text', 'a companion that holds other text', 'INVENTORY_INVALID', `${'x'.repeat(64)}\n`),
  receipt('companion-missing', 'a companion is not there', '§9.2', 'BUNDLE_INCOMPLETE', { missing: null }),
];
