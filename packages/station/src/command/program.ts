/** A program is its commands; this runs one of them. Only here is commander known. */
import { createInterface } from 'node:readline/promises';
import {
  Argument as CommanderArgument,
  Command as Commander,
  CommanderError,
  Option as CommanderOption,
} from 'commander';
import { type ExitStatus, exitStatusOf, Misused } from '@gapferry/bundle-format/errors';
import { toFaultOfLimits } from '../files/fault.ts';
import type { Command, Context, Result } from './command.ts';
import { inputFrom, type RawOptions } from './input.ts';
import { type Mode, openPrinter, type Printer } from './printer.ts';
import { openProgress } from './progress.ts';
import { forgiveClosedPipes, type Streams } from './streams.ts';

export interface Program {
  readonly name: string;
  /** `args` without node and script. Never throws, never ends the process: the caller sets `process.exitCode`. */
  run(args: readonly string[], streams?: Streams, signal?: AbortSignal): Promise<ExitStatus>;
}

export interface ProgramOptions {
  /** `gapferry-export`. */
  readonly name: string;
  readonly version: string;
  /** One line. */
  readonly says: string;
  readonly commands: readonly Command[];
}

const STATUS_HELP = `
Exit status: 0 done, 1 fault of the program, 2 usage or configuration, 3 refused, 4 damaged, 5 incomplete, 6 environment
`;

/** What commander found: a command and what was given to it. Nothing runs inside commander. */
interface Chosen {
  readonly command: Command;
  readonly args: readonly string[];
  readonly options: RawOptions;
}

const addGlobalOptions = (commander: Commander): Commander =>
  commander
    .option('--config <file>', 'configuration file')
    .option('--json', 'print JSON: one document, or one object a line while it works')
    .option('--quiet', 'print errors only');

const nodeFor = (root: Commander, words: readonly string[]): Commander =>
  words.reduce((parent, word) => {
    const known = parent.commands.find((each) => each.name() === word);
    return known ?? parent.command(word);
  }, root);

/** Beside arguments, an option that may be given more than once takes one value each time: else it would swallow the arguments. */
const optionOf = (flags: string, says: string, besideArguments: boolean): CommanderOption =>
  besideArguments && flags.endsWith('...>')
    ? new CommanderOption(flags.replace('...>', '>'), `${says}; may be repeated`).argParser(
        (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
      )
    : new CommanderOption(flags, says);

const addCommand = (root: Commander, command: Command, choose: (chosen: Chosen) => void): void => {
  const node = nodeFor(root, command.name.split(' '));
  node.description(command.says).allowExcessArguments(false);
  for (const { name, says } of command.arguments ?? []) node.addArgument(new CommanderArgument(name, says));
  for (const { flags, says, required } of command.options ?? []) {
    node.addOption(optionOf(flags, says, (command.arguments ?? []).length > 0).makeOptionMandatory(required ?? false));
  }
  if (command.examples !== undefined)
    node.addHelpText('after', `\nExamples:\n${command.examples.map((each) => `  ${each}\n`).join('')}`);
  node.action(() => choose({ command, args: node.args, options: node.optsWithGlobals() }));
};

/** Groups such as `site` get a line of their own in --help. */
const describeGroups = (node: Commander): void => {
  for (const child of node.commands) {
    if (child.commands.length > 0 && child.description() === '') {
      child.description(child.commands.map((each) => each.name()).join(', '));
    }
    describeGroups(child);
  }
};

const inheritOutput = (node: Commander, root: Commander): void => {
  for (const child of node.commands) {
    child.copyInheritedSettings(root);
    inheritOutput(child, root);
  }
};

const buildCommander = (
  { name, version, says, commands }: ProgramOptions,
  streams: Streams,
  choose: (chosen: Chosen) => void,
): Commander => {
  const root = addGlobalOptions(new Commander(name))
    .description(says)
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .addHelpText('after', STATUS_HELP)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
      outputError: () => undefined, // the printer says it
      getOutHelpWidth: () => streams.stdout.columns ?? 100,
      getErrHelpWidth: () => streams.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const command of commands) addCommand(root, command, choose);
  describeGroups(root);
  inheritOutput(root, root);
  return root;
};

