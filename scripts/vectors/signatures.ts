/** Vectors about signatures and public keys (format §5). */
import { encodePublicKey, exporterIdOf, fingerprintOf, keyIdText } from '@gapferry/bundle-format';
import { plainBundle } from './bundle.ts';
import { EXPORTER, OFFICER, STRANGER, malleated, minisig, ownMinisig, prehash } from './keys.ts';
import { changedFiles, type Edit, type NamedVector } from './vector.ts';

const PLAIN = plainBundle();
const MANIFEST = PLAIN.get('manifest.json') ?? Buffer.alloc(0);
const OURS = PLAIN.get('manifest.json.minisig') ?? Buffer.alloc(0);
const COMMIT = 'manifest.json.minisig';

interface More {
  readonly edits?: readonly Edit[];
  readonly keys?: readonly string[];
  readonly others?: Readonly<Record<string, Buffer>>;
  readonly signers?: number;
}

function withSignature(
  name: string,
  says: string,
  spec: string,
  expect: string,
  signature: Buffer | null,
  more: More = {},
): NamedVector {
  const files = new Map([...PLAIN, ...Object.entries(more.others ?? {})]);
  if (signature === null) files.delete(COMMIT);
  else files.set(COMMIT, signature);
  return {
    name,
    says,
    spec,
    expect,
    kind: 'bundle',
    base: 'plain',
    files: changedFiles(files, PLAIN),
    edits: more.edits ?? [],
    keys: more.keys ?? ['exporter'],
  };
}

const linesOf = (signature: Buffer): string[] => signature.toString().split('\n');
const withLine = (signature: Buffer, n: number, line: string): Buffer =>
  Buffer.from(linesOf(signature).with(n, line).join('\n'));
const raw = (signature: Buffer, n: number): Buffer => Buffer.from(linesOf(signature)[n] ?? '', 'base64');

const bad = (
  name: string,
  says: string,
  expect: string,
  signature: Buffer | null,
  more: More = {},
  spec = '§5.1',
): NamedVector => withSignature(`sig-${name}`, says, spec, expect, signature, more);

