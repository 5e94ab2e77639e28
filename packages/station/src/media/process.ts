/**
 * The parent's side of a medium process. One child per medium: a dying stick can hang a read for ever, and a thread that hangs cannot be
 * ended; a process can be killed, or at least abandoned. It holds no key and no database, and answers with events, never with bytes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { errorFromJSON, GapferryError, Unfit } from '@gapferry/bundle-format/errors';
import { toFault } from '../files/fault.ts';
import { escapeText } from '../format/escape.ts';
import { isStatement, PARENT_VARIABLE, type Question, type Requests, type Statement } from './protocol.ts';

export interface MediumProcessOptions {
  /** No event and no progress for so long: killed. Measured on the monotonic clock. Default 60 s. */
  readonly stallMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What it works on, for sentences: the path of the medium. */
  readonly what?: string;
}

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: GapferryError) => void;
  readonly onEvent: (event: unknown) => void;
}

const STALL_MS = 60_000;
const STDERR_TAIL = 4096;
/** Time for the last lines on stderr after the exit itself; a grandchild may hold the pipe open. */
const LAST_WORDS_MS = 200;
const STOP_MS = 3000;

/** The module `name` beside the calling one: `.ts` when running from source, `.js` from a build. */
export const entryBeside = (importMetaUrl: string, name: string): URL =>
  new URL(`${name}${importMetaUrl.endsWith('.ts') ? '.ts' : '.js'}`, importMetaUrl);

const nodeArguments = (entry: URL): string[] => [
  '--disable-warning=ExperimentalWarning',
  ...(entry.pathname.endsWith('.ts') ? ['--conditions=gapferry-source'] : []),
  fileURLToPath(entry),
];

const childEnvironment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => {
  const { NODE_OPTIONS: _dropped, ...inherited } = process.env; // meant for the parent at best
  return { ...inherited, ...more, [PARENT_VARIABLE]: String(process.pid) };
};

/** Errors of a device in the last words of a child, or the signal that a vanished mapping gives. */
const soundsGone = (signal: NodeJS.Signals | null, lastWords: string): boolean =>
  signal === 'SIGBUS' || /\b(EIO|ENODEV|ENXIO|ESTALE|ENOMEDIUM)\b/.test(lastWords);

export class MediumProcess<R extends Requests> {
  readonly #child: ChildProcess;
  readonly #what: string;
  readonly #stallMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #lastWords = '';
  #lastSign = performance.now();
  #watch: NodeJS.Timeout | undefined;
  #ended: GapferryError | undefined;

