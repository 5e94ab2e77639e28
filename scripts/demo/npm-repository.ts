/**
 * A real npm repository made of packages that are installed here, in the layout of Verdaccio's storage folder:
 * `<package>/package.json` is the packument, `<package>-<version>.tgz` lie beside it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesOfPackage, type PackedFile, packTarball } from './tarball.ts';

type Fields = Readonly<Record<string, unknown>>;

interface PackageDocument extends Fields {
  readonly name: string;
  readonly version: string;
}

/** One package as it was put into the repository. */
export interface Stored {
  readonly name: string;
  readonly version: string;
  /** Relative to the repository. */
  readonly tarball: string;
  /** Bytes of the tarball. */
  readonly bytes: number;
}

/** The address that the connected side served it under; clients of the far side never see it. */
const NEAR_ADDRESS = 'http://npm.near.invalid';

export class NpmRepository {
  readonly root: string;

  /** An empty one, with the file in which Verdaccio keeps its secret: the preset must leave it at home. */
  constructor(root: string) {
    this.root = root;
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, '.verdaccio-db.json'), JSON.stringify({ list: [], secret: 'stays at the near side' }));
  }

  /** Adds an installed package and everything it depends on, each in the version that is installed for it. */
  addWithDependencies(name: string, nodeModules: string): Stored[] {
    const folders = new Map<string, string>();
    close(name, nodeModules, folders);
    return [...folders.values()].flatMap((folder) => this.#addFolder(folder) ?? []);
  }

  /** Adds a next version of a package: the installed files, a higher version number and a file more. It becomes `latest`. */
  addNextVersion(name: string, nodeModules: string, says: string): Stored {
    const folder = join(nodeModules, name);
    const versions = Object.keys(fieldsOf(this.#packument(name)['versions']));
    const version = raisedVersion(versions.at(-1) ?? readDocument(folder).version);
    const document = { ...readDocument(folder), version };
    const files = filesOfPackage(folder).filter(({ path }) => path !== 'package.json');
    const changed: PackedFile[] = [
      { path: 'NEWS.md', bytes: Buffer.from(`# ${name} ${version}\n\n${says}\n`), exec: false },
      { path: 'package.json', bytes: Buffer.from(`${JSON.stringify(document, null, 2)}\n`), exec: false },
    ];
    return this.#store(document, packTarball([...files, ...changed]));
  }

  /** The version that `npm install` without a version takes. */
  latestOf(name: string): string {
    return String(fieldsOf(this.#packument(name)['dist-tags'])['latest']);
  }

  #addFolder(folder: string): Stored | undefined {
    const document = readDocument(folder);
    if (existsSync(join(this.root, document.name, tarballName(document)))) return undefined;
    return this.#store(document, packTarball(filesOfPackage(folder)));
  }

  #packument(name: string): Fields {
    const file = join(this.root, name, 'package.json');
    return existsSync(file) ? fieldsOf(JSON.parse(readFileSync(file, 'utf8'))) : {};
  }

  /** Tarball first, packument by rename: as a registry does it. */
  #store(document: PackageDocument, tarball: Uint8Array): Stored {
    const folder = join(this.root, document.name);
    const file = tarballName(document);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), tarball);
    const old = this.#packument(document.name);
    const now = new Date().toISOString();
    const packument = {
      _id: document.name,
      name: document.name,
      'dist-tags': { ...fieldsOf(old['dist-tags']), latest: document.version },
      versions: { ...fieldsOf(old['versions']), [document.version]: versionOf(document, file, tarball) },
      time: { created: now, ...fieldsOf(old['time']), modified: now, [document.version]: now },
    };
    const beside = join(folder, 'package.json.tmp-demo');
    writeFileSync(beside, `${JSON.stringify(packument, null, 2)}\n`);
    renameSync(beside, join(folder, 'package.json'));
    const { name, version } = document;
    return { name, version, tarball: `${name}/${file}`, bytes: tarball.length };
  }
}

/** `@scope/name` keeps its scope in the folder, not in the file name. */
const tarballName = ({ name, version }: PackageDocument): string => `${name.split('/').at(-1)}-${version}.tgz`;

const versionOf = (document: PackageDocument, file: string, tarball: Uint8Array): Fields => ({
  ...document,
  _id: `${document.name}@${document.version}`,
  dist: {
    tarball: `${NEAR_ADDRESS}/${document.name}/-/${file}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
  },
});

/** Where a package stands that `from` would load: nested folders first, as Node itself looks. */
const resolveFrom = (from: string, name: string): string | undefined => {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    if (existsSync(join(folder, 'package.json'))) return realpathSync(folder);
    if (at === dirname(at)) return undefined;
  }
};

const close = (name: string, nodeModules: string, folders: Map<string, string>): void => {
  const visit = (from: string, wanted: string): void => {
    const folder = resolveFrom(from, wanted);
    if (folder === undefined) throw new Error(`${wanted} is not installed here; run npm run setup`);
    if (folders.has(folder)) return;
    folders.set(folder, folder);
    for (const dependency of Object.keys(fieldsOf(readDocument(folder)['dependencies']))) visit(folder, dependency);
  };
  visit(dirname(nodeModules), name);
};

const readDocument = (folder: string): PackageDocument => {
  const fields = fieldsOf(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const { name, version } = fields;
  if (typeof name !== 'string' || typeof version !== 'string') throw new Error(`${folder} holds no package`);
  return { ...fields, name, version };
};

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};

/** 2.7.0 → 2.7.1 */
const raisedVersion = (version: string): string => {
  const [major = '0', minor = '0', patch = '0'] = version.split(/[.+-]/);
  return `${major}.${minor}.${Number(patch) + 1}`;
};
