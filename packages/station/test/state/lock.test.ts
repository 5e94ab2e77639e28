import { expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLock } from '../../src/state/lock.ts';
import { temporaryFolder, thrownBy } from '../temporary.ts';

const lockPath = (): string => join(temporaryFolder(), 'state/lock.sqlite');

const holdElsewhere = async (path: string): Promise<ChildProcess> => {
  const holder = fileURLToPath(new URL('./lock-holder.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--conditions=gapferry-source', '--disable-warning=ExperimentalWarning', holder, path],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(child.stdout, 'data');
  return child;
};

test('a second agent is told who holds the state and what it does; kill -9 of the holder frees it', async () => {
  const path = lockPath();
  const holder = await holdElsewhere(path);
  const error = thrownBy(() => takeLock(path, 'export'));
  expect(error).toMatchObject({ code: 'LOCKED', kind: 'unfit', facts: { pid: holder.pid, doing: 'run' } });
  expect(String(error)).toContain(`process ${holder.pid} `);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  takeLock(path, 'export').release();
});

test('the same process cannot take it twice, and can after it let go', () => {
  const path = lockPath();
  const lock = takeLock(path, 'run');
  expect(thrownBy(() => takeLock(path, 'export'))).toMatchObject({
    code: 'LOCKED',
    facts: { pid: process.pid, doing: 'run' },
  });
  lock.release();
  lock.release();
  takeLock(path, 'export').release();
});

test('a pid file that is missing or nonsense does not hurt', () => {
  const path = lockPath();
  const lock = takeLock(path, 'run');
  rmSync(`${path}.holder`);
  expect(thrownBy(() => takeLock(path, 'x'))).toMatchObject({ code: 'LOCKED' });
  writeFileSync(`${path}.holder`, '{"pid":"1"}');
  expect(thrownBy(() => takeLock(path, 'x'))).toMatchObject({ code: 'LOCKED' });
  lock.release();
});

test('a pid file of a dead holder is no lock', () => {
  const path = lockPath();
  takeLock(path, 'run').release();
  writeFileSync(`${path}.holder`, '{"pid":1,"doing":"run","since":"2026-01-01T00:00:00Z"}');
  takeLock(path, 'export').release();
});

(process.platform === 'win32' ? test.skip : test)('lock files are for the owner alone', () => {
  const path = lockPath();
  const lock = takeLock(path, 'run');
  expect([statSync(path).mode & 0o777, statSync(`${path}.holder`).mode & 0o777]).toEqual([0o600, 0o600]);
  lock.release();
});
