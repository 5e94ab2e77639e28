/** Builds the real world of an import from a configuration, once, at the front door. */
import { accessSync, constants, rmSync, type Stats, statSync, writeFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GapferryError, Misused, Unfit } from '@gapferry/bundle-format/errors';
import { isSameKey, publicKeyOf, type SecretKey } from '@gapferry/bundle-format/signature';
import { loadPreset } from '@gapferry/repository/preset';
import type { Preset } from '@gapferry/repository/preset-schema';
import type { CourierLine } from '@gapferry/station/courier';
import { makeFolder } from '@gapferry/station/files/durable';
import { errnoOf } from '@gapferry/station/files/fault';
import { readSecretKeyFile } from '@gapferry/station/keys/files';
import { octal } from '@gapferry/station/keys/owner';
import { openAudit } from '@gapferry/station/record/audit';
import { openLog } from '@gapferry/station/record/log';
import { takeLock } from '@gapferry/station/state/lock';
import { CONFIG_NAME, loadImportConfig } from '../configuration/load.ts';
import type { ImportConfig } from '../configuration/schema.ts';
import { type Journal, openJournal, readJournal } from '../journal/journal.ts';
import { readTrust } from '../trust/file.ts';
import { prepareStaging } from '../receiving/take-objects.ts';
import { auditPath, inboxOf, journalPath, lockPath, spoolOf, type World } from '../world.ts';

/** @param given what --config said */
export const configPath = (given: string | undefined): string => resolve(given ?? CONFIG_NAME);

export interface OpenWorld {
  readonly world: World;
  readonly close: () => Promise<void>;
}

export interface WorldOptions {
  /** Told to whoever comes second: `import`, `run`. */
  readonly doing: string;
  /** Human log lines to stderr. */
  readonly terminal: boolean;
  readonly courier: (medium: string, line: CourierLine) => void;
  readonly progress?: World['progress'];
  readonly now?: () => Date;
}

/**
 * For everything that changes the journal: one at a time.
 * @throws Misused CONFIG_*; Unfit LOCKED, KEY_FILE_*, STATE_VERSION, PERMISSION, LOCAL_*
 */
export function openWorld(given: string | undefined, options: WorldOptions): OpenWorld {
  const config = loadImportConfig(configPath(given));
  const presets = loadPresets(config);
  for (const folder of [config.state, config.logs, inboxOf(config), spoolOf(config)]) makeFolder(folder);
  const lock = takeLock(lockPath(config), options.doing);
  try {
    const secretKey = readSecretKeyFile(config.key);
    mustNotTrustItself(config, secretKey);
    const folding = new Set(
      [...config.repositories].filter(([name, { path }]) => checkTarget(name, path)).map(([name]) => name),
    );
    const journal = openJournal(journalPath(config));
    const log = openLog({ name: 'import-agent', folder: config.logs, terminal: options.terminal });
    const audit = openAudit(auditPath(config));
    const world: World = {
      config,
      presets,
      journal,
      secretKey,
      log,
      audit,
      foldsCase: (repository) => folding.has(repository),
      now: options.now ?? (() => new Date()),
      courier: options.courier,
      progress: options.progress ?? (() => undefined),
    };
    return {
      world,
      close: async () => {
        audit.close();
        journal.close();
        lock.release();
        await log.close();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Receipts of this site must never pass for bundles, nor its key for an exporter's. @throws Misused CONFIG_TRUST */
function mustNotTrustItself(config: ImportConfig, secretKey: SecretKey): void {
  const own = publicKeyOf(secretKey);
  if (!readTrust(config.trust).keys.some(({ publicKey }) => isSameKey(publicKey, own))) return;
  throw new Misused('CONFIG_TRUST', `the key of this site, ${config.key}, is trusted as the key of an exporter`, {
    facts: { key: config.key, trust: config.trust },
    hint: 'two keys were mixed up: make a new key pair for this site, and tell its fingerprint to the exporter',
  });
}

/** @throws Misused PRESET_INVALID */
export const loadPresets = (config: ImportConfig): Map<string, Preset> =>
  new Map([...config.repositories].map(([name, { preset }]) => [name, loadPreset(preset, config.presets)]));

/** For commands that only look, also beside the daemon. Undefined before the first import. */
export function readOnlyJournal(config: ImportConfig): Journal | undefined {
  try {
    accessSync(journalPath(config), constants.R_OK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new Unfit('PERMISSION', `the journal ${journalPath(config)} cannot be read`, { cause: error });
  }
  return readJournal(journalPath(config));
}

/** "Accept any" does not exist. A revoked key is enough here: what it signed is refused by its own name. @throws Misused CONFIG_TRUST */
export function requireTrust(config: ImportConfig): void {
  if (readTrust(config.trust).keys.length > 0) return;
  throw new Misused('CONFIG_TRUST', `nobody is trusted yet: ${config.trust} holds no key`, {
    facts: { trust: config.trust },
    hint: 'enrol the exporter first: gapferry-import trust add exporter.pub --fingerprint F',
  });
}

/**
 * The target is there, may be written to, and its staging folder is on its filesystem: proven by a rename.
 * @returns whether the target folds the case of names
 * @throws Misused CONFIG_PERMS, CONFIG_PATHS
 */
export function checkTarget(name: string, root: string): boolean {
  try {
    const stat = statSync(root);
    if (!stat.isDirectory()) throw new Misused('CONFIG_PERMS', `the target of ${name}, ${root}, is not a folder`);
    mustBeSafe(name, root, stat);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new Misused('CONFIG_PERMS', `the target of ${name}, ${root}, does not exist`, {
      hint: `make the folder and give it to the account that runs the agent`,
    });
  }
  try {
    const staging = prepareStaging(root);
    const probe = join(staging, `probe-${process.pid}`);
    const home = join(root, '.gapferry', `probe-${process.pid}`);
    writeFileSync(probe, '', { mode: 0o600 });
    renameSync(probe, home);
    const folds = statSync(join(root, '.GAPFERRY', `PROBE-${process.pid}`), { throwIfNoEntry: false }) !== undefined;
    rmSync(home);
    return folds;
  } catch (error) {
    if (error instanceof GapferryError) throw error;
    const code = errnoOf(error) === 'EXDEV' ? 'CONFIG_PATHS' : 'CONFIG_PERMS';
    throw new Misused(code, `the target of ${name}, ${root}, cannot be worked in`, {
      cause: error,
      facts: { path: root },
    });
  }
}

/** Whoever may write to the root can exchange what is published, and our own folder in it, at any moment. */
function mustBeSafe(name: string, root: string, { uid, mode }: Stats): void {
  const me = process.geteuid?.();
  if (me === undefined) return; // Windows answers this by other means
  const facts = { path: root, uid, mode: octal(mode) };
  if (uid !== me && uid !== 0)
    throw new Misused('CONFIG_PERMS', `the target of ${name}, ${root}, belongs to another user (${uid})`, { facts });
  if ((mode & 0o002) !== 0)
    throw new Misused(
      'CONFIG_PERMS',
      `the target of ${name}, ${root}, may be written by everybody (mode ${octal(mode)})`,
      { facts, hint: `chmod o-w ${root}` },
    );
}
