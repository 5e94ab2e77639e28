/**
 * Publishes one received inventory of one repository. What is true at every moment:
 *
 *   1. what published metadata name exists, and has its bytes: content is placed and flushed before any metadata that name it;
 *   2. the root pointer changes last; what it named before stays until the next publish;
 *   3. a path holds its old bytes or its new ones: files appear and change by rename only;
 *   4. an object is taken away only after another copy of it, if one is needed, is flushed: copies, moves and swaps are materialised in staging first;
 *   5. files that no inventory ever named are foreign and stay;
 *   6. every step can be repeated: a run that was cut off is run again from the journal, with the same result.
 */
import { createHash } from 'node:crypto';
import { Incomplete } from '@gapferry/bundle-format/errors';
import { FILE, FOLDER, LINK } from '../journal/schema.ts';
import type { Findings } from '../journal/findings.ts';
import type { FileStep, LinkStep, Steps } from '../journal/steps.ts';
import { copyObject } from './copy.ts';
import { planStages, type Phase, type Stage } from './stages.ts';
import { isExecutable, tampered, type Tree } from './tree.ts';

export interface PublishOrder {
  readonly repository: string;
  readonly phases: readonly Phase[];
  /** The inventory that is published until now: what it names is kept until the next publish where readers may still use it. */
  readonly earlier: number | undefined;
  /** May content that is no longer named be taken away? */
  readonly prune: boolean;
  /** What a path that is no longer named was. */
  readonly roleOf: (path: string) => 'content' | 'changing metadata' | 'immutable metadata' | 'foreign';
  /** Roots of all repositories, for copies. */
  readonly roots: ReadonlyMap<string, string>;
}

/** Snapshots of which what was taken away is kept. */
const KEPT_TOMBSTONES = 3;

export interface PublishSummary {
  /** Files, links and folders that were placed or replaced. */
  readonly placed: number;
  readonly bytes: number;
  readonly buried: number;
}

/** @throws Refused STORE_TAMPERED before anything has changed; Incomplete OBJECTS_MISSING when an object is no longer what the journal says; Unfit LOCAL_* */
export function publish(order: PublishOrder, steps: Steps, tree: Tree, findings: Findings): PublishSummary {
  const run = new Publishing(order, steps, tree, findings);
  run.inspect();
  run.materialise();
  for (const stage of planStages(order.phases)) run.perform(stage);
  tree.forgetOldTombstones(KEPT_TOMBSTONES);
  return run.summary;
}

class Publishing {
  readonly #order: PublishOrder;
  readonly #steps: Steps;
  readonly #tree: Tree;
  readonly #findings: Findings;
  readonly summary = { placed: 0, bytes: 0, buried: 0 };

  constructor(order: PublishOrder, steps: Steps, tree: Tree, findings: Findings) {
    this.#order = order;
    this.#steps = steps;
    this.#tree = tree;
    this.#findings = findings;
  }

  /** Looks at every path that will be touched, before the first is. */
  inspect(): void {
    let existing: number[] = [];
    for (const { id, path, type } of this.#steps.paths()) {
      const obstacle = this.#tree.obstacle(path);
      if (obstacle !== undefined) {
        this.#mustBeOurs(obstacle);
        continue; // it goes away before anything is placed below it
      }
      if (this.#tree.isBelowNothing(path)) continue;
      const kind = this.#tree.kind(path);
      if (kind === 'nothing') continue;
      if (kind === 'other') throw tampered(path, 'is neither file, link nor folder');
      if (kind === 'link' && !this.#isOurs(path))
        throw tampered(path, 'is a link that no inventory named, where a file of the repository goes');
      if (kind === 'folder' && type !== FOLDER) this.#mustBeEmptyable(path);
      existing.push(id);
    }
    this.#steps.markExisting(existing);
    existing = [];
  }

  /** A file or link that a folder will replace. */
  #mustBeOurs(obstacle: string): void {
    if (!this.#isOurs(obstacle))
      throw tampered(obstacle, 'is a foreign file or link where a folder of the repository goes');
  }

  /** An inventory of ours named it as what it is now: somebody else's link leads elsewhere. */
  #isOurs(path: string): boolean {
    const held = this.#steps.heldAt(path);
    if (held?.named !== true) return false;
    const kind = this.#tree.kind(path);
    if (kind === 'link') return held.type === LINK && held.target === this.#tree.linkTarget(path);
    return kind === 'file' && held.type === FILE;
  }

  /** A folder that a file will replace. The disk decides: what the journal never heard of is foreign, an empty folder too. */
  #mustBeEmptyable(path: string): void {
    const names = this.#tree.names(path);
    if (names.length === 0 && this.#steps.heldAt(path)?.type !== FOLDER) throw foreignWithin(path);
    for (const name of names) {
      const below = `${path}/${name}`;
      if (this.#tree.kind(below) === 'folder') this.#mustBeEmptyable(below);
      else if (!this.#isOurs(below)) throw foreignWithin(below);
    }
  }

  /** Copies, moves and swaps: each file gets an object of its own in staging, hashed on the way. */
  materialise(): void {
    for (const step of this.#steps.copies()) {
      const name = nameOf(step);
      const made = copyObject({
        step,
        to: name,
        sources: this.#steps.sources(step.blob),
        tree: this.#tree,
        roots: this.#order.roots,
      });
      if (!made) throw lost(step);
      this.#tree.made(name);
    }
  }

  perform(stage: Stage): void {
    switch (stage.do) {
      case 'content':
        this.#placeAll(0, [false]);
        for (const path of this.#steps.folders()) this.#placeFolder(path);
        break;
      case 'replacements':
        this.#placeAll(0, [true]);
        break;
      case 'metadata':
        this.#placeAll(stage.phase, [false, true]);
        break;
      case 'tombstones':
        this.#bury();
        break;
    }
    this.#tree.sync();
  }

  /** Links after the files that they may lead to. */
  #placeAll(phase: number, existing: readonly boolean[]): void {
    for (const exists of existing) for (const step of this.#steps.files(phase, exists)) this.#placeFile(step);
    for (const exists of existing) for (const step of this.#steps.links(phase, exists)) this.#placeLink(step);
  }

  #placeFile(step: FileStep): void {
    if (step.same) return this.#touch(step);
    const name = nameOf(step);
    const { size, exec, mtime, sha256, stamp } = step;
    const stat = this.#tree.dress(name, {
      size,
      exec,
      mtime,
      staged: step.staged ? { sha256, size, stamp } : undefined,
    });
    if (stat === undefined) throw lost(step);
    this.#makeWay(step.path, step.exists);
    this.#tree.place(name, step.path, step.exists);
    this.#found({
      path: step.path,
      type: FILE,
      sha256: step.blob,
      size: step.size,
      mtime: stat.mtimeMs,
      inode: stat.ino,
      exec: step.exec,
      target: null,
    });
    this.summary.bytes += step.size;
  }

