/** What a command is: plain data and one function. Parse, build the world, call, return a result; printing is done elsewhere. */
import type { ErrorJSON, ExitStatus } from '@gapferry/bundle-format/errors';
import type { Progress } from './progress.ts';

/** A long list within a document that is printed piece by piece. */
export class JSONRows {
  readonly rows: Iterable<JSONish>;

  constructor(rows: Iterable<JSONish>) {
    this.rows = rows;
  }
}

/** Any JSON value; `undefined` fields are left out. */
export type JSONish =
  | null
  | boolean
  | number
  | string
  | JSONRows
  | readonly JSONish[]
  | { readonly [key: string]: JSONish | undefined };

/** What a command hands back. `lines` is what a person reads, `json` the same as data; neither is printed by the command. */
export interface Result {
  readonly status: ExitStatus;
  readonly json: JSONish;
  readonly lines: Iterable<string>;
  /** What remains to be said with --quiet: one datum for scripts (a fingerprint). Default: nothing. */
  readonly quiet?: readonly string[];
  /** What went wrong on the way to this result: printed like thrown errors, to stderr. In `json` the command names them itself. */
  readonly problems?: readonly ErrorJSON[];
  /** Called after printing, for lists that are read while they are printed. */
  readonly release?: () => void;
}

export interface Argument {
  /** `<file>` required, `[path...]` optional and several; commander's notation. */
  readonly name: string;
  readonly says: string;
}

export interface Option {
  /** `--site <name>`, `--repository <name...>`, `--full`; commander's notation. */
  readonly flags: string;
  readonly says: string;
  readonly required?: boolean;
}

export interface Command {
  /** Words: `export`, `site add`. */
  readonly name: string;
  /** One line, small letters, no full stop. */
  readonly says: string;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  /** Lines after the list of options in --help. */
  readonly examples?: readonly string[];
  run(input: Input, context: Context): Promise<Result> | Result;
}

/** What was given on the command line. A name that the command did not declare is a fault of the program. */
export interface Input {
  /** The argument at that place, or undefined. */
  readonly argument: (at: number) => string | undefined;
  /** All arguments from that place on. */
  readonly arguments: (from?: number) => readonly string[];
  /** Value of `--name VALUE`; undefined when not given. */
  readonly text: (name: string) => string | undefined;
  /** Values of `--name VALUE...`; empty when not given. */
  readonly list: (name: string) => readonly string[];
  /** True when `--name` was given. */
  readonly flag: (name: string) => boolean;
}

export interface Context {
  /** --config as given. */
  readonly config: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  /** A person sits there: stderr is a terminal and neither --json nor --quiet was given. */
  readonly interactive: boolean;
  /** Set by SIGINT, SIGTERM and SIGHUP; long work ends at the next safe point. */
  readonly signal: AbortSignal;
  /** Shows long work: a bar on a terminal, JSON lines with --json. `totalBytes` undefined: not known. */
  readonly progress: (label: string, totalBytes: number | undefined) => Progress;
  /** One line to stderr while it works (with --json one object to stdout); nothing with --quiet. */
  readonly say: (line: string, json?: { readonly [key: string]: JSONish | undefined }) => void;
  /** Asks a person on the terminal; undefined when nobody is there. */
  readonly ask: (question: string) => Promise<string | undefined>;
}
