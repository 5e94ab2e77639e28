/**
 * The proof, as a program of its own so that it can run where nothing but loopback exists: serves the published repository, lets a real
 * `npm install` fetch from it, and runs what was installed. usage: node far-client.ts <repository> <client folder> <package>...
 * Prints one JSON line: what was installed, asked for and printed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { serveRegistry } from './registry.ts';

/** Documentation address (RFC 5737): leads nowhere on any network, so a quick "unreachable" proves that there is none. */
const OUTSIDE = { host: '192.0.2.1', port: 80 };
/** Nobody listens on discard; what is sent to this proxy goes nowhere. */
const CLOSED_PROXY = 'http://127.0.0.1:9';

const [repository = '', client = '', ...packages] = process.argv.slice(2);

/** True when this machine cannot even start to send a packet beyond itself. */
const isCutOff = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(OUTSIDE);
    const answer = (cutOff: boolean): void => {
      socket.destroy();
      resolve(cutOff);
    };
    socket.on('error', (error: NodeJS.ErrnoException) => answer(error.code === 'ENETUNREACH'));
    socket.on('connect', () => answer(false));
    setTimeout(() => answer(false), 300).unref();
  });

const run = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ status: number; said: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: client, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? 1, said }));
  });

/** Without what would lead npm elsewhere: settings of the machine, of the project, of whoever started this. */
const bareEnvironment = (): NodeJS.ProcessEnv => {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|INIT_CWD|.*_proxy$)/i.test(name));
  return { ...Object.fromEntries(kept), HOME: client, NO_COLOR: '1' };
};

const npmArguments = (url: string): string[] => [
  'install',
  ...packages,
  `--registry=${url}`,
  `--cache=${join(client, 'cache')}`,
  `--userconfig=${join(client, 'npmrc')}`,
  `--globalconfig=${join(client, 'global-npmrc')}`,
  `--proxy=${CLOSED_PROXY}`,
  `--https-proxy=${CLOSED_PROXY}`,
  '--noproxy=127.0.0.1',
  '--fetch-retries=0',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
];

/** npm's own program, to be run by the Node that runs this. `npm run` says where it is, else it is looked for. */
const npmProgram = (): string => {
  const own = process.env['npm_execpath'];
  if (own !== undefined && own.endsWith('npm-cli.js')) return own;
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (existsSync(join(folder, 'npm'))) return realpathSync(join(folder, 'npm'));
  }
  throw new Error('npm is not on the path');
};

const versionOf = (name: string): string => {
  const document: unknown = JSON.parse(readFileSync(join(client, 'node_modules', name, 'package.json'), 'utf8'));
  return typeof document === 'object' && document !== null && 'version' in document ? String(document.version) : '?';
};

const SCRIPT = 'try-it.cjs';

mkdirSync(client, { recursive: true });
writeFileSync(join(client, 'package.json'), JSON.stringify({ name: 'far-client', version: '1.0.0', private: true }));
writeFileSync(join(client, 'npmrc'), '');
const registry = await serveRegistry(repository);
const env = bareEnvironment();
const cutOff = await isCutOff();
const installed = await run([npmProgram(), ...npmArguments(registry.url)], env);
const ran = installed.status === 0 ? await run([SCRIPT], env) : { status: 1, said: '' };
const versions = installed.status === 0 ? Object.fromEntries(packages.map((name) => [name, versionOf(name)])) : {};
await registry.close();
process.stdout.write(
  `${JSON.stringify({ cutOff, installed, ran, versions, asked: registry.asked.filter((path) => path.endsWith('.tgz')) })}\n`,
);
