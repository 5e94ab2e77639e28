/** Vectors about the manifest (format §2 and §4). All are signed by the trusted key: it has been stolen. */
import { encodeReceipt, sha256Of, type Manifest } from '@gapferry/bundle-format';
import { forgeBundle, plainBundle, type Forgery } from './bundle.ts';
import { EXPORTER, ownMinisig } from './keys.ts';
import { changedFiles, type Edit, type NamedVector } from './vector.ts';

const PLAIN = plainBundle();

export function bundleVector(
  name: string,
  says: string,
  spec: string,
  expect: string,
  forgery: Forgery,
  edits: readonly Edit[] = [],
): NamedVector {
  return {
    name,
    says,
    spec,
    expect,
    kind: 'bundle',
    base: 'plain',
    files: changedFiles(forgeBundle(forgery), PLAIN),
    edits,
    keys: ['exporter'],
  };
}

const text = (
  name: string,
  says: string,
  spec: string,
  expect: string,
  bend: (text: string) => string | Buffer,
): NamedVector => bundleVector(`manifest-${name}`, says, spec, expect, { text: bend });
const swap =
  (from: string | RegExp, to: string) =>
  (whole: string): string => {
    const bent = whole.replace(from, to);
    if (bent === whole) throw new Error(`${String(from)} does not occur`);
    return bent;
  };
const fact = (name: string, says: string, expect: string, change: (manifest: Manifest) => Manifest): NamedVector =>
  bundleVector(`manifest-${name}`, says, '§4.1', expect, { manifest: change });
const utf8Broken = (whole: string): Buffer => {
  const bytes = Buffer.from(whole);
  bytes[bytes.indexOf('de,en')] = 0xff;
  return bytes;
};

const RECEIPT = Buffer.from(
  encodeReceipt({
    site: 'plant7',
    exporter: 'x0123456789abcdef',
    epoch: '00'.repeat(16),
    number: 1,
    repositories: [],
    bundles: [],
    holds: { bytes: 0, sha256: sha256Of(Buffer.alloc(0)), rows: 0 },
    missing: { bytes: 0, sha256: sha256Of(Buffer.alloc(0)), rows: 0 },
  }),
);

const MIB = 1024 * 1024;
function tooLarge(): NamedVector {
  const vector = bundleVector('manifest-too-large', 'the manifest has more than 4 MiB', '§2.4', 'LIMIT_MANIFEST', {
    signature: (bytes) => ownMinisig(Buffer.concat([bytes, Buffer.alloc(4 * MIB, ' ')]), EXPORTER),
  });
  return vector.kind === 'bundle'
    ? { ...vector, edits: [{ file: 'manifest.json', append: { text: ' ', times: 4 * MIB } }] }
    : vector;
}

const firstBytes = (): NamedVector[] => [
  text('bom', 'a byte order mark stands before the document', '§2.2', 'WRONG_STATEMENT', (whole) => `\ufeff${whole}`),
  text('utf16', 'the document is in UTF-16', '§2.2', 'WRONG_STATEMENT', (whole) => Buffer.from(whole, 'utf16le')),
  text(
    'space-first',
    'a space stands in the first bytes',
    '§2.2',
    'WRONG_STATEMENT',
    swap('{"gapferry"', '{ "gapferry"'),
  ),
  text(
    'kind-not-first',
    'the kind is not the first field',
    '§2.2',
    'WRONG_STATEMENT',
    swap('{"gapferry":"manifest/1",', '{"sequence":7,"gapferry":"manifest/1",'),
  ),
  text(
    'is-receipt',
    'a receipt, signed by the same key, in the place of the manifest',
    '§2.2',
    'WRONG_STATEMENT',
    () => RECEIPT,
  ),
  text('is-empty', 'an empty document', '§2.2', 'WRONG_STATEMENT', () => ''),
  text('version-0', 'version 0', '§2.2', 'FORMAT_UNSUPPORTED', swap('manifest/1', 'manifest/0')),
  text('version-2', 'version 2', '§2.2', 'FORMAT_UNSUPPORTED', swap('manifest/1', 'manifest/2')),
  text('version-99', 'version 99', '§2.2', 'FORMAT_UNSUPPORTED', swap('manifest/1', 'manifest/99')),
];

