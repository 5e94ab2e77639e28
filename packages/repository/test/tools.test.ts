import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { toolDecompressor } from '../src/tools.ts';

const TEXT = 'a text that is long enough to be worth it. '.repeat(50_000);
const has = (tool: string): boolean => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined;

async function* inChunks(bytes: Uint8Array, failAfter = Infinity): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100) {
    if (at >= failAfter) throw new Error('the disk is gone');
    yield bytes.subarray(at, at + 100);
  }
}
const textOf = async (chunks: AsyncIterable<Uint8Array> | undefined): Promise<string> => {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks ?? []) all.push(chunk);
  return Buffer.concat(all).toString();
};

describe.each([
  ['xz', 'xz'],
  ['bzip2', 'bzip2'],
] as const)('%s', (compression, tool) => {
  const onlyWithTool = has(tool) ? test : test.skip;
  const packed = (): Uint8Array => spawnSync(tool, ['-c'], { input: TEXT, maxBuffer: 1 << 26 }).stdout;

  onlyWithTool('opens what the tool packed', async () => {
    expect(await textOf(toolDecompressor()(compression, inChunks(packed())))).toBe(TEXT);
  });

  onlyWithTool('fails on damaged and on cut-off data', async () => {
    const bytes = packed();
    const cut = textOf(toolDecompressor()(compression, inChunks(bytes.subarray(0, -20))));
    await expect(cut).rejects.toThrow('cannot read its data');
    const damaged = textOf(toolDecompressor()(compression, inChunks(Buffer.alloc(1000, 7))));
    await expect(damaged).rejects.toThrow('cannot read its data');
  });

  onlyWithTool('passes a fault of the source on', async () => {
    await expect(textOf(toolDecompressor()(compression, inChunks(packed(), 100)))).rejects.toThrow('the disk is gone');
  });

  onlyWithTool('may be left in the middle', async () => {
    for await (const chunk of toolDecompressor()(compression, inChunks(packed())) ?? []) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });
});

test('a tool that is not there is no tool', () => {
  expect(toolDecompressor({ PATH: '/nonexistent' })('xz', inChunks(new Uint8Array()))).toBeUndefined();
});
