/** Starts the receiving thread of a medium process and passes its news on. */
import { Worker } from 'node:worker_threads';
import { errorFromJSON, GapferryError } from '@gapferry/bundle-format/errors';
import { entryBeside } from '@gapferry/station/media/process';
import type { Tell } from '@gapferry/station/media/serve';
import type { ThreadNews } from './receive-thread.ts';
import type { ReceiveAsk, ReceiveEvent, ReceiveReply } from './requests.ts';

/** The directory of the largest volume fits; garbage is collected before it fills the machine. */
const HEAP = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 192 };

export function receiveInThread(ask: ReceiveAsk, tell: Tell<ReceiveEvent>): Promise<ReceiveReply> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(entryBeside(import.meta.url, './receive-thread'), { workerData: ask, resourceLimits: HEAP });
    thread.on('message', (news: ThreadNews) => {
      switch (news.kind) {
        case 'event':
          return tell(news.event);
        case 'alive':
          return tell.alive();
        case 'done':
          return resolve(news.reply);
        case 'error':
          return reject(errorFromJSON(news.error));
      }
    });
    thread.on('error', (cause) => reject(new GapferryError('INTERNAL', `the receiving thread ended: ${String(cause)}`, { cause })));
    thread.on('exit', (code) => reject(new GapferryError('INTERNAL', `the receiving thread ended with ${code} and no answer`)));
  });
}
