/** Keys of the vectors: made from fixed seeds, so that the vectors are the same each time. They protect nothing. */
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { keyIdText, type PublicKey, type SecretKey } from '@gapferry/bundle-format';

export interface VectorKey {
  readonly publicKey: PublicKey;
  readonly secretKey: SecretKey;
  readonly object: KeyObject;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
/** RFC 8410: an Ed25519 private key in PKCS #8 is these bytes and the seed. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function keyFromSeed(name: string): VectorKey {
  const seed = digest(`gapferry vectors, key of ${name}`);
  const object = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const raw = Buffer.from(createPublicKey(object).export({ format: 'jwk' }).x ?? '', 'base64url');
  const keyId = digest(`gapferry vectors, id of ${name}`).subarray(0, 8);
  return {
    publicKey: { keyId, key: raw },
    secretKey: { keyId, secret: Buffer.concat([seed, raw]) },
    object,
  };
}

/** The exporter that everybody trusts; in the bad vectors its key has been stolen. */
export const EXPORTER: VectorKey = keyFromSeed('exporter');
/** A second officer who counter-signs. */
export const OFFICER: VectorKey = keyFromSeed('officer');
export const STRANGER: VectorKey = keyFromSeed('stranger');
export const SITE: VectorKey = keyFromSeed('site');

export const KEYS: ReadonlyMap<string, VectorKey> = new Map([
  ['exporter', EXPORTER],
  ['officer', OFFICER],
  ['stranger', STRANGER],
  ['site', SITE],
]);

const prehash = (bytes: Uint8Array): Buffer => createHash('blake2b512').update(bytes).digest();

/** Order of the base point of Ed25519. */
const L = (1n << 252n) + 27742317777372353535851937790883648493n;
/** A second signature of the same message, made without the key: S' = S + L. */
export function malleated(signature: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + L;
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()]);
}

export interface MinisigWish {
  /** The two bytes that name the algorithm; also decide what is signed, unless `message` says otherwise. */
  readonly algorithm?: string;
  readonly keyId?: Uint8Array;
  readonly message?: Uint8Array;
  readonly trusted?: string;
  readonly untrusted?: string;
  readonly bend?: (signature: Buffer) => Buffer;
  readonly bendGlobal?: (signature: Buffer) => Buffer;
  /** What the trusted comment says after it was signed. */
  readonly alteredComment?: string;
}

/** A `.minisig` file as another program could have written it, with one thing bent. */
export function minisig(bytes: Uint8Array, key: VectorKey, wish: MinisigWish = {}): Buffer {
  const algorithm = wish.algorithm ?? 'ED';
  const signature = (wish.bend ?? same)(
    sign(null, wish.message ?? (algorithm === 'Ed' ? bytes : prehash(bytes)), key.object),
  );
  const trusted = wish.trusted ?? 'timestamp:1795208400';
  const global = (wish.bendGlobal ?? same)(sign(null, Buffer.concat([signature, Buffer.from(trusted)]), key.object));
  const head = Buffer.concat([Buffer.from(algorithm), wish.keyId ?? key.publicKey.keyId, signature]);
  return Buffer.from(
    `untrusted comment: ${wish.untrusted ?? 'signature from minisign secret key'}\n${head.toString('base64')}\n` +
      `trusted comment: ${wish.alteredComment ?? trusted}\n${global.toString('base64')}\n`,
  );
}

const same = (signature: Buffer): Buffer => signature;

/** As Gapferry itself signs (format §5.3). */
export const ownMinisig = (bytes: Uint8Array, key: VectorKey, kind = 'manifest/1'): Buffer =>
  minisig(bytes, key, {
    trusted: `gapferry ${kind}`,
    untrusted: `signature by Gapferry, key ${keyIdText(key.publicKey)}`,
  });
export { prehash };
