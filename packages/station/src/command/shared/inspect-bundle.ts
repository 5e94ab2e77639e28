/** Looks into a bundle without judging it. Runs in a medium process. */
import { join } from 'node:path';
import { Incomplete } from '@gapferry/bundle-format/errors';
import type { PublicKey } from '@gapferry/bundle-format/signature';
import { isThere, openBundle, openVolume, volumesThere } from './bundle.ts';
import { layDocuments } from './documents.ts';
import { type BundleReport, statementOf } from './report.ts';

export interface InspectOptions {
  /** Undefined: signatures are not checked. */
  readonly keys: readonly PublicKey[] | undefined;
  /** Where to lay the inventories; undefined: the head is not opened. */
  readonly spool: string | undefined;
  readonly onBytes: (bytes: number) => void;
}

/** @throws as `openBundle`; with a spool also what is wrong with the head: Damaged, Incomplete BUNDLE_INCOMPLETE */
export const inspectBundle = async (
  folder: string,
  { keys, spool, onBytes }: InspectOptions,
): Promise<BundleReport> => {
  const { manifest, ...bundle } = openBundle(folder, keys);
  const [head] = manifest.volumes;
  if (spool !== undefined && head !== undefined) {
    if (!isThere(join(folder, head.name)))
      throw new Incomplete('BUNDLE_INCOMPLETE', `${head.name} is not here, which holds the lists`);
    const opened = openVolume(folder, 0, head, onBytes);
    try {
      await layDocuments(opened.volume, manifest, spool);
    } finally {
      opened.close();
    }
  }
  const { sha256, signature, signers, claimedKeys, foreign } = bundle;
  return {
    folder,
    sha256,
    signature,
    signers,
    claimedKeys,
    foreign,
    statement: statementOf(manifest),
    volumes: volumesThere(folder, manifest),
    problems: [],
  };
};
