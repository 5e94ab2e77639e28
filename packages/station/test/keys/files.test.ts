import { expect, test } from '@jest/globals';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fingerprintOf, publicKeyOf } from '@gapferry/bundle-format/signature';
import { readPublicKeyFile, readSecretKeyFile, writeKeyPair } from '../../src/keys/files.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const posix = process.platform === 'win32' ? test.skip : test;

test('a key pair is written and read again', () => {
  const folder = join(temporaryFolder(), 'near');
  const made = writeKeyPair(folder, 'exporter');
  const publicKey = readPublicKeyFile(join(folder, 'exporter.pub'));
  expect(fingerprintOf(publicKey)).toBe(made.fingerprint);
  expect(fingerprintOf(publicKeyOf(readSecretKeyFile(join(folder, 'exporter.key'))))).toBe(made.fingerprint);
  expect(made).toMatchObject({ secretPath: join(folder, 'exporter.key'), publicPath: join(folder, 'exporter.pub') });
});

test('the halves of a pair that are both there must fit', () => {
  const [folder, other] = [temporaryFolder(), temporaryFolder()];
  const { secretPath, publicPath } = writeKeyPair(folder, 'exporter');
  copyFileSync(writeKeyPair(other, 'exporter').publicPath, publicPath);
  expect(thrownBy(() => readSecretKeyFile(secretPath))).toMatchObject({
    code: 'KEY_FILE_FORMAT',
    message: `${publicPath} is not the public half of ${secretPath}`,
  });
  rmSync(publicPath);
  readSecretKeyFile(secretPath);
});

posix('the secret half is for the owner alone, whatever the umask', () => {
  const before = process.umask(0);
  try {
    const { secretPath, publicPath } = writeKeyPair(temporaryFolder(), 'site');
    expect([statSync(secretPath).mode & 0o777, statSync(publicPath).mode & 0o777]).toEqual([0o600, 0o644]);
  } finally {
    process.umask(before);
  }
});

test.each(['exporter.key', 'exporter.pub'])('never replaces %s', (name) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), 'precious');
  expect(thrownBy(() => writeKeyPair(folder, 'exporter'))).toMatchObject({ code: 'ALREADY_THERE', kind: 'usage' });
  expect(readFileSync(join(folder, name), 'utf8')).toBe('precious');
});

posix.each([0o640, 0o604, 0o620, 0o602, 0o644])('a secret key of mode %o is not used', (mode) => {
  const { secretPath } = writeKeyPair(temporaryFolder(), 'site');
  chmodSync(secretPath, mode);
  expect(thrownBy(() => readSecretKeyFile(secretPath))).toMatchObject({ code: 'KEY_FILE_UNSAFE', kind: 'unfit' });
});

posix.each([0o777, 0o770, 0o722])(
  'a secret key in a folder of mode %o, where others could exchange it, is not used',
  (mode) => {
    const folder = temporaryFolder();
    const { secretPath } = writeKeyPair(folder, 'site');
    chmodSync(folder, mode);
    expect(thrownBy(() => readSecretKeyFile(secretPath))).toMatchObject({ code: 'KEY_FILE_UNSAFE' });
  },
);

posix('a folder that others may only look into is no reason', () => {
  const folder = temporaryFolder();
  const { secretPath } = writeKeyPair(folder, 'site');
  chmodSync(folder, 0o755);
  readSecretKeyFile(secretPath);
});

posix('a link to a secret key is not used', () => {
  const folder = temporaryFolder();
  const { secretPath } = writeKeyPair(folder, 'site');
  symlinkSync(secretPath, join(folder, 'link.key'));
  expect(thrownBy(() => readSecretKeyFile(join(folder, 'link.key')))).toMatchObject({ code: 'KEY_FILE_UNSAFE' });
});

(process.geteuid?.() === 0 ? test : test.skip)(
  'a secret key of another user is not used (needs root to make one)',
  () => {
    const { secretPath } = writeKeyPair(temporaryFolder(), 'site');
    chownSync(secretPath, 65_534, 65_534);
    expect(thrownBy(() => readSecretKeyFile(secretPath))).toMatchObject({ code: 'KEY_FILE_UNSAFE' });
  },
);

test.each([
  ['empty', ''],
  ['rubbish', 'rubbish\n'],
  ['cut off', 'untrusted comment: minisign encrypted secret key\nRWQ='],
])('a key file that is %s is told without a byte of it', (_, text) => {
  const path = join(temporaryFolder(), 'site.key');
  writeFileSync(path, text, { mode: 0o600 });
  const error = thrownBy(() => readSecretKeyFile(path));
  expect(error).toMatchObject({ code: 'KEY_FILE_FORMAT' });
  expect(String(error)).not.toContain('RWQ');
});

test('a missing key is told as missing, and a huge file is not read', () => {
  const folder = temporaryFolder();
  expect(thrownBy(() => readSecretKeyFile(join(folder, 'no.key')))).toMatchObject({
    code: 'LOCAL_IO',
    facts: { errno: 'ENOENT' },
  });
  writeFileSync(join(folder, 'huge.pub'), 'x'.repeat(10_000));
  expect(thrownBy(() => readPublicKeyFile(join(folder, 'huge.pub')))).toMatchObject({ code: 'USAGE' });
  expect(thrownBy(() => readPublicKeyFile(join(folder, 'no.pub')))).toMatchObject({ code: 'USAGE' });
});
