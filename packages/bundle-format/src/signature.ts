/**
 * Minisign signatures (format §5): keys, statements signed by them, and the check that turns bytes into signed bytes.
 *
 * File formats and algorithm: minisign 0.11 manual page and `minisign.h`; Ed25519: RFC 8032; BLAKE2b: RFC 7693.
 */
import { createHash, createPublicKey, randomBytes, verify as nodeVerify } from 'node:crypto';
import nacl from 'tweetnacl';
import { isCanonicalScalar, isOnCurve, isUsablePoint } from './ed25519.ts';
import { Refused, Unfit } from './errors.ts';
import { LIMITS } from './limits.ts';

const KEY_ID_BYTES = 8;
const KEY_BYTES = 32;
const SECRET_BYTES = 64;
const SIGNATURE_BYTES = 64;
/** The plain algorithm: Ed25519 over the bytes. Accepted, never written. */
const PLAIN = 'Ed';
/** The prehashed algorithm: Ed25519 over BLAKE2b-512 of the bytes. */
const PREHASHED = 'ED';
const UNTRUSTED = 'untrusted comment: ';
const TRUSTED = 'trusted comment: ';
/** A trusted comment that begins so was written by us, and then the whole file must be as we write it (format §5.3). */
const OURS = 'gapferry ';

export interface PublicKey {
  /** 8 bytes. A hint that pre-selects, never an identity. */
  readonly keyId: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
}
/** Keep it out of logs: nothing of it may ever be printed. */
export interface SecretKey {
  readonly keyId: Uint8Array;
  /** 64 bytes: seed and public half. */
  readonly secret: Uint8Array;
}

export const publicKeyOf = (secret: SecretKey): PublicKey => ({
  keyId: secret.keyId,
  key: secret.secret.subarray(KEY_BYTES),
});

export function generateKeyPair(): { readonly publicKey: PublicKey; readonly secretKey: SecretKey } {
  const secretKey: SecretKey = {
    keyId: randomBytes(KEY_ID_BYTES),
    secret: nacl.sign.keyPair.fromSeed(randomBytes(KEY_BYTES)).secretKey,
  };
  return { publicKey: publicKeyOf(secretKey), secretKey };
}

/** As minisign prints it: the little-endian number in upper-case hex. */
export const keyIdText = (key: Pick<PublicKey, 'keyId'>): string =>
  Buffer.from(key.keyId).reverse().toString('hex').toUpperCase();

const keyDigest = (key: PublicKey): string => createHash('sha256').update(key.key).digest('hex');

/** 160 bits of the SHA-256 of the raw public key, in ten groups of four: short enough to be told by voice (format §5.5). */
export const fingerprintOf = (key: PublicKey): string => keyDigest(key).slice(0, 40).match(/.{4}/g)?.join('-') ?? '';

const plainFingerprint = (typed: string): string => typed.replace(/[\s:-]/g, '').toLowerCase();

/** Whether a text has the form of a fingerprint, however grouped. */
export const isFingerprint = (typed: string): boolean => /^[0-9a-f]{40}$/.test(plainFingerprint(typed));

/** Compares what a person typed, however grouped, with a key. Never true for a shortened fingerprint. */
export const sameFingerprint = (typed: string, key: PublicKey): boolean =>
  plainFingerprint(typed) === fingerprintOf(key).replaceAll('-', '');

/** The id of an exporter, fixed by the key that was made with it (format §4.2). */
export const exporterIdOf = (key: PublicKey): string => `x${keyDigest(key).slice(0, 16)}`;

/** Whether two records are about the same key, whatever ids they bear. */
export const isSameKey = (a: PublicKey, b: PublicKey): boolean => Buffer.from(a.key).equals(b.key);

// ---- files -------------------------------------------------------------------------------------------------------------------------------------

export const encodePublicKey = (key: PublicKey, comment = `gapferry public key ${keyIdText(key)}`): string =>
  `${UNTRUSTED}${comment}\n${Buffer.concat([Buffer.from(PLAIN), key.keyId, key.key]).toString('base64')}\n`;

/** @throws Unfit KEY_FILE_FORMAT; Refused KEY_WEAK for a point with which anybody could sign */
export function parsePublicKey(text: string, what: string): PublicKey {
  const raw = keyLine(text, what);
  if (raw.length !== 2 + KEY_ID_BYTES + KEY_BYTES || raw.toString('latin1', 0, 2) !== PLAIN)
    throw badKey(what, 'is not a minisign public key');
  const key: PublicKey = { keyId: raw.subarray(2, 10), key: raw.subarray(10) };
  if (!isUsablePoint(key.key) || !isOnCurve(key.key))
    throw new Refused('KEY_WEAK', `${what}: the key ${keyIdText(key)} is a weak or malformed Ed25519 key`);
  return key;
}

