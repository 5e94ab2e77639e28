/** Where a program writes and whom it asks. */
import type { Readable } from 'node:stream';

/** As much of a stream as printing needs; tests give their own. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output & NodeJS.WritableStream;
  readonly stderr: Output & NodeJS.WritableStream;
}

/** A reader that went away (`| head`) is no crash: the rest is written to nowhere. */
export const forgiveClosedPipes = ({ stdout, stderr }: Streams): void => {
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: Error) => {
      if (!('code' in error) || (error.code !== 'EPIPE' && error.code !== 'EIO')) throw error;
    });
  }
};
