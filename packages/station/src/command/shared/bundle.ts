/** A bundle folder as files: every document read once, bounded; every block through the one checking door. Runs in a medium process. */
import { closeSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import {
  BlockChecker,
  blockCount,
  type CheckedBlocks,
  CheckedVolume,
  parseBlockList,
  type VerifiedBytes,
} from '@gapferry/bundle-format/blocks';
import { Damaged, GapferryError, Incomplete, Refused } from '@gapferry/bundle-format/errors';
import { blocksName, isSignatureName, MANIFEST, SUMS } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { checkSums, type Manifest, parseManifest, type VolumeStatement } from '@gapferry/bundle-format/manifest';
import { type Sha256, sha256Of, Sha256Stream } from '@gapferry/bundle-format/sha256';
import {
  fingerprintOf,
  keyIdText,
  type PublicKey,
  type SignatureFile,
  type SignedBytes,
  verifySignatures,
} from '@gapferry/bundle-format/signature';
import { DirectReader } from '../../files/direct.ts';
import { listNames, openIfThere, readBounded, readBoundedIfThere } from '../../files/safe-open.ts';
import type { SignerReport, VolumeReport } from './report.ts';

export interface OpenedBundle {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly manifestBytes: SignedBytes;
  readonly sha256: Sha256;
  readonly signature: 'good' | 'not checked';
  readonly signers: readonly SignerReport[];
  readonly claimedKeys: readonly string[];
  readonly foreign: readonly string[];
}

const readSignatures = (folder: string, names: readonly string[]): SignatureFile[] =>
  names
    .filter(isSignatureName)
    .slice(0, LIMITS.signatures + 1)
    .map((name) => ({ name, bytes: readBounded(join(folder, name), LIMITS.signatureBytes) }));

/** The ids that signature files name, out of the refusal that no key at all provokes. */
const claimedKeys = (bytes: Uint8Array, files: readonly SignatureFile[]): readonly string[] => {
  try {
    verifySignatures(MANIFEST, bytes, files, []);
    return [];
  } catch (error) {
    const keys = error instanceof GapferryError && error.code === 'KEY_UNKNOWN' ? error.facts['keys'] : undefined;
    return Array.isArray(keys) ? keys.map(String) : [];
  }
};

/**
 * For looking only: the reader's types ask for bytes that somebody signed. Whoever uses this must tell people that nothing was checked, and
 * nothing else may be done with what comes out.
 */
const withoutProof = (bytes: Uint8Array): SignedBytes => bytes as SignedBytes;

const foreignNames = (manifest: Manifest, names: readonly string[]): string[] => {
  const ours = new Set([MANIFEST, SUMS, ...manifest.volumes.flatMap(({ name }, n) => [name, blocksName(n)])]);
  return names.filter((name) => !ours.has(name) && !isSignatureName(name));
};

/**
 * Reads and, when `keys` are given, verifies manifest and signatures; without keys it only parses.
 * @throws Incomplete MANIFEST_MISSING; Refused SIG_*, KEY_UNKNOWN, JSON_*, MANIFEST_INVALID, …; Damaged SUMS_MISMATCH, MEDIA_READ
 */
export const openBundle = (folder: string, keys: readonly PublicKey[] | undefined): OpenedBundle => {
  const bytes = readBoundedIfThere(join(folder, MANIFEST), LIMITS.manifestBytes);
  if (bytes === undefined)
    throw new Incomplete('MANIFEST_MISSING', `${folder} has no ${MANIFEST}`, { facts: { folder } });
  const names = listNames(folder, 3 * LIMITS.volumes);
  const files = readSignatures(folder, names);
  const verified = keys === undefined ? undefined : verifySignatures(MANIFEST, bytes, files, keys);
  const manifestBytes = verified?.bytes ?? withoutProof(bytes);
  const manifest = parseManifest(manifestBytes);
  return {
    folder,
    manifest,
    manifestBytes,
    sha256: sha256Of(bytes),
    signature: verified === undefined ? 'not checked' : 'good',
    signers: (verified?.signers ?? []).map((key) => ({ keyId: keyIdText(key), fingerprint: fingerprintOf(key) })),
    claimedKeys: claimedKeys(bytes, files),
    foreign: foreignNames(manifest, names),
  };
};

/** @throws Damaged SUMS_MISMATCH. A bundle without that file is whole: it only serves people. */
export const checkSumsFile = ({ folder, manifest, manifestBytes }: OpenedBundle): void => {
  const limit = (2 * manifest.volumes.length + 2) * 256;
  let sums: Uint8Array | undefined;
  try {
    sums = readBoundedIfThere(join(folder, SUMS), limit);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Damaged('SUMS_MISMATCH', `${SUMS} is larger than it can be`, { cause: error });
  }
  if (sums !== undefined) checkSums(sums, manifestBytes, manifest);
};

export const isThere = (path: string): boolean => {
  const fd = openIfThere(path);
  if (fd !== undefined) closeSync(fd);
  return fd !== undefined;
};

const lengthOf = (path: string): number | undefined => {
  try {
    const stat = lstatSync(path);
    return stat.isFile() ? stat.size : undefined;
  } catch {
    return undefined;
  }
};

/** What is there of the volumes by name and length, without opening any. */
export const volumesThere = (folder: string, manifest: Manifest): VolumeReport[] =>
  manifest.volumes.map(({ name, bytes }) => {
    const length = lengthOf(join(folder, name));
    return { name, bytes, state: length === undefined ? 'missing' : length === bytes ? 'present' : 'damaged' };
  });

/**
 * Hands blocks through and makes the digest of the whole volume on the way: blocks that come in order are hashed as they pass, what nobody asked
 * for is read at the end. So a volume is read once although two digests are compared, and every damaged block is found.
 */
class DigestingBlocks implements CheckedBlocks {
  readonly name: string;
  readonly bytes: number;
  readonly #inner: CheckedBlocks;
  readonly #onBytes: (bytes: number) => void;
  readonly #digest = new Sha256Stream();
  readonly #seen: Uint8Array;
  /** The block that the digest waits for. */
  #next = 0;
  #damaged = false;

  constructor(inner: CheckedBlocks, onBytes: (bytes: number) => void) {
    this.name = inner.name;
    this.bytes = inner.bytes;
    this.#inner = inner;
    this.#onBytes = onBytes;
    this.#seen = new Uint8Array(blockCount(inner.bytes));
  }

  block(index: number): VerifiedBytes {
    const first = this.#seen[index] === 0;
    this.#seen[index] = 1;
    let block: VerifiedBytes;
    try {
      block = this.#inner.block(index);
    } catch (error) {
      this.#damaged = true;
      throw error;
    }
    if (first) this.#onBytes(block.length);
    if (index === this.#next) {
      this.#next++;
      this.#digest.update(block);
    }
    return block;
  }

  /** Undefined when a block was damaged, which says enough. */
  finish(onDamage: (error: unknown) => void): Sha256 | undefined {
    this.#seen.forEach((seen, index) => {
      if (seen === 0) this.#try(index, onDamage);
    });
    while (!this.#damaged && this.#next < this.#seen.length) this.#try(this.#next, onDamage);
    return this.#damaged ? undefined : this.#digest.digest();
  }

  #try(index: number, onDamage: (error: unknown) => void): void {
    try {
      this.block(index);
    } catch (error) {
      onDamage(error);
    }
  }
}

