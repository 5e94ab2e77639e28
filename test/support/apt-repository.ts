/** A real APT repository: real packages, indexed with apt-ftparchive, signed with a key of its own, and a real client. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { must, type Outcome, run } from './commands.ts';
import { serveFolder } from './loopback.ts';
import { seededBytes, sha256 } from './seeded.ts';

export const APT_TOOLS: readonly string[] = ['apt-get', 'apt-ftparchive', 'dpkg', 'dpkg-deb', 'gpg', 'gpgconf', 'xz'];

const SUITE = 'trixie-test';
const ALIAS = 'stable';
const DIST = `dists/${SUITE}`;

interface MadePackage {
  readonly name: string;
  readonly version: string;
  /** Size of a file of random bytes inside. */
  readonly bytes: number;
}

export class AptRepository {
  readonly root: string;
  readonly keyring: string;
  readonly #work: string;
  #architecture = 'amd64';
  #generations: Set<string>[] = [];

  private constructor(root: string, work: string) {
    this.root = root;
    this.#work = work;
    this.keyring = join(work, 'keyring.gpg');
  }

  /** An empty one at `root`; `work` is for keys and half-made things. */
  static async create(root: string, work: string): Promise<AptRepository> {
    const repository = new AptRepository(root, work);
    mkdirSync(join(root, 'pool/main'), { recursive: true });
    mkdirSync(join(work, 'gnupg'), { recursive: true, mode: 0o700 });
    repository.#architecture = (await must('dpkg', ['--print-architecture'])).stdout.trim();
    await repository.#gpg('--quick-gen-key', 'Gapferry test <test@example.invalid>', 'ed25519', 'sign', 'never');
    await repository.#gpg('--output', repository.keyring, '--export');
    return repository;
  }

