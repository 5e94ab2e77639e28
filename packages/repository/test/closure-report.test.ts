import { expect, test } from '@jest/globals';
import { BadMetadata } from '../src/bad-metadata.ts';
import { ClosureFindings, LISTED } from '../src/closure-report.ts';
import { checkClosure } from '../src/closure.ts';
import { loadPreset } from '../src/preset.ts';
import { readText } from '../src/read-text.ts';
import { MemoryView } from './support/memory-view.ts';

test('notes are told once each, and up to a bound', () => {
  const findings = new ClosureFindings('refuse');
  for (let n = 0; n < LISTED + 5; n += 1)
    for (let again = 0; again < 2; again += 1) findings.note(`note ${n % (LISTED + 3)}`);
  const { notes } = findings.report();
  expect(notes).toHaveLength(LISTED + 1);
  expect(notes[LISTED - 1]).toBe(`note ${LISTED - 1}`);
  expect(notes.at(-1)).toBe('and more that are not listed');
});

test('a file that is held as a whole is bounded before it is held', async () => {
  const view = new MemoryView({ a: 'x'.repeat(100) });
  expect(await readText(view, 'a', 100)).toHaveLength(100);
  await expect(readText(view, 'a', 99)).rejects.toThrow(BadMetadata);
});

test('a preset without a checker finds nothing and reads nothing', async () => {
  class Unreadable extends MemoryView {
    override paths(): never {
      throw new Error('looked');
    }
  }
  expect(await checkClosure(loadPreset('tree', []), new Unreadable({ a: 'b' }))).toMatchObject({
    references: 0,
    problemCount: 0,
  });
});
