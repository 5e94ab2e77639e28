/** A stick made of a file: a loop-mounted image that can be plugged into an existing empty folder and pulled out. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from './commands.ts';
import { missingTools } from './needs.ts';
import { removeFolder, tempFolder } from './trees.ts';

export type StickFilesystem = 'ext4' | 'exfat';

const call = (program: string, ...args: readonly string[]): { ok: boolean; out: string; said: string } => {
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
  return { ok: done.status === 0, out: done.stdout ?? '', said: `${done.stdout ?? ''}${done.stderr ?? ''}` };
};

const demand = (program: string, ...args: readonly string[]): string => {
  const done = call(program, ...args);
  if (!done.ok) throw new Error(`${program} ${args.join(' ')}: ${done.said}`);
  return done.out.trim();
};

export class LoopStick {
  readonly #image: string;
  readonly #filesystem: StickFilesystem;
  #device: string | undefined;
  #at: string | undefined;

  private constructor(image: string, filesystem: StickFilesystem) {
    this.#image = image;
    this.#filesystem = filesystem;
  }

  static make(image: string, megabytes: number, filesystem: StickFilesystem = 'ext4'): LoopStick {
    const fd = openSync(image, 'w');
    ftruncateSync(fd, megabytes * 1024 * 1024);
    closeSync(fd);
    if (filesystem === 'ext4') demand('mkfs.ext4', '-q', '-F', '-E', 'root_owner=0:0', image);
    else demand('mkfs.exfat', image);
    return new LoopStick(image, filesystem);
  }

  /** Mounts onto an existing folder. */
  plugIn(at: string): void {
    this.#device = demand('losetup', '--find', '--show', this.#image);
    if (this.#filesystem === 'exfat') demand('mount.exfat-fuse', this.#device, at);
    else demand('mount', '-o', 'nosuid,nodev,noexec', this.#device, at);
    this.#at = at;
  }

  /** Unmounts, as a person who waited for *remove it*: busy for longer than the limit is an error. */
  async pullOut(limitMs = 5000): Promise<void> {
    const end = performance.now() + limitMs;
    while (this.#at !== undefined) {
      const done = call('umount', this.#at);
      if (done.ok) this.#at = undefined;
      else if (performance.now() > end) throw new Error(`the stick cannot be taken out: ${done.said}`);
      else await pause(100);
    }
    await this.#detach();
  }

  async #detach(): Promise<void> {
    for (let tries = 0; this.#device !== undefined && tries < 50; tries += 1) {
      // a FUSE filesystem lets go of its device a moment after umount
      if (call('losetup', '--detach', this.#device).ok) this.#device = undefined;
      else await pause(100);
    }
  }

  /** For clean-up only: never throws, leaves nothing mounted. */
  async remove(): Promise<void> {
    if (this.#at !== undefined && !call('umount', this.#at).ok) call('umount', '--lazy', this.#at);
    this.#at = undefined;
    await this.#detach();
    rmSync(this.#image, { force: true });
  }
}

/** Why no loop-mounted stick can be had here; undefined when one can. It is tried, not guessed. */
export const noStick = (filesystem: StickFilesystem = 'ext4'): string | undefined => {
  if (process.platform !== 'linux') return 'loop-mounted sticks are for Linux';
  if (process.getuid?.() !== 0) return 'a loop-mounted stick needs root';
  const lacking = missingTools(
    'mount',
    'umount',
    'losetup',
    ...(filesystem === 'ext4' ? ['mkfs.ext4'] : ['mkfs.exfat', 'mount.exfat-fuse']),
  );
  if (lacking !== undefined) return lacking;
  const folder = tempFolder('stick-trial');
  const at = join(folder, 'mnt');
  mkdirSync(at);
  const image = join(folder, 'image');
  let device = '';
  try {
    LoopStick.make(image, 16, filesystem);
    device = demand('losetup', '--find', '--show', image);
    if (filesystem === 'exfat') demand('mount.exfat-fuse', device, at);
    else demand('mount', device, at);
    demand('umount', at);
    return undefined;
  } catch (error) {
    return `this machine lets no stick be mounted (${error instanceof Error ? error.message.trim() : String(error)})`;
  } finally {
    if (device !== '') for (let n = 0; n < 20 && !call('losetup', '--detach', device).ok; n += 1) call('sleep', '0.1');
    removeFolder(folder);
  }
};
