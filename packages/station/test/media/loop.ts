/** Real filesystems for tests: an image mounted over a loop device. Only where this process may mount. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** EXT4_IOC_SHUTDOWN without flushing the log: writers see errors at once (unlike `umount -l`). */
const SHUTDOWN =
  'import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))';

const run = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  }).status === 0;

type Mkfs = readonly [string, ...string[]];
const EXT4: Mkfs = ['mkfs.ext4', '-q', '-F'];

export interface LoopMount {
  readonly path: string;
  unmount(): void;
  remount(options: string): boolean;
  /** As if it was pulled out: every access fails from now on. */
  pull(): boolean;
}

/** Undefined when the image cannot be made or mounted here. */
export const mountLoop = (folder: string, mkfs: Mkfs = EXT4, megabytes = 16): LoopMount | undefined => {
  const image = join(folder, 'image');
  const path = join(folder, 'my stick');
  const fd = openSync(image, 'w');
  ftruncateSync(fd, megabytes * 1024 * 1024);
  closeSync(fd);
  mkdirSync(path);
  const [command, ...args] = mkfs;
  if (!run(command, [...args, image]) || !run('mount', ['-o', 'loop', image, path])) return undefined;
  return {
    path,
    unmount: () => void (run('umount', [path]) || run('umount', ['-l', path])),
    pull: () => run('python3', ['-c', SHUTDOWN, path]),
    remount: (options) => run('mount', ['-o', `remount,${options}`, path]),
  };
};

export const hasTool = (name: string): boolean =>
  ['/usr/sbin', '/sbin', ...(process.env['PATH'] ?? '').split(':')].some((folder) => existsSync(join(folder, name)));

const tryOnce = (mkfs: Mkfs): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'gapferry-probe-'));
  const mounted = mountLoop(folder, mkfs);
  mounted?.unmount();
  rmSync(folder, { recursive: true, force: true });
  return mounted !== undefined;
};

/** A reason why real mounts cannot be made here; undefined when they can. */
export const whyNoMounts = (mkfs: Mkfs = EXT4): string | undefined => {
  if (process.platform !== 'linux') return 'only on Linux';
  if (process.geteuid?.() !== 0) return 'only root may mount';
  if (!hasTool(mkfs[0])) return `${mkfs[0]} is not installed`;
  return tryOnce(mkfs) ? undefined : `what ${mkfs[0]} makes cannot be mounted here`;
};
