/** Starts a medium process that blocks, prints the child's pid, and waits to be killed. */
import { MediumProcess } from '../../src/media/process.ts';
import type { TestRequests } from './medium-child.ts';

const child = new MediumProcess<TestRequests>(new URL('./medium-child.ts', import.meta.url));
const { pid } = await child.ask('pid', null);
process.stdout.write(`${pid}\n`);
await child.ask('hang', { alive: true });
