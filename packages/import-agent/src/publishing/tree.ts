/**
 * A published tree on disk: the few things that publishing does to it. No write ever goes through a link: every folder on the way is looked at, and what is
 * replaced is replaced by a rename (THREATS 65).
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  type Stats,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Refused } from '@gapferry/bundle-format/errors';
import { syncFilesystem } from '@gapferry/station/files/durable';
import { errnoOf, toFault } from '@gapferry/station/files/fault';
import type { StagedObject } from '../receiving/requests.ts';
import { stillStaged } from '../receiving/stamp.ts';
import { fileMode } from '../receiving/staging.ts';

export type Change =
  | { readonly do: 'place' | 'replace' | 'link' | 'folder' | 'touch' | 'bury'; readonly path: string }
  | { readonly do: 'sync' };

export type Kind = 'nothing' | 'file' | 'link' | 'folder' | 'other';

const FOLDER_MODE = 0o755;
/** Of more, the whole tree is flushed: their names would fill the memory. */
const MOST_TOUCHED = 200_000;

export class Tree {
  readonly root: string;
  readonly staging: string;
  readonly #tombstones: string;
  /** Told before each change; tests record the order with it, or fail there. */
  readonly #before: (change: Change) => void;
  readonly #folders = new Set<string>();
  /** Folders that were not there when they were looked at. */
  readonly #missing = new Set<string>();
  #dirty = false;
  /** What has changed since the last flush, for filesystems that cannot be flushed as a whole. */
  readonly #touched = new Set<string>();

  constructor(root: string, snapshot: number, before: (change: Change) => void = () => undefined) {
    this.root = root;
    this.staging = stagingOf(root);
    this.#tombstones = join(root, '.gapferry', 'tombstones', String(snapshot));
    this.#before = before;
  }

  /** What lies at a path, no link followed. */
  kind(path: string): Kind {
    return this.#guard(path, () => kindOf(statOf(this.#at(path))));
  }