export interface OpenedVolume {
  readonly volume: CheckedVolume;
  /** Reads what was not read yet, and compares the whole with its signed digest. */
  finish(onDamage: (error: unknown) => void): void;
  close(): void;
}

const wrongWhole = (name: string): Damaged =>
  new Damaged('HASH_MISMATCH', `${name}: its blocks are right and the digest of the whole is not the signed one`, {
    facts: { volume: name },
  });

/**
 * Opens one volume behind its block list.
 * @throws Incomplete BUNDLE_INCOMPLETE when it or its list is not here; Damaged HASH_MISMATCH, LENGTH_MISMATCH, TRUNCATED, NOT_A_REGULAR_FILE
 */
export const openVolume = (
  folder: string,
  n: number,
  statement: VolumeStatement,
  onBytes: (bytes: number) => void,
): OpenedVolume => {
  const { name, bytes, blocks, sha256 } = statement;
  const listName = blocksName(n);
  for (const each of [name, listName]) {
    if (!isThere(join(folder, each)))
      throw new Incomplete('BUNDLE_INCOMPLETE', `${each} is not here`, { facts: { file: each } });
  }
  const list = parseBlockList(listName, readList(join(folder, listName), listName, blockCount(bytes)), bytes, blocks);
  const source = new DirectReader(join(folder, name));
  try {
    const digesting = new DigestingBlocks(new BlockChecker(name, source, list), onBytes);
    return {
      volume: new CheckedVolume(digesting),
      finish: (onDamage) => {
        const found = digesting.finish(onDamage);
        if (found !== undefined && found !== sha256) onDamage(wrongWhole(name));
      },
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
};

const LINE_BYTES = 65;

/** A list that is longer than it can be is a damaged one, not a matter of policy. */
const readList = (path: string, name: string, count: number): Uint8Array => {
  try {
    return readBounded(path, count * LINE_BYTES);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Damaged('LENGTH_MISMATCH', `${name} is longer than the block list of its volume can be`, {
      facts: { file: name },
      cause: error,
    });
  }
};
