/** The manifest: the signed statement that describes a bundle completely (format §4). */
import { Damaged, Refused } from './errors.ts';
import { parseStrictJSON } from './json.ts';
import { INDEX_ENTRY, MANIFEST, SUMS, blocksName, inventoryEntry, volumeName } from './layout.ts';
import { LIMITS } from './limits.ts';
import { isExporterId, isName } from './names.ts';
import {
  describeProblems,
  integer,
  list,
  object,
  oneOf,
  optional,
  sha256,
  text,
  time,
  words,
  type Decoder,
  type Problem,
} from './shape.ts';
import { sha256Of, type Sha256 } from './sha256.ts';
import type { SignedBytes } from './signature.ts';

/** What a reader of this version knows. A manifest that requires anything else is refused (format §4.4). */
export const KNOWN_FEATURES: readonly string[] = ['zip', 'parts', 'packs'];

export type Basis = 'acknowledged' | 'sent' | 'full';
export type Contents = 'scannable' | 'smallest' | 'encrypted';

export interface DocumentInHead {
  readonly entry: string;
  readonly bytes: number;
  readonly sha256: Sha256;
  readonly rows: number;
}
export interface RepositoryStatement {
  readonly name: string;
  readonly preset: string;
  /** Numbered per exporter and repository, from 1; only grows. */
  readonly snapshot: number;
  readonly facts: ReadonlyMap<string, string>;
  readonly inventory: DocumentInHead;
}
export interface VolumeStatement {
  readonly name: string;
  readonly encoding: 'zip';
  readonly bytes: number;
  readonly sha256: Sha256;
  /** Digest of the block list file. */
  readonly blocks: Sha256;
}
export interface Manifest {
  readonly requires: readonly string[];
  readonly exporter: string;
  readonly sites: readonly string[];
  readonly sequence: number;
  readonly created: string;
  readonly expires: string;
  readonly previous: { readonly sequence: number; readonly sha256: Sha256 } | null;
  readonly basis: Basis;
  readonly contents: Contents;
  readonly repositories: readonly RepositoryStatement[];
  readonly index: DocumentInHead;
  /** volumes[n] is `vol-<n>.zip`; the first is the head. */
  readonly volumes: readonly VolumeStatement[];
}

/** The first bytes of a manifest, compared after the signature and before any parser (format §2.2). */
export const MANIFEST_KIND = '{"gapferry":"manifest/1",';

/** One object a line at the top level would be pretty; one line is simpler to specify. Ends with a line feed. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const document = {
    gapferry: 'manifest/1',
    ...manifest,
    repositories: manifest.repositories.map((one) => ({ ...one, facts: Object.fromEntries(one.facts) })),
  };
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

const name = text(isName, 'must be a name of a-z, 0-9, ".", "_", "-"');
const count = integer(0, Number.MAX_SAFE_INTEGER);
const sequence = integer(1, LIMITS.sequence);
const document = object({
  entry: text((entry) => entry.length <= 256, 'must be an entry of the head'),
  bytes: count,
  sha256,
  rows: integer(0, LIMITS.rows),
});

const MANIFEST_SHAPE: Decoder<Manifest & { readonly gapferry: 'manifest/1' }> = object({
  gapferry: oneOf('manifest/1'),
  requires: list(
    text((feature) => /^[a-z0-9-]{1,64}$/.test(feature), 'must be the name of a feature'),
    0,
    64,
  ),
  exporter: text(isExporterId, "must be 'x' and 16 hex digits"),
  sites: list(name, 1, LIMITS.sites),
  sequence,
  created: time,
  expires: time,
  previous: optional(object({ sequence, sha256 })),
  basis: oneOf('acknowledged', 'sent', 'full'),
  contents: oneOf('scannable', 'smallest', 'encrypted'),
  repositories: list(
    object({ name, preset: name, snapshot: sequence, facts: words(64), inventory: document }),
    1,
    LIMITS.repositories,
  ),
  index: document,
  volumes: list(
    object({
      name: text((value) => value.length <= 64, 'must be the name of a volume'),
      encoding: oneOf('zip'),
      bytes: count,
      sha256,
      blocks: sha256,
    }),
    1,
    LIMITS.volumes,
  ),
});

/**
 * Parses bytes that a trusted key has signed.
 * @throws Refused WRONG_STATEMENT, FORMAT_UNSUPPORTED, LIMIT_MANIFEST, JSON_INVALID, JSON_DUPLICATE_KEY, MANIFEST_INVALID
 */
