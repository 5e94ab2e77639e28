import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  BLOCK_BYTES,
  GapferryError,
  LIMITS,
  checkLinkTarget,
  checkPath,
  collisionKey,
  comparePaths,
  decodeUtf8,
  encodeDigestList,
  encodeIndexRow,
  encodeInventoryRow,
  parseStrictJSON,
  readDigestList,
  readIndex,
  readInventory,
  resolveLink,
  sha256Of,
  type IndexRow,
  type InventoryRow,
  type JSONValue,
  type Sha256,
} from '../src/index.ts';

const codeOf = (doing: () => unknown): string => {
  try {
    doing();
    return 'ok';
  } catch (error) {
    if (error instanceof GapferryError) return error.code;
    throw error;
  }
};

// What paths are made of, the ugly things more often than chance would have them.
const ugly = fc.constantFrom(
  '..',
  '.',
  '',
  '\\',
  '/',
  'con',
  'NUL.txt',
  ' ',
  'a.',
  '\0',
  '\u202e',
  '\ud800',
  'c:',
  '\ufeff',
  '\u{1f600}',
);
const component = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  { weight: 1, arbitrary: ugly },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
);
const anyPath = fc.array(component, { maxLength: 6 }).map((parts) => parts.join('/'));
const letter = fc.constantFrom(
  'a',
  'b',
  'c',
  'A',
  'B',
  '0',
  '-',
  '_',
  '.',
  '+',
  '~',
  ' ',
  'ü',
  'ß',
  '€',
  '\u{1f600}',
  '\uff5e',
);
const goodPath = fc
  .array(fc.string({ unit: letter, minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter((path) => codeOf(() => checkPath(path)) === 'ok');
const digest = fc.uint8Array({ minLength: 1, maxLength: 8 }).map(sha256Of);

describe('paths', () => {
  test('every text is either a path or refused with a code of paths', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        expect(codeOf(() => checkPath(path))).toMatch(/^ok$|^PATH_(UNSAFE|CHARS|ENCODING|TOO_LONG)$|^NAME_RESERVED$/);
      }),
      { numRuns: 2000 },
    );
  });

  test('what is accepted has no way out, on no platform', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        fc.pre(codeOf(() => checkPath(path)) === 'ok');
        expect(path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')).toBe(true);
        expect(path).not.toMatch(/^\/|\\|^[a-zA-Z]:|\p{Cc}/u);
        expect(Buffer.byteLength(path)).toBeLessThanOrEqual(LIMITS.pathBytes);
        expect(Buffer.from(path).toString()).toBe(path);
      }),
      { numRuns: 2000 },
    );
  });

  test('are ordered like their bytes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(text, text, text, (start, a, b) => {
        const [left, right] = [start + a, start + b];
        const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
        expect(Math.sign(comparePaths(left, right))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test('letter case and Unicode form do not change the key of a collision', () => {
    fc.assert(
      fc.property(goodPath, (path) => {
        const key = collisionKey(path);
        for (const twin of [path.toUpperCase(), path.normalize('NFD'), path.normalize('NFC')])
          expect(collisionKey(twin)).toBe(key);
      }),
    );
  });
});

describe('links', () => {
  const target = fc
    .array(fc.oneof(fc.constantFrom('..', '.', '', 'a', 'b'), component), { maxLength: 8 })
    .map((parts) => parts.join('/'));

  /** What a kernel would do: walks with a stack, and every name could be a link to any folder of the repository. */
  const depthBehind = (path: string, to: string): number => {
    let depth = path.split('/').length - 1;
    let lowest = depth;
    let named = false;
    for (const part of to.split('/').filter((one) => one !== '' && one !== '.')) {
      if (part !== '..') named = true;
      // Behind a name the true depth may be anything from 0 on, so one '..' can leave.
      else if (named) return -1;
      else lowest = Math.min(lowest, --depth);
    }
    return lowest;
  };

  test('what is accepted never leaves the repository, whatever the names on its way are', () => {
    fc.assert(
      fc.property(goodPath, target, (path, to) => {
        const code = codeOf(() => checkLinkTarget(path, to));
        expect(code).toMatch(/^ok$|^PATH_/);
        if (code !== 'ok') return;
        expect(depthBehind(path, to)).toBeGreaterThanOrEqual(0);
        expect(resolveLink(path, to)?.split('/')).not.toContain('..');
      }),
      { numRuns: 3000 },
    );
  });

  test('a plain relative target is always accepted', () => {
    fc.assert(
      fc.property(goodPath, goodPath, (from, to) => {
        const up = '../'.repeat(from.split('/').length - 1);
        expect(codeOf(() => checkLinkTarget(from, `${up}${to}`))).toBe('ok');
        expect(resolveLink(from, `${up}${to}`)).toBe(to);
      }),
    );
  });
});

