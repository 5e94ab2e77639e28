/** `trust add`, `trust list`, `trust revoke`: local commands are the only way in which the trust store changes. */
import { Misused, Refused } from '@gapferry/bundle-format/errors';
import {
  fingerprintOf,
  isFingerprint,
  isSameKey,
  keyIdText,
  parsePublicKey,
  type PublicKey,
  publicKeyOf,
  sameFingerprint,
} from '@gapferry/bundle-format/signature';
import type { Command, Context, Input, Result } from '@gapferry/station/command/command';
import { makeFolder } from '@gapferry/station/files/durable';
import { formatTable } from '@gapferry/station/format/table';
import { readPublicKeyFile, readSecretKeyFile } from '@gapferry/station/keys/files';
import { findPlace } from '@gapferry/station/media/place';
import { openAudit } from '@gapferry/station/record/audit';
import { loadImportConfig } from '../configuration/load.ts';
import type { ImportConfig } from '../configuration/schema.ts';
import { MediumSession } from '../receiving/session.ts';
import { isoSeconds } from '../trust/admission.ts';
import { readTrust, writeTrust } from '../trust/file.ts';
import { findKey, type TrustedKey, withKey, withoutKey } from '../trust/store.ts';
import { auditPath } from '../world.ts';
import { configPath } from './open-world.ts';

export const trustAddCommand: Command = {
  name: 'trust add',
  says: 'trust the key of an exporter, after its fingerprint was told by voice or on paper',
  arguments: [{ name: '[file]', says: 'public key; without it, the keys on the medium are offered' }],
  options: [
    {
      flags: '--fingerprint <f>',
      says: 'as `gapferry-export fingerprint exporter.pub` prints it; asked for on a terminal',
    },
    { flags: '--replaces <id>', says: 'the exporter that was rebuilt as this one' },
    { flags: '--label <text>', says: 'a name for people' },
    { flags: '--repository <name...>', says: 'only for these repositories' },
  ],
  run: add,
};

export const trustListCommand: Command = {
  name: 'trust list',
  says: 'show whose bundles are taken',
  run: (_, context) => list(context),
};

export const trustRevokeCommand: Command = {
  name: 'trust revoke',
  says: 'refuse everything that a key signs from now on, whenever it was signed',
  arguments: [{ name: '<key>', says: 'fingerprint, key id, exporter or label' }],
  run: revoke,
};

async function add(input: Input, context: Context): Promise<Result> {
  const config = loadImportConfig(configPath(context.config));
  const offered = await offeredKeys(config, input.argument(0));
  const fingerprint = input.text('fingerprint') ?? (await askFingerprint(context, offered));
  const publicKey = choose(offered, fingerprint);
  mustNotBeOwn(config, publicKey);
  const before = readTrust(config.trust);
  const after = withKey(before, {
    publicKey,
    fingerprint,
    label: input.text('label'),
    replaces: input.text('replaces'),
    repositories: input.list('repository').length === 0 ? undefined : input.list('repository'),
    now: isoSeconds(new Date()),
  });
  const key = findKey(after, fingerprintOf(publicKey));
  const isNew = after !== before;
  if (isNew) {
    writeTrust(config.trust, after);
    note(config, {
      event: 'trust.added',
      exporter: key.exporter,
      fingerprint: fingerprintOf(publicKey),
      label: key.label,
      replaces: key.replaces,
    });
  }
  return {
    status: 0,
    json: { added: isNew, ...plain(key) },
    lines: [isNew ? `trusted: ${describe(key)}` : `was trusted already: ${describe(key)}`],
  };
}

/** Receipts of this site must never pass for bundles. @throws Misused CONFIG_TRUST */
function mustNotBeOwn(config: ImportConfig, publicKey: PublicKey): void {
  if (isSameKey(publicKey, publicKeyOf(readSecretKeyFile(config.key))))
    throw new Misused('CONFIG_TRUST', "this is the site's own key, not one of an exporter", {
      hint: 'name the exporter.pub that came from the connected side',
    });
}

async function askFingerprint(context: Context, offered: readonly PublicKey[]): Promise<string> {
  const answer = await context.ask(
    `Type the fingerprint that the exporter's administrator told you${offered.length > 1 ? ` (${offered.length} keys lie on the medium)` : ''}:`,
  );
  if (answer !== undefined && answer.trim() !== '') return answer.trim();
  throw new Misused('FINGERPRINT_MISSING', 'a key is trusted only after its fingerprint was compared');
}

