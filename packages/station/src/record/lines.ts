/** One event of a log as a line. Pure. */
import { escapeText } from '../format/escape.ts';
import { type Plain, toPlain } from './redact.ts';

export interface LogRecord {
  readonly at: Date;
  readonly level: string;
  readonly says: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const plainFields = (fields: Readonly<Record<string, unknown>>): { readonly [key: string]: Plain } => {
  const plain = toPlain(fields);
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain)
    ? Object.fromEntries(Object.entries(plain))
    : {};
};

/** {"at":"2026-11-20T21:04:11.123Z","level":"info","says":"bundle 12 is published","repository":"debian"} */
export const jsonLine = ({ at, level, says, fields }: LogRecord): string => {
  const { at: _at, level: _level, says: _says, ...rest } = plainFields(fields); // a field cannot pretend to be the line's own
  return JSON.stringify({ at: at.toISOString(), level, says: escapeText(says), ...rest });
};

const WORDS: Readonly<Record<string, string>> = { error: 'error: ', warn: 'warning: ' };
/** Their values speak for themselves. */
const NAMELESS = new Set(['repository', 'site']);

const isPlainRecord = (value: Plain): value is { readonly [key: string]: Plain } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An error among the fields: CODE: sentence */
const asText = ({ code, says }: { readonly [key: string]: Plain }): string =>
  typeof code === 'string' && typeof says === 'string' ? `${code}: ${says}` : JSON.stringify(says);

const show = (name: string, value: Plain): string => {
  if (isPlainRecord(value) && typeof value['says'] === 'string') return asText(value);
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return NAMELESS.has(name) ? shown : `${name} ${shown}`;
};

/** What happened is in the sentence; a person wants at most a few values beside it. The file has them all. */
const MOST_BESIDE = 3;

const forPeople = (level: string, fields: { readonly [key: string]: Plain }): (readonly [string, Plain])[] => {
  const all = Object.entries(fields);
  return level === 'info'
    ? all.filter(([name, value]) => name === 'error' || typeof value !== 'object').slice(0, MOST_BESIDE)
    : all;
};

/** 21:04:11  bundle 12 is published  debian  snapshot 4 */
export const humanLine = ({ at, level, says, fields }: LogRecord): string => {
  const time = at.toISOString().slice(11, 19);
  const evidence = forPeople(level, plainFields(fields)).map(([name, value]) => show(name, value));
  return [time, `${WORDS[level] ?? ''}${escapeText(says)}`, ...evidence].join('  ');
};
