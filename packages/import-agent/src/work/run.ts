/** Starts a store worker for one task and waits for it. */
import { Worker } from 'node:worker_threads';
import { errorFromJSON, GapferryError } from '@gapferry/bundle-format/errors';
import { entryBeside } from '@gapferry/station/media/process';
import type { Answer, Results, Task } from './tasks.ts';

/** Rows pass by and leave garbage: collected early, it does not fill the machine. */
const HEAP = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 192 };

type TaskOf<K extends Task['do']> = Extract<Task, { readonly do: K }>;

/** @param alive told of progress: bytes that were hashed since the last call */
export function runTask<K extends Task['do']>(task: TaskOf<K>, alive: (bytes: number) => void = () => undefined): Promise<Results[K]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entryBeside(import.meta.url, './store-worker'), { workerData: task, resourceLimits: HEAP });
    worker.on('message', (answer: Answer) => {
      if (answer.kind === 'alive') alive(answer.bytes);
      // the worker answers a task with its own kind of result
      else if (answer.kind === 'done') resolve(answer.result as Results[K]);
      else reject(errorFromJSON(answer.error));
    });
    worker.on('error', (cause) => reject(new GapferryError('INTERNAL', `a worker ended: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })));
    worker.on('exit', (code) => reject(new GapferryError('INTERNAL', `a worker ended with ${code} and no answer`)));
  });
}
