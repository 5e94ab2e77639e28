/** Lines of newline-delimited JSON out of chunks of bytes, bounded (format §2.5). */
import { Damaged } from './errors.ts';
import { LIMITS } from './limits.ts';

/**
 * Yields each line without its line feed. The last line must end with a line feed too.
 * @throws Damaged with the given code for a line that is too long, not UTF-8, or not ended.
 */
export function* readLines(chunks: Iterable<Uint8Array>, what: string, code: RowCode): Generator<string> {
  const decode = utf8Decoder(what, code);
  let rest = '';
  for (const chunk of chunks) {
    const text = rest + decode(chunk);
    let from = 0;
    for (let end = text.indexOf('\n', from); end !== -1; end = text.indexOf('\n', from)) {
      requireShort(text.slice(from, end), what, code);
      yield text.slice(from, end);
      from = end + 1;
    }
    rest = text.slice(from);
    requireShort(rest, what, code);
  }
  if (rest + decode() !== '') throw new Damaged(code, `${what}: the last row does not end with a line feed`);
}

type RowCode = 'INVENTORY_INVALID' | 'INDEX_INVALID';

function utf8Decoder(what: string, code: RowCode): (chunk?: Uint8Array) => string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return (chunk) => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch (cause) {
      throw new Damaged(code, `${what}: is not UTF-8`, { cause });
    }
  };
}

function requireShort(row: string, what: string, code: RowCode): void {
  // A unit of UTF-16 has at most three bytes in UTF-8.
  if (row.length * 3 > LIMITS.rowBytes && Buffer.byteLength(row) > LIMITS.rowBytes)
    throw new Damaged(code, `${what}: a row is longer than ${LIMITS.rowBytes} bytes`);
}

/** A JSON object of one row, or undefined. Strictness comes from comparing with the canonical form (format §2.5). */
export function parseRow(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

export const isCount = (value: unknown, most: number = Number.MAX_SAFE_INTEGER): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;
