/** A program for the tests: says much, waits, fails in odd ways. */
import type { Command, Result } from '../../src/command/command.ts';
import { defineProgram, runMain } from '../../src/command/program.ts';
import { entryBeside, MediumProcess } from '../../src/media/process.ts';

const done: Result = { status: 0, json: {}, lines: ['done'] };
const commands: Command[] = [
  { name: 'many', says: '', run: () => ({ ...done, lines: Array.from({ length: 200_000 }, (_, n) => `line ${n}`) }) },
  {
    name: 'wait',
    says: '',
    run: (_, { signal, say }) =>
      new Promise((resolve) => {
        const timer = setInterval(() => undefined, 1000);
        signal.addEventListener('abort', () => {
          clearInterval(timer);
          resolve({ ...done, lines: [`stopped by ${String(signal.reason)}`] });
        });
        say('waiting');
      }),
  },
  {
    name: 'leak',
    says: '',
    run: () => {
      setInterval(() => undefined, 1000);
      return done;
    },
  },
  {
    name: 'idle-medium',
    says: '',
    run: async () => {
      const medium = new MediumProcess(entryBeside(import.meta.url, '../media/medium-child'));
      await medium.ask('pid', null);
      return done;
    },
  },
];

await runMain(defineProgram({ name: 'main', version: '1', says: '', commands }));
