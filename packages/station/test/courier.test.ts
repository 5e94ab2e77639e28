import { expect, test } from '@jest/globals';
import { Damaged, Incomplete, Refused, Unfit } from '@gapferry/bundle-format/errors';
import { courierFailure, courierLine, type CourierState } from '../src/courier.ts';

test.each<[CourierState, string]>([
  [{ state: 'working', doing: 'reading', percent: 41.9 }, 'wait: reading, 41 %'],
  [{ state: 'working', doing: 'proving' }, 'wait: reading back what was written'],
  [{ state: 'finished', wrote: true, proven: true, carryTo: 'plant7' }, 'done: remove it and carry it to plant7'],
  [{ state: 'finished', wrote: true, proven: false }, 'done: remove it (written, not proven on the device)'],
  [{ state: 'finished', wrote: false, proven: false }, 'done: remove it'],
  [{ state: 'nothing' }, 'done: nothing here for this machine, remove it'],
  [{ state: 'next-medium', what: 'volume 3 of 5' }, 'done: remove it and bring volume 3 of 5'],
])('%j', (state, line) => {
  expect(courierLine(state).line).toBe(line);
});

test('what fails is refused with its reason; where another try helps, that is said', () => {
  expect(courierFailure(new Refused('WRONG_SITE', 'the bundle is for plant8'))).toEqual({
    word: 'refused',
    line: 'refused: the bundle is for plant8',
  });
  expect(courierFailure(new Damaged('HASH_MISMATCH', 'block 3 is damaged')).line).toBe(
    'refused: block 3 is damaged; try once more or take another one',
  );
  expect(courierFailure(new Unfit('MEDIA_WRITE', 'x could not be written')).word).toBe('refused');
  expect(courierFailure(new Incomplete('BUNDLE_INCOMPLETE', 'volume 2 has not come yet'))).toEqual({
    word: 'wait',
    line: 'wait: volume 2 has not come yet',
  });
});

test('a medium that is not in the machine is not refused', () => {
  expect(courierFailure(new Unfit('MEDIA_GONE', 'the medium went away'))).toEqual({
    word: 'wait',
    line: 'wait: pulled too early: plug it in again',
  });
  expect(courierFailure(new Unfit('NOT_MOUNTED', 'nothing is mounted at /media/usb'))).toEqual({
    word: 'wait',
    line: 'wait: plug the medium in',
  });
});

test('every line begins with its word', () => {
  const states: CourierState[] = [
    { state: 'working', doing: 'writing' },
    { state: 'nothing' },
    { state: 'finished', wrote: true, proven: true },
    { state: 'failed', kind: 'fault', why: 'x' },
  ];
  for (const state of states) {
    const { word, line } = courierLine(state);
    expect(line.startsWith(`${word}: `)).toBe(true);
  }
});