  /** Starts the child at once. `entry`: a module that calls `serveMedium`; take `entryBeside(import.meta.url, './medium-process')`. */
  constructor(entry: URL, options: MediumProcessOptions = {}) {
    this.#what = options.what ?? 'the medium';
    this.#stallMs = options.stallMs ?? STALL_MS;
    const child = this.#spawn(entry, options);
    this.#child = child;
    child.on('message', (message) => this.#hear(message));
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#lastWords = (this.#lastWords + bytes.toString('utf8')).slice(-STDERR_TAIL);
    });
    this.#exited = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#end(this.#notStarted(error));
        if (child.pid === undefined) resolve(); // what never began has no exit
      });
      child.once('exit', (code, signal) => {
        const settle = (): void => {
          clearTimeout(patience);
          this.#end(this.#causeOfDeath(code, signal));
          resolve();
        };
        const patience = setTimeout(settle, LAST_WORDS_MS);
        child.once('close', settle);
      });
    });
    this.#letGo();
  }

  /** @throws Unfit LOCAL_IO, PERMISSION for what Node tells at once; the rest comes as an event */
  #spawn(entry: URL, options: MediumProcessOptions): ChildProcess {
    try {
      return spawn(process.execPath, nodeArguments(entry), {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        env: childEnvironment(options.env),
      });
    } catch (error) {
      throw this.#notStarted(error);
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** False once it ended or was killed: start another one. */
  get alive(): boolean {
    return this.#ended === undefined;
  }

  /**
   * Asks the child. Events arrive in order and before the reply. The child works on one question after the other.
   * @throws (rejects) what the handler threw, with code and facts; Unfit MEDIA_TIMEOUT after a stall, MEDIA_GONE; GapferryError INTERNAL
   */
  ask<K extends keyof R & string>(
    type: K,
    message: R[K]['ask'],
    onEvent: (event: R[K]['event']) => void = () => undefined,
  ): Promise<R[K]['reply']> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const question: Question = { id, type, ask: message };
    return new Promise<R[K]['reply']>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onEvent });
      if (this.#pending.size === 1) this.#hold();
      // The exit tells the reason better than the channel does. A child that could not be started has no channel, and its error is on the way.
      if (this.#child.pid !== undefined) this.#child.send(question, () => undefined);
    });
  }

  /** SIGKILL. What is pending is rejected with `reason` at once, even if the kernel cannot end the child yet. */
  kill(reason?: GapferryError): void {
    this.#child.kill('SIGKILL');
    this.#end(reason ?? this.#timeout('was stopped'));
  }

  /** Lets the child end by itself after what it is doing, kills it when it takes too long. Resolves when it is gone or abandoned. */
  async stop(patienceMs: number = STOP_MS): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    if (await settlesWithin(this.#exited, patienceMs)) return;
    this.kill();
    await settlesWithin(this.#exited, LAST_WORDS_MS); // one that hangs in the kernel cannot be waited for
  }

  #hear(message: unknown): void {
    if (!isStatement(message)) return;
    this.#lastSign = performance.now();
    const pending = this.#pending.get(message.id);
    if (pending !== undefined) this.#take(message, pending);
  }

  #take(statement: Statement, pending: Pending): void {
    switch (statement.kind) {
      case 'alive':
        return;
      case 'event':
        pending.onEvent(statement.event);
        return;
      case 'reply':
        this.#forget(statement.id);
        pending.resolve(statement.reply);
        return;
      case 'error':
        this.#forget(statement.id);
        pending.reject(errorFromJSON(statement.error));
    }
  }

  #forget(id: number): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#letGo();
  }

  #end(reason: GapferryError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#letGo();
    for (const each of pending) each.reject(reason);
  }

  /** Something is asked: the child keeps this process alive, and the stall is watched. */
  #hold(): void {
    this.#child.ref();
    this.#child.channel?.ref();
    this.#lastSign = performance.now();
    this.#watch = setInterval(() => this.#look(), Math.min(1000, this.#stallMs / 4));
  }

  /** Nothing is asked: an idle child must not keep this process alive. */
  #letGo(): void {
    clearInterval(this.#watch);
    this.#child.unref();
    this.#child.channel?.unref();
    // without a free descriptor there is no child and no pipe to it, whatever the types say
    const stderr: unknown = this.#child.stderr;
    if (typeof stderr === 'object' && stderr !== null && 'unref' in stderr && typeof stderr.unref === 'function')
      stderr.unref();
  }

  #look(): void {
    if (!this.#isSilent()) return;
    // If this process itself was held up, signs of life wait in the channel: read them first.
    setTimeout(() => {
      if (this.#pending.size === 0 || !this.#isSilent()) return;
      this.kill(this.#timeout(`gave no sign of life for ${Math.round(this.#stallMs / 1000)} s`));
    }, 10);
  }

  #isSilent(): boolean {
    return performance.now() - this.#lastSign > this.#stallMs;
  }

  #timeout(says: string): Unfit {
    return new Unfit('MEDIA_TIMEOUT', `work on ${this.#what} ${says}`, { facts: { medium: this.#what } });
  }

  #causeOfDeath(code: number | null, signal: NodeJS.Signals | null): GapferryError {
    const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
    if (soundsGone(signal, this.#lastWords)) {
      return new Unfit('MEDIA_GONE', `work on ${this.#what} ${how} as the medium went away`, {
        facts: { medium: this.#what },
      });
    }
    return this.#fault(how);
  }

  #notStarted(error: unknown): GapferryError {
    const fault = toFault(error, { where: 'machine', doing: 'start', what: `a process for ${this.#what}` });
    return fault instanceof GapferryError ? fault : this.#fault(`could not be started: ${String(error)}`);
  }

  #fault(how: string): GapferryError {
    return new GapferryError('INTERNAL', `the process that works on ${this.#what} ${how}`, {
      facts: { medium: this.#what, stderr: escapeText(this.#lastWords.trim()) },
    });
  }
}

const settlesWithin = async (promise: Promise<void>, milliseconds: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
};