/** minisign's container without a passphrase: `Ed`, no key derivation, `B2`, then id, secret, and a checksum that is left at zero. */
export function encodeSecretKey(key: SecretKey): string {
  const head = Buffer.concat([Buffer.from(PLAIN), Buffer.alloc(2), Buffer.from('B2'), Buffer.alloc(32 + 8 + 8)]);
  const raw = Buffer.concat([head, key.keyId, key.secret, Buffer.alloc(32)]);
  return `${UNTRUSTED}minisign encrypted secret key\n${raw.toString('base64')}\n`;
}

/** @throws Unfit KEY_FILE_FORMAT, also for a key behind a passphrase and for one whose halves do not belong together */
export function parseSecretKey(text: string, what: string): SecretKey {
  const raw = keyLine(text, what);
  if (raw.length !== 158 || raw.toString('latin1', 0, 2) !== PLAIN || raw.toString('latin1', 4, 6) !== 'B2')
    throw badKey(what, 'is not a minisign secret key');
  if (raw[2] !== 0 || raw[3] !== 0) throw badKey(what, 'is behind a passphrase, which is not supported yet');
  const key: SecretKey = { keyId: raw.subarray(54, 62), secret: raw.subarray(62, 62 + SECRET_BYTES) };
  if (
    !Buffer.from(nacl.sign.keyPair.fromSeed(key.secret.subarray(0, KEY_BYTES)).publicKey).equals(
      key.secret.subarray(KEY_BYTES),
    )
  )
    throw badKey(what, 'has a public half that does not belong to its secret half');
  return key;
}

const badKey = (what: string, why: string): Unfit => new Unfit('KEY_FILE_FORMAT', `${what}: ${why}`);

function keyLine(text: string, what: string): Buffer {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const line = lines[0]?.startsWith(UNTRUSTED) ? lines[1] : lines[0];
  const raw = line === undefined || text.length > 4096 ? undefined : strictBase64(line);
  if (raw === undefined) throw badKey(what, 'is not a minisign key file');
  return raw;
}

/** Only the one canonical spelling: `Buffer.from` alone would ignore what it does not know. */
function strictBase64(text: string): Buffer | undefined {
  const raw = Buffer.from(text, 'base64');
  return raw.toString('base64') === text ? raw : undefined;
}

// ---- statements --------------------------------------------------------------------------------------------------------------------------------

const prehash = (bytes: Uint8Array): Buffer => createHash('blake2b512').update(bytes).digest();

/**
 * Signs a statement. @param says goes into the trusted comment, which is signed and decides nothing.
 * @returns the bytes of the `.minisig` file
 */
export function signStatement(bytes: Uint8Array, key: SecretKey, says: string): Uint8Array {
  if (/[\r\n]/.test(says)) throw new RangeError('a trusted comment is one line');
  const signature = nacl.sign.detached(prehash(bytes), key.secret);
  const comment = `${OURS}${says}`;
  const global = nacl.sign.detached(Buffer.concat([signature, Buffer.from(comment)]), key.secret);
  return Buffer.from(
    encodeSignature({ algorithm: PREHASHED, keyId: key.keyId, signature, comment, global }, untrustedComment(key)),
  );
}

const untrustedComment = (key: Pick<PublicKey, 'keyId'>): string => `signature by Gapferry, key ${keyIdText(key)}`;

interface ParsedSignature {
  readonly algorithm: typeof PLAIN | typeof PREHASHED;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
  /** The trusted comment without its prefix. */
  readonly comment: string;
  readonly global: Uint8Array;
}

const encodeSignature = (parsed: ParsedSignature, untrusted: string): string =>
  `${UNTRUSTED}${untrusted}\n` +
  `${Buffer.concat([Buffer.from(parsed.algorithm), parsed.keyId, parsed.signature]).toString('base64')}\n` +
  `${TRUSTED}${parsed.comment}\n${Buffer.from(parsed.global).toString('base64')}\n`;