const strictness = (): NamedVector[] => [
  text(
    'no-colon',
    'something else than a colon behind a key',
    '§2.3',
    'JSON_INVALID',
    swap('"sequence":', '"sequence",'),
  ),
  text(
    'no-comma',
    'something else than a comma between two fields',
    '§2.3',
    'JSON_INVALID',
    swap('"basis":"full",', '"basis":"full";'),
  ),
  text(
    'duplicate-key',
    'a key stands twice',
    '§2.3',
    'JSON_DUPLICATE_KEY',
    swap('"sites":["plant7"]', '"sites":["plant7"],"sites":["plant8"]'),
  ),
  text(
    'duplicate-key-escaped',
    'a key stands twice, once with an escape',
    '§2.3',
    'JSON_DUPLICATE_KEY',
    swap('"sites":["plant7"]', '"sites":["plant7"],"\\u0073ites":["plant8"]'),
  ),
  text(
    'duplicate-key-deep',
    'a key stands twice within the facts',
    '§2.3',
    'JSON_DUPLICATE_KEY',
    swap('{"languages":', '{"languages":"fr","languages":'),
  ),
  text('not-utf8', 'a byte that UTF-8 does not have', '§2.3', 'JSON_INVALID', utf8Broken),
  text('trailing-nul', 'a NUL follows the document', '§2.3', 'JSON_INVALID', (whole) => `${whole}\0`),
  text('trailing-document', 'a second document follows', '§2.3', 'JSON_INVALID', (whole) => `${whole}{}\n`),
  text('trailing-comma', 'a comma before a closing bracket', '§2.3', 'JSON_INVALID', swap('["plant7"]', '["plant7",]')),
  text('comment', 'a comment', '§2.3', 'JSON_INVALID', swap('"sequence":7', '"sequence":7/*seven*/')),
  text('truncated', 'the document ends in the middle', '§2.3', 'JSON_INVALID', (whole) =>
    whole.slice(0, whole.length >> 1),
  ),
  text(
    'control-in-string',
    'a line feed stands unescaped in a string',
    '§2.3',
    'JSON_INVALID',
    swap('de,en', 'de\nen'),
  ),
  text('lone-surrogate', 'half of a surrogate pair', '§2.3', 'JSON_INVALID', swap('de,en', '\\ud800')),
  text('float', 'the number 7.0', '§2.3', 'JSON_INVALID', swap('"sequence":7', '"sequence":7.0')),
  text('exponent', 'the number 7e0', '§2.3', 'JSON_INVALID', swap('"sequence":7', '"sequence":7e0')),
  text('leading-zero', 'the number 07', '§2.3', 'JSON_INVALID', swap('"sequence":7', '"sequence":07')),
  text('minus-zero', 'the number -0', '§2.3', 'JSON_INVALID', swap('"sequence":7', '"sequence":-0')),
  text(
    'beyond-2-53',
    'the number 2^53 + 1, which JavaScript reads as 2^53',
    '§2.3',
    'JSON_INVALID',
    swap('"sequence":7', '"sequence":9007199254740993'),
  ),
  text(
    'huge-number',
    'the number 1e999, which JavaScript reads as infinity',
    '§2.3',
    'JSON_INVALID',
    swap('"sequence":7', '"sequence":1e999'),
  ),
  text(
    'depth',
    'seventeen lists within each other',
    '§2.3',
    'JSON_INVALID',
    swap('"de,en"', `${'['.repeat(17)}${']'.repeat(17)}`),
  ),
  tooLarge(),
];

