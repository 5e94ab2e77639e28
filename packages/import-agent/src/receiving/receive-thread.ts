/**
 * The thread of a medium process that receives. Blocking calls are right here and 3.5 times faster for many small files; the process's main thread stays
 * free to pass the news on, and a small heap keeps what a million rows leave behind from piling up.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorJSON, errorToJSON } from '@gapferry/bundle-format/errors';
import { receive } from './receive.ts';
import type { ReceiveAsk, ReceiveEvent, ReceiveReply } from './requests.ts';

export type ThreadNews =
  | { readonly kind: 'event'; readonly event: ReceiveEvent }
  | { readonly kind: 'alive' }
  | { readonly kind: 'done'; readonly reply: ReceiveReply }
  | { readonly kind: 'error'; readonly error: ErrorJSON };

const say = (news: ThreadNews): void => parentPort?.postMessage(news);

const ALIVE_EVERY_MS = 100;
let last = 0;
const alive = (): void => {
  const now = performance.now();
  if (now - last < ALIVE_EVERY_MS) return;
  last = now;
  say({ kind: 'alive' });
};

const tell = Object.assign((event: ReceiveEvent): void => say({ kind: 'event', event }), { alive });

if (parentPort !== null) {
  try {
    // written by `receiveInThread` alone
    const ask: ReceiveAsk = workerData as ReceiveAsk;
    say({ kind: 'done', reply: await receive(ask, tell) });
  } catch (error) {
    say({ kind: 'error', error: errorToJSON(error) });
  }
}
