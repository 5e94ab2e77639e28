/** A medium process for the tests: does well, hangs, dies, speaks while it blocks. */
import { writeSync } from 'node:fs';
import { Damaged } from '@gapferry/bundle-format/errors';
import { serveMedium } from '../../src/media/serve.ts';

export type TestRequests = {
  add: { ask: { a: number; b: number }; event: never; reply: number };
  count: { ask: { to: number; everyMs: number }; event: { at: number }; reply: string };
  refuse: { ask: null; event: never; reply: null };
  hang: { ask: { alive: boolean }; event: never; reply: null };
  die: { ask: { says: string }; event: never; reply: null };
  pid: { ask: null; event: never; reply: { pid: number; variables: string[] } };
};

const pause = (milliseconds: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
};

serveMedium<TestRequests>({
  add: ({ a, b }) => a + b,
  count: ({ to, everyMs }, tell) => {
    for (let at = 1; at <= to; at++) {
      pause(everyMs); // blocks the whole thread, as reading a medium does
      tell({ at });
    }
    return 'counted';
  },
  refuse: () => {
    throw new Damaged('HASH_MISMATCH', 'vol-0001.zip, block 3: wrong bytes', { facts: { block: 3 } });
  },
  hang: ({ alive }, tell) => {
    for (;;) {
      pause(20);
      if (alive) tell.alive();
    }
  },
  die: ({ says }) => {
    writeSync(2, says);
    process.exit(7);
  },
  pid: () => ({ pid: process.pid, variables: Object.keys(process.env) }),
});