export function parseManifest(bytes: SignedBytes): Manifest {
  requireKind(bytes, 'manifest', MANIFEST_KIND, MANIFEST);
  const problems: Problem[] = [];
  const json = parseStrictJSON(bytes, MANIFEST, LIMITS.manifestBytes);
  requireFeatures(json);
  const decoded = MANIFEST_SHAPE(json, 'manifest', problems);
  if (decoded === undefined) throw new Refused('MANIFEST_INVALID', `${MANIFEST}: ${describeProblems(problems)}`);
  const { gapferry: _kind, ...manifest } = decoded;
  const broken = contradictions(manifest);
  if (broken.length > 0) throw new Refused('MANIFEST_INVALID', `${MANIFEST}: ${describeProblems(broken)}`);
  return manifest;
}

/** A future version may have fields that we do not know; it must say so in `requires`, and that is the clearer answer. */
function requireFeatures(json: ReturnType<typeof parseStrictJSON>): void {
  const requires = json instanceof Map ? (json.get('requires') as unknown) : undefined;
  if (!Array.isArray(requires)) return;
  const unknown = requires.filter(
    (feature): feature is string => typeof feature === 'string' && !KNOWN_FEATURES.includes(feature),
  );
  if (unknown.length > 0)
    throw new Refused(
      'FORMAT_UNSUPPORTED',
      `${MANIFEST}: requires ${unknown.join(', ')}, which this version does not know`,
      { facts: { requires: unknown } },
    );
}

/** @throws Refused WRONG_STATEMENT for another kind of statement, FORMAT_UNSUPPORTED for another version of this kind */
export function requireKind(bytes: SignedBytes, kind: string, prefix: string, what: string): void {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1');
  if (start.startsWith(prefix)) return;
  if (new RegExp(`^\\{"gapferry":"${kind}/\\d+",`).test(start))
    throw new Refused('FORMAT_UNSUPPORTED', `${what}: is of a version that is not known here`);
  throw new Refused('WRONG_STATEMENT', `${what}: is signed, but is no ${kind}`);
}

function contradictions(manifest: Manifest): Problem[] {
  const problems: Problem[] = [];
  const require = (holds: boolean, path: string, says: string): void => {
    if (!holds) problems.push({ path: `manifest.${path}`, says });
  };
  require(new Set(manifest.sites).size === manifest.sites.length, 'sites', 'must not name a site twice');
  require(new Set(manifest.requires).size === manifest.requires.length, 'requires', 'must not name a feature twice');
  require(manifest.previous === null ||
    manifest.previous.sequence < manifest.sequence, 'previous.sequence', 'must be below the sequence');
  require(manifest.created < manifest.expires, 'expires', 'must be after created');
  require(new Set(manifest.repositories.map((one) => one.name)).size ===
    manifest.repositories.length, 'repositories', 'must not name a repository twice');
  manifest.repositories.forEach((one, i) =>
    require(one.inventory.entry ===
      inventoryEntry(one.name), `repositories[${i}].inventory.entry`, `must be ${inventoryEntry(one.name)}`),
  );
  require(manifest.index.entry === INDEX_ENTRY, 'index.entry', `must be ${INDEX_ENTRY}`);
  manifest.volumes.forEach((one, i) =>
    require(one.name === volumeName(i), `volumes[${i}].name`, `must be ${volumeName(i)}`),
  );
  require(manifest.volumes.every((one) => one.bytes >= 22), 'volumes', 'must be ZIP files of at least 22 bytes');
  return problems;
}

/**
 * `SHA256SUMS`, derived from the manifest alone: for `sha256sum -c` (format §2.6). It says nothing that is not signed, and a reader
 * refuses a bundle whose file says something else.
 * @param manifestBytes the exact bytes of manifest.json
 */
export function encodeSums(manifestBytes: Uint8Array, manifest: Manifest): Uint8Array {
  const rows = manifest.volumes.flatMap((volume, n) => [
    `${volume.sha256}  ${volume.name}`,
    `${volume.blocks}  ${blocksName(n)}`,
  ]);
  return Buffer.from([`${sha256Of(manifestBytes)}  ${MANIFEST}`, ...rows, ''].join('\n'));
}

/** @throws Damaged SUMS_MISMATCH when the file is not the one that follows from the signed manifest (format §2.6) */
export function checkSums(sums: Uint8Array, manifestBytes: SignedBytes, manifest: Manifest): void {
  if (Buffer.from(encodeSums(manifestBytes, manifest)).equals(sums)) return;
  throw new Damaged('SUMS_MISMATCH', `${SUMS}: does not say what the manifest says`, { facts: { file: SUMS } });
}
