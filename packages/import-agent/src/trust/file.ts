/** `trust.json`: the trust store as a file. Read whole and strictly; replaced as a whole. */
import { lstatSync } from 'node:fs';
import { octal } from '@gapferry/station/keys/owner';
import { Misused } from '@gapferry/bundle-format/errors';
import { parseStrictJSON, type JSONValue } from '@gapferry/bundle-format/json';
import { isExporterId } from '@gapferry/bundle-format/names';
import { encodePublicKey, fingerprintOf, parsePublicKey } from '@gapferry/bundle-format/signature';
import { readBoundedIfThere } from '@gapferry/station/files/safe-open';
import { writeDurably } from '@gapferry/station/files/durable';
import { z } from 'zod';
import type { TrustedKey, TrustStore } from './store.ts';
import { EMPTY_TRUST } from './store.ts';

const MAX_BYTES = 1024 * 1024;
const FORMAT = 'trust/1';

const keySchema = z.strictObject({
  exporter: z.string().refine(isExporterId),
  /** The second line of a minisign public key file. */
  key: z.string(),
  fingerprint: z.string(),
  label: z.string().nullable(),
  replaces: z.string().refine(isExporterId).nullable(),
  repositories: z.array(z.string()).nullable(),
  added: z.string(),
  revoked: z.string().nullable(),
});
const fileSchema = z.strictObject({
  gapferry: z.literal(FORMAT),
  version: z.int().nonnegative(),
  keys: z.array(keySchema).max(1000),
});

/** A store that is missing is empty: nobody is trusted. @throws Misused CONFIG_TRUST when it is not a trust store, CONFIG_PERMS when others may write it */
export function readTrust(path: string): TrustStore {
  const bytes = readBoundedIfThere(path, MAX_BYTES, { where: 'machine' });
  if (bytes === undefined) return EMPTY_TRUST;
  assertNotForOthers(path);
  try {
    const file = fileSchema.parse(toPlain(parseStrictJSON(bytes, path, MAX_BYTES)));
    return { version: file.version, keys: file.keys.map((one) => toKey(one)) };
  } catch (cause) {
    throw new Misused('CONFIG_TRUST', `the trust store ${path} cannot be read`, {
      cause,
      hint: 'restore the file from its backup, or mend it',
    });
  }
}

/** Whoever may write it decides whom this site believes. Windows answers this by other means, which Node does not show. */
function assertNotForOthers(path: string): void {
  const me = process.geteuid?.();
  if (me === undefined) return;
  const { uid, mode } = lstatSync(path);
  const safe = (uid === me || uid === 0) && (mode & 0o022) === 0;
  if (!safe) {
    throw new Misused(
      'CONFIG_PERMS',
      `the trust store ${path} may be changed by others (owner ${uid}, mode ${octal(mode)})`,
      {
        facts: { path, uid, mode: octal(mode) },
        hint: `look whether its keys are the ones that you enrolled (trust list); then let only its owner write it: chmod go-w ${path}`,
      },
    );
  }
}

/** The lines of a public key file that were put into the store must still be the ones that the fingerprint names. */
function toKey(one: z.infer<typeof keySchema>): TrustedKey {
  const publicKey = parsePublicKey(`untrusted comment: trust store\n${one.key}\n`, `the key of ${one.exporter}`);
  if (fingerprintOf(publicKey) !== one.fingerprint)
    throw new Error(`the key of ${one.exporter} does not have the fingerprint beside it`);
  const { exporter, label, replaces, repositories, added, revoked } = one;
  return { publicKey, exporter, label, replaces, repositories, added, revoked };
}

/** Maps become plain objects without a prototype, for a schema to look at. */
function toPlain(value: JSONValue): unknown {
  if (value instanceof Map) {
    const plain: Record<string, unknown> = Object.create(null);
    for (const [key, each] of value) plain[key] = toPlain(each);
    return { ...plain };
  }
  return Array.isArray(value) ? value.map((each: JSONValue) => toPlain(each)) : value;
}

export function writeTrust(path: string, store: TrustStore): void {
  const keys = store.keys.map(({ publicKey, ...rest }) => ({
    exporter: rest.exporter,
    key: keyLine(encodePublicKey(publicKey, 'trust store')),
    fingerprint: fingerprintOf(publicKey),
    label: rest.label,
    replaces: rest.replaces,
    repositories: rest.repositories,
    added: rest.added,
    revoked: rest.revoked,
  }));
  writeDurably(path, `${JSON.stringify({ gapferry: FORMAT, version: store.version, keys }, null, 2)}\n`, 0o600);
}

const keyLine = (file: string): string => file.split('\n')[1] ?? '';