  #gpg(...args: string[]): Promise<Outcome> {
    const quiet = ['--batch', '--yes', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', ''];
    return must('gpg', [...quiet, ...args], { env: { GNUPGHOME: join(this.#work, 'gnupg') } });
  }

  /** Fetches real packages into the pool. Gives the names that could be had; none without a network. */
  async download(...names: readonly string[]): Promise<string[]> {
    const folder = join(this.#work, 'downloads');
    mkdirSync(folder, { recursive: true });
    const got = await run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...names], {
      cwd: folder,
      limitMs: 120_000,
    }).catch(() => undefined);
    const debs = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    if (got?.status !== 0) return [];
    for (const deb of debs) this.#intoPool(join(folder, deb), deb.replaceAll(/%3a/gi, ':').split('_')[0] ?? deb);
    return names.slice();
  }

  /** A package made from nothing. */
  async make(made: MadePackage): Promise<string> {
    const tree = join(this.#work, 'make', `${made.name}-${made.version}`);
    mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
    mkdirSync(join(tree, 'usr/share', made.name), { recursive: true });
    writeFileSync(
      join(tree, 'DEBIAN/control'),
      [
        `Package: ${made.name}`,
        `Version: ${made.version}`,
        `Architecture: ${this.#architecture}`,
        'Maintainer: Gapferry test <test@example.invalid>',
        'Description: made for a test',
        '',
      ].join('\n'),
    );
    writeFileSync(join(tree, 'usr/share', made.name, 'data'), seededBytes(`${made.name} ${made.version}`, made.bytes));
    return this.#build(tree, made.name, made.version);
  }

  /** An update: the package in the pool, repacked under a higher version with a changed file. */
  async update(name: string, suffix: string): Promise<string> {
    const old = this.pool().find((path) => basename(path).startsWith(`${name}_`));
    if (old === undefined) throw new Error(`no ${name} in the pool`);
    const tree = join(this.#work, 'update', `${name}-${suffix}`);
    mkdirSync(join(this.#work, 'update'), { recursive: true });
    await must('dpkg-deb', ['--raw-extract', join(this.root, old), tree]);
    const control = join(tree, 'DEBIAN/control');
    const text = readFileSync(control, 'utf8');
    const version = `${/^Version: (.+)$/m.exec(text)?.[1]}${suffix}`;
    writeFileSync(control, text.replace(/^Version: .+$/m, `Version: ${version}`));
    rmSync(join(tree, 'DEBIAN/md5sums'), { force: true });
    mkdirSync(join(tree, 'usr/share/doc', name), { recursive: true });
    writeFileSync(join(tree, 'usr/share/doc', name, 'gapferry-test'), `changed in ${version}\n`);
    return this.#build(tree, name, version);
  }

  async #build(tree: string, name: string, version: string): Promise<string> {
    const deb = join(this.#work, `${name}_${version.replaceAll(':', '%3a')}_${this.#architecture}.deb`);
    await must('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, deb]);
    return this.#intoPool(deb, name);
  }

  #intoPool(deb: string, name: string): string {
    const folder = join(this.root, 'pool/main', name.slice(0, 1), name);
    mkdirSync(folder, { recursive: true });
    copyFileSync(deb, join(folder, basename(deb)));
    return version(basename(deb));
  }

  /** Every package file, relative to the root. */
  pool(): string[] {
    return readdirSync(join(this.root, 'pool'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.deb'))
      .map((name) => `pool/${name}`)
      .toSorted();
  }

  /**
   * Writes the indexes anew, as a careful archive does: by-hash files first, two generations of them, InRelease last.
   * The uncompressed index is listed in Release and not there; by-hash also bears aptly's links; a suite has an alias link.
   */
  async publish(): Promise<void> {
    const binary = `main/binary-${this.#architecture}`;
    const folder = join(this.root, DIST, binary);
    mkdirSync(folder, { recursive: true });
    const packages = (await must('apt-ftparchive', ['packages', 'pool/main'], { cwd: this.root })).stdout;
    writeFileSync(join(folder, 'Packages'), packages);
    await must('xz', ['--force', '--keep', 'Packages'], { cwd: folder });
    replace(join(folder, 'Packages.gz'), gzipSync(packages));
    const release = await this.#releaseText();
    rmSync(join(folder, 'Packages'));
    this.#byHash(folder);

    const dist = join(this.root, DIST);
    replace(join(dist, 'Release'), release);
    const sign = ['--digest-algo', 'SHA512'];
    await this.#gpg(...sign, '--armor', '--detach-sign', '--output', join(dist, 'Release.gpg'), join(dist, 'Release'));
    await this.#gpg(...sign, '--clear-sign', '--output', join(dist, 'InRelease.new'), join(dist, 'Release'));
    renameSync(join(dist, 'InRelease.new'), join(dist, 'InRelease'));
    if (!existsSync(join(this.root, 'dists', ALIAS))) symlinkSync(SUITE, join(this.root, 'dists', ALIAS));
  }

  async #releaseText(): Promise<string> {
    const option = (name: string, value: string): string[] => ['-o', `APT::FTPArchive::Release::${name}=${value}`];
    return (
      await must('apt-ftparchive', [
        ...option('Origin', 'Gapferry'),
        ...option('Suite', ALIAS),
        ...option('Codename', SUITE),
        ...option('Components', 'main'),
        ...option('Architectures', this.#architecture),
        ...option('Acquire-By-Hash', 'yes'),
        ...option('MD5', 'false'),
        ...option('SHA1', 'false'),
        ...option('SHA512', 'false'),
        ...option('Patterns::', 'Packages*'),
        'release',
        join(this.root, DIST),
      ])
    ).stdout;
  }

  #byHash(folder: string): void {
    const byHash = join(folder, 'by-hash/SHA256');
    mkdirSync(byHash, { recursive: true });
    const now = new Set<string>();
    for (const name of ['Packages.gz', 'Packages.xz']) {
      const digest = sha256(readFileSync(join(folder, name)));
      now.add(digest);
      copyFileSync(join(folder, name), join(byHash, digest));
      rmSync(join(byHash, name), { force: true });
      symlinkSync(digest, join(byHash, name));
    }
    this.#generations = [...this.#generations, now].slice(-2);
    const kept = new Set(this.#generations.flatMap((generation) => [...generation]));
    for (const name of readdirSync(byHash)) {
      if (/^[0-9a-f]{64}$/.test(name) && !kept.has(name)) rmSync(join(byHash, name));
    }
  }

  /** Ends the key agent that gpg left running. */
  async close(): Promise<void> {
    await run('gpgconf', ['--kill', 'all'], { env: { GNUPGHOME: join(this.#work, 'gnupg') } }).catch(() => undefined);
  }
}

const version = (deb: string): string => (deb.split('_')[1] ?? '').replaceAll('%3a', ':');

/** As a server would: readers see the old file or the new one. */
const replace = (path: string, content: string | Uint8Array): void => {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
};

export interface Fetched {
  /** File name to SHA-256 of each package that the client put into its cache. */
  readonly packages: Readonly<Record<string, string>>;
  /** Paths that the client asked the server for. */
  readonly requests: readonly string[];
}

/**
 * A real `apt-get update` and `apt-get install --download-only` against a published tree, over HTTP on the loopback,
 * with its own root, lists and cache. Throws with what apt-get said when either fails.
 */
export const fetchWithApt = async (
  published: string,
  keyring: string,
  work: string,
  wanted: readonly string[],
): Promise<Fetched> => {
  const root = join(work, 'apt-client');
  rmSync(root, { recursive: true, force: true });
  for (const name of ['lists/partial', 'archives/partial', 'empty']) mkdirSync(join(root, name), { recursive: true });
  const debs = readdirSync(join(published, 'pool'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.deb'),
  );
  const architecture = (await must('dpkg', ['--print-architecture'])).stdout.trim();
  writeFileSync(join(root, 'status'), await installedDependencies(published, debs, architecture));
  const server = await serveFolder(published);
  try {
    writeFileSync(
      join(root, 'sources.list'),
      `deb [signed-by=${keyring} arch=${architecture}] ${server.url} ${ALIAS} main\n`,
    );
    const settings = {
      'Dir::State': root,
      'Dir::State::lists': join(root, 'lists'),
      'Dir::State::status': join(root, 'status'),
      'Dir::Cache': root,
      'Dir::Cache::archives': join(root, 'archives'),
      'Dir::Etc::sourcelist': join(root, 'sources.list'),
      'Dir::Etc::sourceparts': join(root, 'empty'),
      'Dir::Etc::preferencesparts': join(root, 'empty'),
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Acquire::http::Proxy': 'false',
      'Acquire::Retries': '0',
      'APT::Update::Error-Mode': 'any',
      'APT::Get::AllowUnauthenticated': 'false',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    await must('apt-get', ['-q', ...options, 'update']);
    await must('apt-get', ['-q', '-y', ...options, 'install', '--download-only', '--no-install-recommends', ...wanted]);
  } finally {
    await server.close();
  }
  const cache = join(root, 'archives');
  const got = readdirSync(cache).filter((name) => name.endsWith('.deb'));
  return {
    packages: Object.fromEntries(got.map((name) => [name, sha256(readFileSync(join(cache, name)))])),
    requests: server.requests,
  };
};

/** A status file in which everything that the packages depend on is installed already. */
const installedDependencies = async (
  published: string,
  debs: readonly string[],
  architecture: string,
): Promise<string> => {
  const own = new Set(debs.map((path) => basename(path).split('_')[0]));
  const needed = new Set<string>();
  for (const deb of debs) {
    const path = join(published, 'pool', deb);
    if (statSync(path).size === 0) continue;
    const fields = (await must('dpkg-deb', ['--field', path, 'Depends', 'Pre-Depends'])).stdout;
    for (const field of fields.split('\n')) {
      for (const clause of field.replace(/^[A-Za-z-]+:/, '').split(/[,|]/)) {
        const name = clause.trim().split(/[\s(:]/)[0];
        if (name && !own.has(name)) needed.add(name);
      }
    }
  }
  return [...needed]
    .map((name) =>
      [
        `Package: ${name}`,
        'Status: install ok installed',
        'Version: 9999',
        `Architecture: ${architecture}`,
        'Multi-Arch: foreign',
        'Maintainer: nobody <nobody@example.invalid>',
        'Description: there for a test',
        '',
      ].join('\n'),
    )
    .join('\n');
};
