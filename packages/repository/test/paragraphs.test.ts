import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ParagraphReader } from '../src/apt/paragraphs.ts';

const read = (chunks: readonly Uint8Array[], wanted: readonly string[] = ['a', 'b']): Record<string, string>[] => {
  const reader = new ParagraphReader(wanted);
  const all = [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()];
  return all.map((paragraph) => Object.fromEntries(paragraph));
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('paragraphs', () => {
  test.each([
    ['', []],
    ['\n\n\n', []],
    ['A: 1', [{ a: '1' }]],
    ['A: 1\nB: 2\n\nA: 3\n', [{ a: '1', b: '2' }, { a: '3' }]],
    ['A: 1\n\n\n\nA: 2', [{ a: '1' }, { a: '2' }]],
    ['a:1\n\nB:\t2 \n', [{ a: '1' }, { b: '2' }]],
    ['A:\n one\n\ttwo\n .\nB: x', [{ a: '\none\ntwo\n.', b: 'x' }]],
    ['C: c\n A: no\nA: 1', [{ a: '1' }]],
    ['# comment\nA: 1\n# comment\nB: 2', [{ a: '1', b: '2' }]],
    ['A: http://x:1/\r\n\r\nA: 2\r\n', [{ a: 'http://x:1/' }, { a: '2' }]],
    ['C: only others\n\nA: 1', [{}, { a: '1' }]],
    ['__proto__: x\nA: 1', [{ a: '1' }]],
  ])('%j', (text, expected) => expect(read([bytes(text)])).toEqual(expected));

  test.each([['no colon'], [': no name'], [' starts inside'], ['A: 1\nA: 2'], ['A: 1\na: 1']])('refuses %j', (text) => {
    expect(() => read([bytes(text)])).toThrow();
  });

  test('are the same however the bytes are cut', () => {
    const text = 'A: ä€😀\n more\r\nB: 2\n\n# c\nA: 3\nC: x\n y\n\n';
    const whole = read([bytes(text)]);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes(text).length }), { maxLength: 8 }), (cuts) => {
        const places = [0, ...cuts.toSorted((one, other) => one - other), bytes(text).length];
        const chunks = places.slice(1).map((to, at) => bytes(text).subarray(places[at], to));
        expect(read(chunks)).toEqual(whole);
      }),
    );
  });

  test('never hold an endless line', () => {
    const reader = new ParagraphReader(['a']);
    const megabyte = bytes('x'.repeat(1 << 20));
    expect(() => Array.from({ length: 6 }, () => reader.push(megabyte))).toThrow('has a line longer than');
  });

  test('never hold an endless field', () => {
    const reader = new ParagraphReader(['a']);
    reader.push(bytes('A: x\n'));
    const lines = bytes(` ${'y'.repeat((1 << 20) - 2)}\n`);
    expect(() => Array.from({ length: 66 }, () => reader.push(lines))).toThrow('has a paragraph larger than');
  });
});
