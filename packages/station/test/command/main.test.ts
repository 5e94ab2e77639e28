import { expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const start = (...args: string[]): ChildProcess =>
  spawn(
    process.execPath,
    [
      '--conditions=gapferry-source',
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(new URL('./main.ts', import.meta.url)),
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
const textOf = (stream: ChildProcess['stdout']): (() => string) => {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
};
const ended = async (child: ChildProcess): Promise<unknown> => {
  const [code]: unknown[] = await once(child, 'close');
  return code;
};

test('a reader that goes away early is no crash', async () => {
  const child = start('many');
  const err = textOf(child.stderr);
  child.stdout?.once('data', () => child.stdout?.destroy());
  expect(await ended(child)).toBe(0);
  expect(err()).toBe('');
});

test('all of a long answer arrives', async () => {
  const child = start('many');
  const out = textOf(child.stdout);
  expect(await ended(child)).toBe(0);
  expect(out().split('\n')).toHaveLength(200_001);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s lets the command end by itself', async (signal) => {
  const child = start('wait');
  const out = textOf(child.stdout);
  await once(child.stderr ?? child, 'data');
  child.kill(signal);
  expect(await ended(child)).toBe(0);
  expect(out()).toBe(`stopped by ${signal}\n`);
});

test('a handle that was forgotten does not keep the program for ever', async () => {
  const begin = performance.now();
  expect(await ended(start('leak'))).toBe(0);
  expect(performance.now() - begin).toBeLessThan(8000);
});

test('an idle medium process does not keep the program', async () => {
  const begin = performance.now();
  expect(await ended(start('idle-medium'))).toBe(0);
  expect(performance.now() - begin).toBeLessThan(8000);
});
