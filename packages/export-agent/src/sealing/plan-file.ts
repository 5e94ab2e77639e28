/** The plan on its way to the medium process: one line per object, read in bounded memory. Written and read by this package alone. */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { PlanLine } from './messages.ts';

const CHUNK_BYTES = 1 << 20;

export const writePlan = (path: string, lines: Iterable<PlanLine>): void => {
  const fd = openSync(path, 'w', 0o600);
  try {
    let text = '';
    const flush = (): void => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      text = '';
    };
    for (const line of lines) {
      text += `${JSON.stringify(line)}\n`;
      if (text.length >= CHUNK_BYTES) flush();
    }
    flush();
  } finally {
    closeSync(fd);
  }
};

export function* readPlan(path: string): Generator<PlanLine> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let rest = '';
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) {
      const lines = (rest + decoder.decode(buffer.subarray(0, got), { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      // our own file, of this very run
      for (const line of lines) yield JSON.parse(line) as PlanLine;
    }
  } finally {
    closeSync(fd);
  }
}
