/** The log of an agent: human lines on a terminal, JSON lines in a rotated file. Both UTC. */
import { Writable } from 'node:stream';
import winston from 'winston';
import { humanLine, jsonLine, type LogRecord } from './lines.ts';
import { RotatingFile } from './rotating-file.ts';

export type Level = 'error' | 'warn' | 'info' | 'debug';
export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  /** `fields`: evidence. An Error under any name is written with its code, facts and causes. */
  error(says: string, fields?: Fields): void;
  warn(says: string, fields?: Fields): void;
  info(says: string, fields?: Fields): void;
  debug(says: string, fields?: Fields): void;
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** Of the program: `export-agent`; the file is `<folder>/<name>.log`. */
  readonly name: string;
  /** Undefined: no file. */
  readonly folder?: string;
  /** Human lines to stderr. */
  readonly terminal: boolean;
  /** Default `info`. */
  readonly level?: Level;
  /** Per file, default 20 MiB. */
  readonly maxBytes?: number;
  /** Default 5. */
  readonly maxFiles?: number;
}

const MAX_BYTES = 20 * 1024 * 1024;
const MAX_FILES = 5;
const MESSAGE = Symbol.for('message');

const rendered = (render: (record: LogRecord) => string): winston.Logform.Format =>
  winston.format((info) => {
    const { level, message, fields, at } = info;
    info[MESSAGE] = render({ at: asDate(at), level, says: String(message), fields: asFields(fields) });
    return info;
  })();

const asDate = (value: unknown): Date => (value instanceof Date ? value : new Date());
const asFields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? { ...value } : {});

/** What winston's stream transport writes into; each line goes on at once. */
const sink = (write: (line: string) => void, end: () => void = () => undefined): Writable =>
  new Writable({
    decodeStrings: false,
    write: (line: unknown, _encoding, next) => {
      write(String(line));
      next();
    },
    final: (next) => {
      end();
      next();
    },
  });

const fileTransport = (options: LogOptions, folder: string): winston.transport => {
  const { name, maxBytes = MAX_BYTES, maxFiles = MAX_FILES } = options;
  const file = new RotatingFile({ folder, name, maxBytes, maxFiles });
  const stream = sink(
    (line) => file.write(line),
    () => file.close(),
  );
  return new winston.transports.Stream({ stream, eol: '\n', format: rendered(jsonLine) });
};

/** To stderr, which belongs to people; a closed pipe or terminal is no reason to stop. */
const terminalTransport = (): winston.transport => {
  const stream = sink((line) => process.stderr.writable && process.stderr.write(line, () => undefined));
  return new winston.transports.Stream({ stream, eol: '\n', format: rendered(humanLine) });
};

const transportsOf = (options: LogOptions): winston.transport[] => [
  ...(options.folder === undefined ? [] : [fileTransport(options, options.folder)]),
  ...(options.terminal ? [terminalTransport()] : []),
];

/** Opens the log. It never throws later: what cannot be written is counted, and the count is written when it can. */
export const openLog = (options: LogOptions): Log => {
  const transports = transportsOf(options);
  const logger = winston.createLogger({
    level: options.level ?? 'info',
    transports,
    silent: transports.length === 0,
    exitOnError: false,
  });
  logger.on('error', () => undefined);
  for (const transport of transports) transport.on('error', () => undefined);
  const write =
    (level: Level) =>
    (says: string, fields: Fields = {}): void => {
      logger.log({ level, message: says, fields, at: new Date() });
    };
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    close: () =>
      new Promise((resolve) => {
        logger.once('finish', () => {
          logger.close();
          resolve();
        });
        logger.end();
      }),
  };
};

/** For tests, and for places where nobody listens. */
export const silentLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  close: () => Promise.resolve(),
};
