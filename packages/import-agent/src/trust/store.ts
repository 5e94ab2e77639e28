/**
 * The trust store: whose signatures count at this site. It changes by local commands only; nothing that arrives on a medium changes it.
 *
 * A revoked key stays in the store, so that its good signature is named for what it is and not called unknown.
 */
import { Misused, Refused } from '@gapferry/bundle-format/errors';
import { isExporterId } from '@gapferry/bundle-format/names';
import {
  exporterIdOf,
  fingerprintOf,
  keyIdText,
  type PublicKey,
  sameFingerprint,
} from '@gapferry/bundle-format/signature';

export interface TrustedKey {
  readonly publicKey: PublicKey;
  /** The exporter that this key signs for. */
  readonly exporter: string;
  /** For people; decides nothing. */
  readonly label: string | null;
  /** The exporter that was rebuilt as this one: what it published may be followed by this one's first snapshot. */
  readonly replaces: string | null;
  /** Repositories that it may sign for; null: every configured one. */
  readonly repositories: readonly string[] | null;
  /** ISO 8601, UTC. */
  readonly added: string;
  readonly revoked: string | null;
}

export interface TrustStore {
  /** Grows with each change, so that verdicts given under an older store are asked for again. */
  readonly version: number;
  readonly keys: readonly TrustedKey[];
}

export const EMPTY_TRUST: TrustStore = { version: 0, keys: [] };

export interface NewKey {
  readonly publicKey: PublicKey;
  /** As a person typed it: any case, with or without hyphens. */
  readonly fingerprint: string;
  readonly label?: string | undefined;
  readonly replaces?: string | undefined;
  readonly repositories?: readonly string[] | undefined;
  /** ISO 8601, UTC. */
  readonly now: string;
}

const sameKey = (a: PublicKey, b: PublicKey): boolean => Buffer.from(a.key).equals(Buffer.from(b.key));

/**
 * The store with one key more. The same key again changes nothing, unless it was revoked.
 * @throws Refused KEY_MISMATCH when the fingerprint is another one's, KEY_REVOKED; Misused UNKNOWN_NAME when what it replaces is not in the store
 */
export function withKey(store: TrustStore, add: NewKey): TrustStore {
  const { publicKey } = add;
  const fingerprint = fingerprintOf(publicKey);
  if (!sameFingerprint(add.fingerprint, publicKey)) {
    throw new Refused(
      'KEY_MISMATCH',
      `the key has the fingerprint ${fingerprint}, which is not the one that was given`,
      {
        facts: { found: fingerprint, given: add.fingerprint },
      },
    );
  }
  const known = store.keys.find((one) => sameKey(one.publicKey, publicKey));
  if (known?.revoked != null) {
    throw new Refused('KEY_REVOKED', `the key ${fingerprint} was revoked on ${known.revoked} and cannot come back`);
  }
  if (known !== undefined) return store;
  const key: TrustedKey = {
    publicKey,
    exporter: exporterIdOf(publicKey),
    label: add.label ?? null,
    replaces: replacedBy(store, add),
    repositories: add.repositories ?? null,
    added: add.now,
    revoked: null,
  };
  return { version: store.version + 1, keys: [...store.keys, key] };
}

function replacedBy(store: TrustStore, { replaces, publicKey }: NewKey): string | null {
  if (replaces === undefined) return null;
  const old = isExporterId(replaces) ? replaces : findKey(store, replaces).exporter;
  if (!store.keys.some((one) => one.exporter === old)) {
    throw new Misused('UNKNOWN_NAME', `no exporter ${old} was ever trusted here`);
  }
  if (old === exporterIdOf(publicKey)) throw new Misused('USAGE', `the exporter ${old} cannot replace itself`);
  return old;
}

/**
 * The store with one key revoked; what was published stays.
 * @param which fingerprint, key id, exporter id or label @throws Misused UNKNOWN_NAME
 */
export function withoutKey(store: TrustStore, which: string, now: string): TrustStore {
  const gone = findKey(store, which);
  if (gone.revoked !== null) return store;
  const keys = store.keys.map((one) => (one === gone ? { ...one, revoked: now } : one));
  return { version: store.version + 1, keys };
}

/** @param which fingerprint, key id, exporter id or label @throws Misused UNKNOWN_NAME when it names no key, or more than one */
export function findKey(store: TrustStore, which: string): TrustedKey {
  const found = store.keys.filter(
    (one) =>
      one.exporter === which ||
      one.label === which ||
      keyIdText(one.publicKey) === which.toUpperCase() ||
      sameFingerprint(which, one.publicKey),
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new Misused(
    'UNKNOWN_NAME',
    `${JSON.stringify(which)} names ${found.length === 0 ? 'no key' : 'more than one key'} of the trust store`,
  );
}

/** The exporter and all that it was rebuilt from, newest first. */
export function lineageOf(store: TrustStore, exporter: string): string[] {
  const line = [exporter];
  for (let at: string | null | undefined = exporter; at != null;) {
    const here: string = at;
    at = store.keys.find((one) => one.exporter === here && one.replaces !== null)?.replaces;
    if (at != null && line.includes(at)) break; // two that replace each other: a store mended by hand
    if (at != null) line.push(at);
  }
  return line;
}

/** Exporters with at least one key that still counts. */
export const trustedExporters = (store: TrustStore): string[] => [
  ...new Set(store.keys.filter((one) => one.revoked === null).map((one) => one.exporter)),
];
