/**
 * Manifests and signatures as they came. A look lays them into a folder of its own for each place, each copy apart; only what a trusted key signed stays, under
 * the digest of the manifest. So a stranger's medium leaves nothing behind, and a false signature never takes the place of a good one.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Sha256, sha256Of } from '@gapferry/bundle-format/sha256';
import { syncFolder } from '@gapferry/station/files/durable';
import { withFaults } from '@gapferry/station/files/fault';
import type { ImportConfig } from '../configuration/schema.ts';
import { inboxOf } from '../world.ts';

const short = (text: string): string => sha256Of(Buffer.from(text)).slice(0, 32);

/** What a look at this place lays down. */
export const incomingOf = (
  config: ImportConfig,
  { path, identity }: { readonly path: string; readonly identity: string },
): string => join(inboxOf(config), `incoming-${short(JSON.stringify([identity, path]))}`);

/** The copy that was read from this folder of the medium. */
export const copyIn = (incoming: string, folder: string): string => join(incoming, short(folder));

export const evidenceOf = (config: ImportConfig, manifest: Sha256): string => join(inboxOf(config), manifest);

/** @param replace the evidence that is there, by this one: it was signed by a key that counts today */
export function keepEvidence(config: ImportConfig, copy: string, manifest: Sha256, replace: boolean): void {
  const kept = evidenceOf(config, manifest);
  withFaults({ where: 'machine', doing: 'write', what: kept }, () => {
    if (!existsSync(copy) || (!replace && existsSync(kept))) return;
    rmSync(kept, { recursive: true, force: true });
    renameSync(copy, kept);
  });
  syncFolder(inboxOf(config));
}

export const forgetIncoming = (incoming: string): void => rmSync(incoming, { recursive: true, force: true });
