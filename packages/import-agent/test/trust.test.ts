import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fingerprintOf, generateKeyPair, keyIdText, Misused, Refused } from '@gapferry/bundle-format';
import { readTrust, writeTrust } from '../src/trust/file.ts';
import { EMPTY_TRUST, findKey, lineageOf, trustedExporters, withKey, withoutKey } from '../src/trust/store.ts';
import { anExporter } from './support/bundle.ts';
import { temporaryFolder } from './support/folders.ts';

const now = '2026-11-20T21:00:00Z';
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof Refused || error instanceof Misused ? error.code : String(error);
  }
};

describe('trust store', () => {
  const { publicKey, id } = anExporter();
  const fingerprint = fingerprintOf(publicKey);
  const store = withKey(EMPTY_TRUST, { publicKey, fingerprint, now, label: 'head office' });

  test('a key comes in by its fingerprint, however it is typed', () => {
    for (const typed of [
      fingerprint.toUpperCase(),
      fingerprint.replaceAll('-', ' '),
      fingerprint.replaceAll('-', ':'),
    ]) {
      expect(trustedExporters(withKey(EMPTY_TRUST, { publicKey, fingerprint: typed, now }))).toEqual([id]);
    }
  });

  test.each([
    ['another fingerprint', fingerprintOf(generateKeyPair().publicKey)],
    ['a part of it', fingerprint.slice(0, 19)],
    ['nothing', ''],
  ])('not by %s', (_, typed) => {
    expect(codeOf(() => withKey(EMPTY_TRUST, { publicKey, fingerprint: typed, now }))).toBe('KEY_MISMATCH');
  });

  test('the same key again changes nothing', () => {
    expect(withKey(store, { publicKey, fingerprint, now })).toBe(store);
  });

  test('a revoked key stays, counts no more, and does not come back', () => {
    const after = withoutKey(store, 'head office', now);
    expect(after.version).toBe(store.version + 1);
    expect(after.keys).toHaveLength(1);
    expect(trustedExporters(after)).toEqual([]);
    expect(codeOf(() => withKey(after, { publicKey, fingerprint, now }))).toBe('KEY_REVOKED');
  });

  test('is found by exporter, label, key id and fingerprint, and by nothing else', () => {
    for (const which of [id, 'head office', keyIdText(publicKey), keyIdText(publicKey).toLowerCase(), fingerprint])
      expect(findKey(store, which).exporter).toBe(id);
    expect(codeOf(() => findKey(store, 'nobody'))).toBe('UNKNOWN_NAME');
  });

  test('a rebuilt exporter follows the one that it replaces', () => {
    const next = anExporter();
    const replaced = withKey(store, {
      publicKey: next.publicKey,
      fingerprint: fingerprintOf(next.publicKey),
      now,
      replaces: id,
    });
    expect(lineageOf(replaced, next.id)).toEqual([next.id, id]);
    expect(lineageOf(replaced, id)).toEqual([id]);
    expect(
      codeOf(() =>
        withKey(store, {
          publicKey: next.publicKey,
          fingerprint: fingerprintOf(next.publicKey),
          now,
          replaces: 'x0000000000000000',
        }),
      ),
    ).toBe('UNKNOWN_NAME');
  });

  test('two that replace each other do not hang', () => {
    const [a, b] = [anExporter(), anExporter()];
    const keys = [a, b].map((one, n) => ({
      publicKey: one.publicKey,
      exporter: one.id,
      label: null,
      replaces: [b, a][n]?.id ?? null,
      repositories: null,
      added: now,
      revoked: null,
    }));
    expect(lineageOf({ version: 1, keys }, a.id)).toEqual([a.id, b.id]);
  });

  test('comes back from its file as it was, readable by its owner only', () => {
    const path = join(temporaryFolder(), 'trust.json');
    expect(readTrust(path)).toEqual(EMPTY_TRUST);
    writeTrust(path, store);
    expect(readTrust(path)).toEqual(store);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test.each([
    [
      'a key that is not the one of its fingerprint',
      (text: string) => text.replace(fingerprint, fingerprintOf(generateKeyPair().publicKey)),
    ],
    ['an unknown field', (text: string) => text.replace('"label"', '"role": "root", "label"')],
    ['a key that stands twice', (text: string) => text.replace('"version": 1', '"version": 1, "version": 2')],
    ['another format', (text: string) => text.replace('trust/1', 'trust/2')],
    ['half a file', (text: string) => text.slice(0, text.length / 2)],
  ])('a file with %s is not read', (_, bend) => {
    const path = join(temporaryFolder(), 'trust.json');
    writeTrust(path, store);
    const good = readFileSync(path, 'utf8');
    expect(bend(good)).not.toBe(good);
    writeFileSync(path, bend(good));
    expect(codeOf(() => readTrust(path))).toBe('CONFIG_TRUST');
  });
});
