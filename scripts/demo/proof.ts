/** `npm install` against what was published at the far side, where nothing else can be reached; and running what it installed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';

export interface Proof {
  /** How it was kept from reaching anything else. */
  readonly alone: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Tarballs that npm fetched. */
  readonly fetched: number;
  /** What the installed packages printed. */
  readonly printed: string;
}

const CLIENT = fileURLToPath(new URL('./far-client.ts', import.meta.url));
/** A new network namespace has a loopback that is down. */
const LOOPBACK_UP = '{ ip link set lo up || ifconfig lo up; } 2>/dev/null && exec "$@"';

/** The words before a command that give it a network of its own with nothing but loopback; undefined where that cannot be had. */
const ownNetwork = async (): Promise<string[] | undefined> => {
  if (process.platform !== 'linux') return undefined;
  for (const flags of [['--net'], ['--map-root-user', '--net']]) {
    const words = ['unshare', ...flags, 'sh', '-c', LOOPBACK_UP, 'sh'];
    const [program = '', ...args] = words;
    const tried = await run(program, [...args, 'true']).catch(() => undefined);
    if (tried?.status === 0) return words;
  }
  return undefined;
};

const textOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value))[key] : undefined;

/**
 * @param program CommonJS that uses the packages and prints one line
 * @throws Error with what npm or the program said
 */
export const installAndRun = async (
  published: string,
  client: string,
  packages: readonly string[],
  program: string,
): Promise<Proof> => {
  mkdirSync(client, { recursive: true });
  writeFileSync(join(client, 'try-it.cjs'), program);
  const network = await ownNetwork();
  const [first = '', ...rest] = [...(network ?? []), process.execPath, CLIENT, published, client, ...packages];
  const outcome = await run(first, rest);
  const report: unknown = outcome.status === 0 ? JSON.parse(outcome.stdout) : {};
  const [installed, ran, asked] = [textOf(report, 'installed'), textOf(report, 'ran'), textOf(report, 'asked')];
  if (textOf(installed, 'status') !== 0 || textOf(ran, 'status') !== 0) {
    throw new Error(`npm install from the published repository\n${JSON.stringify(report, null, 2)}\n${outcome.stderr}`);
  }
  const cutOff = textOf(report, 'cutOff') === true;
  return {
    alone: cutOff
      ? 'in a network of its own that is loopback and nothing else'
      : 'with every other address behind a proxy that is not there',
    versions: Object.fromEntries(packages.map((name) => [name, String(textOf(textOf(report, 'versions'), name))])),
    fetched: Array.isArray(asked) ? asked.length : 0,
    printed: String(textOf(ran, 'said')).trim(),
  };
};
