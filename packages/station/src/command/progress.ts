/** How far long work has come: bytes, rate, time left. On a terminal one line that is drawn anew, with --json one object a line. */
import { formatBytes } from '../format/bytes.ts';
import { formatDuration } from '../format/durations.ts';
import { escapeText } from '../format/escape.ts';
import type { Printer } from './printer.ts';
import type { Output } from './streams.ts';

export interface Progress {
  /** So many bytes more are done. */
  advance(bytes: number): void;
  /** So many bytes are done in all. */
  at(bytes: number): void;
  /** Another name for what is being done now: `reading back`. */
  label(text: string): void;
  /** Removes the bar. Call it in `finally`. */
  done(): void;
}

export interface ProgressState {
  readonly label: string;
  readonly bytes: number;
  /** Undefined: not known. */
  readonly totalBytes: number | undefined;
  readonly elapsedMs: number;
}

const BAR_EVERY_MS = 100;
const JSON_EVERY_MS = 1000;
const BAR_CELLS = 20;
/** Before that a rate is mostly noise. */
const RATE_AFTER_MS = 1000;

const rateOf = ({ bytes, elapsedMs }: ProgressState): number | undefined =>
  elapsedMs >= RATE_AFTER_MS && bytes > 0 ? (bytes * 1000) / elapsedMs : undefined;

const leftMs = (state: ProgressState): number | undefined => {
  const rate = rateOf(state);
  if (rate === undefined || state.totalBytes === undefined) return undefined;
  return (Math.max(0, state.totalBytes - state.bytes) / rate) * 1000;
};

const bar = (share: number): string => {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}]`;
};

/** writing  [########............]  40 %  1.20 GiB of 3.00 GiB  85.3 MiB/s  21 s left. Pure. */
export const progressLine = (state: ProgressState, columns: number): string => {
  const { bytes, totalBytes } = state;
  const share = totalBytes === undefined || totalBytes === 0 ? undefined : bytes / totalBytes;
  const rate = rateOf(state);
  const left = leftMs(state);
  const parts = [
    escapeText(state.label),
    ...(share === undefined ? [] : [bar(share), `${String(Math.floor(Math.min(1, share) * 100)).padStart(3)} %`]),
    totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`,
    ...(rate === undefined ? [] : [`${formatBytes(rate)}/s`]),
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
  ];
  return parts.join('  ').slice(0, Math.max(20, columns - 1));
};

const silent: Progress = {
  advance: () => undefined,
  at: () => undefined,
  label: () => undefined,
  done: () => undefined,
};

const ERASE_LINE = '\r\u001b[2K';

const meter = (
  label: string,
  totalBytes: number | undefined,
  everyMs: number,
  show: (state: ProgressState) => void,
  end: () => void,
): Progress => {
  const start = performance.now();
  let bytes = 0;
  let shown = start;
  let name = label;
  const moved = (): void => {
    const now = performance.now();
    if (now - shown < everyMs) return;
    shown = now;
    show({ label: name, bytes, totalBytes, elapsedMs: now - start });
  };
  return {
    advance: (more) => {
      bytes += more;
      moved();
    },
    at: (all) => {
      bytes = all;
      moved();
    },
    label: (text) => {
      name = text;
    },
    done: end,
  };
};

/** Chooses the form: objects with --json (the first after a second, so that quick work answers with one document), a bar on a terminal, else nothing. */
export const openProgress = (
  printer: Printer,
  stderr: Output,
  label: string,
  totalBytes: number | undefined,
): Progress => {
  if (printer.mode === 'json') {
    const show = (state: ProgressState): void =>
      printer.object({
        event: 'progress',
        label: state.label,
        bytes: state.bytes,
        totalBytes: state.totalBytes,
        bytesPerSecond: Math.round(rateOf(state) ?? 0),
      });
    return meter(label, totalBytes, JSON_EVERY_MS, show, () => undefined);
  }
  if (printer.mode === 'quiet' || stderr.isTTY !== true) return silent;
  const show = (state: ProgressState): void => {
    stderr.write(`${ERASE_LINE}${progressLine(state, stderr.columns ?? 80)}`);
  };
  return meter(label, totalBytes, BAR_EVERY_MS, show, () => stderr.write(ERASE_LINE));
};
