/** Reads one metadata file that is small enough to be held as a whole. */

import { BadMetadata } from './bad-metadata.ts';
import type { RepositoryView } from './view.ts';

/**
 * @param mostBytes more than this is refused before it is held
 * @throws BadMetadata when the file is larger, or not UTF-8
 */
export const readText = async (view: RepositoryView, path: string, mostBytes: number): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of view.read(path)) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new BadMetadata(`is larger than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks, bytes));
  } catch (cause) {
    throw new BadMetadata('is not UTF-8', { cause });
  }
};