describe('strict JSON', () => {
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small', maxDepth: 5 },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger().map((n) => n + 0),
      fc.string({ unit: 'grapheme' }),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 6 }), tie('json'), { maxKeys: 4 }),
    ),
  }));
  const plain = (value: JSONValue): unknown => {
    if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]));
    return Array.isArray(value) ? value.map((one: JSONValue) => plain(one)) : value;
  };
  const read = (text: string): JSONValue => parseStrictJSON(Buffer.from(text), 'document', 1_000_000);

  test('reads what JSON.parse reads, however it is spelt', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t'), fc.boolean(), (value, indent, escape) => {
        const text = JSON.stringify(value, null, indent);
        const spelt = escape
          ? text.replace(/\P{ASCII}/gu, (c) =>
              Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
                '',
              ),
            )
          : text;
        expect(plain(read(spelt))).toEqual(JSON.parse(spelt));
      }),
      { numRuns: 1000 },
    );
  });

  test('accepts nothing that JSON.parse refuses, and never anything but a value or a code', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '\\',
      '0',
      '1',
      '-',
      '.5',
      'e3',
      'true',
      'nul',
      'null',
      ' ',
      '\n',
      '\u00a0',
      '\\u12',
      '\ufeff',
      '//',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const code = codeOf(() => read(text));
        expect(code).toMatch(/^ok$|^JSON_(INVALID|DUPLICATE_KEY)$/);
        if (code === 'ok') expect(() => void JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 5000 },
    );
  });

  test('numbers: exact integers in their one spelling, and no others', () => {
    const good = ['0', '-1', '7', '9007199254740991', '-9007199254740991'];
    const bad = [
      '-0',
      '00',
      '01',
      '+1',
      '1.0',
      '1e0',
      '1E2',
      '.5',
      '0x1',
      'NaN',
      'Infinity',
      '9007199254740992',
      '-9007199254740992',
      '1e999',
      '--1',
      '1_0',
      '',
    ];
    for (const text of good) expect(read(text)).toBe(Number(text));
    for (const text of bad) expect([text, codeOf(() => read(text))]).toEqual([text, 'JSON_INVALID']);
  });

  test('a depth of 16 is read, of 17 refused, of 100,000 refused without a stack', () => {
    expect(codeOf(() => read(`${'['.repeat(16)}1${']'.repeat(16)}`))).toBe('ok');
    expect(codeOf(() => read(`${'['.repeat(17)}1${']'.repeat(17)}`))).toBe('JSON_INVALID');
    expect(codeOf(() => read('{"a":'.repeat(100_000)))).toBe('JSON_INVALID');
  });

  test('a string as large as a document may be is read, and one without end refused', () => {
    const large = 'x'.repeat(LIMITS.manifestBytes - 2);
    expect(parseStrictJSON(Buffer.from(`"${large}"`), 'document', LIMITS.manifestBytes)).toBe(large);
    expect(codeOf(() => parseStrictJSON(Buffer.from(`"${large}\\`), 'document', LIMITS.manifestBytes))).toBe(
      'JSON_INVALID',
    );
    expect(codeOf(() => parseStrictJSON(Buffer.from(`"${large}x"`), 'document', LIMITS.manifestBytes))).toBe(
      'LIMIT_MANIFEST',
    );
  });

  test('bytes that are no UTF-8 are refused', () => {
    for (const hex of ['ff', 'c0af', 'eda080', 'f4908080', 'e282'])
      expect(codeOf(() => decodeUtf8(Buffer.from(hex, 'hex'), 'document'))).toBe('JSON_INVALID');
  });

  test('keys are data', () => {
    const value = read('{"__proto__":{"polluted":1},"constructor":2,"toString":3}');
    expect(value instanceof Map && [...value.keys()]).toEqual(['__proto__', 'constructor', 'toString']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

/** Cuts bytes at the given places, so that rows and characters are torn. */
function* torn(bytes: Uint8Array, cuts: readonly number[]): Generator<Uint8Array> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (let i = 1; i < places.length; i++) yield bytes.subarray(places[i - 1], places[i]);
}
function* byteByByte(bytes: Uint8Array): Generator<Uint8Array> {
  // One buffer for all: a reader must not keep what it was given.
  const one = Buffer.alloc(1);
  for (const byte of bytes) {
    one[0] = byte;
    yield one;
  }
}
const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe('inventories', () => {
  const place = fc.oneof(
    fc.constant({ role: 'content' } as const),
    fc.constant({ role: 'package' } as const),
    fc.record({ role: fc.constant('metadata' as const), phase: fc.integer({ min: 1, max: 99 }) }),
  );
  const shape = fc.oneof(
    fc.record({
      place,
      size: fc.maxSafeInteger().map(Math.abs),
      sha256: digest,
      exec: fc.boolean(),
      mtime: fc.integer({ min: -8.64e15, max: 8.64e15 }),
    }),
    fc.record({ place, target: goodPath }),
    fc.constant('dir' as const),
  );
  type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;
  const rowOf = (path: string, one: Shape): InventoryRow => {
    if (one === 'dir') return { path, type: 'dir' };
    const { place: where, ...rest } = one;
    return 'target' in rest
      ? { path, type: 'link', ...where, target: rest.target }
      : { path, type: 'file', ...where, ...rest };
  };
  const inventory = fc
    .uniqueArray(fc.tuple(goodPath, shape), { maxLength: 12, selector: ([path]) => path })
    .map((entries) => {
      const sorted = entries.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const leaves = sorted.filter(([path]) => !sorted.some(([other]) => path.startsWith(`${other}/`)));
      return leaves.map(([path, one]) => rowOf(path, one));
    });

  test('are read as they were written, byte by byte and torn anywhere', () => {
    fc.assert(
      fc.property(inventory, cuts, (rows, at) => {
        const bytes = Buffer.from(rows.map(encodeInventoryRow).join(''));
        const expected = { rows: rows.length };
        expect([...readInventory([bytes], 'x', expected)]).toEqual(rows);
        expect([...readInventory(torn(bytes, at), 'x', expected)]).toEqual(rows);
        expect([...readInventory(byteByByte(bytes), 'x', expected)]).toEqual(rows);
      }),
      { numRuns: 200 },
    );
  });

  test('a path below any leaf is found, whatever stands between', () => {
    fc.assert(
      fc.property(
        inventory,
        fc.nat(),
        fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 3 }),
        (rows, n, name) => {
          fc.pre(rows.length > 0);
          const above = rows[n % rows.length]?.path ?? '';
          const below: InventoryRow = { path: `${above}/${name}`, type: 'dir' };
          const all = [...rows, below].toSorted((a, b) => comparePaths(a.path, b.path));
          expect(codeOf(() => [...readInventory([Buffer.from(all.map(encodeInventoryRow).join(''))])])).toBe(
            'INVENTORY_INVALID',
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('one changed byte never gives other rows silently beside the path, size, digest or time that it changed', () => {
    fc.assert(
      fc.property(inventory, fc.nat(), fc.integer({ min: 1, max: 255 }), (rows, at, xor) => {
        const bytes = Buffer.from(rows.map(encodeInventoryRow).join(''));
        fc.pre(bytes.length > 0);
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ xor;
        let read: InventoryRow[] = [];
        const code = codeOf(() => (read = [...readInventory([bytes])]));
        // Accepted bytes are canonical: written again they are the same.
        if (code === 'ok') expect(Buffer.from(read.map(encodeInventoryRow).join('')).equals(bytes)).toBe(true);
        else expect(code).toMatch(/^INVENTORY_INVALID$|^PATH_|^NAME_RESERVED$/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('indexes', () => {
  const step = fc.record({
    gap: fc.nat(1000),
    kind: fc.constantFrom('whole', 'deflated', 'part', 'packed', 'patch'),
    size: fc.nat(100_000),
    sha256: digest,
    next: fc.integer({ min: 0, max: 3 }),
    path: goodPath,
  });
  const index = fc.array(step, { maxLength: 10 }).map((steps) => {
    let [volume, offset] = [1, 0];
    return steps.map(({ gap, kind, size, sha256, next, path }, i): IndexRow => {
      if (next === 0) [volume, offset] = [volume + 1, 0];
      const where = { sha256, size, volume, offset: offset + gap, stored: size, method: 'stored' } as const;
      const row = ((): IndexRow => {
        if (kind === 'whole') return { ...where, kind, entry: `content/r/${path}` };
        if (kind === 'deflated')
          return { ...where, kind: 'whole', entry: `metadata/r/${path}`, method: 'deflated', stored: size >> 1 };
        if (kind === 'packed')
          return { ...where, kind, entry: `packs/r-${String(i).padStart(4, '0')}.zip`, member: `content/r/${path}` };
        if (kind === 'part')
          return {
            ...where,
            kind: 'part',
            entry: `parts/r/${path}/0002-of-0003`,
            size: size + 10,
            stored: size + 1,
            part: 2,
            of: 3,
            at: 9,
          };
        return { ...where, kind: 'patch', entry: `patches/r/${path}`, patch: 'x', bases: [sha256] };
      })();
      offset = row.offset + row.stored;
      return row;
    });
  });

  test('are read as they were written, byte by byte and torn anywhere', () => {
    fc.assert(
      fc.property(index, cuts, (rows, at) => {
        const bytes = Buffer.from(rows.map(encodeIndexRow).join(''));
        const signed = { rows: rows.length, volumes: 20 };
        expect([...readIndex([bytes], 'x', signed)]).toEqual(rows);
        expect([...readIndex(torn(bytes, at), 'x', signed)]).toEqual(rows);
        expect([...readIndex(byteByByte(bytes), 'x', signed)]).toEqual(rows);
      }),
      { numRuns: 200 },
    );
  });

  test('two rows that change places are seen', () => {
    fc.assert(
      fc.property(index, fc.nat(), (rows, n) => {
        fc.pre(rows.length > 1);
        const i = n % (rows.length - 1);
        const [a, b] = [rows[i], rows[i + 1]];
        fc.pre(a !== undefined && b !== undefined && a.stored > 0 && b.stored > 0);
        const swapped = rows.with(i, b).with(i + 1, a);
        expect(codeOf(() => [...readIndex([Buffer.from(swapped.map(encodeIndexRow).join(''))])])).toBe('INDEX_INVALID');
      }),
    );
  });
});

describe('digest lists', () => {
  test('are read as they were written, in any pieces', () => {
    fc.assert(
      fc.property(fc.uniqueArray(digest, { maxLength: 20 }), cuts, (digests, at) => {
        const sorted: Sha256[] = digests.toSorted();
        const bytes = Buffer.concat([...encodeDigestList(sorted)]);
        expect([...readDigestList([bytes], 'x')]).toEqual(sorted);
        expect([...readDigestList(torn(bytes, at), 'x')]).toEqual(sorted);
        expect([...readDigestList(byteByByte(bytes), 'x')]).toEqual(sorted);
      }),
    );
  });

  test('more than one chunk is written as one text', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => sha256Of(Buffer.from(String(i)))).toSorted();
    const chunks = [...encodeDigestList(many)];
    expect(chunks.length).toBeGreaterThan(1);
    expect([...readDigestList(chunks, 'x')]).toEqual(many);
  });
});

test('a block is 4 MiB', () => expect(BLOCK_BYTES).toBe(4_194_304));