const fields = (): NamedVector[] => [
  text('sites-text', 'a text in the place of a list', '§4.1', 'MANIFEST_INVALID', swap('["plant7"]', '"plant7"')),
  text(
    'facts-list',
    'a list in the place of an object',
    '§4.1',
    'MANIFEST_INVALID',
    swap('{"languages":"de,en"}', '[]'),
  ),
  text(
    'repository-text',
    'a text in the place of a repository',
    '§4.1',
    'MANIFEST_INVALID',
    swap('"repositories":[', '"repositories":["x",'),
  ),
  fact('sites-257', '257 sites', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    sites: Array.from({ length: 257 }, (_, i) => `s${i}`),
  })),
  text(
    'requires-65',
    '65 features, all of them known',
    '§4.1',
    'MANIFEST_INVALID',
    swap('"zip",', '"zip",'.repeat(63)),
  ),
  fact('facts-65', '65 facts', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    repositories: manifest.repositories.map((one) => ({
      ...one,
      facts: new Map(Array.from({ length: 65 }, (_, i) => [`f${i}`, ''])),
    })),
  })),
  text('fact-number', 'a fact that is a number', '§4.1', 'MANIFEST_INVALID', swap('"de,en"', '5')),
  text(
    'fact-name-too-long',
    'a fact with a name of 129 letters',
    '§4.1',
    'MANIFEST_INVALID',
    swap('languages', 'l'.repeat(129)),
  ),
  fact('fact-too-long', 'a fact of 4,097 letters', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    repositories: manifest.repositories.map((one) => ({ ...one, facts: new Map([['f', 'x'.repeat(4097)]]) })),
  })),
  text(
    'unknown-field',
    'a field that this version does not have',
    '§4.1',
    'MANIFEST_INVALID',
    swap('"sequence":7', '"sequence":7,"urgent":true'),
  ),
  text('missing-field', 'the field basis is missing', '§4.1', 'MANIFEST_INVALID', swap('"basis":"full",', '')),
  text('number-as-text', 'a number as a text', '§4.1', 'MANIFEST_INVALID', swap('"sequence":7', '"sequence":"7"')),
  text('sequence-0', 'sequence 0', '§4.1', 'MANIFEST_INVALID', swap('"sequence":7', '"sequence":0')),
  text('sequence-negative', 'a negative sequence', '§4.1', 'MANIFEST_INVALID', swap('"sequence":7', '"sequence":-7')),
  text(
    'sequence-largest',
    'sequence 2^53 - 1, after which none could follow',
    '§4.1',
    'MANIFEST_INVALID',
    swap('"sequence":7', '"sequence":9007199254740991'),
  ),
  text('snapshot-null', 'a snapshot of null', '§4.1', 'MANIFEST_INVALID', swap('"snapshot":7', '"snapshot":null')),
  text('basis', 'an unknown basis', '§4.1', 'MANIFEST_INVALID', swap('"basis":"full"', '"basis":"guess"')),
  text('contents', 'unknown contents', '§4.1', 'MANIFEST_INVALID', swap('"scannable"', '"whatever"')),
  text(
    'encoding',
    'a volume in another encoding than ZIP',
    '§4.1',
    'MANIFEST_INVALID',
    swap('"encoding":"zip"', '"encoding":"tar"'),
  ),
  text('digest-upper-case', 'a digest in upper-case letters', '§4.1', 'MANIFEST_INVALID', (whole) =>
    whole.replace(/"sha256":"([0-9a-f]{64})"/, (_, hex: string) => `"sha256":"${hex.toUpperCase()}"`),
  ),
  fact('sites-empty', 'no site is named', 'MANIFEST_INVALID', (manifest) => ({ ...manifest, sites: [] })),
  fact('sites-twice', 'a site is named twice', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    sites: ['plant7', 'plant7'],
  })),
  fact('sites-wildcard', 'every site is meant', 'MANIFEST_INVALID', (manifest) => ({ ...manifest, sites: ['*'] })),
  fact('site-upper-case', 'a site name in upper-case letters', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    sites: ['Plant7'],
  })),
  fact('repository-device', 'a repository with the name of a device of Windows', 'MANIFEST_INVALID', renamed('con')),
  fact('repository-dots', 'a repository with the name ".."', 'MANIFEST_INVALID', renamed('..')),
  fact('repository-twice', 'a repository is named twice', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    repositories: [...manifest.repositories, ...manifest.repositories],
  })),
  fact('repositories-empty', 'no repository is named', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    repositories: [],
  })),
  fact('exporter', 'an exporter id that is not x and 16 hex digits', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    exporter: 'xyz',
  })),
  fact('previous-not-below', 'the predecessor has the same number', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    previous: { sequence: manifest.sequence, sha256: manifest.index.sha256 },
  })),
  fact('expires-first', 'expires before it was created', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    expires: '2026-11-20T20:59:59Z',
  })),
  fact('time-30-february', 'a day that does not exist', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    expires: '2027-02-30T21:00:00Z',
  })),
  fact('time-hour-24', 'an hour that does not exist', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    expires: '2027-02-28T24:00:00Z',
  })),
  fact('time-offset', 'a time that is not in UTC', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    expires: '2027-02-28T21:00:00+01:00',
  })),
  fact(
    'inventory-elsewhere',
    'an inventory that lies elsewhere than its name says',
    'MANIFEST_INVALID',
    (manifest) => ({
      ...manifest,
      repositories: manifest.repositories.map((one) => ({
        ...one,
        inventory: { ...one.inventory, entry: '../files.ndjson' },
      })),
    }),
  ),
  fact('index-elsewhere', 'an index that lies elsewhere', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    index: { ...manifest.index, entry: 'files.ndjson' },
  })),
  fact('volume-name', 'a volume with the name of a file elsewhere', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    volumes: manifest.volumes.map((one) => ({ ...one, name: `../${one.name}` })),
  })),
  fact('volume-order', 'volumes in another order than that of their numbers', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    volumes: manifest.volumes.toReversed(),
  })),
  fact('volumes-none', 'no volume, not even the head', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    volumes: [],
  })),
  fact('volume-too-short', 'a volume of 21 bytes', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    volumes: manifest.volumes.map((one) => ({ ...one, bytes: 21 })),
  })),
  fact('requires-twice', 'a feature is required twice', 'MANIFEST_INVALID', (manifest) => ({
    ...manifest,
    requires: ['zip', 'zip'],
  })),
  {
    ...fact('requires-unknown', 'a feature is required that nobody knows', 'FORMAT_UNSUPPORTED', (manifest) => ({
      ...manifest,
      requires: ['zip', 'teleport'],
    })),
    spec: '§4.4',
  },
];

