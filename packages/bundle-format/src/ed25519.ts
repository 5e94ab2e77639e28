/** The two checks that RFC 8032 leaves to the verifier or that libraries leave out (format §5.4). All values are little-endian. */

/** Order of the base point: 2^252 + 27742317777372353535851937790883648493 (RFC 8032, section 5.1). */
const L = (1n << 252n) + 27742317777372353535851937790883648493n;
const P = (1n << 255n) - 19n;

const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

/** S < L: otherwise a second signature of the same statement can be made without the key. */
export const isCanonicalScalar = (s: Uint8Array): boolean => s.length === 32 && toBigInt(s) < L;

/** The y coordinates of the eight points of small order, below p. With such a key one signature fits every message. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  toBigInt(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
  toBigInt(Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex')),
]);

const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = base % P, e = exponent; e > 0n; e >>= 1n, b = (b * b) % P)
    if ((e & 1n) === 1n) result = (result * b) % P;
  return result;
}

/** Whether a point of the curve has this y: x² = (y² - 1) / (dy² + 1) has a root (RFC 8032, section 5.1.3). Asked when a key is enrolled. */
export function isOnCurve(encoded: Uint8Array): boolean {
  const y = toBigInt(encoded) & ((1n << 255n) - 1n);
  const square = (y * y) % P;
  return power((square - 1n + P) * (D * square + 1n), (P - 1n) / 2n) <= 1n;
}

/** A canonically encoded y (< p) that is not of small order. */
export function isUsablePoint(encoded: Uint8Array): boolean {
  if (encoded.length !== 32) return false;
  const y = toBigInt(encoded) & ((1n << 255n) - 1n);
  return y < P && !SMALL_ORDER_Y.has(y);
}
