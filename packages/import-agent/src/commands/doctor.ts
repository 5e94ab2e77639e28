/** `doctor`: looks at everything that an import needs, and says what is wrong before it matters. */
import { statfsSync } from 'node:fs';
import {
  type ErrorCode,
  errorToJSON,
  type ExitStatus,
  exitStatusOf,
  Unfit,
  worstStatus,
} from '@gapferry/bundle-format/errors';
import { fingerprintOf, publicKeyOf } from '@gapferry/bundle-format/signature';
import { loadPreset } from '@gapferry/repository/preset';
import type { Command, Context, Result } from '@gapferry/station/command/command';
import { makeFolder } from '@gapferry/station/files/durable';
import { formatBytes } from '@gapferry/station/format/bytes';
import { readSecretKeyFile } from '@gapferry/station/keys/files';
import { findPlace } from '@gapferry/station/media/place';
import { verifyAudit } from '@gapferry/station/record/audit';
import { loadImportConfig } from '../configuration/load.ts';
import type { ImportConfig } from '../configuration/schema.ts';
import { readTrust } from '../trust/file.ts';
import { trustedExporters } from '../trust/store.ts';
import { auditPath } from '../world.ts';
import { checkTarget, configPath, readOnlyJournal, requireTrust } from './open-world.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  says: 'check configuration, key, trust, disks, targets and media',
  run: (_, context) => doctor(context),
};

interface Finding {
  readonly check: string;
  readonly good: boolean;
  readonly says: string;
  readonly hint: string | null;
  readonly code: ErrorCode | null;
  readonly status: ExitStatus;
}

/** @param look says what is good, or throws what is not */
function check(name: string, look: () => string): Finding {
  try {
    return { check: name, good: true, says: look(), hint: null, code: null, status: 0 };
  } catch (error) {
    const { code, says, hint } = errorToJSON(error);
    return { check: name, good: false, says, hint, code, status: exitStatusOf(error) };
  }
}

function doctor(context: Context): Result {
  const path = configPath(context.config);
  let config: ImportConfig | undefined;
  const first = check('configuration', () => {
    config = loadImportConfig(path);
    return path;
  });
  const findings = [check('node', () => process.version), first, ...(config === undefined ? [] : examine(config))];
  return {
    status: worstOf(findings),
    json: { checks: findings.map((each) => ({ ...each })) },
    lines: findings.flatMap(({ check: name, good, says, hint, code }) => [
      `${good ? 'good' : 'BAD '}  ${name}: ${code === null ? '' : `${code}: `}${says}`,
      ...(hint === null ? [] : [`      ${hint}`]),
    ]),
  };
}

/** Usage errors end other commands before any work; here they are findings like others, and the gravest. */
const worstOf = (findings: readonly Finding[]): ExitStatus =>
  findings.some(({ status }) => status === 2) ? 2 : worstStatus(findings.map(({ status }) => status));

function examine(config: ImportConfig): Finding[] {
  return [
    check('key', () => `fingerprint ${fingerprintOf(publicKeyOf(readSecretKeyFile(config.key)))}`),
    check('trust', () => trustOf(config)),
    check('state', () => {
      makeFolder(config.state);
      return diskOf(config.state);
    }),
    check('journal', () => journalOf(config)),
    check('audit log', () => auditOf(config)),
    ...[...config.repositories].map(([name, { path, preset }]) =>
      check(`repository ${name}`, () => {
        loadPreset(preset, config.presets);
        checkTarget(name, path);
        return `${preset}, ${diskOf(path)}`;
      }),
    ),
    ...config.media.map((place) => check(`${place.kind} ${place.path}`, () => placeOf(place))),
  ];
}

const SMALL_BYTES = 512 * 2 ** 20;

function diskOf(path: string): string {
  const fs = statfsSync(path);
  const free = fs.bavail * fs.bsize;
  if (free < SMALL_BYTES) throw new Unfit('LOCAL_FULL', `${path}: only ${formatBytes(free)} are free`);
  return `${path}: ${formatBytes(free)} free`;
}

function trustOf(config: ImportConfig): string {
  requireTrust(config);
  return `trusted: ${trustedExporters(readTrust(config.trust)).join(', ')}`;
}

function journalOf(config: ImportConfig): string {
  const journal = readOnlyJournal(config);
  if (journal === undefined) return 'nothing was imported yet';
  try {
    const published = [...config.repositories.keys()].filter((name) => journal.bundles.published(name) !== undefined);
    return published.length === 0 ? 'nothing is published yet' : `published: ${published.join(', ')}`;
  } finally {
    journal.close();
  }
}

function auditOf(config: ImportConfig): string {
  const { entries, broken } = verifyAudit(auditPath(config));
  if (broken !== null)
    throw new Unfit('LOCAL_IO', `the audit log is broken at line ${broken}`, {
      hint: 'somebody changed it: look into it',
    });
  return `${entries} entries, unbroken`;
}

function placeOf(place: ImportConfig['media'][number]): string {
  const found = findPlace(place);
  if (found === undefined) throw new Unfit('NOT_MOUNTED', `${place.path} is not there`);
  if (found.readOnly)
    throw new Unfit('MEDIA_READONLY', `${place.path} is write-protected: receipts are kept for another medium`);
  return `${found.fsType}, ${formatBytes(found.freeBytes)} free`;
}
