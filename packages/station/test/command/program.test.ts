import { expect, test } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { Damaged, Refused, Unfit } from '@gapferry/bundle-format/errors';
import type { Command, Context, Input, Result } from '../../src/command/command.ts';
import { defineProgram } from '../../src/command/program.ts';

const collect = (tty = false) => {
  const stream = Object.assign(new PassThrough(), { isTTY: tty, columns: 80 });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
};

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const run = async (commands: readonly Command[], args: readonly string[], tty = false): Promise<Ran> => {
  const [out, err] = [collect(tty), collect(tty)];
  const stdin = Object.assign(new PassThrough(), { isTTY: tty });
  const program = defineProgram({ name: 'gapferry-test', version: '1.2.3', says: 'carries things', commands });
  const status = await program.run(args, { stdin, stdout: out.stream, stderr: err.stream });
  return { status, out: out.text(), err: err.text() };
};

const done: Result = { status: 0, json: { done: true, snapshot: 4 }, lines: ['it is done'], quiet: [] };
const command = (more: Partial<Command> = {}): Command => ({
  name: 'work',
  says: 'does work',
  run: () => done,
  ...more,
});
const throwing = (error: unknown): Command =>
  command({
    run: () => {
      throw error;
    },
  });

test('prints what people read, or the document, or nothing', async () => {
  expect(await run([command()], ['work'])).toEqual({ status: 0, out: 'it is done\n', err: '' });
  expect(await run([command()], ['work', '--json'])).toEqual({
    status: 0,
    out: '{"done":true,"snapshot":4}\n',
    err: '',
  });
  expect(await run([command()], ['work', '--quiet'])).toEqual({ status: 0, out: '', err: '' });
});

test.each([
  [['nonsense', '--help'], 'nonsense'],
  [['--config', 'work', 'nonsense', '--help'], 'nonsense'],
  [['site', 'nonsense', '--help'], 'nonsense'],
])('%j is no request for help', async (args, word) => {
  const commands = [command(), command({ name: 'site add' })];
  expect(await run(commands, args)).toMatchObject({ status: 2, out: '', err: expect.stringContaining(word) });
});

test('help of a group lists its commands, and a command may get any word', async () => {
  const commands = [command({ arguments: [{ name: '<x>', says: 'x' }] }), command({ name: 'site add', says: 'adds' })];
  expect(await run(commands, ['site', '--help'])).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^ +add +adds$/m),
  });
  expect(await run(commands, ['work', 'anything', '--help'])).toMatchObject({ status: 0 });
  expect(await run(commands, ['help', 'site', '--help'])).toMatchObject({ status: 0 });
});

test.each([
  { code: 'EMFILE', message: 'EMFILE: too many open files', path: '/x' },
  { code: 'ERR_WORKER_INIT_FAILED', message: 'Worker initialization failure: EMFILE', path: '/x' },
  { message: 'Cannot read package config /package.json: too many open files.', path: '/x' },
])('where no descriptor is left there is no stack: %j', async (what) => {
  const error = Object.assign(new Error(what.message), what);
  expect(await run([throwing(error)], ['work'])).toMatchObject({
    status: 6,
    err: expect.stringMatching(/^LOCAL_IO: too many open files: \/x could not be read \(EMFILE\)\nhint: [^\n]+\n$/),
  });
});

test('global options may stand before the command too', async () => {
  expect((await run([command()], ['--json', 'work'])).out).toBe('{"done":true,"snapshot":4}\n');
});

test('the datum that a script asked for is printed with --quiet', async () => {
  expect((await run([command({ run: () => ({ ...done, quiet: ['abcd'] }) })], ['work', '--quiet'])).out).toBe('abcd\n');
});

test('the status of the result is the exit status', async () => {
  expect((await run([command({ run: () => ({ ...done, status: 5 }) })], ['work'])).status).toBe(5);
});

