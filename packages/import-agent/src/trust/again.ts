/** Trust is asked again before an offer is received for and before it is published: a key may have been revoked since its bundle was admitted. */
import { type GapferryError, Refused } from '@gapferry/bundle-format/errors';
import { isSignatureName, MANIFEST } from '@gapferry/bundle-format/layout';
import { LIMITS } from '@gapferry/bundle-format/limits';
import { sha256Of } from '@gapferry/bundle-format/sha256';
import { isSameKey, type SignatureFile, verifySignatures } from '@gapferry/bundle-format/signature';
import { listNames, readBounded, readBoundedIfThere } from '@gapferry/station/files/safe-open';
import { join } from 'node:path';
import type { OfferRecord } from '../journal/bundles.ts';
import { evidenceOf } from '../receiving/evidence.ts';
import { payAudit } from '../record-owed.ts';
import type { World } from '../world.ts';
import { isoSeconds } from './admission.ts';
import type { TrustedKey, TrustStore } from './store.ts';

/** Refuses every open offer whose bundle no key would carry in today. @returns why, for each that was open until now */
export function refuseUntrusted(world: World, trust: TrustStore): GapferryError[] {
  const signers = new Map<string, readonly TrustedKey[]>();
  const errors: GapferryError[] = [];
  for (const repository of world.config.repositories.keys()) {
    for (const offer of world.journal.bundles.openOffers(repository)) {
      const keys = signers.get(offer.manifest) ?? signersOf(world, trust, offer);
      signers.set(offer.manifest, keys);
      const error = judge(offer, keys);
      if (error === undefined) continue;
      refuse(world, offer, error);
      errors.push(error);
    }
  }
  payAudit(world);
  return errors;
}

function judge({ exporter, sequence, repository }: OfferRecord, keys: readonly TrustedKey[]): Refused | undefined {
  const facts = { exporter, sequence, repository };
  if (keys.length === 0)
    return new Refused(
      'KEY_REVOKED',
      `${repository}: bundle ${sequence} of ${exporter} was admitted, and no key that signed it is trusted any more`,
      { facts },
    );
  if (keys.some((key) => key.repositories === null || key.repositories.includes(repository))) return undefined;
  return new Refused('KEY_SCOPE', `the key of ${exporter} may not sign for the repository ${repository}`, { facts });
}

/** Keys of its exporter that count today and have signed the bundle, by the evidence. Where that was lost, those that might have. */
function signersOf(
  { config }: World,
  { keys }: TrustStore,
  { manifest, exporter }: OfferRecord,
): readonly TrustedKey[] {
  const valid = keys.filter((key) => key.exporter === exporter && key.revoked === null);
  const folder = evidenceOf(config, manifest);
  const bytes = readBoundedIfThere(join(folder, MANIFEST), LIMITS.manifestBytes, { where: 'machine' });
  if (bytes === undefined || valid.length === 0) return valid;
  if (sha256Of(bytes) !== manifest) return [];
  const names = listNames(folder, LIMITS.names, { where: 'machine' }).filter(isSignatureName);
  const files = names.map((name): SignatureFile => ({
    name,
    bytes: readBounded(join(folder, name), LIMITS.signatureBytes, { where: 'machine' }),
  }));
  return valid.filter((key) => hasSigned(bytes, files, key));
}

function hasSigned(bytes: Uint8Array, files: readonly SignatureFile[], key: TrustedKey): boolean {
  try {
    return verifySignatures(MANIFEST, bytes, files, [key.publicKey]).signers.some((signer) =>
      isSameKey(signer, key.publicKey),
    );
  } catch {
    return false; // by another key, or none at all
  }
}

/** One audit entry for a bundle, whatever became of the copies of it that are looked at. */
function refuse({ journal, log, now }: World, offer: OfferRecord, error: Refused): void {
  const { manifest, exporter, sequence, repository, snapshot } = offer;
  const at = isoSeconds(now());
  const reason = { code: error.code, says: error.message };
  journal.transaction(() => {
    journal.bundles.setState(offer, 'refused', at, reason);
    const isTold = journal.bundles.refusedFor(manifest, [error.code]) !== undefined;
    journal.bundles.refuse({ manifest, medium: '', reason, exporter, sequence, now: at });
    journal.addHistory({
      at,
      event: 'refused',
      repository,
      exporter,
      sequence,
      snapshot,
      manifest,
      ...reason,
      bytes: null,
      files: null,
    });
    journal.receipts.owe([exporter]);
    if (!isTold)
      journal.oweAudit({
        event: 'repository.refused',
        code: error.code,
        manifest,
        exporter,
        sequence,
        repository,
        snapshot,
        says: error.message,
      });
  });
  log.error(error.message, { code: error.code, ...error.facts, hint: error.hint });
}
