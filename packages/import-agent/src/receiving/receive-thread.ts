/**
 * The thread of a medium process that receives. Blocking calls are right here and 3.5 times faster for many small files; the process's main thread stays
 * free to pass the news on, and a small heap keeps what a million rows leave behind from piling up.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorJSON, errorToJSON } from '@gapferry/bundle-format/errors';
import { receive } from './receive.ts';
import type { ReceiveAsk, ReceiveEvent, ReceiveReply } from './requests.ts';
import type { Group } from './staging.ts';

export interface ThreadData {
  readonly ask: ReceiveAsk;
  /** One number: groups that wait for their flush. */
  readonly waiting: SharedArrayBuffer;
}

export type ThreadNews =
  | { readonly kind: 'written'; readonly groups: readonly Group[] }
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

/** So many groups may wait for the disk; then this thread waits too. */
const MOST_WAITING = 3;

/** The flush goes on in the main thread while this one writes the next group. */
function handOver(groups: readonly Group[], waiting: Int32Array): void {
  Atomics.add(waiting, 0, 1);
  say({ kind: 'written', groups });
  for (let now = Atomics.load(waiting, 0); now >= MOST_WAITING; now = Atomics.load(waiting, 0))
    Atomics.wait(waiting, 0, now);
}

const tell = Object.assign((event: ReceiveEvent): void => say({ kind: 'event', event }), { alive });

if (parentPort !== null) {
  try {
    // written by `receiveInThread` alone
    const { ask, waiting }: ThreadData = workerData as ThreadData;
    say({ kind: 'done', reply: receive(ask, tell, (groups) => handOver(groups, new Int32Array(waiting))) });
  } catch (error) {
    say({ kind: 'error', error: errorToJSON(error) });
  }
}
