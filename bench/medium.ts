/** Where both ways write to: a folder on the same disk, or a loop-mounted ext4 image that stands for a stick. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Medium {
  readonly path: string;
  readonly says: string;
  /** Empties it for the next run. */
  clear(): void;
  remove(): void;
}

const clearFolder = (folder: string): void => {
  for (const name of readdirSync(folder)) if (name !== 'lost+found') rmSync(join(folder, name), { recursive: true });
};

export const folderMedium = (path: string): Medium => {
  mkdirSync(path);
  return { path, says: 'a folder on the same disk', clear: () => clearFolder(path), remove: () => undefined };
};

const call = (program: string, ...args: readonly string[]): string => {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr ?? String(done.error)}`);
  return done.stdout.trim();
};

/** The loop device goes past the page cache of the image file, as a stick has none. @throws Error when not root, or without loop devices */
export const stickMedium = (work: string, bytes: number): Medium => {
  const [image, path] = [join(work, 'stick.img'), join(work, 'stick')];
  const fd = openSync(image, 'w');
  ftruncateSync(fd, bytes);
  closeSync(fd);
  call('mkfs.ext4', '-q', '-F', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image);
  mkdirSync(path);
  const device = call('losetup', '--find', '--show', '--direct-io=on', image);
  const detach = (): void => {
    call('losetup', '--detach', device);
    rmSync(image, { force: true });
  };
  try {
    call('mount', '-o', 'nosuid,nodev', device, path);
  } catch (error) {
    detach();
    throw error;
  }
  const remove = (): void => {
    call('umount', path);
    detach();
  };
  return { path, says: 'a loop-mounted ext4 image on the same disk', clear: () => clearFolder(path), remove };
};
