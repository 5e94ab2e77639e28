/** What a medium process can be asked. Plain data only: it holds no key and no journal, and answers with events, never with the bytes of a bundle. */
import type { ErrorJSON } from '@gapferry/bundle-format/errors';
import type { DocumentInHead } from '@gapferry/bundle-format/manifest';
import type { Sha256 } from '@gapferry/bundle-format/sha256';

/** A folder that may be a bundle. What was read of it lies in the inbox (`copyIn`), to be checked there again. */
export interface SeenBundle {
  /** Absolute path on the medium. */
  readonly folder: string;
  /** Differs as soon as a file of the folder differs in name, length or time: a hint to look again, nothing is decided by it. */
  readonly stamp: string;
  /** True when the stamp is the one that the asker knows; then nothing else was read. */
  readonly unchanged: boolean;
  /** Digest of the manifest's bytes. Null: there is none yet. */
  readonly manifest: Sha256 | null;
  /** Names of the signature files, copied to the same folder. */
  readonly signatures: readonly string[];
  /** Digest of SHA256SUMS, where there is such a file. */
  readonly sums: Sha256 | null;
  /** Names of files that are not ours. */
  readonly foreign: readonly string[];
  /** Why it could not be read. */
  readonly error: ErrorJSON | null;
}

export interface LookAsk {
  /** A medium's root, its `gapferry/bundles`, or one bundle folder. */
  readonly path: string;
  /** Local folder for manifests and signatures as they came, each copy in a folder of its own. It is emptied first. */
  readonly inbox: string;
  /** Stamps of an earlier look, by folder: what has not changed is not read again. */
  readonly known: Readonly<Record<string, string>>;
}
export interface LookReply {
  readonly bundles: readonly SeenBundle[];
  /** Where receipts go: the medium's root. Null when the path is a folder of bundles somewhere else. */
  readonly root: string | null;
  /** Names beside the bundles that are not ours. */
  readonly foreign: readonly string[];
}

/** A volume as the manifest states it; `wanted`: ordered bytes. */
export interface VolumeAsk {
  readonly number: number;
  readonly name: string;
  readonly bytes: number;
  readonly blocks: Sha256;
  readonly wanted: number;
}

export interface HeadAsk {
  readonly folder: string;
  readonly volume: VolumeAsk;
  readonly inventories: readonly DocumentInHead[];
  readonly index: DocumentInHead;
  /** Local folder; a document is laid there as `<n>.ndjson` in the order of the head, the index last. */
  readonly spool: string;
}

export interface ReceiveAsk {
  readonly folder: string;
  /** Volumes with something ordered, ascending. */
  readonly volumes: readonly VolumeAsk[];
  /** Local copy of the index. */
  readonly index: string;
  /** Local file of orders. */
  readonly orders: string;
  /** Staging folders; an order names one by its place in this list. */
  readonly stagings: readonly string[];
}

/** How a file looked when its bytes were found good: as long as it looks so, it is believed. */
export interface Stamp {
  readonly mtime: number;
  readonly inode: number;
  /** Nobody but the filesystem sets it: bytes exchanged in place, with the old time put back, are seen by it. */
  readonly ctime: number;
}

export interface StagedObject {
  readonly sha256: Sha256;
  readonly size: number;
  /** Without one the object is hashed again before it is used. */
  readonly stamp?: Stamp | undefined;
}
export interface ReceivedPart {
  readonly sha256: Sha256;
  readonly size: number;
  readonly at: number;
  readonly bytes: number;
}

export type ReceiveEvent =
  /** Objects are whole, verified and flushed. */
  | { readonly kind: 'staged'; readonly staging: number; readonly objects: readonly StagedObject[] }
  | { readonly kind: 'parts'; readonly staging: number; readonly parts: readonly ReceivedPart[] }
  | { readonly kind: 'damage'; readonly error: ErrorJSON }
  /** So many bytes of the medium were read and checked since the last such event. */
  | { readonly kind: 'read'; readonly bytes: number };

export interface ReceiveReply {
  /** Volumes that are not on this medium. */
  readonly absent: readonly string[];
  /** Numbers of volumes of which every block was read and is good. */
  readonly whole: readonly number[];
  readonly objects: number;
  readonly bytes: number;
}

/** Reads volumes from end to end for nothing but their block lists. Those that are not there are passed over. */
export interface CheckAsk {
  readonly folder: string;
  readonly volumes: readonly VolumeAsk[];
}
export type CheckEvent = Extract<ReceiveEvent, { readonly kind: 'damage' | 'read' }>;

export interface LayAsk {
  /** Root of the medium. */
  readonly root: string;
  /** Folder below it. */
  readonly under: string;
  /** Local files and their names there, in the order in which they are written. */
  readonly files: readonly { readonly from: string; readonly name: string }[];
  /** Names in that folder that may stay besides; others that look like receipts of this site are removed. Null: nothing is removed. */
  readonly keep: readonly string[] | null;
}

export interface KeyOnMedium {
  readonly name: string;
  readonly text: string;
}

export type MediumRequests = {
  readonly look: { ask: LookAsk; event: never; reply: LookReply };
  readonly head: { ask: HeadAsk; event: never; reply: null };
  readonly receive: { ask: ReceiveAsk; event: ReceiveEvent; reply: ReceiveReply };
  readonly check: { ask: CheckAsk; event: CheckEvent; reply: null };
  readonly lay: { ask: LayAsk; event: never; reply: null };
  readonly keys: { ask: { readonly root: string }; event: never; reply: readonly KeyOnMedium[] };
};
