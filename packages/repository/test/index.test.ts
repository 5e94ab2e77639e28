import { expect, test } from '@jest/globals';
import * as repository from '../src/index.ts';

test('the front of the package is this list of verbs', () => {
  expect(Object.keys(repository).toSorted()).toEqual([
    'NotDecompressible',
    'assertClosed',
    'busyMarker',
    'checkClosure',
    'classifier',
    'compileGlobs',
    'globFault',
    'isBusy',
    'listPresets',
    'loadPreset',
    'neverEntered',
    'parsePreset',
    'phases',
    'toolDecompressor',
  ]);
});
