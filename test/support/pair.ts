/** A near and a far side in one temporary folder, set up by nothing but the real commands. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';
import { Daemon, gapferry, type Outcome, type RunOptions, type Side, valuesOf, withStatus } from './commands.ts';
import { sha256 } from './seeded.ts';
import { removeFolder, tempFolder } from './trees.ts';

export interface PairOptions {
  readonly name: string;
  /** Name of a repository to its preset. Each gets an empty source and an empty target folder. Default: `files` as `tree`. */
  readonly repositories?: Readonly<Record<string, string>>;
  /** Sources that exist already, by repository. */
  readonly sources?: Readonly<Record<string, string>>;
  /** Folders that really are mount points; default is one plain folder for both sides. */
  readonly mediums?: { readonly near: string; readonly far: string };
  readonly site?: string;
  /** What to write into the configurations after `init`: path in the document to value. */
  readonly near?: Settings;
  readonly far?: Settings;
  /** Without trust at the far side, without the site's key at the near one. */
  readonly strangers?: boolean;
}

export type Settings = Readonly<Record<string, string | number | boolean>>;

export interface BundleOnMedium {
  readonly sequence: number;
  readonly folder: string;
}

/** Changes a configuration file as a person would: `{'bundle.basis': 'sent'}`. */
export const configure = (file: string, settings: Settings): void => {
  const document = parseDocument(readFileSync(file, 'utf8'));
  for (const [key, value] of Object.entries(settings)) {
    const path = key.split('.');
    for (let depth = 1; depth < path.length; depth += 1) {
      const parent = path.slice(0, depth);
      if (!isMap(document.getIn(parent))) document.setIn(parent, document.createNode({}));
    }
    document.setIn(path, value);
  }
  writeFileSync(file, document.toString());
};

/** What `init` said about the new key: the line that a person reads out on the telephone. */
const fingerprintSaidBy = (outcome: Outcome): string => {
  const said = valuesOf(outcome.json, 'fingerprint').find((value) => typeof value === 'string');
  if (said === undefined) throw new Error(`no fingerprint was said:\n${outcome.stdout}`);
  return said;
};

export const fingerprintOf = async (side: Side, key: string): Promise<string> =>
  withStatus(await gapferry(side, ['fingerprint', key]), 0).stdout.trim();

/** The bundles below a place, by the number in their folder's name. */
export const bundlesOn = (place: string): BundleOnMedium[] => {
  const folder = join(place, 'gapferry', 'bundles');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const match = /^.+-(\d{8})$/.exec(name);
      return match ? [{ sequence: Number(match[1]), folder: join(folder, name) }] : [];
    })
    .toSorted((a, b) => a.sequence - b.sequence);
};

/** The receipts of a site below a place, oldest first. */
export const receiptsOn = (place: string, site: string): string[] => {
  const folder = join(place, 'gapferry', 'receipts', site);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => join(folder, name));
};

/** An importer of its own, with its own carrier and targets: tests that damage things use several at once. */
export class Far {
  readonly config: string;
  readonly dir: string;
  readonly site: string;
  readonly carrier: string;
  readonly targets: Readonly<Record<string, string>>;

  readonly fingerprint: string;

  private constructor(
    dir: string,
    site: string,
    carrier: string,
    targets: Readonly<Record<string, string>>,
    fingerprint: string,
  ) {
    this.config = join(dir, 'import-agent.yaml');
    this.fingerprint = fingerprint;
    this.dir = dir;
    this.site = site;
    this.carrier = carrier;
    this.targets = targets;
  }

  static async create(options: {
    readonly root: string;
    readonly site: string;
    readonly carrier: string;
    readonly kind: '--medium' | '--folder';
    readonly repositories: Readonly<Record<string, string>>;
    readonly settings?: Settings | undefined;
  }): Promise<Far> {
    const { root, site, carrier, repositories } = options;
    const targets = Object.fromEntries(Object.keys(repositories).map((name) => [name, join(root, 'target', name)]));
    for (const target of Object.values(targets)) mkdirSync(target, { recursive: true });
    mkdirSync(carrier, { recursive: true });
    const named = Object.entries(repositories).flatMap(([name, preset]) => [
      '--repository',
      `${name}=${preset}:${targets[name]}`,
    ]);
    const dir = join(root, 'far');
    const init = await gapferry('import', [
      'init',
      '--dir',
      dir,
      '--site',
      site,
      ...named,
      options.kind,
      carrier,
      '--json',
    ]);
    const far = new Far(dir, site, carrier, targets, fingerprintSaidBy(withStatus(init, 0)));
    if (options.settings) configure(far.config, options.settings);
    return far;
  }