test.each([
  [
    new Refused('SIG_INVALID', 'the signature is wrong'),
    3,
    'SIG_INVALID: the signature is wrong\nhint: do not use this medium; ask the exporter for a new bundle\n',
  ],
  [new Damaged('TRUNCATED', 'too short', { hint: 'look' }), 4, 'TRUNCATED: too short\nhint: look\n'],
  [
    new Unfit('LOCKED', 'in use'),
    6,
    'LOCKED: in use\nhint: another agent works with the same state; wait for it, or stop it\n',
  ],
])('an error has a code, a sentence and a hint: %s', async (error, status, err) => {
  expect(await run([throwing(error)], ['work'])).toEqual({ status, out: '', err });
});

test('with --json an error is a document on stdout', async () => {
  const ran = await run(
    [throwing(new Damaged('HASH_MISMATCH', 'block 3', { facts: { block: 3 } }))],
    ['work', '--json'],
  );
  expect(ran).toMatchObject({ status: 4, err: '' });
  expect(JSON.parse(ran.out)).toMatchObject({ error: { code: 'HASH_MISMATCH', says: 'block 3', facts: { block: 3 } } });
});

test('an unexpected error is a fault of the program, with its stack', async () => {
  const ran = await run([throwing(new TypeError('x is not a function'))], ['work']);
  expect(ran.status).toBe(1);
  expect(ran.err).toMatch(/^INTERNAL: TypeError: x is not a function\nhint: .*\n +at /);
});

test.each([
  [[], 'no command was given'],
  [['nonsense'], "unknown command 'nonsense'"],
  [['work', '--nonsense'], "unknown option '--nonsense'"],
  [['work', 'too', 'much'], 'too many arguments'],
  [['needs'], "missing required argument 'file'"],
  [['needs', 'x', '--site'], "option '--site <name>' argument missing"],
  [['must'], "required option '--dir <dir>' not specified"],
  [['site'], 'no command was given'],
  [['site', 'nonsense'], "unknown command 'nonsense'"],
])('%j is a mistake of usage', async (args, says) => {
  const commands = [
    command(),
    command({
      name: 'needs',
      arguments: [{ name: '<file>', says: '' }],
      options: [{ flags: '--site <name>', says: '' }],
    }),
    command({ name: 'must', options: [{ flags: '--dir <dir>', says: '', required: true }] }),
    command({ name: 'site add' }),
  ];
  const ran = await run(commands, args);
  expect(ran.status).toBe(2);
  expect(ran.out).toBe('');
  expect(ran.err).toContain(`USAGE: ${says}`);
  expect(JSON.parse((await run(commands, [...args, '--json'])).out)).toMatchObject({ error: { code: 'USAGE' } });
});

test('gives arguments and options to the command', async () => {
  let seen: unknown;
  const take = command({
    name: 'site add',
    arguments: [
      { name: '<name>', says: '' },
      { name: '[more...]', says: '' },
    ],
    options: [
      { flags: '--key <file>', says: '' },
      { flags: '--dry-run', says: '' },
      { flags: '--repository <name...>', says: '' },
      { flags: '--absent <x>', says: '' },
    ],
    run: (input: Input, context: Context) => {
      seen = [
        input.argument(0),
        input.arguments(1),
        input.text('key'),
        input.flag('dry-run'),
        input.list('repository'),
        input.text('absent'),
        input.list('absent'),
        context.config,
      ];
      return done;
    },
  });
  await run(
    [take],
    [
      'site',
      'add',
      'plant7',
      'b',
      'c',
      '--key',
      'k',
      '--dry-run',
      '--repository',
      'd',
      '--repository',
      'f',
      'e',
      '--config',
      'c.yaml',
    ],
  );
  // the option takes one value each time; what follows is an argument again
  expect(seen).toEqual(['plant7', ['b', 'c', 'e'], 'k', true, ['d', 'f'], undefined, [], 'c.yaml']);
});