  /** Paths of inventories are normal already; joining them costs more than looking. */
  #at(path: string): string {
    return `${this.root}/${path}`;
  }

  stat(path: string): Stats | undefined {
    return this.#guard(path, () => statOf(this.#at(path)));
  }

  /** Is there nothing at the path because the folder above it is missing? Asked while nothing has been made yet, after `obstacle`. */
  isBelowNothing(path: string): boolean {
    return this.#missing.has(dirname(path));
  }

  /** Every folder above the path that exists is a real folder. @returns the first component that is a file or a link, if there is one. @throws Refused STORE_TAMPERED */
  obstacle(path: string): string | undefined {
    const parent = dirname(path);
    if (parent === '.' || this.#folders.has(parent) || this.#missing.has(parent)) return undefined;
    const above = this.obstacle(parent);
    if (above !== undefined) return above;
    if (this.#missing.has(dirname(parent))) return void this.#missing.add(parent);
    switch (this.kind(parent)) {
      case 'folder':
        this.#folders.add(parent);
        return undefined;
      case 'nothing':
        return void this.#missing.add(parent);
      case 'file':
      case 'link':
        return parent;
      case 'other':
        throw tampered(parent, 'is a strange thing where a folder of the repository goes');
    }
  }

  /** Makes a folder and those above it. What is in the way must be gone. @throws Refused STORE_TAMPERED */
  ensureFolder(path: string): void {
    if (path === '.' || this.#folders.has(path)) return;
    this.ensureFolder(dirname(path));
    switch (this.kind(path)) {
      case 'folder':
        break;
      case 'nothing':
        this.#change({ do: 'folder', path });
        this.#guard(path, () => {
          mkdirSync(this.#at(path), FOLDER_MODE);
          chmodSync(this.#at(path), FOLDER_MODE);
        });
        break;
      case 'file':
      case 'link':
      case 'other':
        throw tampered(path, 'lies where a folder of the repository goes');
    }
    this.#folders.add(path);
    this.#missing.delete(path);
  }

  /**
   * Gives a staged file its mode and time. What the journal names is believed only as long as it looks as it did when it was found good; else it is hashed
   * again. Other names were hashed in this very run (`copyObject`).
   * @returns how it looks then; undefined when it is not there or is something else
   */
  dress(
    name: string,
    look: {
      readonly size: number;
      readonly exec: boolean;
      readonly mtime: number;
      readonly staged?: StagedObject | undefined;
    },
  ): Stats | undefined {
    const path = `${this.staging}/${name}`;
    return this.#guard(name, () => {
      if (look.staged !== undefined && stillStaged(this.staging, look.staged) === undefined) return undefined;
      const stat = statOf(path);
      if (stat === undefined || !stat.isFile() || stat.size !== look.size) return undefined;
      return dressFile(path, stat, look);
    });
  }

  /** Renames a staged file to its path, over whatever file or link is there. */
  place(name: string, path: string, exists: boolean): void {
    this.ensureFolder(dirname(path));
    this.#change({ do: exists ? 'replace' : 'place', path });
    this.#guard(path, () => renameSync(`${this.staging}/${name}`, this.#at(path)));
  }

  /** Makes a link under a temporary name and renames it to its path. */
  placeLink(path: string, target: string, temporary: string): Stats {
    this.ensureFolder(dirname(path));
    this.#change({ do: 'link', path });
    return this.#guard(path, () => {
      const made = join(this.staging, temporary);
      rmSync(made, { force: true });
      symlinkSync(target, made);
      renameSync(made, this.#at(path));
      return lstatSync(this.#at(path));
    });
  }

  /** Mode and time of a file whose bytes are right. */
  touch(path: string, look: { readonly exec: boolean; readonly mtime: number }): Stats {
    this.#change({ do: 'touch', path });
    return this.#guard(path, () => dressFile(this.#at(path), lstatSync(this.#at(path)), look));
  }

  /** Where a link leads; undefined when the path is none. */
  linkTarget(path: string): string | undefined {
    return this.#guard(path, () => (this.kind(path) === 'link' ? readlinkSync(this.#at(path)) : undefined));
  }

  /** Names in a folder. */
  names(path: string): string[] {
    return this.#guard(path, () => readdirSync(this.#at(path)));
  }

  /** Moves a file or link aside, under its old path, and takes away the folders that it leaves empty. @throws Refused STORE_TAMPERED when a link leads there */
  bury(path: string): void {
    const obstacle = this.obstacle(path);
    if (obstacle !== undefined) throw tampered(obstacle, 'is not the folder that was published there');
    this.#change({ do: 'bury', path });
    this.#guard(path, () => {
      const grave = join(this.#tombstones, path);
      mkdirSync(dirname(grave), { recursive: true, mode: 0o700 });
      this.#touch(grave);
      rmSync(grave, { recursive: true, force: true });
      try {
        renameSync(this.#at(path), grave);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error; // buried before a crash
      }
      this.#removeEmpty(dirname(path));
    });
  }

  /** Takes away a published folder, if it is empty. */
  clear(path: string): void {
    this.#change({ do: 'bury', path });
    if (this.removeFolder(path)) this.#removeEmpty(dirname(path));
  }

  /** Takes away an empty folder; false when something is in it. */
  removeFolder(path: string): boolean {
    this.#folders.clear();
    try {
      rmdirSync(this.#at(path));
      return true;
    } catch (error) {
      return errnoOf(error) === 'ENOENT';
    }
  }

  #removeEmpty(path: string): void {
    for (let folder = path; folder !== '.'; folder = dirname(folder)) if (!this.removeFolder(folder)) return;
  }

  /** Removes all but the newest tombstones, so that they do not fill the disk in years. */
  forgetOldTombstones(keep: number): void {
    const all = dirname(this.#tombstones);
    this.#guard('.gapferry/tombstones', () => {
      const names = statOf(all) === undefined ? [] : readdirSync(all).filter((name) => /^\d+$/.test(name));
      const old = names.toSorted((a, b) => Number(b) - Number(a)).slice(keep);
      for (const name of old) rmSync(join(all, name), { recursive: true, force: true });
    });
  }

  /** One flush of the filesystem, if anything changed since the last. */
  sync(): void {
    if (!this.#dirty) return;
    this.#before({ do: 'sync' });
    syncFilesystem(this.root, this.#touched.size > MOST_TOUCHED ? undefined : this.#toFlush());
    this.#dirty = false;
    this.#touched.clear();
  }

  /** A file that was made in staging. */
  made(name: string): void {
    this.#touch(`${this.staging}/${name}`);
  }

  #touch(path: string): void {
    this.#dirty = true;
    if (this.#touched.size <= MOST_TOUCHED) this.#touched.add(path);
  }

  /** What was touched, as it lies there now: of what was moved on, and of links, the folder that names it. */
  *#toFlush(): Generator<string> {
    for (const path of this.#touched) {
      const stat = statOf(path);
      yield stat?.isFile() === true || stat?.isDirectory() === true ? path : nearestFolder(dirname(path));
    }
  }

  #change(change: Change): void {
    this.#before(change);
    if (change.do !== 'sync') this.#touch(this.#at(change.path));
    if (change.do === 'place' || change.do === 'replace' || change.do === 'link') this.#touch(this.staging);
  }

  #guard<T>(what: string, effect: () => T): T {
    try {
      return effect();
    } catch (error) {
      throw toFault(error, { where: 'machine', doing: 'write', what: join(this.root, what) });
    }
  }
}

const nearestFolder = (path: string): string =>
  statOf(path)?.isDirectory() === true || path === dirname(path) ? path : nearestFolder(dirname(path));

export const stagingOf = (root: string): string => join(root, '.gapferry', 'staging');

export const tampered = (path: string, why: string): Refused =>
  new Refused('STORE_TAMPERED', `${JSON.stringify(path)} ${why}`, { facts: { path } });

const statOf = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
};

const kindOf = (stat: Stats | undefined): Kind => {
  if (stat === undefined) return 'nothing';
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'folder';
  return stat.isSymbolicLink() ? 'link' : 'other';
};

export const isExecutable = (stat: Stats): boolean => (stat.mode & 0o100) !== 0;

function dressFile(
  path: string,
  stat: Stats,
  { exec, mtime }: { readonly exec: boolean; readonly mtime: number },
): Stats {
  const modeFits = (stat.mode & 0o777) === fileMode(exec);
  const timeFits = Math.round(stat.mtimeMs) === mtime;
  if (modeFits && timeFits) return stat;
  if (!modeFits) chmodSync(path, fileMode(exec));
  if (!timeFits) utimesSync(path, mtime / 1000, mtime / 1000);
  return lstatSync(path);
}
