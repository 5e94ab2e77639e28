/** What is known of a bundle, as plain data that goes through JSON, and as lines for people. Pure. */
import type { ErrorJSON } from '@gapferry/bundle-format/errors';
import type { Manifest } from '@gapferry/bundle-format/manifest';
import { formatBytes } from '../../format/bytes.ts';
import { formatPairs, formatTable } from '../../format/table.ts';
import type { JSONish } from '../command.ts';

export interface SignerReport {
  readonly keyId: string;
  readonly fingerprint: string;
}

export interface VolumeReport {
  readonly name: string;
  readonly bytes: number;
  /** `present`: there with the right length, nothing more was asked. */
  readonly state: 'present' | 'good' | 'missing' | 'damaged';
}

/** What the manifest says, without the parts that only programs need. */
export interface StatementReport {
  readonly exporter: string;
  readonly sequence: number;
  readonly created: string;
  readonly expires: string;
  readonly sites: readonly string[];
  readonly basis: string;
  readonly contents: string;
  readonly requires: readonly string[];
  readonly previous: { readonly sequence: number; readonly sha256: string } | null;
  readonly repositories: readonly {
    readonly name: string;
    readonly preset: string;
    readonly snapshot: number;
    readonly facts: { readonly [name: string]: string };
    readonly rows: number;
  }[];
  /** Rows of the index: objects, or parts of them, in this bundle. */
  readonly carried: number;
}

export interface BundleReport {
  readonly folder: string;
  /** Identity of the bundle. */
  readonly sha256: string;
  readonly signature: 'good' | 'not checked';
  /** Distinct keys whose signatures are good; empty when not checked. */
  readonly signers: readonly SignerReport[];
  /** Ids of keys that the signature files name; a claim as long as nothing was checked. */
  readonly claimedKeys: readonly string[];
  readonly statement: StatementReport;
  readonly volumes: readonly VolumeReport[];
  /** Files in the folder that the manifest does not name: left alone. */
  readonly foreign: readonly string[];
  readonly problems: readonly ErrorJSON[];
}

export const statementOf = (manifest: Manifest): StatementReport => {
  const { exporter, sequence, created, expires, sites, basis, contents, requires, previous } = manifest;
  const repositories = manifest.repositories.map(({ name, preset, snapshot, facts, inventory }) => ({
    name,
    preset,
    snapshot,
    facts: Object.fromEntries(facts),
    rows: inventory.rows,
  }));
  return {
    exporter,
    sequence,
    created,
    expires,
    sites,
    basis,
    contents,
    requires,
    previous,
    repositories,
    carried: manifest.index.rows,
  };
};

export const reportToJSON = (report: BundleReport): { readonly [key: string]: JSONish } => ({
  folder: report.folder,
  sha256: report.sha256,
  signature: report.signature,
  signers: report.signers.map((signer) => ({ ...signer })),
  claimedKeys: report.claimedKeys,
  statement: {
    ...report.statement,
    previous: report.statement.previous && { ...report.statement.previous },
    repositories: report.statement.repositories.map((one) => ({ ...one })),
  },
  volumes: report.volumes.map((volume) => ({ ...volume })),
  foreign: report.foreign,
  problems: report.problems.map((problem) => ({ ...problem })),
});

const NOT_CHECKED = 'NOT CHECKED: anybody may have written all of this (give --key FILE)';

const signatureText = ({ signature, signers }: BundleReport): string =>
  signature === 'good'
    ? `good: signed by ${signers.map(({ keyId, fingerprint }) => `${fingerprint} (key ${keyId})`).join(', ')}`
    : NOT_CHECKED;

const volumesText = ({ volumes }: BundleReport): string => {
  const total = volumes.reduce((sum, { bytes }) => sum + bytes, 0);
  const missing = volumes.filter(({ state }) => state === 'missing').map(({ name }) => name);
  const found =
    missing.length === 0
      ? 'all here'
      : `${missing.length} not here: ${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ', …' : ''}`;
  return `${volumes.length}, ${formatBytes(total)}, ${found}`;
};

/** What the bundle says of itself: `inspect`. */
export const reportLines = (report: BundleReport): string[] => {
  const { statement } = report;
  const previous =
    statement.previous === null ? 'none' : `${statement.previous.sequence} (${statement.previous.sha256})`;
  return [
    ...formatPairs([
      ['bundle', report.folder],
      ['signature', signatureText(report)],
      ...(report.signature === 'good' ? [] : ([['claims key', report.claimedKeys.join(', ') || 'none']] as const)),
      ['exporter', statement.exporter],
      ['sequence', String(statement.sequence)],
      ['for', statement.sites.join(', ')],
      ['created', statement.created],
      ['expires', statement.expires],
      ['basis', statement.basis],
      ['contents', statement.contents],
      ...(statement.requires.length === 0 ? [] : ([['requires', statement.requires.join(', ')]] as const)),
      ['previous', previous],
      ['identity', report.sha256],
      ['carries', `${statement.carried} objects or parts of them`],
      ['volumes', volumesText(report)],
      ...(report.foreign.length === 0 ? [] : ([['not ours', report.foreign.join(', ')]] as const)),
    ]),
    '',
    ...formatTable(
      [
        { title: 'repository' },
        { title: 'preset' },
        { title: 'snapshot', align: 'right' },
        { title: 'paths', align: 'right' },
        { title: 'facts' },
      ],
      statement.repositories.map(({ name, preset, snapshot, rows, facts }) => [
        name,
        preset,
        String(snapshot),
        String(rows),
        Object.entries(facts)
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
      ]),
    ),
  ];
};

/** One line per fact that `verify` found. */
export const verdictLines = (report: BundleReport): string[] => {
  const { statement, problems } = report;
  const verdict =
    problems.length === 0
      ? 'good'
      : problems.every(({ code }) => code === 'BUNDLE_INCOMPLETE')
        ? 'good so far, incomplete'
        : 'NOT GOOD';
  const repositories = statement.repositories.map(({ name, snapshot }) => `${name} snapshot ${snapshot}`).join(', ');
  return [
    `${report.folder}: ${verdict}`,
    ...formatPairs([
      ['  signature', signatureText(report)],
      ['  bundle', `${statement.sequence} of ${statement.exporter} for ${statement.sites.join(', ')}`],
      ['  carries', repositories],
      ['  volumes', volumesText(report)],
      ['  expires', statement.expires],
      ...(report.foreign.length === 0 ? [] : ([['  not ours', report.foreign.join(', ')]] as const)),
    ]),
  ];
};
