/** Sources that change between the look at a folder and the look at a file in it. The change is made while the scanner hands over what it found so far. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPreset } from '@gapferry/repository';
import { type Ledger, openLedger } from '../src/ledger/ledger.ts';
import { hashFile } from '../src/source/hash-file.ts';
import type { Findings } from '../src/source/messages.ts';
import { RangeScanner } from '../src/source/range-scanner.ts';

/** So many rows are handed over at once. */
const BATCH = 1000;

let root: string;
let ledger: Ledger;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'scanner-'));
  mkdirSync(join(root, 'source'));
  ledger = openLedger(join(root, 'state'));
});
afterEach(() => {
  ledger.close();
  rmSync(root, { recursive: true, force: true });
});

const scanner = (tell: (findings: Findings) => void): RangeScanner =>
  new RangeScanner(
    {
      state: join(root, 'state'),
      root: join(root, 'source'),
      repository: 'docs',
      repositoryId: ledger.sources.repository('docs', join(root, 'source'), 'x').id,
      preset: loadPreset('tree', []),
      extra: [],
    },
    tell,
  );

describe('what was exchanged since the walk met it changed while it was read', () => {
  const last = (): string => join(root, 'source', 'z');
  const link = (): void => symlinkSync('a0', last());
  const file = (): void => writeFileSync(last(), 'text');
  it.each<[string, () => void, () => void]>([
    ['a link by a file', link, file],
    ['a link by nothing', link, () => undefined],
    ['a file by a link', file, link],
    ['a file by nothing', file, () => undefined],
    ['a file by a FIFO', file, () => execFileSync('mkfifo', [last()])],
    ['a file by a folder', file, () => mkdirSync(last())],
  ])('%s', (_says, before, after) => {
    for (let n = 0; n < BATCH; n++) writeFileSync(join(root, 'source', `a${n}`), '');
    before();
    const all: Findings[] = [];
    scanner((findings) => {
      if (all.length === 0) {
        rmSync(last());
        after();
      }
      all.push(findings);
    }).scan({ from: null, to: null });
    expect(all.flatMap(({ changing }) => changing)).toEqual(['z']);
    expect(all.flatMap(({ rows }) => rows.map(({ path }) => path))).not.toContain('z');
    expect(all.flatMap(({ gone }) => gone)).toEqual([]);
  });

  it('a large file by a link', () => {
    link();
    const all: Findings[] = [];
    scanner((findings) => all.push(findings)).hashLarge({ path: 'z', phase: 0, size: 1 << 24 });
    expect(all).toEqual([expect.objectContaining({ changing: ['z'], gone: [] })]);
  });
});

it('a folder in place of a file is a change, not a fault', () =>
  expect(hashFile(join(root, 'source'), { extra: [] })).toBe('changed'));
