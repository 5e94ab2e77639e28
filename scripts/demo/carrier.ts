/** The way between the two sides: two plain folders with a courier who copies, or one stick that is plugged in here and there. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { BUNDLES, KEYS, RECEIPTS } from '@gapferry/bundle-format/layout';
import { pause } from './processes.ts';

/** Does something to what is carried; gets the folder that bears `gapferry/`. */
export type Meddle = (medium: string) => void;

export interface Carrier {
  readonly says: string;
  /** What `init` is told at both sides. */
  readonly option: '--medium' | '--folder';
  readonly near: string;
  readonly far: string;
  /** Takes what the near side wrote to the far side. `onTheWay` sees it before the far side does. */
  toFar(onTheWay?: Meddle): Promise<void>;
  /** Takes the receipts back. */
  toNear(): Promise<void>;
  /** Does something to what lies at the far side. */
  meddle(how: Meddle): Promise<void>;
  /** Leaves nothing mounted. Never throws. */
  remove(): void;
}

/** Two folders; the courier copies bundles one way and receipts the other, as with a file manager. */
export class FolderCarrier implements Carrier {
  readonly says = 'two plain folders, and a courier who copies';
  readonly option = '--folder';
  readonly near: string;
  readonly far: string;
  readonly #way: string;

  constructor(root: string) {
    this.near = join(root, 'near-carrier');
    this.far = join(root, 'far-carrier');
    this.#way = join(root, 'on-the-way');
    for (const folder of [this.near, this.far]) mkdirSync(folder);
  }

  toFar(onTheWay: Meddle = () => undefined): Promise<void> {
    rmSync(this.#way, { recursive: true, force: true });
    const carried = this.#notYetAtFar();
    for (const name of carried) copyFolder(join(this.near, BUNDLES, name), join(this.#way, BUNDLES, name));
    copyFolder(join(this.near, KEYS), join(this.far, KEYS));
    onTheWay(this.#way);
    mkdirSync(join(this.far, BUNDLES), { recursive: true });
    for (const name of carried) renameSync(join(this.#way, BUNDLES, name), join(this.far, BUNDLES, name));
    return Promise.resolve();
  }

  toNear(): Promise<void> {
    for (const folder of [RECEIPTS, KEYS]) copyFolder(join(this.far, folder), join(this.near, folder));
    return Promise.resolve();
  }

  meddle(how: Meddle): Promise<void> {
    how(this.far);
    return Promise.resolve();
  }

  remove(): void {
    rmSync(this.#way, { recursive: true, force: true });
  }

  #notYetAtFar(): string[] {
    const bundles = join(this.near, BUNDLES);
    return existsSync(bundles) ? readdirSync(bundles).filter((name) => !existsSync(join(this.far, BUNDLES, name))) : [];
  }
}

const copyFolder = (from: string, to: string): void => {
  if (existsSync(from)) cpSync(from, to, { recursive: true });
};

const call = (program: string, ...args: readonly string[]): string => {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr ?? String(done.error)}`);
  return done.stdout.trim();
};

const STICK_BYTES = 1024 * 1024 * 1024;

/** One filesystem in a file, mounted onto the folder that either side watches. Needs root. */
export class StickCarrier implements Carrier {
  readonly says = 'one stick (a loop-mounted ext4 image), pulled out here and plugged in there';
  readonly option = '--medium';
  readonly near: string;
  readonly far: string;
  readonly #pocket: string;
  readonly #device: string;
  readonly #image: string;
  #at: string | undefined;

  /** It is in the near side's machine at first. @throws Error where no loop device can be had */
  constructor(root: string) {
    this.near = join(root, 'near-stick');
    this.far = join(root, 'far-stick');
    this.#pocket = join(root, 'pocket');
    for (const folder of [this.near, this.far, this.#pocket]) mkdirSync(folder);
    this.#image = join(root, 'stick.img');
    const fd = openSync(this.#image, 'w');
    ftruncateSync(fd, STICK_BYTES);
    closeSync(fd);
    call('mkfs.ext4', '-q', '-F', this.#image);
    this.#device = call('losetup', '--find', '--show', this.#image);
    this.#plugIn(this.near);
  }

  async toFar(onTheWay?: Meddle): Promise<void> {
    if (onTheWay !== undefined) await this.#inThePocket(onTheWay);
    await this.#moveTo(this.far);
  }

  toNear(): Promise<void> {
    return this.#moveTo(this.near);
  }

  async meddle(how: Meddle): Promise<void> {
    await this.#inThePocket(how);
    await this.#moveTo(this.far);
  }

  remove(): void {
    if (this.#at !== undefined) spawnSync('umount', ['--lazy', this.#at]);
    this.#at = undefined;
    spawnSync('losetup', ['--detach', this.#device]);
  }

  async #inThePocket(how: Meddle): Promise<void> {
    await this.#moveTo(this.#pocket);
    how(this.#pocket);
  }

  async #moveTo(folder: string): Promise<void> {
    await this.#pullOut();
    this.#plugIn(folder);
  }

  #plugIn(folder: string): void {
    call('mount', '-o', 'nosuid,nodev,noexec', this.#device, folder);
    this.#at = folder;
  }

  /** As a person who was told *remove it*: it may take a moment, no more. */
  async #pullOut(): Promise<void> {
    for (let tries = 0; this.#at !== undefined; tries++) {
      if (spawnSync('umount', [this.#at]).status === 0) this.#at = undefined;
      else if (tries === 50) throw new Error(`${this.#at} was still in use 5 s after "remove it"`);
      else await pause(100);
    }
  }
}