  run(command: string, ...args: readonly string[]): Promise<Outcome> {
    return gapferry('import', [...command.split(' '), ...args, '--config', this.config, '--json']);
  }

  import(...args: readonly string[]): Promise<Outcome> {
    return this.run('import', ...args);
  }

  /** `fingerprint`: as somebody read it out; without one it is asked of the `fingerprint` command. */
  async trust(key: string, fingerprint?: string): Promise<Outcome> {
    const told = fingerprint ?? (await fingerprintOf('export', key));
    return withStatus(await this.run('trust add', key, '--fingerprint', told), 0);
  }

  target(repository = 'files'): string {
    const target = this.targets[repository];
    if (target === undefined) throw new Error(`no repository ${repository} in this test`);
    return target;
  }

  get audit(): string[] {
    return linesOf(join(this.dir, 'logs', 'audit.log'));
  }

  get log(): string[] {
    return linesOf(join(this.dir, 'logs', 'import-agent.log'));
  }
}

const linesOf = (file: string): string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

export class Pair {
  readonly nearDir: string;
  readonly nearConfig: string;
  readonly root: string;
  readonly nearCarrier: string;
  readonly sources: Readonly<Record<string, string>>;
  readonly far: Far;
  readonly #daemons: Daemon[] = [];

  readonly fingerprint: string;

  private constructor(
    root: string,
    nearCarrier: string,
    sources: Readonly<Record<string, string>>,
    far: Far,
    fingerprint: string,
  ) {
    this.root = root;
    this.fingerprint = fingerprint;
    this.nearCarrier = nearCarrier;
    this.sources = sources;
    this.far = far;
    this.nearDir = join(root, 'near');
    this.nearConfig = join(this.nearDir, 'export-agent.yaml');
  }

  /** init on both sides, `trust add` and `site add` with the fingerprints that `fingerprint` prints. */
  static async create(options: PairOptions): Promise<Pair> {
    const root = tempFolder(options.name);
    try {
      return await Pair.#create(root, options);
    } catch (error) {
      removeFolder(root);
      throw error;
    }
  }

  static async #create(root: string, options: PairOptions): Promise<Pair> {
    const repositories = options.repositories ?? { files: 'tree' };
    const site = options.site ?? 'plant7';
    const carrier = join(root, 'carrier');
    mkdirSync(carrier);
    const places = options.mediums ?? { near: carrier, far: carrier };
    const kind = options.mediums ? '--medium' : '--folder';
    const sources = Object.fromEntries(
      Object.keys(repositories).map((name) => [name, options.sources?.[name] ?? join(root, 'source', name)]),
    );
    for (const source of Object.values(sources)) mkdirSync(source, { recursive: true });

