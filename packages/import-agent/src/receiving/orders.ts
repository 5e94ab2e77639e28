/** Orders: which rows of an index a medium process is to take, and where to. A local file, written by the parent and read by the child, a line each. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { withFaults } from '@gapferry/station/files/fault';

export interface Order {
  /** Number of the row in the index, from 0. */
  readonly row: number;
  readonly volume: number;
  /** Place of the staging folder in the list of the request. */
  readonly staging: number;
  readonly exec: boolean;
  /** Milliseconds since 1970. */
  readonly mtime: number;
}

const CHUNK_BYTES = 1024 * 1024;
const LINES = 4096;

/** @returns how many there are */
export function writeOrders(path: string, orders: Iterable<Order>): number {
  return withFaults({ where: 'machine', doing: 'write', what: path }, () => {
    const fd = openSync(path, 'w', 0o600);
    let count = 0;
    let lines: string[] = [];
    const flush = (): void => {
      writeSync(fd, lines.join(''));
      lines = [];
    };
    try {
      for (const { row, volume, staging, exec, mtime } of orders) {
        lines.push(`${row} ${volume} ${staging} ${exec ? 1 : 0} ${mtime}\n`);
        count++;
        if (lines.length === LINES) flush();
      }
      flush();
    } finally {
      closeSync(fd);
    }
    return count;
  });
}

export function* readOrders(path: string): Generator<Order> {
  let rest = '';
  for (const chunk of readChunks(path)) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [row = 0, volume = 0, staging = 0, exec = 0, mtime = 0] = line.split(' ').map(Number);
      yield { row, volume, staging, exec: exec === 1, mtime };
    }
  }
}

/** A local file in pieces, each valid until the next. */
export function* readChunks(path: string): Generator<Buffer> {
  const fd = withFaults({ where: 'machine', doing: 'read', what: path }, () => openSync(path, 'r'));
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    for (;;) {
      const got = withFaults({ where: 'machine', doing: 'read', what: path }, () =>
        readSync(fd, buffer, 0, buffer.length, null),
      );
      if (got === 0) return;
      yield buffer.subarray(0, got);
    }
  } finally {
    closeSync(fd);
  }
}
