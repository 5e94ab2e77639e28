/** What commander read, behind names that the command declared. */
import type { Command, Input } from './command.ts';

export type RawOptions = Readonly<Record<string, unknown>>;

/** `--dry-run` → dryRun, as commander names it. */
const attribute = (name: string): string => name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

const declared = (command: Command, name: string): void => {
  const known = (command.options ?? []).some(({ flags }) => flags.split(/[ ,]+/).includes(`--${name}`));
  if (!known) throw new TypeError(`the command ${command.name} declares no option --${name}`);
};

const asTexts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : typeof value === 'string' ? [value] : [];

export const inputFrom = (command: Command, args: readonly string[], options: RawOptions): Input => {
  const value = (name: string): unknown => {
    declared(command, name);
    return options[attribute(name)];
  };
  return {
    argument: (at) => args[at],
    arguments: (from = 0) => args.slice(from),
    text: (name) => asTexts(value(name)).at(-1),
    list: (name) => asTexts(value(name)),
    flag: (name) => value(name) === true,
  };
};
