/** The manifest of a bundle that was sealed. Pure. */

import { INDEX_ENTRY, inventoryEntry } from '@gapferry/bundle-format/layout';
import { type Basis, encodeManifest, encodeSums, type Manifest } from '@gapferry/bundle-format/manifest';
import { type Sha256, sha256Of } from '@gapferry/bundle-format/sha256';
import type { Sealed } from './messages.ts';
import type { Snapshot } from '../ledger/records.ts';

export interface StatementFacts {
  readonly exporter: string;
  readonly sites: readonly string[];
  readonly sequence: number;
  readonly created: Date;
  readonly expiresMs: number;
  readonly previous: { readonly sequence: number; readonly sha256: Sha256 } | null;
  readonly basis: Basis;
  readonly repositories: readonly {
    readonly snapshot: Snapshot;
    readonly preset: string;
    readonly facts: Readonly<Record<string, string>>;
  }[];
  readonly sealed: Sealed;
}

export interface Statement {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  readonly sha256: Sha256;
  readonly sums: Uint8Array;
}

/** ISO 8601 UTC without fractions. */
export const timeText = (time: Date): string => time.toISOString().replace(/\.\d{3}Z$/, 'Z');

export const makeStatement = (facts: StatementFacts): Statement => {
  const { sealed } = facts;
  const manifest: Manifest = {
    requires: ['zip', ...sealed.features.toSorted()],
    exporter: facts.exporter,
    sites: facts.sites,
    sequence: facts.sequence,
    created: timeText(facts.created),
    expires: timeText(new Date(facts.created.getTime() + facts.expiresMs)),
    previous: facts.previous,
    basis: facts.basis,
    contents: 'scannable',
    repositories: facts.repositories.map(({ snapshot, preset, facts: values }) => ({
      name: snapshot.repository,
      preset,
      snapshot: snapshot.number,
      facts: new Map(Object.entries(values)),
      inventory: {
        entry: inventoryEntry(snapshot.repository),
        bytes: snapshot.bytes,
        sha256: snapshot.sha256,
        rows: snapshot.rows,
      },
    })),
    index: { entry: INDEX_ENTRY, ...sealed.index },
    volumes: sealed.volumes.map(({ name, bytes, sha256, blocks }) => ({
      name,
      encoding: 'zip',
      bytes,
      sha256,
      blocks,
    })),
  };
  const bytes = encodeManifest(manifest);
  return { manifest, bytes, sha256: sha256Of(bytes), sums: encodeSums(bytes, manifest) };
};
