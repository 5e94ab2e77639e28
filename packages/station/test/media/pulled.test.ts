import { expect, test } from '@jest/globals';
import { parseMountInfo } from '../../src/media/mountinfo.ts';
import { deviceIsGone, isPulled, mountOf } from '../../src/media/pulled.ts';
import { temporaryFolder } from '../temporary.ts';

const table = parseMountInfo(
  [
    '22 1 254:0 / / rw - ext4 /dev/vda rw',
    '30 22 8:17 / /media/usb rw - vfat /dev/sdb1 rw',
    '31 30 8:33 / /media/usb rw - vfat /dev/sdc1 rw',
    '32 22 8:49 / /media/usb2 rw - vfat /dev/sdd1 rw',
  ].join('\n'),
);

test.each<[string, number]>([
  ['/media/usb/gapferry/bundles', 31],
  ['/media/usb', 31],
  ['/media/usb2/x', 32],
  ['/media/usb3', 22],
  ['/', 22],
])('%s lies on mount %i', (path, mountId) => {
  expect(mountOf(path, table)?.mountId).toBe(mountId);
});

(process.platform === 'linux' ? test : test.skip)(
  'a device that /sys does not know is gone; a virtual one is not',
  () => {
    expect(deviceIsGone({ device: '4095:1048575' })).toBe(true);
    expect(deviceIsGone({ device: '0:21' })).toBe(false);
  },
);

test('a folder of this machine is not pulled', () => {
  expect(isPulled(temporaryFolder())).toBe(false);
});
