import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sha256Of } from '@gapferry/bundle-format';
import { Findings } from '../src/journal/findings.ts';
import { type Journal, openJournal } from '../src/journal/journal.ts';
import { Steps } from '../src/journal/steps.ts';
import { planStages } from '../src/publishing/stages.ts';
import { type PublishOrder, publish } from '../src/publishing/publish.ts';
import { type Change, stagingOf, Tree } from '../src/publishing/tree.ts';
import { recoverPaths, sweepStaging } from '../src/holdings/recover.ts';
import { survey } from '../src/holdings/survey.ts';
import { bytesOf, inventoryRows, MTIME, type Tree as Things } from './support/bundle.ts';
import { temporaryFolder } from './support/folders.ts';

/** A repository with a journal, without media and processes. */
class Bench {
  readonly root = temporaryFolder();
  readonly target = join(this.root, 'target');
  readonly journal: Journal;
  readonly changes: Change[] = [];
  #failAfter = Number.POSITIVE_INFINITY;
  #inventory = 0;
  #earlier: number | undefined;
  #snapshot = 0;

  constructor() {
    mkdirSync(stagingOf(this.target), { recursive: true });
    this.journal = openJournal(join(this.root, 'journal.sqlite'));
  }

  /** A snapshot as it is received: its inventory in the journal, what it brings in staging. */
  receives(things: Things, brings: readonly string[] = Object.keys(things)): this {
    const rows = inventoryRows(things);
    this.#snapshot++;
    this.#earlier = this.#inventory === 0 ? undefined : this.#inventory;
    this.#inventory = this.journal.inventories.begin('r', sha256Of(Buffer.from(`inventory ${this.#snapshot}`)));
    this.journal.inventories.add(this.#inventory, rows);
    this.journal.inventories.complete(this.#inventory);
    for (const [path, thing] of Object.entries(things))
      if (brings.includes(path))
        this.#stage(typeof thing === 'string' ? thing : 'data' in thing ? thing.data : undefined);
    return this;
  }

  #stage(data: string | Uint8Array | undefined): void {
    if (data === undefined) return;
    const bytes = bytesOf(data);
    const path = join(stagingOf(this.target), sha256Of(bytes));
    writeFileSync(path, bytes);
    utimesSync(path, MTIME / 1000, MTIME / 1000);
    this.journal.holdings.stage('r', [{ sha256: sha256Of(bytes), size: bytes.length }]);
  }

  failingAfter(changes: number): this {
    this.#failAfter = changes;
    return this;
  }

  publishes(
    phases: PublishOrder['phases'] = [{ immutable: true }, { immutable: false }, { immutable: false }],
    prune = false,
  ): this {
    this.changes.length = 0;
    const path = join(this.root, 'findings.sqlite');
    const findings = new Findings(path);
    const steps = new Steps(this.journal.path, 'r', this.#inventory);
    const tree = new Tree(this.target, this.#snapshot, (change) => {
      if (this.changes.length >= this.#failAfter) throw new Error('power cut');
      this.changes.push(change);
    });
    const roleOf = (one: string): ReturnType<PublishOrder['roleOf']> =>
      one.startsWith('dists/by-hash')
        ? 'immutable metadata'
        : one.startsWith('dists/')
          ? 'changing metadata'
          : 'content';
    try {
      findings.during(() =>
        publish(
          { repository: 'r', phases, earlier: this.#earlier, prune, roleOf, roots: new Map([['r', this.target]]) },
          steps,
          tree,
          findings,
        ),
      );
    } finally {
      steps.close();
    }
    this.journal.holdings.merge('r', path, () => {
      this.journal.holdings.name('r', this.#inventory);
      this.journal.holdings.unstageHeld('r');
    });
    return this;
  }

  /** What a start after a crash does. */
  recovers(): this {
    this.#failAfter = Number.POSITIVE_INFINITY;
    const { holdings } = this.journal;
    const path = join(this.root, 'found.sqlite');
    for (const work of [
      (findings: Findings) =>
        recoverPaths(this.target, holdings.unsure('r', this.#inventory), findings, () => undefined),
      (findings: Findings) => survey(this.target, holdings.rows('r'), findings, () => undefined),
    ]) {
      const findings = new Findings(path);
      findings.during(() => work(findings));
      holdings.merge('r', path);
    }
    const kept = sweepStaging(
      {
        staging: stagingOf(this.target),
        isStaged: (one) => holdings.isStaged('r', one) && existsSync(join(stagingOf(this.target), one)),
        hasParts: () => false,
        keepMaterialised: true,
      },
      () => undefined,
    );
    holdings.unstage(
      [...holdings.staged('r')]
        .map(({ sha256 }) => sha256)
        .filter((one) => !existsSync(join(stagingOf(this.target), one))),
    );
    holdings.stage('r', kept);
    return this;
  }

  tree(): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (folder: string, prefix: string): void => {
      for (const name of readdirSync(folder).sort()) {
        if (name === '.gapferry') continue;
        const path = join(folder, name);
        const stat = lstatSync(path);
        if (stat.isDirectory()) walk(path, `${prefix}${name}/`);
        else found[prefix + name] = stat.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, 'utf8');
      }
    };
    walk(this.target, '');
    return found;
  }
}

const first: Things = {
  'pool/a': 'A1',
  'pool/b': 'B1',
  'pool/c': 'C1',
  'dists/by-hash/one': { data: 'I1', phase: 1 },
  'dists/Packages': { data: 'I1', phase: 2 },
  'dists/old': { data: 'old', phase: 2 },
  'dists/Release': { data: 'R1', phase: 3 },
};
const second: Things = {
  'pool/a': 'B1',
  'pool/b': 'A1',
  'pool/c': 'C2',
  'pool/d': 'D2',
  'pool/e': 'D2',
  'dists/by-hash/two': { data: 'I2', phase: 1 },
  'dists/Packages': { data: 'I2', phase: 2 },
  'dists/Release': { data: 'R2', phase: 3 },
  'dists/latest': { link: 'Release', phase: 3 },
};
const secondTree = {
  'pool/a': 'B1',
  'pool/b': 'A1',
  'pool/c': 'C2',
  'pool/d': 'D2',
  'pool/e': 'D2',
  'dists/by-hash/one': 'I1',
  'dists/by-hash/two': 'I2',
  'dists/Packages': 'I2',
  'dists/Release': 'R2',
  'dists/latest': '-> Release',
};
const brought = ['pool/c', 'pool/d', 'dists/by-hash/two', 'dists/Packages', 'dists/Release'];

describe('stages', () => {
  test('replacements come right before the first metadata that change', () => {
    expect(planStages([{ immutable: true }, { immutable: false }, { immutable: false }])).toEqual([
      { do: 'content' },
      { do: 'metadata', phase: 1 },
      { do: 'replacements' },
      { do: 'metadata', phase: 2 },
      { do: 'metadata', phase: 3 },
      { do: 'tombstones' },
    ]);
    expect(planStages([])).toEqual([{ do: 'content' }, { do: 'replacements' }, { do: 'tombstones' }]);
  });
});

describe('publishing', () => {
  test('content, flush, replacements, phases with a flush after each, the root pointer last, then the tombstones', () => {
    const bench = new Bench().receives(first).publishes().receives(second, brought).publishes();
    expect(bench.tree()).toEqual(secondTree);
    expect(bench.changes.map((change) => ('path' in change ? `${change.do} ${change.path}` : change.do))).toEqual([
      'place pool/d',
      'place pool/e',
      'sync',
      'place dists/by-hash/two',
      'sync',
      'replace pool/a',
      'replace pool/b',
      'replace pool/c',
      'sync',
      'replace dists/Packages',
      'sync',
      'replace dists/Release',
      'link dists/latest',
      'sync',
      'bury dists/old',
      'sync',
    ]);
    expect(readdirSync(stagingOf(bench.target))).toEqual([]);
  });

  test('the same once more changes nothing', () => {
    const bench = new Bench().receives(second).publishes().receives(second, []).publishes();
    expect(bench.changes).toEqual([]);
  });

  test('cut off before each change in turn, and run again from the journal, it ends as if nothing had happened', () => {
    let cuts = 0;
    for (let after = 0; ; after++) {
      const bench = new Bench().receives(first).publishes().receives(second, brought).failingAfter(after);
      let cut = false;
      try {
        bench.publishes();
      } catch (error) {
        expect(String(error)).toContain('power cut');
        cut = true;
      }
      if (cut) mustNameOnlyWhatIsThere(bench.tree());
      if (cut) bench.recovers().publishes();
      expect({ after, tree: bench.tree() }).toEqual({ after, tree: secondTree });
      if (!cut) break;
      cuts++;
    }
    expect(cuts).toBe(16);
  }, 60_000);

  test('a file becomes a folder, and a folder a file', () => {
    const bench = new Bench()
      .receives({ x: 'file', 'y/a': 'a', 'y/b': 'b' })
      .publishes([])
      .receives({ 'x/in': 'in', y: 'now a file' })
      .publishes([]);
    expect(bench.tree()).toEqual({ 'x/in': 'in', y: 'now a file' });
  });

  test('a foreign file where a folder goes is not touched, and nothing else is either', () => {
    const bench = new Bench().receives({ 'a/1': '1', 'z/2': '2' });
    writeFileSync(join(bench.target, 'z'), 'foreign');
    expect(() => bench.publishes([])).toThrow(/foreign file/);
    expect(bench.tree()).toEqual({ z: 'foreign' });
    expect(bench.changes).toEqual([]);
  });

  test('a published link becomes a folder, a folder a link, a file a link and back, with what goes taken away', () => {
    const one: Things = { 'e/x': '1', d: { link: 'e' }, 'f/y': '2', g: 'g', h: { link: 'g' } };
    const two: Things = { 'e/x': '1', 'd/n': 'new', 'd/m/o': 'o', f: { link: 'e' }, g: { link: 'e' }, h: 'h' };
    for (const prunes of [false, true]) {
      const bench = new Bench().receives(one).publishes([], prunes).receives(two).publishes([], prunes);
      expect(bench.tree()).toEqual({ 'e/x': '1', 'd/n': 'new', 'd/m/o': 'o', f: '-> e', g: '-> e', h: 'h' });
      expect(bench.receives(one).publishes([], prunes).tree()).toEqual({
        'e/x': '1',
        d: '-> e',
        'f/y': '2',
        g: 'g',
        h: '-> g',
      });
    }
  });

  test('a link that is not the one that was published is foreign, and nothing is touched', () => {
    const bench = new Bench()
      .receives({ d: { link: 'e' }, 'e/x': '1' })
      .publishes([])
      .receives({ 'd/n': 'new', a: 'a', 'e/x': '1' });
    rmSync(join(bench.target, 'd'));
    symlinkSync('/tmp', join(bench.target, 'd'));
    expect(() => bench.publishes([])).toThrow(expect.objectContaining({ code: 'STORE_TAMPERED' }));
    expect([bench.tree(), bench.changes]).toEqual([{ d: '-> /tmp', 'e/x': '1' }, []]);
  });

  test('a foreign file, or an empty folder, in a folder that becomes a file: judged on the disk before anything is changed', () => {
    for (const isFolder of [false, true]) {
      const bench = new Bench()
        .receives({ 'y/deep/a': 'a', b: 'B' })
        .publishes([])
        .receives({ a: 'new', b: 'B2', y: 'now a file' });
      const foreign = join(bench.target, 'y/deep/foreign');
      if (isFolder) mkdirSync(foreign);
      else writeFileSync(foreign, 'mine');
      expect(() => bench.publishes([])).toThrow(expect.objectContaining({ code: 'STORE_TAMPERED' }));
      expect(bench.changes).toEqual([]);
      expect(bench.tree()).toMatchObject({ 'y/deep/a': 'a', b: 'B' });
      expect(bench.tree()).not.toHaveProperty('a');
    }
  });

  test('a staged object that somebody has exchanged is lacking, though its size fits', () => {
    const bench = new Bench().receives({ a: 'good' });
    writeFileSync(join(stagingOf(bench.target), sha256Of(Buffer.from('good'))), 'evil');
    expect(() => bench.publishes([])).toThrow(expect.objectContaining({ code: 'OBJECTS_MISSING' }));
    expect(bench.tree()).toEqual({});
  });

  test('without a command that flushes a whole filesystem the touched files and folders are flushed', () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      const bench = new Bench().receives(first).publishes().receives(second, brought).publishes();
      expect(bench.tree()).toEqual(secondTree);
    } finally {
      process.env['PATH'] = path;
    }
  });

  test('mode and time are put right without new bytes', () => {
    const bench = new Bench()
      .receives({ a: 'A' })
      .publishes([])
      .receives({ a: { data: 'A', exec: true, mtime: MTIME + 5000 } }, [])
      .publishes([]);
    const stat = lstatSync(join(bench.target, 'a'));
    expect([stat.mode & 0o777, Math.round(stat.mtimeMs)]).toEqual([0o755, MTIME + 5000]);
    expect(bench.changes.map(({ do: what }) => what)).toEqual(['touch', 'sync']);
  });
});

/** The promise to readers: an index that can be read names only what is there with these bytes. */
function mustNameOnlyWhatIsThere(tree: Record<string, string>): void {
  const needs: Record<string, Record<string, string>> = {
    R2: { 'dists/Packages': 'I2', 'dists/by-hash/two': 'I2' },
    I2: { 'pool/a': 'B1', 'pool/b': 'A1', 'pool/c': 'C2', 'pool/d': 'D2', 'pool/e': 'D2' },
    R1: { 'dists/by-hash/one': 'I1' },
  };
  for (const root of [tree['dists/Release'], tree['dists/Packages']])
    expect(tree).toMatchObject(needs[root ?? ''] ?? {});
}