function renamed(name: string): (manifest: Manifest) => Manifest {
  return (manifest) => ({
    ...manifest,
    repositories: manifest.repositories.map((one) => ({
      ...one,
      name,
      inventory: { ...one.inventory, entry: `inventory/${name}.ndjson` },
    })),
  });
}

const accepted = (): NamedVector[] => [
  bundleVector('accepts-proto-fact', 'a fact whose name is __proto__ is plain data', '§2.3', 'ok', {
    text: swap('{"languages":', '{"__proto__":"x","languages":'),
  }),
  bundleVector('accepts-white-space', 'white space behind the first bytes', '§2.3', 'ok', {
    text: swap('"sites":["plant7"]', '\t"sites" :\r\n[ "plant7" ] '),
  }),
  bundleVector('accepts-escapes', 'escapes where none are needed', '§2.3', 'ok', {
    text: swap('"plant7"', '"pl\\u0061nt7"'),
  }),
  bundleVector('accepts-other-order', 'the fields in another order', '§2.3', 'ok', {
    text: (whole) => whole.replace('"sequence":7,', '').replace(/}\n$/, ',"sequence":7}\n'),
  }),
];

export const manifestVectors = (): NamedVector[] => [...firstBytes(), ...strictness(), ...fields(), ...accepted()];
