/**
 * The one printer. Text mode: what a person reads goes to stdout, errors and the course of work to stderr. --json: everything goes to stdout,
 * one object a line. --quiet: only errors, and the one datum that a script asked for. Whatever is printed is escaped: names come from others.
 */
import { type ErrorJSON, errorToJSON, GapferryError } from '@gapferry/bundle-format/errors';
import { escapeJSON, escapeText } from '../format/escape.ts';
import { type JSONish, JSONRows, type Result } from './command.ts';
import type { Streams } from './streams.ts';

export type Mode = 'text' | 'json' | 'quiet';

export interface Printer {
  readonly mode: Mode;
  result(result: Result): void;
  error(error: unknown): void;
  /** The course of work. */
  say(line: string, json?: { readonly [key: string]: JSONish | undefined }): void;
  /** Only with --json. */
  object(value: JSONish): void;
}

const errorLines = ({ code, says, hint }: ErrorJSON): string[] => [`${code}: ${says}`, `hint: ${hint}`];

const isList = (value: JSONish): value is readonly JSONish[] => Array.isArray(value);

/** The text of a document, in pieces where it holds long lists. */
const jsonPieces = function* (value: JSONish): Generator<string> {
  if (typeof value !== 'object' || value === null) yield JSON.stringify(value);
  else if (value instanceof JSONRows || isList(value))
    yield* listPieces(value instanceof JSONRows ? value.rows : value);
  else yield* objectPieces(value);
};

const listPieces = function* (rows: Iterable<JSONish>): Generator<string> {
  let before = '[';
  for (const row of rows) {
    yield before;
    yield* jsonPieces(row);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
};

const objectPieces = function* (value: { readonly [key: string]: JSONish | undefined }): Generator<string> {
  let before = '{';
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    yield `${before}${JSON.stringify(name)}:`;
    yield* jsonPieces(field);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
};

const CHUNK = 65_536;

/** Fewer and larger writes. */
const chunked = function* (pieces: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
};

const endedLines = function* (texts: Iterable<string>): Generator<string> {
  for (const text of texts) yield `${escapeText(text)}\n`;
};

/** The stack of a fault of the program, for whoever must find it. */
const stackLines = (error: unknown): string[] =>
  error instanceof Error && !(error instanceof GapferryError) && error.stack !== undefined
    ? error.stack.split('\n').slice(1)
    : [];

export const openPrinter = (streams: Streams, mode: Mode): Printer => {
  const lines = (stream: Streams['stdout'], texts: Iterable<string>): void => {
    for (const chunk of chunked(endedLines(texts))) stream.write(chunk);
  };
  const object = (value: JSONish): void => {
    if (mode !== 'json') return;
    for (const chunk of chunked(jsonPieces(value))) streams.stdout.write(escapeJSON(chunk));
    streams.stdout.write('\n');
  };
  return {
    mode,
    object,
    result: (result) => {
      if (mode === 'json') object(result.json);
      else lines(streams.stdout, mode === 'quiet' ? (result.quiet ?? []) : result.lines);
      if (mode !== 'json') lines(streams.stderr, (result.problems ?? []).flatMap(errorLines));
    },
    error: (error) => {
      if (mode === 'json') object({ error: { ...errorToJSON(error) } });
      else lines(streams.stderr, errorLines(errorToJSON(error)));
      if (mode !== 'quiet') lines(streams.stderr, stackLines(error));
    },
    say: (line, json) => {
      if (mode === 'json') object(json ?? { event: 'said', says: line });
      else if (mode === 'text') lines(streams.stderr, [line]);
    },
  };
};
