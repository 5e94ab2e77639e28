/** Has a store worker do one task, and waits for it. */
import { Worker } from 'node:worker_threads';
import { errorFromJSON, GapferryError } from '@gapferry/bundle-format/errors';
import { entryBeside } from '@gapferry/station/media/process';
import type { Answer, Results, Task } from './tasks.ts';

/** Rows pass by and leave garbage: collected early, it does not fill the machine. */
const HEAP = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 192 };

type TaskOf<K extends Task['do']> = Extract<Task, { readonly do: K }>;

/** A worker costs a fifth of a second to start, so the one that has just finished waits for the next task. It keeps no process alive. */
let idle: Worker | undefined;

function takeWorker(): Worker {
  const worker = idle ?? new Worker(entryBeside(import.meta.url, './store-worker'), { resourceLimits: HEAP });
  idle = undefined;
  worker.ref();
  return worker;
}

function putBack(worker: Worker): void {
  worker.removeAllListeners();
  if (idle !== undefined) return void worker.terminate();
  idle = worker;
  worker.unref();
  // one that ends while it waits is only forgotten
  worker.on('error', () => forget(worker)).on('exit', () => forget(worker));
}

function forget(worker: Worker): void {
  if (idle === worker) idle = undefined;
}

/** @param alive told of progress: bytes that were hashed since the last call */
export function runTask<K extends Task['do']>(
  task: TaskOf<K>,
  alive: (bytes: number) => void = () => undefined,
): Promise<Results[K]> {
  return new Promise((resolve, reject) => {
    const worker = takeWorker();
    worker.removeAllListeners();
    worker.on('message', (answer: Answer) => {
      if (answer.kind === 'alive') return alive(answer.bytes);
      putBack(worker);
      // the worker answers a task with its own kind of result
      if (answer.kind === 'done') resolve(answer.result as Results[K]);
      else reject(errorFromJSON(answer.error));
    });
    worker.on('error', (cause) =>
      reject(
        new GapferryError('INTERNAL', `a worker ended: ${cause instanceof Error ? cause.message : String(cause)}`, {
          cause,
        }),
      ),
    );
    worker.on('exit', (code) => reject(new GapferryError('INTERNAL', `a worker ended with ${code} and no answer`)));
    worker.postMessage(task);
  });
}
