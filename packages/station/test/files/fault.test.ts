import { expect, test } from '@jest/globals';
import { Refused } from '@gapferry/bundle-format/errors';
import { toFault, type Whereabouts } from '../../src/files/fault.ts';

const errno = (code: string): Error => Object.assign(new Error(code), { code });

test.each<[string, Whereabouts, 'read' | 'write', string]>([
  ['ENOSPC', 'medium', 'write', 'MEDIA_FULL'],
  ['EROFS', 'medium', 'write', 'MEDIA_READONLY'],
  ['ENODEV', 'medium', 'read', 'MEDIA_GONE'],
  ['ENXIO', 'medium', 'write', 'MEDIA_GONE'],
  ['EIO', 'medium', 'read', 'MEDIA_READ'],
  ['EIO', 'medium', 'write', 'MEDIA_WRITE'],
  ['EFBIG', 'medium', 'write', 'FS_FILE_LIMIT'],
  ['EACCES', 'medium', 'read', 'PERMISSION'],
  ['ENOSPC', 'machine', 'write', 'LOCAL_FULL'],
  ['EDQUOT', 'machine', 'write', 'LOCAL_FULL'],
  ['EIO', 'machine', 'read', 'LOCAL_IO'],
  ['EPERM', 'machine', 'write', 'PERMISSION'],
  ['EMFILE', 'machine', 'read', 'LOCAL_IO'],
  ['EMFILE', 'medium', 'read', 'LOCAL_IO'], // the medium is not damaged by it
])('%s on a %s while it is to %s is %s', (code, where, doing, expected) => {
  const cause = errno(code);
  expect(toFault(cause, { where, doing, what: '/x' })).toMatchObject({
    code: expected,
    cause,
    facts: { path: '/x', errno: code },
  });
});

test('what is already one of ours, or no system error, passes unchanged', () => {
  const context = { where: 'medium', doing: 'read', what: '/x' } as const;
  for (const error of [new Refused('SIG_INVALID', 'no'), new TypeError('x'), errno('ERR_INVALID_ARG_TYPE'), 'text']) {
    expect(toFault(error, context)).toBe(error);
  }
});
