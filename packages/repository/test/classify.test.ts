import { describe, expect, test } from '@jest/globals';
import { busyMarker, classifier, isBusy, neverEntered, phases, type Classification } from '../src/classify.ts';
import { listPresets, loadPreset, parsePreset } from '../src/preset.ts';

const short = (answer: Classification): string => {
  if (!answer.carry) return answer.why;
  const where = answer.role === 'content' ? 'content' : `phase ${answer.phase}`;
  return answer.immutable ? `${where}, immutable` : where;
};
const SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const TABLES: Record<string, Record<string, string>> = {
  tree: {
    a: 'content',
    'a/b/.hidden': 'content',
    Release: 'content',
    'lost+found/#1234': 'never',
    'docs/lost+found/a': 'content',
    '$RECYCLE.BIN/S-1-5/a': 'never',
    'System Volume Information/x': 'never',
    '.gapferry/staging/abc': 'never',
    '.gapferry': 'never',
    '.GapFerry/staging/abc': 'never',
    'sub/.gapferry/a': 'content',
    '.gapferry-notes': 'content',
  },
  apt: {
    'pool/main/h/hello/hello_1_amd64.deb': 'content',
    'pool/main/h/hello/hello_1.diff.gz': 'content',
    'ls-lR.gz': 'content',
    'project/trace/master': 'content',
    'archive.gpg': 'content',
    'dists/stable/InRelease': 'phase 4',
    'dists/stable/Release': 'phase 4',
    'dists/stable/Release.gpg': 'phase 4',
    'dists/stable/updates/InRelease': 'phase 4',
    'dists/stable/main/binary-amd64/Release': 'phase 2',
    'dists/stable/main/source/Release': 'phase 2',
    'dists/stable/main/debian-installer/binary-amd64/Release': 'phase 2',
    'dists/stable/main/binary-amd64/Packages.xz': 'phase 2',
    'dists/stable/main/source/Sources.gz': 'phase 2',
    'dists/stable/main/Contents-amd64.gz': 'phase 2',
    'dists/stable/main/i18n/Translation-en.bz2': 'phase 2',
    'dists/stable/main/dep11/icons-64x64.tar.gz': 'phase 2',
    'dists/README': 'phase 5',
    'dists/stable': 'phase 5',
    'dists/Release': 'phase 4',
    'dists/Packages.gz': 'phase 2',
    'dists/stable/main/binary-amd64/hello_1_amd64.deb': 'content',
    'dists/stable/main/source/hello_1.orig.tar.gz': 'content',
    'dists/stable/main/source/hello_1-1.debian.tar.xz': 'content',
    [`dists/stable/main/binary-amd64/by-hash/SHA256/${SHA256}`]: 'phase 1, immutable',
    [`dists/stable/main/binary-amd64/by-hash/MD5Sum/${SHA256.slice(0, 32)}`]: 'phase 1, immutable',
    'dists/stable/main/binary-amd64/by-hash/SHA256/Packages.gz': 'phase 2',
    'dists/stable/main/binary-amd64/by-hash/SHA256/Packages.gz.old': 'phase 2',
    'dists/stable/main/binary-amd64/Packages.diff/T-2026-01-01-0203.04-F-2026.gz': 'phase 1, immutable',
    'dists/stable/main/binary-amd64/Packages.diff/Index': 'phase 3',
    'dists/stable/main/Contents-amd64.diff/Index': 'phase 3',
    'dists/stable/main/installer-amd64/20260101/images/netboot.tar.gz': 'content',
    'dists/stable/main/installer-amd64/current': 'phase 3',
    'dists/stable/main/installer-amd64/current/images/SHA256SUMS': 'phase 3',
    // Several archives beneath one folder
    'mirror/deb.example/debian/dists/stable/InRelease': 'phase 4',
    'mirror/deb.example/debian/pool/main/a.deb': 'content',
    // Flat archives, at the top and in a folder
    Release: 'phase 4',
    InRelease: 'phase 4',
    'Packages.gz': 'phase 2',
    Packages: 'phase 2',
    'hello_1_amd64.deb': 'content',
    'flat/Release.gpg': 'phase 4',
    'flat/Sources.xz': 'phase 2',
    [`flat/by-hash/SHA256/${SHA256}`]: 'phase 1, immutable',
    'flat/source/Release': 'phase 4',
    'flat/hello_1_amd64.deb': 'content',
    // Never
    'skel/deb.example/dists/stable/Release': 'never',
    'var/ALL': 'never',
    'pool/main/v/var/x.deb': 'content',
    'Archive-Update-in-Progress-mirror.example': 'never',
    'debian/Archive-Update-in-Progress-mirror.example': 'never',
    'Archive-Update-Required-mirror.example': 'never',
    'db/packages.db': 'never',
    'db/lockfile': 'never',
    'db/hello_1_amd64.deb': 'content',
    '.temp/dists/stable/Release': 'never',
    'dists/.~tmp~/Release': 'never',
    'mirror.lock': 'never',
    '.gapferry/staging/x': 'never',
  },
  npm: {
    'lodash/lodash-4.17.21.tgz': 'content',
    '@types/node/node-26.0.0.tgz': 'content',
    'lodash/package.json': 'phase 1',
    '@types/node/package.json': 'phase 1',
    '.verdaccio-db.json': 'never',
    'storage/.verdaccio-db.json': 'never',
    '.sinopia-db.json': 'never',
    htpasswd: 'never',
    'lodash/package.json.tmp0123': 'never',
    'lodash/lodash-4.17.21.tgz.tmp-0123': 'never',
    'lodash/package.json.lock': 'never',
    'plugins/node_modules/x/package.json': 'never',
    'jquery.tmpl/package.json': 'phase 1',
    'jquery.tmpl/jquery.tmpl-1.0.0.tgz': 'content',
    'x.tmp/x.tmp-1.0.0.tgz': 'content',
    'lodash/README.md': 'unnamed',
    'verdaccio.log': 'unnamed',
  },
};

