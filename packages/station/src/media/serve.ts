/** The child's side of a medium process. Handlers may block: that is what this process is for. */
import { Worker } from 'node:worker_threads';
import { errorToJSON, GapferryError } from '@gapferry/bundle-format/errors';
import { isQuestion, PARENT_VARIABLE, type Question, type Requests, type Statement } from './protocol.ts';

/** Tells the parent of an event, or only that work advances. */
export interface Tell<E> {
  (event: E): void;
  /** Call it from inner loops whenever something was really read or written, as often as you like: it is throttled. */
  alive(): void;
}

export type Handlers<R extends Requests> = {
  readonly [K in keyof R & string]: (
    message: R[K]['ask'],
    tell: Tell<R[K]['event']>,
  ) => R[K]['reply'] | Promise<R[K]['reply']>;
};

const ALIVE_EVERY_MS = 200;

/**
 * Ends the process when its parent is no more, also while a handler blocks the main thread. Without it a child that hangs on a medium
 * could write there beside the child of the next start.
 */
const WATCHDOG = `
const parent = Number(process.env.${PARENT_VARIABLE});
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 300);
`;

const followParent = (): void => {
  process.on('disconnect', () => process.exit(0));
  // A terminal sends Ctrl-C to the whole group, a service manager SIGTERM to all of the unit: the parent decides what it means.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  if (process.platform !== 'win32' && process.env[PARENT_VARIABLE] !== undefined) {
    new Worker(WATCHDOG, { eval: true }).unref();
  }
};

const say = (statement: Statement): void => {
  // A closed channel means that the parent is gone or has abandoned us; 'disconnect' or the watchdog ends us.
  if (process.connected) process.send?.(statement, undefined, undefined, () => undefined);
};

const tellFor = (id: number): Tell<unknown> => {
  let last = performance.now();
  const alive = (): void => {
    const now = performance.now();
    if (now - last < ALIVE_EVERY_MS) return;
    last = now;
    say({ id, kind: 'alive' });
  };
  return Object.assign((event: unknown): void => say({ id, kind: 'event', event }), { alive });
};

type AnyHandler = (message: unknown, tell: Tell<unknown>) => unknown;

const answer = async (table: ReadonlyMap<string, AnyHandler>, { id, type, ask }: Question): Promise<void> => {
  try {
    const handler = table.get(type);
    if (handler === undefined) throw new GapferryError('INTERNAL', `a medium process knows no request ${type}`);
    const reply: unknown = await handler(ask, tellFor(id));
    say({ id, kind: 'reply', reply });
  } catch (error) {
    say({ id, kind: 'error', error: errorToJSON(error) });
  }
};

/** Answers questions one after the other until the channel closes. Call it once, at the end of the entry module. */
export const serveMedium = <R extends Requests>(handlers: Handlers<R>): void => {
  followParent();
  const table = new Map(Object.entries<AnyHandler>(handlers));
  let last = Promise.resolve();
  process.on('message', (message: unknown) => {
    if (isQuestion(message)) last = last.then(() => answer(table, message));
  });
};
