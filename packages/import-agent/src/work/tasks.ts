/** What the store worker can be asked: work on the published trees that takes long and blocks. Plain data only. */
import type { ErrorJSON } from '@gapferry/bundle-format/errors';
import type { Sha256 } from '@gapferry/bundle-format/sha256';
import type { Preset } from '@gapferry/repository/preset-schema';
import type { DocumentInHead } from '@gapferry/bundle-format/manifest';
import type { AdoptSummary } from '../adoption/adopt.ts';
import type { SurveySummary } from '../holdings/survey.ts';
import type { Target } from '../journal/inventories.ts';
import type { PublishSummary } from '../publishing/publish.ts';
import type { InventoryDocument } from '../receiving/documents.ts';
import type { Stamp, StagedObject } from '../receiving/requests.ts';

interface OnStore {
  readonly repository: string;
  readonly root: string;
  readonly journal: string;
  /** Path of the spool for what was found; the parent takes it over. */
  readonly findings: string;
}

export interface PublishTask extends OnStore {
  readonly inventory: number;
  readonly earlier: number | undefined;
  readonly snapshot: number;
  readonly preset: Preset;
  readonly roots: ReadonlyMap<string, string>;
}

export type Task =
  | ({ readonly do: 'survey' } & OnStore)
  | ({ readonly do: 'recover'; readonly inventory: number } & OnStore)
  | {
      readonly do: 'sweep';
      readonly repository: string;
      readonly root: string;
      readonly journal: string;
      readonly keepMaterialised: boolean;
    }
  | ({ readonly do: 'publish' } & PublishTask)
  | ({ readonly do: 'adopt'; readonly preset: Preset } & OnStore)
  /** Reads an inventory from the spool into the journal. Rows of an inventory mean nothing before it is complete. */
  | { readonly do: 'learn'; readonly journal: string; readonly inventory: InventoryDocument }
  /** Finds out which rows of an index bring what the targets lack, and writes the orders. `names`: repositories, as orders number them. */
  | {
      readonly do: 'order';
      readonly journal: string;
      readonly targets: readonly Target[];
      readonly index: { readonly document: DocumentInHead; readonly path: string };
      readonly names: readonly string[];
      readonly orders: string;
    }
  /** Compares the whole of an object that came in parts. */
  | { readonly do: 'join'; readonly root: string; readonly sha256: Sha256; readonly size: number };

export interface Results {
  readonly survey: SurveySummary & { readonly changed: number };
  readonly recover: { readonly found: number };
  readonly sweep: { readonly kept: readonly StagedObject[]; readonly lost: readonly Sha256[] };
  readonly publish: PublishSummary;
  readonly adopt: AdoptSummary;
  readonly learn: null;
  /** Volumes with something ordered, ascending, and how many bytes of each. */
  readonly order: {
    readonly lacked: boolean;
    readonly wanted: readonly (readonly [volume: number, bytes: number])[];
    /** What it will take at the targets, by their places in `names`. */
    readonly needed: readonly (readonly [place: number, bytes: number])[];
  };
  /** Null: they are not the object. */
  readonly join: { readonly stamp: Stamp | null };
}

export type Answer =
  | { readonly kind: 'alive'; readonly bytes: number }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'error'; readonly error: ErrorJSON };
