/** What was asked for on the command line. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface OwnFolders {
  readonly source: string;
  readonly folder: string;
  readonly target: string;
}

export interface DemoOptions {
  /** Undefined: the demo's own npm repository. */
  readonly own: OwnFolders | undefined;
  readonly stick: boolean;
  /** The temporary folder is kept for looking at. */
  readonly keep: boolean;
}

export const USAGE = `npm run demo -- [options]

  (none)                                   an npm repository made of the packages that are installed here
  --stick                                  the same over a real filesystem that is mounted here and there (Linux, root)
  --source DIR --folder DIR --target DIR   your own tree, over your own folder, into a new or empty folder; the source is only read
  --keep                                   leave the temporary folder for looking at`;

export class BadOption extends Error {}

/** @throws BadOption with a sentence; undefined when help was asked for */
export const parseOptions = (args: readonly string[]): DemoOptions | undefined => {
  const values = readArguments(args);
  if (values.help === true) return undefined;
  const { source, folder, target } = values;
  const given = [source, folder, target].filter((each) => each !== undefined).length;
  if (given !== 0 && given !== 3) throw new BadOption('--source, --folder and --target belong together');
  if (given === 3 && values.stick === true) throw new BadOption('--stick is for the own repository of the demo');
  const own =
    source === undefined || folder === undefined || target === undefined
      ? undefined
      : ownFolders(source, folder, target);
  return { own, stick: values.stick === true, keep: values.keep === true };
};

/** Relative to where the person stands, not to where npm goes. */
const ownFolders = (source: string, folder: string, target: string): OwnFolders => {
  const from = process.env['INIT_CWD'] ?? process.cwd();
  const own = { source: resolve(from, source), folder: resolve(from, folder), target: resolve(from, target) };
  if (!isFolder(own.source)) throw new BadOption(`--source ${source} is not a folder`);
  for (const [name, path] of [
    ['folder', own.folder],
    ['target', own.target],
  ] as const) {
    mkdirSync(path, { recursive: true });
    if (!isFolder(path)) throw new BadOption(`--${name} ${path} is not a folder`);
  }
  if (readdirSync(own.target).length > 0)
    throw new BadOption(`--target ${target} is not empty; the demo compares it with the source at the end`);
  if (existsSync(join(own.folder, 'gapferry')))
    throw new BadOption(
      `--folder ${folder} bears bundles already; take another one, or remove ${join(folder, 'gapferry')}`,
    );
  return own;
};

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const readArguments = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        source: { type: 'string' },
        folder: { type: 'string' },
        target: { type: 'string' },
        stick: { type: 'boolean' },
        keep: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new BadOption(error instanceof Error ? error.message : String(error));
  }
};
