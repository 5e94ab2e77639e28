/** What an import needs of the world, as one argument: built for real in `commands/`, and by the tests in their own way. */
import { join } from 'node:path';
import type { SecretKey } from '@gapferry/bundle-format/signature';
import type { Preset } from '@gapferry/repository/preset-schema';
import type { CourierLine } from '@gapferry/station/courier';
import type { Audit } from '@gapferry/station/record/audit';
import type { Log } from '@gapferry/station/record/log';
import type { ImportConfig } from './configuration/schema.ts';
import type { Journal } from './journal/journal.ts';

export interface World {
  readonly config: ImportConfig;
  readonly journal: Journal;
  readonly presets: ReadonlyMap<string, Preset>;
  readonly secretKey: SecretKey;
  readonly log: Log;
  readonly audit: Audit;
  readonly now: () => Date;
  /** Are two names that differ in case or Unicode form one file at the target of this repository? */
  readonly foldsCase: (repository: string) => boolean;
  /** What the courier at this medium shall see. */
  readonly courier: (medium: string, line: CourierLine) => void;
  /** Bytes that were read and checked since the last call, of so many that are expected. */
  readonly progress: (label: string, bytes: number, totalBytes: number) => void;
}

export const inboxOf = (config: ImportConfig): string => join(config.state, 'inbox');
export const spoolOf = (config: ImportConfig): string => join(config.state, 'spool');
export const receiptsOf = (config: ImportConfig): string => join(config.state, 'receipts');
export const journalPath = (config: ImportConfig): string => join(config.state, 'journal.sqlite');
export const lockPath = (config: ImportConfig): string => join(config.state, 'lock.sqlite');
export const auditPath = (config: ImportConfig): string => join(config.logs, 'audit.log');
let findings = 0;
/** Where a worker lays what it found in a repository. A new name each time: nothing that a killed run still holds open or locked is in the way. */
export const findingsPath = (config: ImportConfig, repository: string): string =>
  join(spoolOf(config), `findings-${repository}-${process.pid}-${++findings}.sqlite`);
