/** Opens foreign compressions with the tools of the machine: `xz`, `bzip2`, `lz4`. Nothing but these fixed commands is ever run. */

import { spawn, spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { NotDecompressible, type Decompress, type ForeignCompression } from './decompress.ts';

const COMMANDS: Readonly<Record<ForeignCompression, readonly [tool: string, ...flags: string[]]>> = {
  xz: ['xz', '-dc', '--format=xz'],
  lzma: ['xz', '-dc', '--format=lzma'],
  bzip2: ['bzip2', '-dc'],
  lz4: ['lz4', '-dc'],
};

type Environment = Readonly<Record<string, string | undefined>>;

const isThere = (tool: string, env: Environment): boolean =>
  spawnSync(tool, ['--version'], { stdio: 'ignore', env }).error === undefined;

const isBrokenPipe = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EPIPE';

async function* through(
  command: readonly [string, ...string[]],
  bytes: AsyncIterable<Uint8Array>,
  env: Environment,
): AsyncGenerator<Uint8Array> {
  const [tool, ...flags] = command;
  const child = spawn(tool, flags, { stdio: ['pipe', 'pipe', 'ignore'], env });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => {}); // awaited below; a fault before that must not count as unhandled
  const fed = pipeline(Readable.from(bytes, { objectMode: false }), child.stdin).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  try {
    for await (const chunk of child.stdout) {
      if (chunk instanceof Uint8Array) yield chunk;
    }
    const status = await ended;
    const fault = await fed;
    // A source that fails ends the input early, so the tool complains as well: the source is to blame.
    if (fault !== undefined && !isBrokenPipe(fault.error)) throw fault.error;
    if (status !== 0) throw new NotDecompressible(`${tool} cannot read its data (exit status ${status})`);
  } finally {
    child.kill();
  }
}

/**
 * A `Decompress` that uses the tools this machine has; each is looked for once, when it is first needed.
 * @param env of the tools; its PATH says where they are looked for
 */
export const toolDecompressor = (env: Environment = process.env): Decompress => {
  const there = new Map<string, boolean>();
  return (compression, bytes) => {
    const command = COMMANDS[compression];
    const [tool] = command;
    const usable = there.get(tool) ?? isThere(tool, env);
    there.set(tool, usable);
    return usable ? through(command, bytes, env) : undefined;
  };
};
