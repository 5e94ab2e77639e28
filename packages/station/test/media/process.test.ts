import { afterEach, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { entryBeside, MediumProcess, type MediumProcessOptions } from '../../src/media/process.ts';
import type { TestRequests } from './medium-child.ts';

const started: MediumProcess<TestRequests>[] = [];
const start = (options: MediumProcessOptions = {}): MediumProcess<TestRequests> => {
  const made = new MediumProcess<TestRequests>(entryBeside(import.meta.url, './medium-child'), {
    what: '/media/usb',
    ...options,
  });
  started.push(made);
  return made;
};
afterEach(() => {
  for (const each of started.splice(0)) each.kill();
});

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const untilDead = async (pid: number, patienceMs: number): Promise<boolean> => {
  for (const end = performance.now() + patienceMs; performance.now() < end;) {
    if (!lives(pid)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
};

const linux = process.platform === 'linux' ? test : test.skip;
linux('a child for which no descriptor is left says so', () => {
  const entry = fileURLToPath(new URL('./few-descriptors.ts', import.meta.url));
  const node = `exec ${process.execPath} --conditions=gapferry-source --disable-warning=ExperimentalWarning ${entry}`;
  const { stdout, stderr, status } = spawnSync('sh', ['-c', `ulimit -n 64; ${node}`], { encoding: 'utf8' });
  expect({ status, stderr, stdout }).toEqual({
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/^LOCAL_IO too many open files: a process for the medium could not be started/),
  });
});

test('answers a question, and several one after the other', async () => {
  const medium = start();
  expect(await medium.ask('add', { a: 2, b: 3 })).toBe(5);
  expect(await Promise.all([medium.ask('add', { a: 1, b: 1 }), medium.ask('add', { a: 2, b: 2 })])).toEqual([2, 4]);
});

test('tells events in order and while the child blocks its thread', async () => {
  const medium = start();
  await medium.ask('add', { a: 0, b: 0 });
  const heard: { at: number; when: number }[] = [];
  const begin = performance.now();
  const reply = await medium.ask('count', { to: 5, everyMs: 60 }, ({ at }) =>
    heard.push({ at, when: performance.now() - begin }),
  );
  expect(reply).toBe('counted');
  expect(heard.map(({ at }) => at)).toEqual([1, 2, 3, 4, 5]);
  expect(heard[0]?.when).toBeLessThan(250); // the first one came before the last was made
});

test('carries an error over with its code, kind and facts', async () => {
  await expect(start().ask('refuse', null)).rejects.toMatchObject({
    code: 'HASH_MISMATCH',
    kind: 'damaged',
    facts: { block: 3 },
  });
});

test('goes on after an error', async () => {
  const medium = start();
  await medium.ask('refuse', null).catch(() => undefined);
  expect(await medium.ask('add', { a: 1, b: 2 })).toBe(3);
});

test('kills a child that hangs, and says that the medium timed out', async () => {
  const medium = start({ stallMs: 300 });
  const { pid } = await medium.ask('pid', null);
  const begin = performance.now();
  await expect(medium.ask('hang', { alive: false })).rejects.toMatchObject({ code: 'MEDIA_TIMEOUT', kind: 'unfit' });
  expect(performance.now() - begin).toBeLessThan(2000);
  expect(await untilDead(pid, 2000)).toBe(true);
  expect(medium.alive).toBe(false);
  await expect(medium.ask('add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'MEDIA_TIMEOUT' });
});

test('leaves a slow child alone as long as it advances', async () => {
  const medium = start({ stallMs: 500 });
  await medium.ask('add', { a: 0, b: 0 });
  const hanging = medium.ask('hang', { alive: true });
  const first = await Promise.race([
    hanging.catch(() => 'rejected'),
    new Promise((resolve) => setTimeout(() => resolve('still at work'), 1200)),
  ]);
  expect(first).toBe('still at work');
  medium.kill();
  await expect(hanging).rejects.toMatchObject({ code: 'MEDIA_TIMEOUT' });
});

test('is no stall when this process itself was held up', async () => {
  const medium = start({ stallMs: 400 });
  await medium.ask('add', { a: 0, b: 0 });
  const counting = medium.ask('count', { to: 10, everyMs: 100 });
  await new Promise((resolve) => setTimeout(resolve, 150));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
  await expect(counting).resolves.toBe('counted');
});

test('names the end of stderr when a child dies of a fault of ours', async () => {
  await expect(start().ask('die', { says: 'TypeError: oh \u001b[31mno' })).rejects.toMatchObject({
    code: 'INTERNAL',
    facts: { stderr: 'TypeError: oh \\u001b[31mno' },
  });
});

test('says that the medium is gone when a child dies of the device', async () => {
  await expect(start().ask('die', { says: 'Error: EIO: i/o error, read' })).rejects.toMatchObject({
    code: 'MEDIA_GONE',
  });
});

test('a signal for the whole group does not end a child in the middle', async () => {
  const medium = start();
  const { pid } = await medium.ask('pid', null);
  process.kill(pid, 'SIGINT');
  process.kill(pid, 'SIGTERM');
  expect(await medium.ask('add', { a: 1, b: 1 })).toBe(2);
});

test('ends when it is let go', async () => {
  const medium = start();
  const { pid } = await medium.ask('pid', null);
  await medium.stop();
  expect(lives(pid)).toBe(false);
});

test('never outlives its parent, even while it blocks', async () => {
  const holder = spawn(
    process.execPath,
    [
      '--conditions=gapferry-source',
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(new URL('./holder-of-child.ts', import.meta.url)),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line]: unknown[] = await once(holder.stdout, 'data');
  const pid = Number(String(line).trim());
  expect(lives(pid)).toBe(true);
  holder.kill('SIGKILL');
  expect(await untilDead(pid, 3000)).toBe(true);
});

test('does not hand NODE_OPTIONS on', async () => {
  process.env['NODE_OPTIONS'] = '--no-warnings';
  try {
    expect((await start().ask('pid', null)).variables).not.toContain('NODE_OPTIONS');
  } finally {
    delete process.env['NODE_OPTIONS'];
  }
});
