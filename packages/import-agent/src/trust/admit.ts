/** From a folder on a medium to an admitted bundle, or to the reason why not. Signature, first bytes, strict parse, policy: in this order, on one buffer. */
import { join } from 'node:path';
import { Damaged, GapferryError, Incomplete } from '@gapferry/bundle-format/errors';
import { MANIFEST } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { encodeSums, type Manifest, parseManifest } from '@gapferry/bundle-format/manifest';
import { sha256Of, type Sha256 } from '@gapferry/bundle-format/sha256';
import { isSameKey, type SignatureFile, verifySignatures } from '@gapferry/bundle-format/signature';
import { errorFromJSON } from '@gapferry/bundle-format/errors';
import { readBounded } from '@gapferry/station/files/safe-open';
import type { SeenBundle } from '../receiving/requests.ts';
import { copyIn } from '../receiving/evidence.ts';
import type { World } from '../world.ts';
import { type Admission, admitManifest } from './admission.ts';
import type { TrustStore } from './store.ts';

export interface AdmittedCopy {
  readonly folder: string;
  readonly sha256: Sha256;
  readonly admission: Admission;
}

export type Judged =
  | { readonly verdict: 'admitted'; readonly copy: AdmittedCopy }
  /** No signature yet: still being written, or copied without it. */
  | { readonly verdict: 'unfinished'; readonly error: GapferryError }
  /** Not ours. */
  | { readonly verdict: 'foreign' }
  | {
      readonly verdict: 'rejected';
      readonly error: GapferryError;
      readonly sha256: Sha256 | null;
      readonly signed: Manifest | null;
    };

const LOOKS_LIKE_BUNDLE = /(?:^|\/)x[0-9a-f]{16}-\d{8,}\/?$/;

/**
 * @param incoming where the look laid what it read
 * @param now fixed once for the whole import
 */
export function judgeCopy(world: World, trust: TrustStore, incoming: string, seen: SeenBundle, now: Date): Judged {
  if (seen.error !== null) return { verdict: 'rejected', error: errorFromJSON(seen.error), sha256: null, signed: null };
  if (seen.manifest === null || seen.signatures.length === 0) return unfinished(seen);
  let signed: Manifest | null = null;
  try {
    const copy = copyIn(incoming, seen.folder);
    const bytes = readLocal(copy, MANIFEST, LIMITS.manifestBytes);
    if (sha256Of(bytes) !== seen.manifest)
      throw new GapferryError('INTERNAL', `the copy of ${seen.folder} in the inbox is not what was read`);
    const files = seen.signatures.map((name): SignatureFile => ({
      name,
      bytes: readLocal(copy, name, LIMITS.signatureBytes),
    }));
    const keys = trust.keys.map(({ publicKey }) => publicKey);
    const verified = verifySignatures(MANIFEST, bytes, files, keys);
    signed = parseManifest(verified.bytes);
    const admission = admitManifest(signed, {
      now,
      site: world.config.site,
      repositories: world.config.repositories,
      trust,
      signers: trust.keys.filter((key) => verified.signers.some((signer) => isSameKey(signer, key.publicKey))),
      sha256: seen.manifest,
      memory: world.journal.bundles.memory(),
    });
    if (seen.sums !== null && seen.sums !== sha256Of(encodeSums(bytes, signed))) {
      throw new Damaged('SUMS_MISMATCH', `SHA256SUMS in ${seen.folder} does not say what the manifest says`, {
        facts: { folder: seen.folder },
      });
    }
    return { verdict: 'admitted', copy: { folder: seen.folder, sha256: seen.manifest, admission } };
  } catch (error) {
    if (!(error instanceof GapferryError)) throw error;
    return { verdict: 'rejected', error, sha256: seen.manifest, signed };
  }
}

function unfinished(seen: SeenBundle): Judged {
  if (seen.manifest === null && !LOOKS_LIKE_BUNDLE.test(seen.folder)) return { verdict: 'foreign' };
  const lacks = seen.manifest === null ? 'manifest' : 'signature';
  const error = new Incomplete(
    'BUNDLE_INCOMPLETE',
    `${seen.folder} has no ${lacks} yet: it is still being written, or was copied without it`,
    {
      facts: { folder: seen.folder },
      hint: 'wait until the bundle is completely written, or copy it again as a whole',
    },
  );
  return { verdict: 'unfinished', error };
}

const readLocal = (folder: string, name: string, maxBytes: number): Uint8Array =>
  readBounded(join(folder, name), maxBytes, { where: 'machine' });