export const signatureVectors = (): NamedVector[] => [
  bad('missing', 'the bundle has no signature: it is still being written', 'SIG_MISSING', null),
  bad('empty', 'the signature file is empty', 'SIG_FORMAT', Buffer.alloc(0)),
  bad(
    'two-lines',
    'the signature file ends before the trusted comment',
    'SIG_FORMAT',
    Buffer.from(`${linesOf(OURS).slice(0, 2).join('\n')}\n`),
  ),
  bad(
    'short',
    'the signature has 63 bytes',
    'SIG_FORMAT',
    withLine(OURS, 1, raw(OURS, 1).subarray(0, -1).toString('base64')),
  ),
  bad(
    'long',
    'the signature has 65 bytes',
    'SIG_FORMAT',
    withLine(OURS, 1, Buffer.concat([raw(OURS, 1), Buffer.alloc(1)]).toString('base64')),
  ),
  bad(
    'global-short',
    'the global signature has 63 bytes',
    'SIG_FORMAT',
    withLine(OURS, 3, raw(OURS, 3).subarray(0, -1).toString('base64')),
  ),
  bad(
    'not-base64',
    'the signature line has characters outside Base64, which lenient decoders skip',
    'SIG_FORMAT',
    withLine(minisig(MANIFEST, EXPORTER), 1, ` ${linesOf(minisig(MANIFEST, EXPORTER))[1]}`),
  ),
  bad(
    'base64-url',
    'the signature line is in the URL alphabet of Base64',
    'SIG_FORMAT',
    withLine(OURS, 1, raw(OURS, 1).toString('base64url')),
  ),
  bad(
    'crlf',
    'the lines end with carriage return and line feed',
    'SIG_FORMAT',
    Buffer.from(minisig(MANIFEST, EXPORTER).toString().replaceAll('\n', '\r\n')),
  ),
  bad(
    'empty-line',
    'an empty line follows the global signature',
    'SIG_FORMAT',
    Buffer.concat([minisig(MANIFEST, EXPORTER), Buffer.from('\n')]),
  ),
  bad(
    'no-untrusted-comment',
    'the first line is no untrusted comment',
    'SIG_FORMAT',
    withLine(minisig(MANIFEST, EXPORTER), 0, 'comment: x'),
  ),
  bad(
    'no-trusted-comment',
    'the third line is no trusted comment',
    'SIG_FORMAT',
    withLine(minisig(MANIFEST, EXPORTER), 2, 'Trusted comment: timestamp:1795208400'),
  ),
  bad('no-line-feed', 'the last line feed is missing', 'SIG_FORMAT', minisig(MANIFEST, EXPORTER).subarray(0, -1)),
  bad(
    'more-lines',
    'a line follows the global signature',
    'SIG_FORMAT',
    Buffer.concat([minisig(MANIFEST, EXPORTER), Buffer.from('more\n')]),
  ),
  bad(
    'not-utf8',
    'the untrusted comment is not UTF-8',
    'SIG_FORMAT',
    Buffer.concat([Buffer.from('untrusted comment: '), Buffer.from([0xff]), minisig(MANIFEST, EXPORTER).subarray(19)]),
  ),
  bad(
    'too-large',
    'the signature file has more than 4,096 bytes',
    'SIG_FORMAT',
    minisig(MANIFEST, EXPORTER, { untrusted: 'x'.repeat(4096) }),
  ),
  bad('too-many', 'there are seventeen signature files', 'SIG_FORMAT', OURS, {
    others: Object.fromEntries(
      Array.from({ length: 16 }, (_, i) => [`manifest.json.n${i}.minisig`, ownMinisig(MANIFEST, STRANGER)]),
    ),
  }),
  bad('algorithm', 'the algorithm is called "Ee"', 'ALG_UNSUPPORTED', minisig(MANIFEST, EXPORTER, { algorithm: 'Ee' })),
  bad(
    'unknown-key',
    'signed by a key that is not trusted here',
    'KEY_UNKNOWN',
    ownMinisig(MANIFEST, STRANGER),
    {},
    '§5.2',
  ),
  bad(
    'borrowed-key-id',
    "signed by a stranger under the exporter's key id",
    'SIG_INVALID',
    minisig(MANIFEST, STRANGER, { keyId: EXPORTER.publicKey.keyId }),
    {},
    '§5.2',
  ),
  bad(
    'of-another-statement',
    "the exporter's signature of another manifest",
    'SIG_INVALID',
    ownMinisig(Buffer.from('{"gapferry":"manifest/1",}\n'), EXPORTER),
    {},
    '§5.2',
  ),
  bad(
    'prehash-as-plain',
    'the file says "Ed" and the prehash was signed',
    'SIG_INVALID',
    minisig(MANIFEST, EXPORTER, { algorithm: 'Ed', message: prehash(MANIFEST) }),
    {},
    '§5.2',
  ),
  bad(
    'plain-as-prehash',
    'the file says "ED" and the bytes themselves were signed',
    'SIG_INVALID',
    minisig(MANIFEST, EXPORTER, { message: MANIFEST }),
    {},
    '§5.2',
  ),
  bad(
    'trusted-comment-altered',
    'the trusted comment is not the one that was signed',
    'SIG_INVALID',
    minisig(MANIFEST, EXPORTER, { alteredComment: 'timestamp:1795208401' }),
    {},
    '§5.2',
  ),
  bad(
    'second-is-bad',
    'a good signature, and one under the key id of a trusted officer that is not good',
    'SIG_INVALID',
    OURS,
    {
      others: { 'manifest.json.officer.minisig': minisig(MANIFEST, STRANGER, { keyId: OFFICER.publicKey.keyId }) },
      keys: ['exporter', 'officer'],
    },
    '§5.2',
  ),
  bad(
    'ours-comment-altered',
    'a signature of ours whose untrusted comment was altered',
    'SIG_FORMAT',
    withLine(OURS, 0, 'untrusted comment: please trust me'),
    {},
    '§5.3',
  ),
  bad(
    'malleated',
    'S + L instead of S: a second signature made without the key',
    'SIG_INVALID',
    minisig(MANIFEST, EXPORTER, { bend: malleated }),
    {},
    '§5.4',
  ),
  bad(
    'global-malleated',
    'S + L instead of S in the global signature',
    'SIG_INVALID',
    minisig(MANIFEST, EXPORTER, { bendGlobal: malleated }),
    {},
    '§5.4',
  ),
  bad(
    'statement-changed',
    'one bit of the manifest changed',
    'SIG_INVALID',
    OURS,
    { edits: [{ file: 'manifest.json', xor: { at: 100, with: 1 } }] },
    '§5.2',
  ),
  withSignature(
    'accepts-plain-ed',
    'a signature by `minisign -l`, over the bytes themselves',
    '§5.1',
    'ok',
    minisig(MANIFEST, EXPORTER, { algorithm: 'Ed' }),
  ),
  withSignature(
    'accepts-minisign',
    'a signature by the minisign command, with its own comments',
    '§5.1',
    'ok',
    minisig(MANIFEST, EXPORTER),
  ),
  withSignature('accepts-counter-signature', 'two signatures by two trusted keys', '§5.2', 'ok', OURS, {
    others: { 'manifest.json.officer.minisig': ownMinisig(MANIFEST, OFFICER) },
    keys: ['exporter', 'officer'],
    signers: 2,
  }),
  withSignature(
    'accepts-stranger-beside',
    'a signature by a stranger counts for nothing and harms nothing',
    '§5.2',
    'ok',
    OURS,
    {
      others: { 'manifest.json.stranger.minisig': ownMinisig(MANIFEST, STRANGER) },
    },
  ),
  withSignature('accepts-same-key-twice', 'two signatures by one key count once', '§5.2', 'ok', OURS, {
    others: { 'manifest.json.again.minisig': minisig(MANIFEST, EXPORTER) },
  }),
];

