import { createHash, createPrivateKey, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import nacl from 'tweetnacl';
import { isCanonicalScalar, isOnCurve, isUsablePoint } from '../src/ed25519.ts';
import {
  encodePublicKey,
  encodeSecretKey,
  exporterIdOf,
  fingerprintOf,
  generateKeyPair,
  keyIdText,
  parsePublicKey,
  parseSecretKey,
  publicKeyOf,
  sameFingerprint,
  signStatement,
  verifySignatures,
} from '../src/index.ts';

// The curve once more, by the formulas of RFC 8032 section 5.1.4 and nothing of ours.
const P = (1n << 255n) - 19n;
const L = (1n << 252n) + 27742317777372353535851937790883648493n;
const mod = (n: bigint): bigint => ((n % P) + P) % P;
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
  return result;
}
const invert = (n: bigint): bigint => power(n, P - 2n);
const D = mod(-121665n * invert(121666n));
type Point = readonly [x: bigint, y: bigint];
const NEUTRAL: Point = [0n, 1n];
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const k = mod(D * mod(x1 * x2) * mod(y1 * y2));
  return [mod((x1 * y2 + x2 * y1) * invert(1n + k)), mod((y1 * y2 + x1 * x2) * invert(1n - k))];
}
const times = (n: number, point: Point): Point =>
  Array.from({ length: n }).reduce<Point>((sum) => add(sum, point), NEUTRAL);
const same = (a: Point, b: Point): boolean => a[0] === b[0] && a[1] === b[1];
const onCurve = ([x, y]: Point): boolean => mod(y * y - x * x) === mod(1n + D * mod(x * x) * mod(y * y));

/** All x for a y: x² = (y² - 1) / (dy² + 1), with a root modulo p = 5 mod 8. */
function xsOf(y: bigint): bigint[] {
  const square = mod((y * y - 1n) * invert(D * y * y + 1n));
  const candidate = power(square, (P + 3n) / 8n);
  const root = [candidate, mod(candidate * power(2n, (P - 1n) / 4n))].find((x) => mod(x * x) === square);
  return root === undefined ? [] : [...new Set([root, mod(-root)])];
}
const encode = (y: bigint, sign = 0n): Buffer =>
  Buffer.from((y | (sign << 255n)).toString(16).padStart(64, '0'), 'hex').reverse();

/** A point of order 8: L times a point that is not in the subgroup of the base point. */
function torsion(): Point[] {
  for (let y = 2n; ; y++) {
    const [x] = xsOf(y);
    if (x === undefined) continue;
    let point: Point = NEUTRAL;
    for (let bit = L.toString(2).length - 1; bit >= 0; bit--) {
      point = add(point, point);
      if ((L >> BigInt(bit)) & 1n) point = add(point, [x, y]);
    }
    if (!same(times(4, point), NEUTRAL)) return Array.from({ length: 8 }, (_, i) => times(i, point));
  }
}

describe('the eight points of small order, derived anew', () => {
  const points = torsion();

  test('are eight different points of the curve, and eight times each is the neutral one', () => {
    expect(new Set(points.map(String)).size).toBe(8);
    for (const point of points) expect([onCurve(point), same(times(8, point), NEUTRAL)]).toEqual([true, true]);
  });

  test('are refused in both spellings of their sign', () => {
    for (const [, y] of points) for (const sign of [0n, 1n]) expect(isUsablePoint(encode(y, sign))).toBe(false);
  });

  test('no other small y is refused, and y of p and above is', () => {
    const small = Array.from({ length: 200 }, (_, i) => BigInt(i)).filter((y) => !isUsablePoint(encode(y)));
    expect(small).toEqual([0n, 1n]);
    for (let y = P; y < 1n << 255n; y++) expect(isUsablePoint(encode(y))).toBe(false);
    expect(isUsablePoint(encode(P - 2n))).toBe(true);
  });

  test('whether a y belongs to a point agrees with its roots', () => {
    for (let y = 0n; y < 60n; y++) expect([y, isOnCurve(encode(y))]).toEqual([y, xsOf(y).length > 0]);
  });

  test('with a point of small order tweetnacl takes one signature for every statement, and we take none', () => {
    const key = { keyId: Buffer.alloc(8), key: Buffer.from(encode(1n)) };
    const forged = Buffer.concat([encode(1n), Buffer.alloc(32)]);
    expect(nacl.sign.detached.verify(Buffer.from('anything'), forged, key.key)).toBe(true);
    const line = Buffer.concat([Buffer.from('Ed'), key.keyId, forged]).toString('base64');
    const file = `untrusted comment: x\n${line}\ntrusted comment: y\n${forged.toString('base64')}\n`;
    expect(() =>
      verifySignatures('x', Buffer.from('anything'), [{ name: 'x', bytes: Buffer.from(file) }], [key]),
    ).toThrow(expect.objectContaining({ code: 'SIG_INVALID' }));
    expect(() => parsePublicKey(encodePublicKey(key), 'x')).toThrow(expect.objectContaining({ code: 'KEY_WEAK' }));
  });
});

