/** Uses up the descriptors of this process, then wants a medium process; says by which code that fails. */
import { closeSync, openSync } from 'node:fs';
import { entryBeside, MediumProcess } from '../../src/media/process.ts';
import type { TestRequests } from './medium-child.ts';

const taken: number[] = [];
const takeAll = (): void => {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    // that was the last one
  }
};
const ask = async (): Promise<string> => {
  try {
    return String(
      await new MediumProcess<TestRequests>(entryBeside(import.meta.url, './medium-child')).ask('add', { a: 1, b: 1 }),
    );
  } catch (error) {
    const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    return `${String(code)} ${error instanceof Error ? error.message : String(error)}`;
  }
};

takeAll();
const says = await ask();
for (const fd of taken) closeSync(fd);
console.log(says);
