/** Tests that need a tool of the machine are skipped where it is missing, and say so. */
import { test } from '@jest/globals';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

type TestBody = () => void | Promise<void>;
export type MaybeTest = (name: string, body: TestBody, timeoutMs?: number) => void;

const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export const hasTool = (name: string): boolean =>
  [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) => canRun(join(folder, name)));

/** `test`, or a skipped test with the reason in its name and on stderr. */
export const testIf = (reason: string | undefined): MaybeTest => {
  if (reason === undefined) return (name, body, timeoutMs) => test(name, body, timeoutMs);
  return (name, body, timeoutMs) => {
    process.stderr.write(`SKIPPED, ${reason}: ${name}\n`);
    test.skip(`${name} [skipped: ${reason}]`, body, timeoutMs);
  };
};

export const missingTools = (...tools: readonly string[]): string | undefined => {
  const missing = tools.filter((tool) => !hasTool(tool));
  return missing.length === 0 ? undefined : `this machine lacks ${missing.join(', ')}`;
};

/** A test that needs these programs. */
export const needs = (...tools: readonly string[]): MaybeTest => testIf(missingTools(...tools));

/** The long runs. */
export const SLOW: boolean = process.env['SLOW'] === '1';
