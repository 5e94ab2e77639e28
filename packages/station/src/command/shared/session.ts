/** The parent's side of the shared commands: a medium process, a spool of its own, and an end of both whatever happens. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Incomplete } from '@gapferry/bundle-format/errors';
import { encodePublicKey } from '@gapferry/bundle-format/signature';
import { withFaults } from '../../files/fault.ts';
import { readPublicKeyFile } from '../../keys/files.ts';
import { entryBeside, MediumProcess } from '../../media/process.ts';
import type { Context } from '../command.ts';
import type { BundleRequests } from './requests.ts';

export type BundleMedium = MediumProcess<BundleRequests>;

/** Runs `work` with a medium process that ends with it, and at once when the user interrupts. */
export const withMedium = async <T>(
  what: string,
  { signal }: Context,
  work: (medium: BundleMedium) => Promise<T>,
): Promise<T> => {
  const medium: BundleMedium = new MediumProcess(entryBeside(import.meta.url, './bundle-process'), { what });
  const interrupt = (): void => medium.kill(new Incomplete('INTERRUPTED', `looking at ${what} was interrupted`));
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    return await work(medium);
  } finally {
    signal.removeEventListener('abort', interrupt);
    medium.kill();
  }
};

export interface Spool {
  readonly path: string;
  remove(): void;
}

/** A local folder for lists that are too long for memory. */
export const makeSpool = (): Spool => {
  const parent = tmpdir();
  const path = withFaults({ where: 'machine', doing: 'write', what: parent }, () =>
    mkdtempSync(join(parent, 'gapferry-')),
  );
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};

export const withSpool = async <T>(work: (path: string) => Promise<T>): Promise<T> => {
  const spool = makeSpool();
  try {
    return await work(spool.path);
  } finally {
    spool.remove();
  }
};

/** Public keys as text for the child, each checked here. @throws as `readPublicKeyFile` */
export const keyTexts = (paths: readonly string[]): string[] =>
  paths.map((path) => encodePublicKey(readPublicKeyFile(path), 'given'));
