/** What the store worker can be asked: work on the published trees that takes long and blocks. Plain data only. */
import type { ErrorJSON, Sha256 } from '@gapferry/bundle-format';
import type { Preset } from '@gapferry/repository';
import type { AdoptSummary } from '../adoption/adopt.ts';
import type { SurveySummary } from '../holdings/survey.ts';
import type { PublishSummary } from '../publishing/publish.ts';

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
  | { readonly do: 'sweep'; readonly repository: string; readonly root: string; readonly journal: string; readonly keepMaterialised: boolean }
  | ({ readonly do: 'publish' } & PublishTask)
  | ({ readonly do: 'adopt'; readonly preset: Preset } & OnStore)
  /** Compares the whole of an object that came in parts. */
  | { readonly do: 'join'; readonly root: string; readonly sha256: Sha256; readonly size: number };

export interface Results {
  readonly survey: SurveySummary & { readonly changed: number };
  readonly recover: { readonly found: number };
  readonly sweep: { readonly kept: readonly { readonly sha256: Sha256; readonly size: number }[]; readonly lost: readonly Sha256[] };
  readonly publish: PublishSummary;
  readonly adopt: AdoptSummary;
  readonly join: { readonly good: boolean };
}

export type Answer = { readonly kind: 'alive'; readonly bytes: number } | { readonly kind: 'done'; readonly result: unknown } | { readonly kind: 'error'; readonly error: ErrorJSON };
