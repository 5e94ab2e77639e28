/** The agent's handle on a place: its medium process. */

import type { Place } from '@gapferry/station/media/place';
import { entryBeside, MediumProcess } from '@gapferry/station/media/process';
import type { MediumRequests } from './messages.ts';

/** What we use of a medium process; tests have their own. */
export interface Medium {
  ask<K extends keyof MediumRequests>(
    type: K,
    message: MediumRequests[K]['ask'],
    onEvent?: (event: MediumRequests[K]['event']) => void,
  ): Promise<MediumRequests[K]['reply']>;
}

/** A stick that flushes its cache can be silent for long; one that hangs is silent for ever. */
const STALL_MS = 180_000;
/** What it reads lives for a moment; a young generation of the usual size would only hold more of it. */
const CHILD_MEMORY = '--max-semi-space-size=2';

/**
 * Works with the medium process of a place, which is ended whatever happens. An abort kills it: what it was writing has no signature yet.
 */
export const withMedium = async <T>(
  place: Place,
  signal: AbortSignal,
  work: (medium: Medium) => Promise<T>,
): Promise<T> => {
  const medium = new MediumProcess<MediumRequests>(entryBeside(import.meta.url, './medium-process'), {
    what: place.path,
    stallMs: STALL_MS,
    env: { NODE_OPTIONS: CHILD_MEMORY },
  });
  const abort = (): void => medium.kill();
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await work(medium);
  } finally {
    signal.removeEventListener('abort', abort);
    await medium.stop();
  }
};