const usage = (error: CommanderError): Misused =>
  new Misused('USAGE', error.message.replace(/^error: /, '').replaceAll('\n', ' '));

/**
 * Commander answers --help before it looks at the words beside it; to whoever mistyped a command that must not look like success.
 * @throws Misused USAGE
 */
const assertKnownWords = (root: Commander, args: readonly string[]): void => {
  if (!args.includes('--help')) return;
  let node = root;
  for (let at = 0; at < args.length && node.commands.length > 0; at++) {
    const word = args[at] ?? '';
    if (word === '--config') at++;
    if (word.startsWith('-')) continue;
    const next = node.commands.find((each) => each.name() === word);
    if (next === undefined && word !== 'help') throw new Misused('USAGE', `unknown command '${word}'`);
    if (next === undefined) return;
    node = next;
  }
};

/** The command that was asked for; undefined when help or the version was printed instead. @throws Misused USAGE */
const parse = (options: ProgramOptions, args: readonly string[], streams: Streams): Chosen | undefined => {
  let chosen: Chosen | undefined;
  const commander = buildCommander(options, streams, (found) => {
    chosen = found;
  });
  try {
    assertKnownWords(commander, args);
    commander.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    if (error.code === 'commander.help') throw new Misused('USAGE', 'no command was given', { cause: error });
    throw usage(error);
  }
  return chosen;
};

/** Before the command line is understood, mistakes in it must already be told in the form that was asked for. */
const modeOf = (args: readonly string[]): Mode => {
  const options = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined);
  return options.includes('--json') ? 'json' : options.includes('--quiet') ? 'quiet' : 'text';
};

const isInteractive = (printer: Printer, { stdin, stderr }: Streams): boolean =>
  printer.mode === 'text' && stdin.isTTY === true && stderr.isTTY === true;

const ask = async (question: string, { stdin, stderr }: Streams, signal: AbortSignal): Promise<string | undefined> => {
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    return await terminal.question(`${question} `, { signal });
  } catch {
    return undefined; // Ctrl-C or Ctrl-D is no answer
  } finally {
    terminal.close();
  }
};

const contextFor = (chosen: Chosen, printer: Printer, streams: Streams, signal: AbortSignal): Context => {
  const { config } = chosen.options;
  const interactive = isInteractive(printer, streams);
  return {
    config: typeof config === 'string' ? config : undefined,
    json: printer.mode === 'json',
    quiet: printer.mode === 'quiet',
    interactive,
    signal,
    progress: (label, totalBytes) => openProgress(printer, streams.stderr, label, totalBytes),
    say: (line, json) => printer.say(line, json),
    ask: (question) => (interactive ? ask(question, streams, signal) : Promise.resolve(undefined)),
  };
};

export const defineProgram = (options: ProgramOptions): Program => ({
  name: options.name,
  run: async (args, streams = process, signal = new AbortController().signal) => {
    const printer = openPrinter(streams, modeOf(args));
    try {
      const chosen = parse(options, args, streams);
      if (chosen === undefined) return 0;
      const context = contextFor(chosen, printer, streams, signal);
      const result: Result = await chosen.command.run(inputFrom(chosen.command, chosen.args, chosen.options), context);
      try {
        printer.result(result);
      } finally {
        result.release?.();
      }
      return result.status;
    } catch (caught) {
      const error = toFaultOfLimits(caught);
      printer.error(error);
      return exitStatusOf(error);
    }
  },
});

/** Time for handles that should have been closed; one that hangs on a medium must not keep the program. */
const LINGER_MS = 2000;

/** Signals that ask a program to end. The second one ends it at once: every step is safe to interrupt. */
const abortOnSignals = (): AbortSignal => {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort(name);
    });
  }
  return controller.signal;
};

/** For the `bin` file: runs the program on the real world and sets the exit status. */
export const runMain = async (program: Program): Promise<void> => {
  forgiveClosedPipes(process);
  process.exitCode = await program.run(process.argv.slice(2), process, abortOnSignals());
  setTimeout(() => process.exit(), LINGER_MS).unref();
};
