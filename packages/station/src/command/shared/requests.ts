/** What the shared commands ask of a medium process. */
import type { BundleReport } from './report.ts';

export interface BytesDone {
  /** So many bytes more were read. */
  readonly bytes: number;
  /** Bytes of all volumes that are there; stands in the first event. */
  readonly totalBytes?: number;
}

export type BundleRequests = {
  /** The bundle folders at a path. */
  find: { ask: { readonly path: string }; event: never; reply: readonly string[] };
  verify: {
    ask: { readonly folder: string; readonly keys: readonly string[]; readonly spool: string };
    event: BytesDone;
    reply: BundleReport;
  };
  /** `keys` null: without trusting. With `spool` the inventories are laid there, `inventory-0` and so on. */
  inspect: {
    ask: { readonly folder: string; readonly keys: readonly string[] | null; readonly spool: string | null };
    event: BytesDone;
    reply: BundleReport;
  };
};
