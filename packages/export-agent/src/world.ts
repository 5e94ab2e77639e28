/** The world as this agent sees it, built once at the front door and handed to whoever needs a part of it. */

import { dirname, join, resolve } from 'node:path';
import { exporterIdOf, type PublicKey, publicKeyOf, type SecretKey } from '@gapferry/bundle-format/signature';
import { type Clock, systemClock } from '@gapferry/station/clock';
import { makeFolder } from '@gapferry/station/files/durable';
import { readSecretKeyFile } from '@gapferry/station/keys/files';
import { type Audit, openAudit } from '@gapferry/station/record/audit';
import { type Log, openLog } from '@gapferry/station/record/log';
import { type Lock, takeLock } from '@gapferry/station/state/lock';
import { CONFIG_NAME, loadExportConfig } from './configuration/load.ts';
import type { ExportConfig } from './configuration/schema.ts';
import { type Ledger, openLedger } from './ledger/ledger.ts';

export interface World {
  readonly config: ExportConfig;
  /** Absolute folder of the configuration file. */
  readonly home: string;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly exporter: string;
  readonly publicKey: PublicKey;
  readonly secretKey: SecretKey;
  /** Ends long work at the next safe point. */
  readonly signal: AbortSignal;
  /** Sites that the configuration or the ledger knows, sorted. */
  siteNames(): string[];
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly signal: AbortSignal;
  /** Human log lines to stderr. */
  readonly terminal: boolean;
  readonly clock?: Clock;
}

/** @param given what --config said */
export const configPath = (given: string | undefined): string => resolve(given ?? CONFIG_NAME);

export const lockPath = (state: string): string => join(state, 'lock.sqlite');
export const outboxPath = (state: string): string => join(state, 'outbox');
export const auditPath = (logs: string): string => join(logs, 'audit.log');

/** @throws Misused CONFIG_*; Unfit KEY_FILE_*, STATE_VERSION, PERMISSION, LOCAL_* */
export const openWorld = (given: string | undefined, options: WorldOptions): World => {
  const path = configPath(given);
  const config = loadExportConfig(path);
  makeFolder(config.state);
  makeFolder(config.logs);
  const secretKey = readSecretKeyFile(config.key);
  const publicKey = publicKeyOf(secretKey);
  const ledger = openLedger(config.state);
  for (const site of config.sites.keys()) ledger.sites.ensure(site);
  const log = openLog({ name: 'export-agent', folder: config.logs, terminal: options.terminal });
  const audit = openAudit(auditPath(config.logs));
  return {
    config,
    home: dirname(path),
    ledger,
    log,
    audit,
    clock: options.clock ?? systemClock,
    exporter: exporterIdOf(publicKey),
    publicKey,
    secretKey,
    signal: options.signal,
    siteNames: () => ledger.sites.list().map(({ name }) => name),
    close: async () => {
      audit.close();
      ledger.close();
      await log.close();
    },
  };
};

/** For everything that changes the ledger: one at a time, also beside the daemon. @throws Unfit LOCKED */
export const lockState = (config: ExportConfig, doing: string): Lock => {
  makeFolder(config.state);
  return takeLock(lockPath(config.state), doing);
};