/** Keys on the medium are proposals: which one is meant, only the fingerprint tells. */
function choose(offered: readonly PublicKey[], fingerprint: string): PublicKey {
  if (!isFingerprint(fingerprint))
    throw new Misused(
      'USAGE',
      `${JSON.stringify(fingerprint)} is not a fingerprint: that has 40 hex digits in ten groups of four`,
    );
  if (offered.length === 0)
    throw new Misused('UNKNOWN_NAME', 'no public key of an exporter lies on the medium', {
      hint: 'name the key file: gapferry-import trust add FILE --fingerprint F',
    });
  const found = offered.find((key) => sameFingerprint(fingerprint, key));
  if (found !== undefined) return found;
  const shown = offered.map(fingerprintOf);
  throw new Refused(
    'KEY_MISMATCH',
    `${shown.length === 1 ? 'the key that is offered has' : `none of the ${shown.length} keys that are offered has`} this fingerprint`,
    { facts: { typed: fingerprint, offered: shown } },
  );
}

async function offeredKeys(config: ImportConfig, file: string | undefined): Promise<PublicKey[]> {
  if (file !== undefined) return [readPublicKeyFile(file)];
  const own = publicKeyOf(readSecretKeyFile(config.key)); // it lies on the medium for the exporter, and is nobody to be trusted here
  const found: PublicKey[] = [];
  for (const place of config.media) {
    const presence = findPlace(place);
    if (presence === undefined) continue;
    const medium = new MediumSession(presence.path, config.stallMs);
    try {
      for (const { name, text } of await medium.keys(presence.path))
        found.push(...goodKey(text, name).filter((key) => !isSameKey(key, own)));
    } finally {
      await medium.stop();
    }
  }
  return found;
}

/** Strange files among the keys on a medium are no reason to stop. */
const goodKey = (text: string, name: string): PublicKey[] => {
  try {
    return [parsePublicKey(text, name)];
  } catch {
    return [];
  }
};

function list(context: Context): Result {
  const config = loadImportConfig(configPath(context.config));
  const { keys } = readTrust(config.trust);
  const rows = keys.map((key) => [
    key.exporter,
    key.label ?? '',
    fingerprintOf(key.publicKey),
    key.revoked === null ? 'trusted' : `revoked ${key.revoked}`,
    key.replaces ?? '',
  ]);
  const columns = ['exporter', 'label', 'fingerprint', 'state', 'replaces'].map((title) => ({ title }));
  return {
    status: 0,
    json: keys.map(plain),
    lines: keys.length === 0 ? ['nobody is trusted yet'] : formatTable(columns, rows),
  };
}

function revoke(input: Input, context: Context): Result {
  const config = loadImportConfig(configPath(context.config));
  const which = input.argument(0) ?? '';
  const before = readTrust(config.trust);
  const after = withoutKey(before, which, isoSeconds(new Date()));
  const key = findKey(after, which);
  if (after !== before) {
    writeTrust(config.trust, after);
    note(config, { event: 'trust.revoked', exporter: key.exporter, fingerprint: fingerprintOf(key.publicKey) });
  }
  return { status: 0, json: plain(key), lines: [`revoked: ${describe(key)}`, 'what was published stays published'] };
}

function note(config: ImportConfig, entry: Parameters<ReturnType<typeof openAudit>['append']>[0]): void {
  makeFolder(config.logs);
  const audit = openAudit(auditPath(config));
  try {
    audit.append(entry);
  } finally {
    audit.close();
  }
}

const describe = (key: TrustedKey): string =>
  `exporter ${key.exporter}${key.label === null ? '' : ` (${key.label})`}, key ${fingerprintOf(key.publicKey)}`;

const plain = ({
  publicKey,
  exporter,
  label,
  replaces,
  repositories,
  added,
  revoked,
}: TrustedKey): { [key: string]: string | string[] | null } => ({
  exporter,
  fingerprint: fingerprintOf(publicKey),
  keyId: keyIdText(publicKey),
  label,
  replaces,
  repositories: repositories === null ? null : [...repositories],
  added,
  revoked,
});
