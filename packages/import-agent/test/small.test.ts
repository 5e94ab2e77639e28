/** Pure parts that need no world. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { encodeReceipt, GapferryError, sha256Of, type Sha256 } from '@gapferry/bundle-format';
import { checkPaths, isWithin, loadImportConfig, realPath } from '../src/configuration/load.ts';
import { importConfig } from '../src/configuration/schema.ts';
import { configurationText } from '../src/configuration/template.ts';
import { Queue } from '../src/daemon/queue.ts';
import { settle } from '../src/daemon/settle.ts';
import { newestFirst } from '../src/publishing/newest.ts';
import { bundleState, composeReceipt } from '../src/receipts/compose.ts';
import { readOrders, writeOrders } from '../src/receiving/orders.ts';
import type { SeenBundle } from '../src/receiving/requests.ts';
import { Ring, SLOTS } from '../src/receiving/ring.ts';
import { temporaryFolder } from './support/folders.ts';

const digest = (text: string): Sha256 => sha256Of(Buffer.from(text));
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof GapferryError ? error.code : String(error);
  }
};

describe('configuration', () => {
  const config = (more: object = {}) =>
    importConfig('/far').parse({
      site: 'plant7',
      repositories: { debian: { preset: 'apt', path: '/srv/repo' } },
      media: [{ medium: '/media/usb' }],
      ...more,
    });

  test('what init writes is read back as it was meant', () => {
    const path = join(temporaryFolder(), 'import-agent.yaml');
    writeFileSync(
      path,
      configurationText({
        site: 'plant7',
        repositories: [{ name: 'debian', preset: 'apt', path: '/srv/re po: #x' }],
        place: { kind: 'folder', path: '/srv/drop "box"' },
      }),
    );
    const read = loadImportConfig(path);
    expect(read.site).toBe('plant7');
    expect(read.repositories.get('debian')).toMatchObject({ preset: 'apt', path: '/srv/re po: #x', prune: undefined });
    expect(read.media).toEqual([{ kind: 'folder', path: '/srv/drop "box"' }]);
    expect(read.key).toBe(join(path, '..', 'site.key'));
    expect(read).toMatchObject({ receipts: true, stallMs: 60_000, lookEveryMs: 2000 });
  });

  test.each([
    ['a target on the medium', { repositories: { debian: { preset: 'apt', path: '/media/usb/repo' } } }],
    ['a medium in the target', { media: [{ folder: '/srv/repo/drop' }] }],
    ['target and medium the same', { media: [{ folder: '/srv/repo' }] }],
    ['the state in the target', { state: '/srv/repo/state' }],
    ['the key on the medium', { key: '/media/usb/site.key' }],
    ['trust on the medium', { trust: '/media/usb/gapferry/trust.json' }],
    [
      'two targets within each other',
      { repositories: { a: { preset: 'apt', path: '/srv/repo' }, b: { preset: 'apt', path: '/srv/repo/b' } } },
    ],
    [
      'one target twice',
      { repositories: { a: { preset: 'apt', path: '/srv/repo' }, b: { preset: 'apt', path: '/srv/repo' } } },
    ],
    ['the root of the filesystem as a medium', { media: [{ folder: '/' }] }],
  ])('refuses %s', (_, more) => {
    expect(codeOf(() => checkPaths(config(more)))).toBe('CONFIG_PATHS');
  });

  test('accepts folders that only begin alike', () => {
    expect(codeOf(() => checkPaths(config({ state: '/srv/repo-state', media: [{ folder: '/srv/repository' }] })))).toBe(
      'none',
    );
    expect(isWithin('/srv/repo', '/srv/repo2')).toBe(false);
    expect(isWithin('/srv/repo', '/srv/repo/..b')).toBe(true);
  });

  test('sees one folder behind two names', () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'link'));
    const twice = config({
      repositories: { a: { preset: 'apt', path: join(root, 'real') } },
      media: [{ folder: join(root, 'link', 'drop') }],
    });
    expect(codeOf(() => checkPaths(twice))).toBe('none');
    expect(codeOf(() => checkPaths(twice, realPath))).toBe('CONFIG_PATHS');
  });

  test.each([
    ['an unknown key', 'site: plant7\nrepositories: { a: { preset: apt, path: /a } }\nacceptAny: true\n'],
    ['no repository', 'site: plant7\nrepositories: {}\n'],
    ['a site that is no name', 'site: "../x"\nrepositories: { a: { preset: apt, path: /a } }\n'],
    [
      'a place that is both',
      'site: plant7\nrepositories: { a: { preset: apt, path: /a } }\nmedia: [ { medium: /m, folder: /m } ]\n',
    ],
    ['a time without a unit', 'site: plant7\nrepositories: { a: { preset: apt, path: /a } }\nlook: { every: 2 }\n'],
    ['a key twice', 'site: plant7\nsite: plant8\nrepositories: { a: { preset: apt, path: /a } }\n'],
  ])('refuses %s', (_, text) => {
    const path = join(temporaryFolder(), 'import-agent.yaml');
    writeFileSync(path, text);
    expect(codeOf(() => loadImportConfig(path))).toBe('CONFIG_INVALID');
  });
});

describe('receipts', () => {
  const companion = { bytes: 0, sha256: digest(''), rows: 0 };
  const offer = {
    bundle: 1,
    repository: 'debian',
    snapshot: 4,
    inventory: digest('i'),
    state: 'waiting',
    code: 'OBJECTS_MISSING',
    says: '/a/path of this host',
    exporter: 'x0123456789abcdef',
    sequence: 4,
    manifest: digest('m'),
    created: '2026-11-20T21:00:00Z',
  } as const;
  const facts = {
    site: 'plant7',
    exporter: 'x0123456789abcdef',
    epoch: '0'.repeat(32),
    number: 7,
    repositories: [
      {
        name: 'debian',
        published: { exporter: 'x0123456789abcdef', snapshot: 3, inventory: digest('old') },
        offers: [offer],
      },
    ],
    bundles: [{ sequence: 4, sha256: digest('m'), state: 'waiting', code: 'OBJECTS_MISSING' } as const],
    holds: companion,
    missing: companion,
  };

  test('the same facts give the same bytes, and nothing of the host is in them', () => {
    const bytes = Buffer.from(encodeReceipt(composeReceipt(facts)));
    expect(Buffer.from(encodeReceipt(composeReceipt(facts))).equals(bytes)).toBe(true);
    expect(bytes.toString()).not.toContain('path');
    expect(composeReceipt(facts).repositories).toEqual([{ name: 'debian', state: 'waiting', snapshot: 3, offered: 4 }]);
  });

  test('what another exporter published is not told', () => {
    const foreign = {
      ...facts,
      repositories: [
        {
          name: 'debian',
          published: { exporter: 'xffffffffffffffff', snapshot: 9, inventory: digest('i') },
          offers: [],
        },
      ],
    };
    expect(composeReceipt(foreign).repositories).toEqual([
      { name: 'debian', state: 'seen', snapshot: null, offered: null },
    ]);
  });

  test('a bundle has the state that needs most attention', () => {
    expect(bundleState([{ state: 'published' }, { state: 'waiting' }])).toBe('waiting');
    expect(bundleState([{ state: 'published' }, { state: 'superseded' }])).toBe('published');
    expect(bundleState([{ state: 'refused' }, { state: 'waiting' }])).toBe('refused');
  });
});

describe('settling', () => {
  const bundle = (folder: string, stamp: string, unchanged = false): SeenBundle => ({
    folder,
    stamp,
    unchanged,
    manifest: null,
    signatures: [],
    sums: null,
    foreign: [],
    error: null,
  });
  const seen = (...bundles: SeenBundle[]) => ({ bundles, root: '/m', foreign: [] });

  test('what comes with a medium is judged at once', () => {
    expect(settle(seen(bundle('a', '1')), undefined)).toMatchObject({ ready: [{ folder: 'a' }], restless: false });
  });
  test('what arrives later is judged when it has stopped changing', () => {
    expect(settle(seen(bundle('a', '1')), {})).toEqual({ ready: [], restless: true, stamps: { a: '1' } });
    expect(settle(seen(bundle('a', '2')), { a: '1' })).toMatchObject({ ready: [], restless: true });
    expect(settle(seen(bundle('a', '2')), { a: '2' })).toMatchObject({ ready: [{ folder: 'a' }], restless: false });
  });
  test('what was judged is left alone', () => {
    expect(settle(seen(bundle('a', '1', true)), { a: '1' })).toMatchObject({ ready: [], restless: false });
  });
});

describe('small parts', () => {
  test('offers are ordered by snapshot within an exporter, and a successor comes after its predecessor', () => {
    const store = { version: 1, keys: [] };
    const offers = [2, 10, 3].map((snapshot) => ({ exporter: 'x', snapshot, sequence: snapshot }));
    expect(newestFirst(offers, store).map(({ snapshot }) => snapshot)).toEqual([10, 3, 2]);
  });

  test('orders come back as they were written', () => {
    const path = join(temporaryFolder(), 'orders');
    const orders = Array.from({ length: 10_000 }, (_, row) => ({
      row,
      volume: 1,
      staging: row % 3,
      exec: row % 2 === 0,
      mtime: row * 1e9 - 5e12,
    }));
    expect(writeOrders(path, orders)).toBe(10_000);
    expect([...readOrders(path)]).toEqual(orders);
  });

  test('a queue works on one thing at a time, in order, and survives a failure', async () => {
    const queue = new Queue();
    const log: string[] = [];
    const slow = queue.run(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      log.push('slow');
    });
    const bad = queue.run(() => Promise.reject(new Error('bad')));
    const last = queue.run(() => Promise.resolve(log.push('last')));
    await expect(bad).rejects.toThrow('bad');
    await Promise.all([slow, last, queue.idle()]);
    expect(log).toEqual(['slow', 'last']);
  });

  test('a ring hands blocks over in order, good ones and bad ones', () => {
    const ring = new Ring(16);
    const other = new Ring(16, ring.shared);
    for (let n = 0; n < 3 * SLOTS; n++) {
      ring.waitEmpty(n);
      ring.slot(n, 16).fill(n);
      ring.put(n, n % 3 !== 0);
      expect(other.waitFull(n)).toBe(n % 3 !== 0);
      expect(other.slot(n, 4)).toEqual(new Uint8Array(4).fill(n));
      other.free(n);
    }
  });
});
