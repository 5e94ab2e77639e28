/**
 * The two programs as a user meets them: started as child processes, judged by exit status, output and files.
 * Nothing here imports a package of the product.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT: string = fileURLToPath(new URL('../..', import.meta.url));

export type Side = 'export' | 'import';

/** What a finished child process left behind. */
export interface Outcome {
  readonly command: string;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** With `--json`: the last line of stdout that is a JSON document, else undefined. */
  readonly json: unknown;
  readonly seconds: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
  readonly input?: string | Uint8Array;
}

/** Where Node keeps what it made of our sources: each start takes half the time. */
const COMPILE_CACHE = join(PROJECT, 'node_modules', '.cache', 'gapferry-compile');

/** The environment of every child: the machine's, without what would change how Node or npm behave. */
export const plainEnvironment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|NODE_|FORCE_COLOR|NO_COLOR|JEST_|INIT_CWD|https?_proxy|HTTPS?_PROXY)/.test(name),
    ),
  );
  return { ...env, NO_COLOR: '1', NODE_COMPILE_CACHE: COMPILE_CACHE, ...more };
};

const programArguments = (side: Side): string[] => [
  '--conditions=gapferry-source',
  '--disable-warning=ExperimentalWarning',
  join(PROJECT, 'packages', `${side}-agent`, 'src', 'cli.ts'),
];

/** The last document on stdout, be it one line or pretty-printed over many. */
const lastJSON = (stdout: string): unknown => {
  const text = stdout.trim();
  const lines = text.split('\n');
  for (const candidate of [lines.at(-1) ?? '', text]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // not this one
    }
  }
  return undefined;
};

/** Runs any program to its end. Throws only when it cannot start or passes its time limit. */
export const run = (program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    const command = [program, ...args].join(' ');
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: plainEnvironment(options.env),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const limitMs = options.limitMs ?? 40_000;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limitMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined); // a program that does not read its input closes it
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString('utf8');
      const stderr = Buffer.concat(err).toString('utf8');
      if (late) {
        reject(new Error(`${command}: not finished within ${limitMs} ms\n${stdout}\n${stderr}`));
        return;
      }
      resolve({
        command,
        status: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15),
        stdout,
        stderr,
        json: lastJSON(stdout),
        seconds: (performance.now() - began) / 1000,
      });
    });
  });

/** Like `run`, and throws with everything that was said unless the status is 0. */
export const must = async (program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  withStatus(await run(program, args, options), 0);

/** Throws, with everything that the program said, unless it ended with one of these. */
export const withStatus = (outcome: Outcome, ...wanted: readonly number[]): Outcome => {
  if (wanted.includes(outcome.status)) return outcome;
  throw new Error(
    `exit status ${outcome.status}, not ${wanted.join(' or ')}: ${outcome.command}\n--- stdout\n${outcome.stdout}\n--- stderr\n${outcome.stderr}`,
  );
};

export const gapferry = (side: Side, args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  run(process.execPath, [...programArguments(side), ...args], options);

/** A running daemon of ours. Stop it in every test that started it. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  #output = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    const note = (chunk: Buffer): void => {
      this.#output += chunk.toString('utf8');
    };
    child.stdout?.on('data', note);
    child.stderr?.on('data', note);
    this.#ended = new Promise((resolve) => {
      child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)));
    });
  }

  static start(side: Side, args: readonly string[], env: Readonly<Record<string, string>> = {}): Daemon {
    return new Daemon(
      spawn(process.execPath, [...programArguments(side), 'run', ...args], {
        env: plainEnvironment(env),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Asks it to end and gives its exit status; what does not end within the limit is killed, and that is an error. */
  async stop(limitMs = 10_000): Promise<number> {
    if (this.running) this.#child.kill('SIGTERM');
    const late = Symbol('late');
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<typeof late>((resolve) => {
      timer = setTimeout(() => resolve(late), limitMs);
    });
    const first = await Promise.race([this.#ended, limit]);
    clearTimeout(timer);
    if (first !== late) return first;
    this.#child.kill('SIGKILL');
    await this.#ended;
    throw new Error(`the daemon did not end within ${limitMs} ms after SIGTERM:\n${this.#output}`);
  }

  /** For clean-up only: never throws, leaves nothing running. */
  async end(): Promise<void> {
    await this.stop(3000).catch(() => undefined);
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Asks again and again until the answer is neither undefined nor false. Throws with `explain()` at the deadline. */
export const waitUntil = async <T>(
  what: string,
  deadlineMs: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  explain: () => string = () => '',
): Promise<T> => {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}\n${explain()}`);
    await pause(50);
  }
};

/** Every value that stands under this key anywhere in a JSON document. */
export const valuesOf = (json: unknown, key: string): unknown[] => {
  if (Array.isArray(json)) return json.flatMap((item) => valuesOf(item, key));
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, value]: [string, unknown]) => [
    ...(name === key ? [value] : []),
    ...valuesOf(value, key),
  ]);
};

/** The error codes that a program named, in its JSON or in words. */
export const codesIn = (outcome: Outcome): string[] => {
  const named = valuesOf(outcome.json, 'code').filter((code) => typeof code === 'string');
  const said = [...`${outcome.stderr}\n${outcome.stdout}`.matchAll(/\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b/g)].map(
    (m) => m[0],
  );
  return [...new Set([...named, ...said, ...(/\bEXPIRED\b/.test(outcome.stdout + outcome.stderr) ? ['EXPIRED'] : [])])];
};

/** All SHA-256 values in a text. */
export const digestsIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/\b[0-9a-f]{64}\b/g)].map((m) => m[0])),
];