test('an option that the command did not declare is a fault of the program', async () => {
  expect(
    (await run([command({ run: (input) => ({ ...done, lines: [input.text('typo') ?? ''] }) })], ['work'])).status,
  ).toBe(1);
});

test('help and version go to stdout with status 0, and say what a status means', async () => {
  const help = await run(
    [command({ name: 'site add', says: 'enrols a site', options: [{ flags: '--key <file>', says: 'its key' }] })],
    ['site', 'add', '--help'],
  );
  expect(help).toMatchObject({ status: 0, err: '' });
  for (const part of ['enrols a site', '--key <file>', '--json', '--config <file>', '--quiet'])
    expect(help.out).toContain(part);
  const all = await run([command(), command({ name: 'site add' }), command({ name: 'site list' })], ['--help']);
  for (const part of ['carries things', 'work', 'does work', 'site', 'add, list', '3 refused'])
    expect(all.out).toContain(part);
  expect(await run([command()], ['--version'])).toEqual({ status: 0, out: '1.2.3\n', err: '' });
});

test('what others wrote cannot command the terminal', async () => {
  const evil = 'a\u001b[2J\u202eb\nc';
  const text = await run([command({ run: () => ({ ...done, lines: [evil] }) })], ['work']);
  expect(text.out).toBe('a\\u001b[2J\\u202eb\\u000ac\n');
  const json = await run([command({ run: () => ({ ...done, json: { evil } }) })], ['work', '--json']);
  expect(json.out).toBe('{"evil":"a\\u001b[2J\\u202eb\\nc"}\n');
  expect(JSON.parse(json.out)).toEqual({ evil });
  expect((await run([throwing(new Refused('PATH_CHARS', evil))], ['work'])).err).not.toContain('\u001b');
});

test('the course of work: a line for people, an object with --json, nothing with --quiet', async () => {
  const talks = command({
    run: (_, context) => {
      context.say('half way', { event: 'half', n: 1 });
      return done;
    },
  });
  expect((await run([talks], ['work'])).err).toBe('half way\n');
  expect((await run([talks], ['work', '--json'])).out).toBe('{"event":"half","n":1}\n{"done":true,"snapshot":4}\n');
  expect(await run([talks], ['work', '--quiet'])).toEqual({ status: 0, out: '', err: '' });
});

test('nobody is asked without a terminal', async () => {
  const asks = command({
    run: async (_, context) => ({
      ...done,
      lines: [String(await context.ask('really?')), String(context.interactive)],
    }),
  });
  expect((await run([asks], ['work'])).out).toBe('undefined\nfalse\n');
});

test('a person on a terminal is asked', async () => {
  const [out, err] = [collect(true), collect(true)];
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const asks = command({
    run: async (_, context) => ({ ...done, lines: [`heard ${await context.ask('fingerprint?')}`] }),
  });
  const program = defineProgram({ name: 'x', version: '1', says: '', commands: [asks] });
  const running = program.run(['work'], { stdin, stdout: out.stream, stderr: err.stream });
  stdin.write('abcd ef01\n');
  expect(await running).toBe(0);
  expect(out.text()).toBe('heard abcd ef01\n');
  expect(err.text()).toContain('fingerprint?');
});

test('a bar is drawn on a terminal and removed at the end', async () => {
  const works = command({
    run: (_, context) => {
      const progress = context.progress('writing', 1000);
      for (const end = performance.now() + 250; performance.now() < end;) progress.at(500);
      progress.done();
      return done;
    },
  });
  const ran = await run([works], ['work'], true);
  expect(ran.err).toContain('writing  [##########..........]   50 %  500 bytes of 1000 bytes');
  expect(ran.err.endsWith('\u001b[2K')).toBe(true);
  expect(ran.err.split('writing').length).toBeLessThan(5); // ten times a second at most
  expect((await run([works], ['work'])).err).toBe('');
});
