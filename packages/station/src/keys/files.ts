/** Key files: minisign's own formats, so that its command works with them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GapferryError, Misused, Unfit } from '@gapferry/bundle-format/errors';
import {
  encodePublicKey,
  encodeSecretKey,
  fingerprintOf,
  generateKeyPair,
  isSameKey,
  parsePublicKey,
  parseSecretKey,
  type PublicKey,
  publicKeyOf,
  type SecretKey,
} from '@gapferry/bundle-format/signature';
import { makeFolder, writeNew } from '../files/durable.ts';
import type { Whereabouts } from '../files/fault.ts';
import { readBounded } from '../files/safe-open.ts';
import { assertOwnerOnly } from './owner.ts';

/** A minisign key file has less than 400 bytes; room for a long comment. */
const MAX_KEY_FILE_BYTES = 4096;

export interface KeyPairFiles {
  readonly publicKey: PublicKey;
  readonly fingerprint: string;
  /** Mode 0600. */
  readonly secretPath: string;
  /** Mode 0644. */
  readonly publicPath: string;
}

const read = (path: string, where: Whereabouts): string =>
  Buffer.from(readBounded(path, MAX_KEY_FILE_BYTES, { where })).toString('utf8');

/**
 * Makes a new key pair `<folder>/<base>.key` and `<folder>/<base>.pub`. Never replaces anything.
 * @throws Misused ALREADY_THERE; Unfit LOCAL_FULL, PERMISSION
 */
export const writeKeyPair = (folder: string, base: string): KeyPairFiles => {
  const secretPath = join(folder, `${base}.key`);
  const publicPath = join(folder, `${base}.pub`);
  for (const path of [secretPath, publicPath]) {
    if (existsSync(path)) throw new Misused('ALREADY_THERE', `${path} exists already`, { facts: { path } });
  }
  makeFolder(folder);
  const { publicKey, secretKey } = generateKeyPair();
  writeNew(secretPath, encodeSecretKey(secretKey), 0o600);
  writeNew(publicPath, encodePublicKey(publicKey), 0o644);
  return { publicKey, fingerprint: fingerprintOf(publicKey), secretPath, publicPath };
};

/**
 * Reads a secret key, after making sure that nobody else can.
 * @throws Unfit KEY_FILE_UNSAFE, KEY_FILE_FORMAT, LOCAL_IO (no such file), PERMISSION
 */
export const readSecretKeyFile = (path: string): SecretKey => {
  assertOwnerOnly(path);
  const secretKey = parseSecretKey(read(path, 'machine'), path);
  assertPair(path, secretKey);
  return secretKey;
};

/** `exporter.pub` beside `exporter.key` is what people hand on: another one would enrol a key that signs nothing here. */
const assertPair = (path: string, secretKey: SecretKey): void => {
  const publicPath = path.replace(/\.key$/, '.pub');
  if (publicPath === path || !existsSync(publicPath)) return;
  if (isSameKey(parsePublicKey(read(publicPath, 'machine'), publicPath), publicKeyOf(secretKey))) return;
  throw new Unfit('KEY_FILE_FORMAT', `${publicPath} is not the public half of ${path}`, {
    facts: { path, publicPath },
    hint: 'restore both files of the pair from the same backup',
  });
};

/**
 * Reads a public key, from this machine or from a medium; from there it is a proposal that only a fingerprint makes trusted.
 * @throws Misused USAGE when there is no such file; Unfit KEY_FILE_FORMAT, PERMISSION; Refused KEY_WEAK; Damaged NOT_A_REGULAR_FILE
 */
export const readPublicKeyFile = (path: string, where: Whereabouts = 'machine'): PublicKey => {
  if (!existsSync(path)) throw new Misused('USAGE', `there is no file ${path}`, { facts: { path } });
  try {
    return parsePublicKey(read(path, where), path);
  } catch (error) {
    if (!(error instanceof GapferryError) || (error.code !== 'KEY_FILE_FORMAT' && error.code !== 'LIMIT_MANIFEST'))
      throw error;
    const hint = 'give a file such as exporter.pub or site.pub';
    throw new Misused('USAGE', `${path} is not a public key`, { facts: { path }, hint, cause: error });
  }
};
