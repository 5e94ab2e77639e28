/** The ledger as one thing: opened once, with a part for each subject. All SQL of this package lies in this folder. */

import { makeFolder } from '@gapferry/station/files/durable';
import { openDatabase } from '@gapferry/station/state/database';
import { join } from 'node:path';
import { Beliefs } from './beliefs.ts';
import { Bundles } from './bundles.ts';
import { Runs } from './runs.ts';
import { ledgerPath, MIGRATIONS } from './schema.ts';
import { Sites } from './sites.ts';
import { Sources } from './sources.ts';

export interface Ledger {
  readonly path: string;
  readonly sources: Sources;
  readonly sites: Sites;
  readonly bundles: Bundles;
  readonly beliefs: Beliefs;
  readonly runs: Runs;
  /** All or nothing, over all parts. */
  transaction<T>(fn: () => T): T;
  /** Writes a consistent copy of everything to a new file. */
  copyTo(path: string): void;
  close(): void;
}

/**
 * @param state folder of the state; made when it is missing
 * @throws Unfit STATE_VERSION, LOCAL_FULL, LOCAL_IO, PERMISSION
 */
export const openLedger = (state: string): Ledger => {
  const path = ledgerPath(state);
  makeFolder(join(state, 'spool'));
  const db = openDatabase(path, MIGRATIONS);
  try {
    const beliefs = new Beliefs(db, join(state, 'spool', 'plan.sqlite'));
    return {
      path,
      sources: new Sources(db),
      sites: new Sites(db),
      bundles: new Bundles(db),
      beliefs,
      runs: new Runs(db),
      transaction: (fn) => db.transaction(fn),
      copyTo: (to) => db.copyTo(to),
      close: () => db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
};
