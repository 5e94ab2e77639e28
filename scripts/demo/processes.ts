/** The two programs, started as a user starts them; and whatever else the demo runs. Everything that lives is ended with the demo. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT: string = fileURLToPath(new URL('../..', import.meta.url));
export const NODE_MODULES: string = join(PROJECT, 'node_modules');

export type Side = 'export' | 'import';

export interface Outcome {
  readonly command: string;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of npm and Node that started the demo are not for what it starts. */
const environment = (): NodeJS.ProcessEnv => {
  const kept = Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS$|INIT_CWD$)/.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
};

const living = new Set<ChildProcess>();

const start = (program: string, args: readonly string[]): ChildProcess => {
  const child = spawn(program, args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  living.add(child);
  child.on('close', () => living.delete(child));
  return child;
};

/** Runs a program to its end. Throws only when it cannot start. */
export const run = (program: string, args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = start(program, args);
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status) =>
      resolve({ command: [program, ...args].join(' '), status: status ?? 1, stdout, stderr }),
    );
  });

const binOf = (side: Side): string => join(PROJECT, `packages/${side}-agent/bin/gapferry-${side}.mjs`);

export const gapferry = async (side: Side, ...args: readonly string[]): Promise<Outcome> => {
  const outcome = await run(process.execPath, [binOf(side), ...args]);
  return { ...outcome, command: `gapferry-${side} ${args.join(' ')}` };
};

/** Like `gapferry`, and throws with what was said unless it ended with 0. Gives what stood on stdout. */
export const must = async (side: Side, ...args: readonly string[]): Promise<string> => {
  const { command, status, stdout, stderr } = await gapferry(side, ...args);
  if (status !== 0) throw new Error(`${command}\nended with ${status}:\n${stdout}${stderr}`);
  return stdout.trim();
};

/** In a log line what follows is set off by two spaces. */
const COURIER = /\b(?:wait|done|refused): .*?(?=  |$)/gm;
const WORD_MS = 5000;

/** A `run` of ours that goes on until it is stopped. */
export class Daemon {
  readonly side: Side;
  readonly #child: ChildProcess;
  #said = '';
  #listensFrom = 0;

  constructor(side: Side, config: string) {
    this.side = side;
    this.#child = start(process.execPath, [binOf(side), 'run', '--config', config]);
    const note = (chunk: Buffer): void => {
      this.#said += chunk.toString();
    };
    this.#child.stdout?.on('data', note);
    this.#child.stderr?.on('data', note);
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** All it said so far. */
  get said(): string {
    return this.#said;
  }

  /** From here on counts what it says to the courier. */
  listen(): void {
    this.#listensFrom = this.#said.length;
  }

  /** The newest line for the courier since `listen`, as soon as it is no longer *wait*. */
  async finalWord(): Promise<string> {
    const last = (): string => this.#said.slice(this.#listensFrom).match(COURIER)?.at(-1) ?? '';
    const final = (): string | undefined => (/^(?:done|refused)/.test(last()) ? last() : undefined);
    return waitFor('a word for the courier', WORD_MS, final).catch(last);
  }

  /** Asks it to end, as a service manager does. @returns its exit status */
  stop(): Promise<number> {
    return endChild(this.#child);
  }
}

const GRACE_MS = 8000;

const endChild = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    const status = (): number => child.exitCode ?? 128;
    if (child.exitCode !== null || child.signalCode !== null) return resolve(status());
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(status());
    });
    child.kill('SIGTERM');
  });

/** For the end and for Ctrl-C: nothing that the demo started goes on. */
export const endAll = async (): Promise<void> => {
  await Promise.all([...living].map(endChild));
};

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

export class TooLate extends Error {}

/** Asks again and again until there is an answer. @throws TooLate */
export const waitFor = async <T>(what: string, limitMs: number, probe: () => T | undefined): Promise<T> => {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = probe();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new TooLate(`not within ${limitMs / 1000} s: ${what}`);
    await pause(25);
  }
};
