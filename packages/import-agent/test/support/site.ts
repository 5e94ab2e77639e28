/** A whole site in a folder: configuration, keys, trust, targets and a world, without any process but the ones that an import starts. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  encodeSecretKey,
  fingerprintOf,
  generateKeyPair,
  parseReceipt,
  type Receipt,
  verifySignatures,
} from '@gapferry/bundle-format';
import { requirePlace } from '@gapferry/station/media/place';
import { look, type Outcome, takeIn } from '../../src/agent.ts';
import { openWorld, type OpenWorld } from '../../src/commands/open-world.ts';
import { recoverAll } from '../../src/holdings/check.ts';
import { MediumSession } from '../../src/receiving/session.ts';
import { readTrust, writeTrust } from '../../src/trust/file.ts';
import { withKey } from '../../src/trust/store.ts';
import type { Exporter } from './bundle.ts';
import { temporaryFolder } from './folders.ts';

export interface SiteOptions {
  readonly repositories?: Readonly<Record<string, string>>;
  readonly name?: string;
}

export class Site {
  readonly root: string;
  readonly medium: string;
  readonly config: string;
  readonly #name: string;
  readonly #keys = generateKeyPair();

  constructor({ repositories = { files: 'tree' }, name = 'plant7' }: SiteOptions = {}) {
    this.root = temporaryFolder();
    this.medium = join(this.root, 'medium');
    this.#name = name;
    const home = join(this.root, 'far');
    mkdirSync(this.medium);
    mkdirSync(home, { mode: 0o700 });
    for (const repository of Object.keys(repositories)) mkdirSync(this.target(repository), { recursive: true });
    writeFileSync(join(home, 'site.key'), encodeSecretKey(this.#keys.secretKey), { mode: 0o600 });
    this.config = join(home, 'import-agent.yaml');
    const lines = Object.entries(repositories).map(
      ([repository, preset]) =>
        `  ${repository}: { preset: ${preset}, path: ${JSON.stringify(this.target(repository))} }\n`,
    );
    writeFileSync(
      this.config,
      `site: ${name}\nrepositories:\n${lines.join('')}media:\n  - folder: ${JSON.stringify(this.medium)}\n`,
    );
  }

  get trustPath(): string {
    return join(this.root, 'far', 'trust.json');
  }

  target(repository: string): string {
    return join(this.root, 'target', repository);
  }

  trusts(exporter: Exporter, more: { replaces?: string; repositories?: string[] } = {}): this {
    const store = readTrust(this.trustPath);
    writeTrust(
      this.trustPath,
      withKey(store, {
        publicKey: exporter.publicKey,
        fingerprint: fingerprintOf(exporter.publicKey),
        now: '2026-11-01T00:00:00Z',
        ...more,
      }),
    );
    return this;
  }

  open(now?: () => Date): OpenWorld {
    return openWorld(this.config, {
      doing: 'test',
      terminal: false,
      courier: () => undefined,
      ...(now === undefined ? {} : { now }),
    });
  }

  /** One import as the command does it. */
  async import(path: string = this.medium, now?: () => Date): Promise<Outcome> {
    const { world, close } = this.open(now);
    const medium = new MediumSession(path, 20_000);
    try {
      await recoverAll(world);
      const presence = requirePlace({ kind: 'folder', path });
      const arrival = { medium, path, identity: presence.identity, presence };
      return await takeIn(world, arrival, await look(world, arrival));
    } finally {
      await medium.stop();
      await close();
    }
  }

  /** What clients see: every path with its bytes, link target or kind; our own folder left out. */
  published(repository = 'files'): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (folder: string, prefix: string): void => {
      for (const name of readdirSync(folder).sort()) {
        if (prefix === '' && name === '.gapferry') continue;
        const path = join(folder, name);
        const stat = lstatSync(path);
        if (stat.isDirectory()) {
          if (readdirSync(path).length === 0) found[`${prefix}${name}/`] = '';
          walk(path, `${prefix}${name}/`);
        } else
          found[prefix + name] = stat.isSymbolicLink()
            ? `-> ${readlinkSync(path)}`
            : `${(stat.mode & 0o100) !== 0 ? 'x ' : ''}${readFileSync(path, 'utf8')}`;
      }
    };
    walk(this.target(repository), '');
    return found;
  }

  staging(repository = 'files'): string[] {
    const folder = join(this.target(repository), '.gapferry', 'staging');
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  audit(): { event: string; code?: string }[] {
    return readFileSync(join(this.root, 'far', 'logs', 'audit.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line): { event: string; code?: string } => JSON.parse(line));
  }

  /** The newest receipt on the medium, verified with the site's key; and its companions. */
  receipt(): { receipt: Receipt; holds: string[]; missing: string[] } | undefined {
    const folder = join(this.medium, 'gapferry', 'receipts', this.#name);
    if (!existsSync(folder)) return undefined;
    const name = readdirSync(folder)
      .filter((one) => one.endsWith('.json'))
      .sort()
      .at(-1);
    if (name === undefined) return undefined;
    const bytes = readFileSync(join(folder, name));
    const signature = { name: `${name}.minisig`, bytes: readFileSync(join(folder, `${name}.minisig`)) };
    const receipt = parseReceipt(verifySignatures(name, bytes, [signature], [this.#keys.publicKey]).bytes);
    const list = (suffix: string): string[] =>
      readFileSync(join(folder, name.replace('.json', suffix)), 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    return { receipt, holds: list('.holds'), missing: list('.missing') };
  }

  /** A copy of the medium, as a second stick. */
  copyMedium(to: string): string {
    const copy = join(this.root, to);
    cpSync(this.medium, copy, { recursive: true });
    return copy;
  }
}
