import { expect, test } from '@jest/globals';
import { parseMountInfo } from '../../src/media/mountinfo.ts';
import { mountAt, sameMount, watchMounts } from '../../src/media/mounts.ts';

const ROOT = '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard';
const STICK = '41 22 8:17 / /media/usb rw,nosuid shared:7 master:2 - vfat /dev/sdb1 rw,fmask=0022';

test('reads a line with optional fields', () => {
  expect(parseMountInfo(`${ROOT}\n${STICK}\n`)[1]).toEqual({
    mountId: 41,
    path: '/media/usb',
    device: '8:17',
    source: '/dev/sdb1',
    fsType: 'vfat',
    readOnly: false,
    options: ['rw', 'nosuid', 'fmask=0022'],
  });
});

test('reads a line without optional fields', () => {
  expect(parseMountInfo('41 22 8:17 / /media/usb rw - vfat /dev/sdb1 rw')).toHaveLength(1);
});

test.each([
  ['/media/my\\040stick', '/media/my stick'],
  ['/media/tab\\011line\\012feed', '/media/tab\tline\nfeed'],
  ['/media/back\\134slash', '/media/back\\slash'],
  ['/media/back\\134040', '/media/back\\040'], // not decoded twice
  ['/media/Füße', '/media/Füße'],
])('decodes %s', (written, path) => {
  expect(parseMountInfo(`41 22 8:17 / ${written} rw - vfat /dev/s\\040db1 rw`)[0]).toMatchObject({
    path,
    source: '/dev/s db1',
  });
});

test.each(['ro,nosuid - vfat /dev/sdb1 rw', 'rw - vfat /dev/sdb1 ro'])(
  'is read-only when mount or filesystem is: %s',
  (rest) => {
    expect(parseMountInfo(`41 22 8:17 / /media/usb ${rest}`)[0]?.readOnly).toBe(true);
  },
);

test('an option that only begins with ro is not read-only', () => {
  expect(
    parseMountInfo('41 22 8:17 / /media/usb rw,rootcontext=x - vfat /dev/sdb1 rw,errors=remount-ro')[0]?.readOnly,
  ).toBe(false);
});

test('leaves a line out that it does not understand, and keeps the others', () => {
  expect(parseMountInfo(`nonsense\n41 22\n${STICK}`).map(({ path }) => path)).toEqual(['/media/usb']);
});

const linux = process.platform === 'linux' ? test : test.skip;

linux('of several mounts at one path the topmost counts', () => {
  const mounts = parseMountInfo(`${ROOT}\n${STICK}\n50 41 8:33 / /media/usb rw - ext4 /dev/sdc1 rw`);
  expect(mountAt('/media/usb', mounts)?.mountId).toBe(50);
  expect(mountAt('/media/usb/gapferry', mounts)).toBeUndefined();
});

linux('a watch tells of mounts that are there, come, are exchanged and go', async () => {
  let table = STICK;
  const told: string[] = [];
  let wake = (): void => undefined;
  const stop = watchMounts(
    ['/media/usb', '/media/other'],
    { everyMs: 5, read: () => parseMountInfo(table) },
    (path, mount) => {
      told.push(`${path} ${mount?.mountId ?? 'gone'}`);
      wake();
    },
  );
  const next = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  await next();
  for (const after of ['', STICK.replace('41 ', '42 '), STICK.replace('41 ', '43 ').replace('8:17', '8:33')]) {
    const changed = next();
    table = after;
    await changed;
  }
  stop();
  expect(told).toEqual(['/media/usb 41', '/media/usb gone', '/media/usb 42', '/media/usb 43']);
});

test('another device under the same path and id is another mount', () => {
  const [a] = parseMountInfo(STICK);
  const [b] = parseMountInfo(STICK.replace('8:17', '8:33'));
  expect(sameMount(a, b)).toBe(false);
  expect(sameMount(a, a)).toBe(true);
  expect(sameMount(a, undefined)).toBe(false);
});