  #touch(step: FileStep): void {
    const stat = this.#tree.touch(step.path, step);
    this.#found({
      path: step.path,
      type: FILE,
      sha256: step.blob,
      size: step.size,
      mtime: stat.mtimeMs,
      inode: stat.ino,
      exec: isExecutable(stat),
      target: null,
    });
  }

  #placeLink({ path, target, exists }: LinkStep): void {
    this.#makeWay(path, exists);
    const stat = this.#tree.placeLink(path, target, `${shortDigest(path)}.link`);
    this.#found({
      path,
      type: LINK,
      sha256: null,
      size: null,
      mtime: stat.mtimeMs,
      inode: stat.ino,
      exec: false,
      target,
    });
  }

  #placeFolder(path: string): void {
    this.#makeWay(path, false);
    if (this.#tree.kind(path) === 'file' || this.#tree.kind(path) === 'link') this.#buryOne(path);
    this.#tree.ensureFolder(path);
    this.#found({ path, type: FOLDER, sha256: null, size: null, mtime: null, inode: null, exec: false, target: null });
  }

  #found(seen: Omit<Parameters<Findings['add']>[0], 'named'>): void {
    this.#findings.add({ ...seen, named: true });
    this.summary.placed++;
  }

  /** A folder became a file, or a file a folder: what stood there was judged by `inspect` and goes aside. */
  #makeWay(path: string, exists: boolean): void {
    const obstacle = this.#tree.obstacle(path);
    if (obstacle !== undefined) this.#buryOne(obstacle);
    if (!exists || this.#tree.kind(path) !== 'folder') return;
    for (const { path: below, type } of this.#steps.heldBelow(path).toReversed()) {
      if (type === FOLDER) this.#tree.removeFolder(below);
      else this.#buryOne(below);
    }
    if (this.#tree.kind(path) === 'folder' && !this.#tree.removeFolder(path)) throw foreignWithin(path);
  }

  #buryOne(path: string): void {
    this.#tree.bury(path);
    this.#findings.gone(path);
    this.summary.buried++;
  }

  /** Readers of the root pointer before this one may still come for what it named. */
  #bury(): void {
    for (const { path, type, inEarlier } of this.#steps.unlisted(this.#order.earlier)) {
      const role = this.#order.roleOf(path);
      const goes =
        role === 'changing metadata' ||
        (role === 'immutable metadata' && !inEarlier) ||
        (role === 'content' && this.#order.prune && !inEarlier);
      if (goes) this.#buryUnlisted(path, type);
    }
  }

  /** Only what still is what it was: a folder may stand there by now, ours or somebody else's, and folders go only when they are empty. */
  #buryUnlisted(path: string, type: number): void {
    const kind = this.#tree.obstacle(path) === undefined ? this.#tree.kind(path) : 'nothing';
    if (kind === (type === LINK ? 'link' : 'file') && type !== FOLDER) return this.#buryOne(path);
    if (kind === 'folder' && type === FOLDER) this.#tree.clear(path);
    this.#findings.forget(path);
  }
}

const foreignWithin = (path: string): ReturnType<typeof tampered> =>
  tampered(path, 'is foreign, in a folder where a file of the repository goes');

/** The name in staging of what a step places. */
const nameOf = (step: FileStep): string => (step.first ? step.sha256 : `${step.sha256}.${shortDigest(step.path)}`);

const shortDigest = (path: string): string => createHash('sha256').update(path).digest('hex').slice(0, 16);

const lost = (step: FileStep): Incomplete =>
  new Incomplete('OBJECTS_MISSING', `the object for ${JSON.stringify(step.path)} is no longer there`, {
    facts: { path: step.path, sha256: step.sha256 },
  });
