/** An npm repository as Verdaccio lays it out, made of packages that are installed here; and a real `npm install` from it. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { must, PROJECT } from './commands.ts';
import { type Loopback, sendFile, serve } from './loopback.ts';

interface PackageJSON {
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

const readPackage = (file: string): PackageJSON => {
  const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof json !== 'object' || json === null || !('name' in json) || !('version' in json))
    throw new Error(`${file} is no package.json`);
  return { ...json, name: String(json.name), version: String(json.version) };
};

const dependenciesOf = (json: PackageJSON): string[] => {
  const dependencies = json['dependencies'];
  return typeof dependencies === 'object' && dependencies !== null ? Object.keys(dependencies) : [];
};

/** Adds one version with these bytes to a packument (made when it is not there) and puts the tarball beside it. */
export const addVersion = (root: string, json: PackageJSON, tarball: Uint8Array): void => {
  const folder = join(root, json.name);
  mkdirSync(folder, { recursive: true });
  const file = `${json.name.split('/').at(-1)}-${json.version}.tgz`;
  writeFileSync(join(folder, file), tarball);
  const packument = join(folder, 'package.json');
  const old: unknown = existsSync(packument) ? JSON.parse(readFileSync(packument, 'utf8')) : {};
  const versions = typeof old === 'object' && old !== null && 'versions' in old ? old.versions : {};
  writeFileSync(
    packument,
    JSON.stringify({
      name: json.name,
      'dist-tags': { latest: json.version },
      versions: {
        ...(typeof versions === 'object' ? versions : {}),
        [json.version]: {
          ...json,
          dist: {
            tarball: `http://localhost:4873/${json.name}/-/${file}`,
            shasum: createHash('sha1').update(tarball).digest('hex'),
            integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
          },
        },
      },
    }),
  );
};

export class NpmRepository {
  readonly root: string;
  readonly #work: string;

  /** An empty one at `root`; `work` is for half-made things. It bears Verdaccio's own file with its secret. */
  constructor(root: string, work: string) {
    this.root = root;
    this.#work = work;
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, '.verdaccio-db.json'), JSON.stringify({ list: [], secret: 'must never cross' }));
  }

  /** Installed packages with all that they depend on. */
  async add(...names: readonly string[]): Promise<void> {
    const closed = new Map<string, PackageJSON>();
    const close = (name: string): void => {
      if (closed.has(name)) return;
      const json = readPackage(join(PROJECT, 'node_modules', name, 'package.json'));
      closed.set(name, json);
      for (const dependency of dependenciesOf(json)) close(dependency);
    };
    for (const name of names) close(name);
    const folders = [...closed.keys()].map((name) => join(PROJECT, 'node_modules', name));
    const files = await this.#pack(folders);
    for (const [index, json] of [...closed.values()].entries()) {
      addVersion(this.root, json, readFileSync(files[index] ?? ''));
    }
  }

  /** A new version of an installed package: its version raised, one file more. */
  async update(name: string, version: string): Promise<void> {
    const folder = join(this.#work, `${name.replace('/', '+')}-${version}`);
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(PROJECT, 'node_modules', name), folder, { recursive: true });
    const json = { ...readPackage(join(folder, 'package.json')), version };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(json));
    writeFileSync(join(folder, 'LICENSE.test'), `${name} ${version}\n`);
    const [file = ''] = await this.#pack([folder]);
    addVersion(this.root, json, readFileSync(file));
  }

  async #pack(folders: readonly string[]): Promise<string[]> {
    const out = join(this.#work, 'packed');
    mkdirSync(out, { recursive: true });
    const done = await must('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', out, ...folders], {
      limitMs: 120_000,
    });
    return done.stdout
      .trim()
      .split('\n')
      .map((name) => join(out, name));
  }
}

/** A registry that serves a folder in Verdaccio's layout, tarball addresses turned to itself. */
export const serveRegistry = (root: string): Promise<Loopback> =>
  serve((path, response, url) => {
    const tarball = /^\/(.+)\/-\/([^/]+\.tgz)$/.exec(path);
    if (tarball) {
      sendFile(join(root, tarball[1] ?? '', tarball[2] ?? ''), response);
      return;
    }
    const packument = join(root, path, 'package.json');
    if (!existsSync(packument)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    const body = readFileSync(packument, 'utf8').replaceAll('http://localhost:4873', url);
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });

/** `npm install` of these packages into a new folder, from that registry; every other address leads nowhere. */
export const installFrom = async (registry: Loopback, folder: string, wanted: readonly string[]): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'client', version: '1.0.0', private: true }));
  writeFileSync(join(folder, '.npmrc'), '');
  const nowhere = 'http://127.0.0.1:9';
  await must(
    'npm',
    [
      'install',
      ...wanted,
      '--registry',
      registry.url,
      '--cache',
      join(folder, '.cache'),
      '--userconfig',
      join(folder, '.npmrc'),
      '--globalconfig',
      join(folder, 'no-global-npmrc'),
      '--no-audit',
      '--no-fund',
      '--no-update-notifier',
      '--ignore-scripts',
      '--fetch-retries=0',
      '--proxy',
      nowhere,
      '--https-proxy',
      nowhere,
      '--noproxy',
      '127.0.0.1',
    ],
    { cwd: folder, limitMs: 120_000 },
  );
};
