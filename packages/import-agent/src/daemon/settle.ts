/** When a bundle may be judged: a folder that a file manager is still copying into changes between two looks. Pure. */
import type { LookReply, SeenBundle } from '../receiving/requests.ts';

export interface Settled {
  /** Bundles that have stopped changing and were not taken in as they are. */
  readonly ready: readonly SeenBundle[];
  /** True when something was seen for the first time, or changed: look again soon. */
  readonly restless: boolean;
  /** Stamps by folder, for the next comparison. */
  readonly stamps: Readonly<Record<string, string>>;
}

/**
 * @param before stamps of the look before; undefined at the first look after a medium was mounted: what came with it is complete, or will never be
 */
export function settle(seen: LookReply, before: Readonly<Record<string, string>> | undefined): Settled {
  const fresh = seen.bundles.filter(({ unchanged }) => !unchanged);
  const ready = fresh.filter(({ folder, stamp }) => before === undefined || before[folder] === stamp);
  return {
    ready,
    restless: ready.length < fresh.length,
    stamps: Object.fromEntries(seen.bundles.map(({ folder, stamp }) => [folder, stamp])),
  };
}
