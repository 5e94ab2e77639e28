/** `doctor`: looks at everything that an export needs, and says what is wrong before it matters. */

import { statfsSync } from 'node:fs';
import {
  type ErrorCode,
  errorToJSON,
  type ExitStatus,
  exitStatusOf,
  Misused,
  Unfit,
  worstStatus,
} from '@gapferry/bundle-format/errors';
import { exporterIdOf, publicKeyOf } from '@gapferry/bundle-format/signature';
import type { Command } from '@gapferry/station/command/command';
import { makeFolder } from '@gapferry/station/files/durable';
import { formatBytes } from '@gapferry/station/format/bytes';
import { readSecretKeyFile } from '@gapferry/station/keys/files';
import { findPlace } from '@gapferry/station/media/place';
import { verifyAudit } from '@gapferry/station/record/audit';
import { loadExportConfig } from '../configuration/load.ts';
import type { ExportConfig } from '../configuration/schema.ts';
import { openLedger } from '../ledger/ledger.ts';
import { sourceSetting } from '../source/preset.ts';
import { requireReady, requireSource } from '../source/ready.ts';
import { auditPath, configPath } from '../world.ts';
import { absence } from './places.ts';

interface Finding {
  readonly check: string;
  readonly good: boolean;
  readonly says: string;
  readonly hint: string | null;
  readonly code: ErrorCode | null;
  readonly status: ExitStatus;
}

/** @param look says what is good, or throws what is not */
const check = (name: string, look: () => string): Finding => {
  try {
    return { check: name, good: true, says: look(), hint: null, code: null, status: 0 };
  } catch (error) {
    const { code, says, hint } = errorToJSON(error);
    return { check: name, good: false, says, hint, code, status: exitStatusOf(error) };
  }
};

const SMALL_BYTES = 512 * 2 ** 20;

const diskOf = (path: string): string => {
  const fs = statfsSync(path);
  const free = fs.bavail * fs.bsize;
  if (free < SMALL_BYTES) throw new Unfit('LOCAL_FULL', `${path}: only ${formatBytes(free)} are free`);
  return `${path}: ${formatBytes(free)} free`;
};

const sourceOf = (config: ExportConfig, name: string): string => {
  const setting = sourceSetting(config, name);
  requireSource(name, setting.root, setting.preset); // in the words of the export itself
  requireReady(name, setting.root, setting.preset);
  return `${setting.root} (${setting.preset.name}) is readable and quiet`;
};

const sitesOf = (config: ExportConfig): string => {
  const ledger = openLedger(config.state);
  try {
    const names = new Set([...config.sites.keys(), ...ledger.sites.list().map(({ name }) => name)]);
    if (names.size === 0) throw new Misused('CONFIG_TRUST', 'no site is configured');
    const missing = [...names].filter((name) => (ledger.sites.find(name)?.key ?? null) === null);
    if (missing.length > 0)
      throw new Misused('CONFIG_TRUST', `not enrolled: ${missing.join(', ')}; their receipts move nothing`);
    return `enrolled: ${[...names].join(', ')}`;
  } finally {
    ledger.close();
  }
};

const auditOf = (config: ExportConfig): string => {
  const { entries, broken } = verifyAudit(auditPath(config.logs));
  if (broken !== null)
    throw new Unfit('LOCAL_IO', `the audit log is broken at line ${broken}`, {
      hint: 'somebody changed it: look into it',
    });
  return `${entries} entries, unbroken`;
};

const examine = (path: string): Finding[] => {
  const findings = [check('node', () => process.version)];
  let config: ExportConfig | undefined;
  findings.push(
    check('configuration', () => {
      config = loadExportConfig(path);
      return path;
    }),
  );
  if (config === undefined) return findings;
  const good = config;
  return [
    ...findings,
    check('key', () => `exporter ${exporterIdOf(publicKeyOf(readSecretKeyFile(good.key)))}`),
    check('state', () => {
      makeFolder(good.state);
      return diskOf(good.state);
    }),
    check('audit log', () => auditOf(good)),
    check('sites', () => sitesOf(good)),
    ...[...good.repositories.keys()].map((name) => check(`repository ${name}`, () => sourceOf(good, name))),
    ...good.media.map((place) =>
      check(`${place.kind} ${place.path}`, () => {
        const found = findPlace(place);
        if (found === undefined) throw new Unfit('NOT_MOUNTED', absence(place));
        if (found.readOnly) throw new Unfit('MEDIA_READONLY', `${place.path} is write-protected`);
        return `${found.fsType}, ${formatBytes(found.freeBytes)} free`;
      }),
    ),
  ];
};

export const doctor: Command = {
  name: 'doctor',
  says: 'check configuration, key, disks, sites, sources and media',
  run: (_input, context) => {
    const findings = examine(configPath(context.config));
    const lines = findings.flatMap(({ check: name, good, says, hint, code }) => [
      `${good ? 'good' : 'BAD '}  ${name}: ${code === null ? '' : `${code}: `}${says}`,
      ...(hint === null ? [] : [`      ${hint}`]),
    ]);
    return {
      status: worstStatus(findings.map(({ status }) => status)),
      json: { checks: findings.map((each) => ({ ...each })) },
      lines,
    };
  },
};