    const named = Object.entries(repositories).flatMap(([name, preset]) => [
      '--repository',
      `${name}=${preset}:${sources[name]}`,
    ]);
    const near = join(root, 'near');
    const started = await Promise.all([
      gapferry('export', ['init', '--dir', near, ...named, '--site', site, kind, places.near, '--json']),
      Far.create({ root, site, carrier: places.far, kind, repositories, settings: options.far }),
    ]);
    const fingerprint = fingerprintSaidBy(withStatus(started[0], 0));
    const pair = new Pair(root, places.near, sources, started[1], fingerprint);
    if (options.near) configure(pair.nearConfig, options.near);
    if (!options.strangers) await pair.introduce();
    return pair;
  }

  get site(): string {
    return this.far.site;
  }

  /** What two people do over the telephone. */
  async introduce(): Promise<void> {
    await Promise.all([this.far.trust(join(this.nearDir, 'exporter.pub'), this.fingerprint), this.enrol(this.far)]);
  }

  async enrol(far: Far): Promise<Outcome> {
    const key = join(far.dir, 'site.pub');
    return withStatus(await this.near('site add', far.site, '--key', key, '--fingerprint', far.fingerprint), 0);
  }

  /** Another importer for the same site or another one, beside the first. */
  async anotherFar(name: string, site = this.site, settings?: Settings): Promise<Far> {
    const root = join(this.root, name);
    const repositories = this.#presets();
    return Far.create({ root, site, carrier: join(root, 'carrier'), kind: '--folder', repositories, settings });
  }

  #presets(): Record<string, string> {
    const document: unknown = parseDocument(readFileSync(this.nearConfig, 'utf8')).toJS();
    const repositories = valuesOf(document, 'repositories').find(
      (value) => typeof value === 'object' && value !== null,
    );
    return Object.fromEntries(
      Object.entries(repositories ?? {}).map(([name, value]: [string, unknown]) => [
        name,
        valuesOf(value, 'preset').find((preset) => typeof preset === 'string') ?? 'tree',
      ]),
    );
  }

  near(command: string, ...args: readonly string[]): Promise<Outcome> {
    return gapferry('export', [...command.split(' '), ...args, '--config', this.nearConfig, '--json']);
  }

  /** One bundle; throws unless it was made. */
  async export(...args: readonly string[]): Promise<BundleOnMedium> {
    const before = this.bundles().at(-1)?.sequence ?? 0;
    const outcome = withStatus(await this.near('export', ...args), 0);
    const made = this.bundles().at(-1);
    if (!made || made.sequence <= before) throw new Error(`no bundle was made:\n${outcome.stdout}\n${outcome.stderr}`);
    return made;
  }

  import(...args: readonly string[]): Promise<Outcome> {
    return this.far.import(...args);
  }

  /** Takes in what the carrier bears; throws unless everything was published. */
  async published(): Promise<Outcome> {
    return withStatus(await this.import(), 0);
  }

  bundles(): BundleOnMedium[] {
    return bundlesOn(this.nearCarrier);
  }

  receipts(): string[] {
    return receiptsOn(this.far.carrier, this.site);
  }

  source(repository = 'files'): string {
    const source = this.sources[repository];
    if (source === undefined) throw new Error(`no repository ${repository} in this test`);
    return source;
  }

  target(repository = 'files'): string {
    return this.far.target(repository);
  }

  start(side: Side, env?: RunOptions['env']): Daemon {
    const daemon = Daemon.start(side, ['--config', side === 'export' ? this.nearConfig : this.far.config], env ?? {});
    this.#daemons.push(daemon);
    return daemon;
  }

  get nearAudit(): string[] {
    return linesOf(join(this.nearDir, 'logs', 'audit.log'));
  }

  get nearLog(): string[] {
    return linesOf(join(this.nearDir, 'logs', 'export-agent.log'));
  }

  /** Takes a bundle off the carrier, as if that stick had been lost (or put it back later with `putBack`). */
  takeAway(bundle: BundleOnMedium): BundleOnMedium {
    const kept = join(this.root, 'taken-away', bundle.folder.split('/').at(-1) ?? '');
    cpSync(bundle.folder, kept, { recursive: true, preserveTimestamps: true });
    removeFolder(bundle.folder);
    return { sequence: bundle.sequence, folder: kept };
  }

  putBack(bundle: BundleOnMedium): void {
    const folder = join(this.far.carrier, 'gapferry', 'bundles', bundle.folder.split('/').at(-1) ?? '');
    cpSync(bundle.folder, folder, { recursive: true });
  }

  async remove(): Promise<void> {
    for (const daemon of this.#daemons) await daemon.end();
    removeFolder(this.root);
  }
}

/** The lines of an audit log that do not follow from the line before; an independent reading of the hash chain. */
export const brokenLinks = (lines: readonly string[]): number[] =>
  lines.flatMap((line, n) => {
    const before = lines[n - 1];
    const prev: unknown = valuesOf(JSON.parse(line), 'prev')[0];
    if (before === undefined) return [];
    return prev === sha256(before) || prev === sha256(`${before}\n`) ? [] : [n + 1];
  });