describe.each(Object.entries(TABLES))('in the preset %s', (name, table) => {
  const classify = classifier(loadPreset(name, []));
  test.each(Object.entries(table))('%s is %s', (path, expected) => expect(short(classify(path))).toBe(expected));
});

test('every shipped preset has its table here', () => {
  expect(Object.keys(TABLES).toSorted()).toEqual(listPresets([]));
});

test('the phases are counted', () => {
  expect([phases(loadPreset('tree', [])), phases(loadPreset('apt', [])), phases(loadPreset('npm', []))]).toEqual([
    0, 5, 1,
  ]);
});

describe('a path that several globs match', () => {
  const preset = parsePreset(
    'own',
    `
summary: of a test
content: { include: ['**'], exclude: [held/back], immutable: true }
metadata:
  - { phase: first, include: [m/**, both] }
  - { phase: second, include: ['m/*', both], immutable: true }
never: [secret/**, m/secret]
busy: [busy-*]
`,
    'own.yaml',
  );
  const classify = classifier(preset);
  test.each([
    ['m/a/b', 'phase 1'],
    ['m/a', 'phase 2, immutable'],
    ['both', 'phase 2, immutable'],
    ['m/secret', 'never'],
    ['busy-now', 'never'],
    ['held/back', 'unnamed'],
    ['other', 'content, immutable'],
  ])('%s is %s', (path, expected) => expect(short(classify(path))).toBe(expected));

  test('is not walked into beneath a folder that is never carried', () => {
    const enters = neverEntered(preset);
    expect(['secret', '.gapferry', '.gapferry/staging'].every(enters)).toBe(true);
    expect(['m', 'secrets', 'm/secret', 'a/secret'].some(enters)).toBe(false);
  });

  test('names the marker that says busy', () => {
    expect(busyMarker(preset, ['a', 'busy-now', 'busy-too'])).toBe('busy-now');
    expect(isBusy(preset, ['a', 'b', 'x/busy-now'])).toBe(false);
  });
});

test('the tree never walks into lost+found at the top, which only root may read', () => {
  const enters = neverEntered(loadPreset('tree', []));
  expect(enters('lost+found')).toBe(true);
  expect(enters('a/lost+found')).toBe(false);
});

test('an APT mirror is busy while its tool says so', () => {
  const apt = loadPreset('apt', []);
  expect(isBusy(apt, ['dists', 'pool', 'Archive-Update-in-Progress-mirror.example'])).toBe(true);
  expect(isBusy(apt, ['dists', 'pool', 'Archive-Update-Required-mirror.example'])).toBe(false);
});

test('classifies 200,000 paths well within a second', () => {
  const classify = classifier(loadPreset('apt', []));
  const paths = Array.from({ length: 200_000 }, (_, n) => `pool/main/h/hello-${n % 1000}/hello_1.${n}-2_amd64.deb`);
  const start = performance.now();
  let content = 0;
  for (const path of paths) if (classify(path).carry) content += 1;
  const tookMs = performance.now() - start;
  expect(content).toBe(200_000);
  expect(tookMs).toBeLessThan(1500); // about 300 on an idle machine; the bound only catches another order of magnitude
});
