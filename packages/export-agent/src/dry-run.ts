/**
 * A dry run is a run in a world that is thrown away: a copy of the ledger in a folder of its own. Whatever it takes in, counts or numbers there, the next
 * run knows nothing of it. Frozen metadata is shared, as it lies under its digest and is frozen again when it is missing.
 */

import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '@gapferry/station/files/durable';
import { openLedger } from './ledger/ledger.ts';
import { ledgerPath } from './ledger/schema.ts';
import { spoolFolder } from './source/spool.ts';
import type { World } from './world.ts';

const silent = (): void => undefined;

/** Calls `work` with such a world, and leaves nothing of it. */
export const withoutTrace = async <T>(world: World, work: (copy: World) => Promise<T>): Promise<T> => {
  const real = spoolFolder(world.config.state);
  const state = join(real, 'dry-run');
  rmSync(state, { recursive: true, force: true }); // of a run that was cut off
  makeFolder(join(state, 'spool'));
  try {
    makeFolder(join(real, 'metadata'));
    symlinkSync(join(real, 'metadata'), join(state, 'spool', 'metadata'), 'junction');
    world.ledger.copyTo(ledgerPath(state));
    const ledger = openLedger(state);
    try {
      return await work({
        ...world,
        config: { ...world.config, state },
        ledger,
        siteNames: () => ledger.sites.list().map(({ name }) => name),
        // what only would have happened belongs into no record
        audit: { append: silent, close: silent },
        log: { error: silent, warn: silent, info: silent, debug: silent, close: () => Promise.resolve() },
      });
    } finally {
      ledger.close();
    }
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
};
