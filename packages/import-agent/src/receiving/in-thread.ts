/** Starts the receiving thread of a medium process and passes its news on. */
import { Worker } from 'node:worker_threads';
import { errorFromJSON, GapferryError } from '@gapferry/bundle-format/errors';
import { entryBeside } from '@gapferry/station/media/process';
import type { Tell } from '@gapferry/station/media/serve';
import { toGapferry } from '../errors.ts';
import type { ThreadData, ThreadNews } from './receive-thread.ts';
import type { ReceiveAsk, ReceiveEvent, ReceiveReply } from './requests.ts';
import { flushGroup, type Group } from './staging.ts';

/** The directory of the largest volume fits; garbage is collected before it fills the machine. */
const HEAP = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 192 };

export function receiveInThread(ask: ReceiveAsk, tell: Tell<ReceiveEvent>): Promise<ReceiveReply> {
  return new Promise((resolve, reject) => {
    const waiting = new SharedArrayBuffer(4);
    const workerData: ThreadData = { ask, waiting };
    const thread = new Worker(entryBeside(import.meta.url, './receive-thread'), { workerData, resourceLimits: HEAP });
    const flushed = (groups: readonly Group[]): void => {
      for (const group of groups) {
        flushGroup(ask.stagings, group);
        const { staging, objects, parts } = group;
        if (objects.length > 0) tell({ kind: 'staged', staging, objects });
        if (parts.length > 0) tell({ kind: 'parts', staging, parts });
      }
      Atomics.sub(new Int32Array(waiting), 0, 1);
      Atomics.notify(new Int32Array(waiting), 0);
    };
    const hear = (news: ThreadNews): void => {
      switch (news.kind) {
        case 'written':
          return flushed(news.groups);
        case 'event':
          return tell(news.event);
        case 'alive':
          return tell.alive();
        case 'done':
          return resolve(news.reply);
        case 'error':
          return reject(errorFromJSON(news.error));
      }
    };
    thread.on('message', (news: ThreadNews) => {
      try {
        hear(news);
      } catch (error) {
        reject(toGapferry(error)); // a flush that failed: nothing of this group is told
        void thread.terminate();
      }
    });
    thread.on('error', (cause) =>
      reject(new GapferryError('INTERNAL', `the receiving thread ended: ${String(cause)}`, { cause })),
    );
    thread.on('exit', (code) =>
      reject(new GapferryError('INTERNAL', `the receiving thread ended with ${code} and no answer`)),
    );
  });
}
