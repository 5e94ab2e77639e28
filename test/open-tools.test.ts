/** A security officer looks at a bundle with tools that are not ours, and a second signer signs with one. */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { must, run, valuesOf, withStatus } from './support/commands.ts';
import { needs } from './support/needs.ts';
import { type BundleOnMedium, Pair } from './support/pair.ts';
import { seededBytes, sha256 } from './support/seeded.ts';
import { differences, digestsBelow, filesBelow, plant } from './support/trees.ts';
import { filesCarriedBy, volumesOf } from './support/volumes.ts';

const PYTHON_READS = `
import hashlib, io, json, sys, zipfile
def look(file, packed):
    z = zipfile.ZipFile(file)
    if z.testzip() is not None: sys.exit('bad CRC in ' + z.testzip())
    for i in z.infolist():
        data = z.read(i)
        if not packed and i.filename.startswith('packs/'):
            yield from look(io.BytesIO(data), True)
        else:
            yield [i.filename, hashlib.sha256(data).hexdigest()]
print(json.dumps([row for name in sys.argv[1:] for row in look(name, False)]))
`;

describe('a bundle of several volumes', () => {
  let pair: Pair;
  let bundle: BundleOnMedium;
  const inBundle = (name: string): string => join(bundle.folder, name);

  beforeAll(async () => {
    pair = await Pair.create({ name: 'open', near: { 'bundle.volumeBytes': 8 * 1024 * 1024 } });
    const small = Object.fromEntries(
      Array.from({ length: 300 }, (_, n) => [`small/${n % 7}/file ${n}.txt`, seededBytes(`small ${n}`, 200 + n)]),
    );
    plant(pair.source(), {
      ...small,
      'big/larger than a volume.iso': seededBytes('big', 19_000_001),
      'big/fits': seededBytes('fits', 3_000_000),
      'näme/ünïcode 漢字.txt': 'unicode',
      '-leading-dash': 'dash',
      'tool.sh': { exec: '#!/bin/sh\n' },
      'empty file': '',
      'twin a': 'twin',
      'twin b': 'twin',
      'a link': { link: 'tool.sh' },
      'empty folder': { folder: true },
    });
    bundle = await pair.export();
  }, 60_000);
  afterAll(() => pair?.remove());

  needs('unzip')('is read by unzip -t, every volume', async () => {
    expect(volumesOf(bundle.folder).length).toBeGreaterThanOrEqual(4);
    for (const volume of volumesOf(bundle.folder)) withStatus(await run('unzip', ['-tqq', inBundle(volume)]), 0);
  });

  needs('python3')('is read by zipfile of Python, and yields every file under its real path', async () => {
    const volumes = volumesOf(bundle.folder).map(inBundle);
    const rows: unknown = (await must('python3', ['-c', PYTHON_READS, ...volumes])).json;
    if (!Array.isArray(rows)) throw new Error('no list');
    const found = new Map(
      rows.map((row: unknown) => (Array.isArray(row) ? [String(row[0]), String(row[1])] : ['', ''])),
    );
    expect(found.has('index.ndjson')).toBe(true);
    expect(found.has('inventory/files.ndjson')).toBe(true);
    expect(found.get('content/files/näme/ünïcode 漢字.txt')).toBe(sha256('unicode'));
    expect(found.get('content/files/-leading-dash')).toBe(sha256('dash'));
    expect([...found.keys()].filter((name) => name.startsWith('parts/')).toSorted()).toEqual(
      [1, 2, 3].map((n) => `parts/files/big/larger than a volume.iso/000${n}-of-0003`),
    );
  });

  needs('python3')('bears each object once, and no link or folder as an entry', async () => {
    const carried = await filesCarriedBy(bundle.folder);
    expect(carried.map((file) => file.sha256).toSorted()).toEqual([...digestsBelow(pair.source())].toSorted());
    const paths = new Set(filesBelow(pair.source()));
    expect(carried.filter((file) => !paths.has(file.path) || file.repository !== 'files')).toEqual([]);
  });

  needs('sha256sum')('is checked by sha256sum -c, every file of it', async () => {
    withStatus(await run('sha256sum', ['--strict', '--quiet', '-c', 'SHA256SUMS'], { cwd: bundle.folder }), 0);
    const named = readFileSync(inBundle('SHA256SUMS'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.slice(66));
    const signatures = readdirSync(bundle.folder).filter((name) => name.endsWith('.minisig'));
    expect([...named, ...signatures, 'SHA256SUMS'].toSorted()).toEqual(readdirSync(bundle.folder).toSorted());
  });

  needs(
    'split',
    'sha256sum',
    'cut',
  )('has block lists that split and sha256sum make again', async () => {
    for (const volume of volumesOf(bundle.folder)) {
      const made = await must('split', ['-b', '4194304', '--filter=sha256sum | cut -c1-64', inBundle(volume)]);
      expect(readFileSync(inBundle(volume.replace('.zip', '.blocks')), 'utf8')).toBe(made.stdout);
    }
  });

  needs('minisign')('is verified by minisign with exporter.pub', async () => {
    const check = (file: string): Promise<{ status: number }> =>
      run('minisign', ['-Vm', file, '-x', inBundle('manifest.json.minisig'), '-p', join(pair.nearDir, 'exporter.pub')]);
    expect((await check(inBundle('manifest.json'))).status).toBe(0);
    expect((await check(inBundle('SHA256SUMS'))).status).not.toBe(0);
  });

  needs('minisign')(
    'is accepted when the minisign command signed it, prehashed or legacy',
    async () => {
      const fars = [pair.far, await pair.anotherFar('second')];
      await fars[1]?.trust(join(pair.nearDir, 'exporter.pub'));
      for (const [n, far] of fars.entries()) {
        rmSync(inBundle('manifest.json.minisig'));
        const legacy = n === 0 ? [] : ['-l'];
        await must('minisign', [
          '-S',
          ...legacy,
          '-s',
          join(pair.nearDir, 'exporter.key'),
          '-m',
          inBundle('manifest.json'),
        ]);
        withStatus(await far.import(bundle.folder), 0);
        expect(differences(pair.source(), far.target())).toEqual([]);
      }
    },
    60_000,
  );

  needs('unzip')('is found good by our own verify and inspect, without any configuration', async () => {
    const key = join(pair.root, 'told-by-voice.pub');
    copyFileSync(join(pair.nearDir, 'exporter.pub'), key);
    for (const side of ['export', 'import'] as const) {
      const args = ['verify', bundle.folder, '--key', key, '--json'];
      const { gapferry } = await import('./support/commands.ts');
      withStatus(await gapferry(side, args, { cwd: pair.root }), 0);
      const seen = withStatus(
        await gapferry(side, ['inspect', bundle.folder, '--list', '--json'], { cwd: pair.root }),
        0,
      );
      const paths = new Set([...valuesOf(seen.json, 'path'), ...seen.stdout.split('\n').flatMap(pathsOfLine)]);
      expect(filesBelow(pair.source()).filter((path) => !paths.has(path))).toEqual([]);
    }
  });
});

const pathsOfLine = (line: string): unknown[] => {
  try {
    return valuesOf(JSON.parse(line), 'path');
  } catch {
    return [];
  }
};