export interface SignatureFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** @throws Refused SIG_FORMAT, ALG_UNSUPPORTED */
function parseSignature({ name, bytes }: SignatureFile): ParsedSignature {
  const bad = (why: string): Refused => new Refused('SIG_FORMAT', `${name}: ${why}`, { facts: { file: name } });
  if (bytes.length > LIMITS.signatureBytes) throw bad(`is larger than ${LIMITS.signatureBytes} bytes`);
  const text = Buffer.from(bytes).toString('utf8');
  if (!Buffer.from(text).equals(bytes)) throw bad('is not UTF-8');
  const [untrusted, line, trusted, globalLine, end, ...more] = text.split('\n');
  if (!untrusted?.startsWith(UNTRUSTED) || !trusted?.startsWith(TRUSTED) || end !== '' || more.length > 0)
    throw bad('is not a minisign signature');
  const raw = strictBase64(line ?? '');
  const global = strictBase64(globalLine ?? '');
  if (raw?.length !== 2 + KEY_ID_BYTES + SIGNATURE_BYTES || global?.length !== SIGNATURE_BYTES)
    throw bad('is not a minisign signature');
  const algorithm = raw.toString('latin1', 0, 2);
  if (algorithm !== PLAIN && algorithm !== PREHASHED)
    throw new Refused('ALG_UNSUPPORTED', `${name}: unknown signature algorithm ${JSON.stringify(algorithm)}`);
  const parsed: ParsedSignature = {
    algorithm,
    keyId: raw.subarray(2, 10),
    signature: raw.subarray(10),
    comment: trusted.slice(TRUSTED.length),
    global,
  };
  if (parsed.comment.startsWith(OURS) && encodeSignature(parsed, untrustedComment(parsed)) !== text)
    throw bad('was written by Gapferry and altered afterwards');
  return parsed;
}

declare const signed: unique symbol;
/** Bytes that a trusted key has signed. Made only by `verifySignatures`, so nothing is parsed before it was verified. */
export type SignedBytes = Uint8Array & { readonly [signed]: 'signed' };

export interface Verified {
  readonly bytes: SignedBytes;
  /** The distinct keys whose signatures are good. At least one. */
  readonly signers: readonly PublicKey[];
}

/**
 * Verifies a statement against the keys that may be looked at. Every signature file must be well formed; a signature by an
 * unknown key counts for nothing; one by a known key must be good. A quorum counts distinct keys, never files or key ids.
 * @throws Refused SIG_MISSING, SIG_FORMAT, ALG_UNSUPPORTED, SIG_INVALID, KEY_UNKNOWN
 */
export function verifySignatures(
  what: string,
  bytes: Uint8Array,
  files: readonly SignatureFile[],
  keys: readonly PublicKey[],
): Verified {
  if (files.length === 0) throw new Refused('SIG_MISSING', `${what}: has no signature`);
  if (files.length > LIMITS.signatures)
    throw new Refused('SIG_FORMAT', `${what}: has more than ${LIMITS.signatures} signatures`);
  const signers: PublicKey[] = [];
  const unknown: string[] = [];
  for (const file of files) {
    const signature = parseSignature(file);
    const candidates = keys.filter((key) => Buffer.from(key.keyId).equals(signature.keyId));
    if (candidates.length === 0) {
      unknown.push(keyIdText(signature));
      continue;
    }
    const signer = candidates.find((key) => isGood(bytes, signature, key));
    if (signer === undefined)
      throw new Refused('SIG_INVALID', `${what}: the signature by key ${keyIdText(signature)} does not fit its bytes`, {
        facts: { file: file.name, key: keyIdText(signature) },
      });
    if (!signers.some((other) => isSameKey(other, signer))) signers.push(signer);
  }
  if (signers.length === 0)
    throw new Refused('KEY_UNKNOWN', `${what}: is signed by ${unknown.join(', ')}, which is not trusted here`, {
      facts: { keys: unknown },
    });
  return { bytes: bytes as SignedBytes, signers };
}

function isGood(
  bytes: Uint8Array,
  { algorithm, signature, comment, global }: ParsedSignature,
  key: PublicKey,
): boolean {
  const message = algorithm === PREHASHED ? prehash(bytes) : bytes;
  return (
    isGoodEd25519(message, signature, key.key) &&
    isGoodEd25519(Buffer.concat([signature, Buffer.from(comment)]), global, key.key)
  );
}

/**
 * tweetnacl accepts S ≥ L and low-order keys and throws on wrong lengths; so lengths, S and the key are checked first, and
 * Node's own Ed25519 has to agree.
 */
function isGoodEd25519(message: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || key.length !== KEY_BYTES) return false;
  if (!isCanonicalScalar(signature.subarray(KEY_BYTES)) || !isUsablePoint(key)) return false;
  return nodeVerify(null, message, nodeKey(key), signature) && nacl.sign.detached.verify(message, signature, key);
}

const nodeKey = (key: Uint8Array): ReturnType<typeof createPublicKey> =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') }, format: 'jwk' });