describe('S', () => {
  test('is canonical below L only', () => {
    expect([0n, 1n, L - 1n].map((s) => isCanonicalScalar(encode(s)))).toEqual([true, true, true]);
    expect([L, L + 1n, (1n << 256n) - 1n].map((s) => isCanonicalScalar(encode(s)))).toEqual([false, false, false]);
    expect(isCanonicalScalar(Buffer.alloc(31))).toBe(false);
  });
});

describe('keys', () => {
  test('RFC 8032, section 7.1, test 2: our key files hold the same key, and sign the same', () => {
    const seed = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex');
    const pub = Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex');
    const secret = { keyId: Buffer.from('0102030405060708', 'hex'), secret: Buffer.concat([seed, pub]) };
    const read = parseSecretKey(encodeSecretKey(secret), 'key');
    expect(publicKeyOf(read).key).toEqual(pub);
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const statement = Buffer.from([0x72]);
    const expected = sign(
      null,
      createHash('blake2b512').update(statement).digest(),
      createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
    );
    const line =
      Buffer.from(signStatement(statement, read, 'x'))
        .toString()
        .split('\n')[1] ?? '';
    expect(Buffer.from(line, 'base64').subarray(10).equals(expected)).toBe(true);
  });

  test('are read from what was written', () => {
    const { publicKey, secretKey } = generateKeyPair();
    expect(parsePublicKey(encodePublicKey(publicKey), 'key')).toEqual({
      keyId: Buffer.from(publicKey.keyId),
      key: Buffer.from(publicKey.key),
    });
    expect(parsePublicKey(encodePublicKey(publicKey).split('\n')[1] ?? '', 'a bare line').key).toEqual(
      Buffer.from(publicKey.key),
    );
    expect(Buffer.from(parseSecretKey(encodeSecretKey(secretKey), 'key').secret)).toEqual(
      Buffer.from(secretKey.secret),
    );
    expect(keyIdText({ keyId: Buffer.from('0102030405060708', 'hex') })).toBe('0807060504030201');
  });

  test('a secret key that is cut, bent, or behind a passphrase is refused without telling it', () => {
    const text = encodeSecretKey(generateKeyPair().secretKey);
    const raw = Buffer.from(text.split('\n')[1] ?? '', 'base64');
    const bent = (change: (bytes: Buffer) => void): string => {
      const copy = Buffer.from(raw);
      change(copy);
      return `untrusted comment: x\n${copy.toString('base64')}\n`;
    };
    const bad = [
      '',
      text.slice(0, 100),
      bent((bytes) => bytes.write('Ex')),
      bent((bytes) => bytes.write('Sc', 2)),
      bent((bytes) => (bytes[100] = (bytes[100] ?? 0) ^ 1)),
      `untrusted comment: x\n${raw.subarray(1).toString('base64')}\n`,
    ];
    for (const one of bad) {
      expect(() => parseSecretKey(one, 'site.key')).toThrow(expect.objectContaining({ code: 'KEY_FILE_FORMAT' }));
      expect(() => parseSecretKey(one, 'site.key')).not.toThrow(raw.toString('base64').slice(80, 100));
    }
  });

  test('a fingerprint is typed in many ways and never shortened', () => {
    const { publicKey } = generateKeyPair();
    const print = fingerprintOf(publicKey);
    expect(print).toMatch(/^(?:[0-9a-f]{4}-){9}[0-9a-f]{4}$/);
    const digest = createHash('sha256').update(publicKey.key).digest('hex');
    expect(print.replaceAll('-', '')).toBe(digest.slice(0, 40));
    expect(exporterIdOf(publicKey)).toBe(`x${digest.slice(0, 16)}`);
    for (const typed of [
      print,
      print.toUpperCase(),
      print.replaceAll('-', ' '),
      print.replaceAll('-', ''),
      ` ${print}\n`,
      print.replaceAll('-', ':'),
    ])
      expect(sameFingerprint(typed, publicKey)).toBe(true);
    for (const typed of [
      '',
      print.slice(0, -1),
      print.slice(0, 9),
      `${print}0`,
      print.replace(/^./, (c) => (c === '0' ? '1' : '0')),
    ])
      expect(sameFingerprint(typed, publicKey)).toBe(false);
  });
});