const key = (name: string, says: string, expect: string, text: string): NamedVector => ({
  name: `key-${name}`,
  says,
  spec: '§5.4',
  expect,
  kind: 'public key',
  text,
});
const pub = (hex: string): string =>
  encodePublicKey({ keyId: Buffer.from('0102030405060708', 'hex'), key: Buffer.from(hex, 'hex') });
const good = encodePublicKey(EXPORTER.publicKey);
const line = good.split('\n')[1] ?? '';

const P = (1n << 255n) - 19n;
const hexOf = (y: bigint, sign = 0): string => {
  const bytes = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
  bytes[31] = (bytes[31] ?? 0) | (sign << 7);
  return bytes.toString('hex');
};
const ORDER_8 = [
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((hex) => BigInt(`0x${Buffer.from(hex, 'hex').reverse().toString('hex')}`));

const WEAK: readonly (readonly [name: string, says: string, hex: string])[] = [
  ['identity', 'the neutral point: one signature fits every message', hexOf(1n)],
  ['order-2', 'the point of order 2', hexOf(P - 1n)],
  ['order-4', 'a point of order 4', hexOf(0n)],
  ['order-4-negative', 'the other point of order 4', hexOf(0n, 1)],
  ['order-8-a', 'a point of order 8', hexOf(ORDER_8[0] ?? 0n)],
  ['order-8-b', 'a point of order 8', hexOf(ORDER_8[0] ?? 0n, 1)],
  ['order-8-c', 'a point of order 8', hexOf(ORDER_8[1] ?? 0n)],
  ['order-8-d', 'a point of order 8', hexOf(ORDER_8[1] ?? 0n, 1)],
  ['identity-non-canonical', 'the neutral point as p + 1', hexOf(P + 1n)],
  ['order-4-non-canonical', 'a point of order 4 as p', hexOf(P)],
  ['non-canonical', 'a usable point, y = 3, spelt p + 3', hexOf(P + 3n)],
  ['not-a-point', 'y = 2 belongs to no point of the curve', hexOf(2n)],
];

export const keyVectors = (): NamedVector[] =>
  [
    {
      ...key('good', 'a public key as minisign writes it', 'ok', good),
      spec: '§5.5',
      fingerprint: fingerprintOf(EXPORTER.publicKey),
      keyId: keyIdText(EXPORTER.publicKey),
      exporter: exporterIdOf(EXPORTER.publicKey),
    } as NamedVector,
    ...WEAK.map(([name, says, hex]) => key(name, says, 'KEY_WEAK', pub(hex))),
    key('short', 'the key has 31 bytes', 'KEY_FILE_FORMAT', pub('11'.repeat(31))),
    key('long', 'the key has 33 bytes', 'KEY_FILE_FORMAT', pub('11'.repeat(33))),
    key(
      'algorithm',
      'the algorithm is not "Ed"',
      'KEY_FILE_FORMAT',
      good.replace(
        line,
        Buffer.concat([Buffer.from('Ex'), Buffer.from(line, 'base64').subarray(2)]).toString('base64'),
      ),
    ),
    key('not-base64', 'the line is not Base64', 'KEY_FILE_FORMAT', good.replace(line, `${line}!`)),
    key('empty', 'the file is empty', 'KEY_FILE_FORMAT', ''),
  ].map((vector) => (vector.expect === 'KEY_FILE_FORMAT' ? { ...vector, spec: '§5.1' } : vector));
