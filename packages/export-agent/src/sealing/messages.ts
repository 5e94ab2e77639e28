/** What the agent asks of its medium process. Everything is plain JSON; bytes never travel, only names of files and short texts. */

import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { VolumeLimits } from '@gapferry/bundle-format/volume-plan';
import type { Proof } from '@gapferry/station/files/direct';
import type { Place } from '@gapferry/station/media/place';

/** A place as it is now; `identity` tells one stick from another at the same path. */
export interface SeenPlace {
  readonly place: Place;
  readonly identity: string;
  readonly readOnly: boolean;
  /** null: the filesystem does not say */
  readonly freeBytes: number | null;
  readonly fsType: string;
  readonly fileLimit: number;
}

/** A document of the head that lies in the spool. */
export interface SpoolDocument {
  readonly path: string;
  readonly sha256: Sha256;
  readonly bytes: number;
  readonly rows: number;
}

export interface SealOrder {
  readonly place: Place;
  /** Identity that the place must still have. */
  readonly identity: string;
  /** Name of the bundle's folder. */
  readonly bundle: string;
  /** Plan: one PlanLine per line. */
  readonly plan: string;
  /** Where the index may be written. */
  readonly index: string;
  readonly limits: VolumeLimits;
  readonly sources: readonly { readonly name: string; readonly root: string; readonly frozen: string }[];
  readonly inventories: readonly { readonly repository: string; readonly document: SpoolDocument }[];
  /** Upper estimate of what will be written. */
  readonly needBytes: number;
}

/** A line of the plan file: what to carry, in order. */
export interface PlanLine {
  readonly repository: string;
  readonly role: 'content' | 'metadata';
  readonly path: string;
  readonly size: number;
  readonly sha256: Sha256;
}

export interface SealedVolume {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: Sha256;
  readonly blocks: Sha256;
}

export interface Sealed {
  readonly volumes: readonly SealedVolume[];
  readonly index: { readonly bytes: number; readonly sha256: Sha256; readonly rows: number };
  /** Which kinds of entries there are besides whole ones: they become `requires`. */
  readonly features: readonly ('parts' | 'packs')[];
  readonly readBack: Proof;
}

/** Progress: bytes of objects written, bytes read back. */
export type SealEvent = { readonly wrote: number } | { readonly proved: number };

export interface FoundReceipt {
  /** Name without suffix, as `00000012`. */
  readonly name: string;
  readonly json: string;
  readonly signature: string | null;
}

export interface CollectedKey {
  readonly name: string;
  readonly text: string;
}

export type MediumRequests = {
  /** Looks at a place. Unfit NOT_MOUNTED when nothing is there. */
  look: { ask: { readonly place: Place }; event: never; reply: SeenPlace };
  /** Writes and proves volumes, head and block lists. */
  seal: { ask: SealOrder; event: SealEvent; reply: Sealed };
  /** Writes and proves SHA256SUMS and manifest.json. */
  state: {
    ask: { place: Place; identity: string; bundle: string; manifest: string; sums: string };
    event: never;
    reply: null;
  };
  /** Writes the signature: the commit. */
  commit: { ask: { place: Place; identity: string; bundle: string; signature: string }; event: never; reply: null };
  /** Removes a bundle that was never signed, by the names of our own files. */
  discard: { ask: { place: Place; identity: string; bundle: string }; event: never; reply: { removed: boolean } };
  /** What lies under a bundle's name: manifest and signature as they are. */
  inspect: {
    ask: { place: Place; bundle: string };
    event: never;
    reply: { manifest: string | null; signature: string | null };
  };
  /** Copies a complete bundle from the outbox, proves it, and copies its signature last. */
  deliver: {
    ask: {
      place: Place;
      identity: string;
      bundle: string;
      from: string;
      files: readonly { name: string; bytes: number; sha256: Sha256 }[];
    };
    event: SealEvent;
    reply: { readBack: Proof };
  };
  /** The newest receipts of a site, whole but unchecked, newest first. */
  receipts: { ask: { place: Place; site: string; most: number }; event: never; reply: readonly FoundReceipt[] };
  /** Copies a receipt's companion into the spool; exactly so many bytes, or Damaged. */
  companion: {
    ask: { place: Place; site: string; name: string; bytes: number; to: string };
    event: never;
    reply: null;
  };
  /** Public keys on their way to be enrolled. */
  keys: { ask: { place: Place }; event: never; reply: readonly CollectedKey[] };
  /** Lays our public key on the place. */
  layKey: { ask: { place: Place; identity: string; name: string; text: string }; event: never; reply: null };
  /** Bundle folders of an exporter that lie there. */
  bundles: { ask: { place: Place; exporter: string }; event: never; reply: readonly string[] };
  /** Removes the named files of a bundle, and its folder when nothing else is in it. */
  remove: {
    ask: { place: Place; identity: string; bundle: string; names: readonly string[] };
    event: never;
    reply: null;
  };
};
