import { describe, expect, test } from '@jest/globals';
import { GapferryError, type Manifest, type Sha256, sha256Of } from '@gapferry/bundle-format';
import { type AdmissionPolicy, admitManifest, type Memory, type Verdict } from '../src/trust/admission.ts';
import type { TrustedKey, TrustStore } from '../src/trust/store.ts';
import { anExporter, type Exporter } from './support/bundle.ts';

const digest = (text: string): Sha256 => sha256Of(Buffer.from(text));
const exporter = anExporter();
const NOW = new Date('2026-11-20T21:00:00Z');

const keyOf = ({ publicKey, id }: Exporter, more: Partial<TrustedKey> = {}): TrustedKey => ({
  publicKey,
  exporter: id,
  label: null,
  replaces: null,
  repositories: null,
  added: '2026-01-01T00:00:00Z',
  revoked: null,
  ...more,
});

const aManifest = (more: Partial<Manifest> = {}): Manifest => ({
  requires: [],
  exporter: exporter.id,
  sites: ['plant7'],
  sequence: 5,
  created: '2026-11-20T20:00:00Z',
  expires: '2027-05-01T00:00:00Z',
  previous: null,
  basis: 'acknowledged',
  contents: 'scannable',
  repositories: [statement('debian', 5)],
  index: { entry: 'index.ndjson', bytes: 0, sha256: digest(''), rows: 0 },
  volumes: [{ name: 'vol-0000.zip', encoding: 'zip', bytes: 22, sha256: digest('v'), blocks: digest('b') }],
  ...more,
});

const statement = (
  name: string,
  snapshot: number,
  more: Partial<Manifest['repositories'][number]> = {},
): Manifest['repositories'][number] => ({
  name,
  preset: 'apt',
  snapshot,
  facts: new Map(),
  inventory: { entry: `inventory/${name}.ndjson`, bytes: 0, sha256: digest(`${name} ${snapshot}`), rows: 0 },
  ...more,
});

const nothingKnown: Memory = {
  bundle: () => undefined,
  highestSequence: () => 0,
  snapshot: () => undefined,
  highestSnapshot: () => 0,
  published: () => undefined,
  hasForked: () => false,
  newestCreated: undefined,
  wasAdmitted: () => false,
};

const aPolicy = (more: Partial<AdmissionPolicy> = {}): AdmissionPolicy => ({
  now: NOW,
  site: 'plant7',
  repositories: new Map([['debian', { preset: 'apt', facts: new Map() }]]),
  trust: { version: 1, keys: [keyOf(exporter)] },
  signers: [keyOf(exporter)],
  sha256: digest('manifest'),
  memory: nothingKnown,
  ...more,
});

/** What becomes of each repository, or the code of the refusal. */
const outcome = (manifest: Manifest, policy: AdmissionPolicy): string => {
  try {
    return admitManifest(manifest, policy)
      .offers.map(({ verdict }) => wordOf(verdict))
      .join(' ');
  } catch (error) {
    if (error instanceof GapferryError) return error.code;
    throw error;
  }
};
const wordOf = (verdict: Verdict): string =>
  verdict.do === 'nothing' ? verdict.because : verdict.do === 'refuse' ? verdict.error.code : verdict.do;

const remembering = (more: Partial<Memory>): Partial<AdmissionPolicy> => ({ memory: { ...nothingKnown, ...more } });
const published = (snapshot: number, by = exporter.id): Partial<AdmissionPolicy> =>
  remembering({
    published: () => ({ exporter: by, snapshot, inventory: digest(`debian ${snapshot}`) }),
    highestSnapshot: (id) => (id === by ? snapshot : 0),
    highestSequence: (id) => (id === by ? snapshot : 0),
  });

const stranger = anExporter();
const rebuilt = anExporter();
const succession: TrustStore = { version: 2, keys: [keyOf(exporter), keyOf(rebuilt, { replaces: exporter.id })] };
const revoked = keyOf(exporter, { revoked: '2026-11-01T00:00:00Z' });

const CASES: readonly (readonly [
  says: string,
  expected: string,
  manifest: Partial<Manifest>,
  policy: Partial<AdmissionPolicy>,
])[] = [
  ['a good bundle', 'take', {}, {}],
  ['the only signer was revoked', 'KEY_REVOKED', {}, { signers: [revoked] }],
  ['one of two signers was revoked', 'take', {}, { signers: [revoked, keyOf(exporter)] }],
  ['the exporter is not the one that signed', 'WRONG_EXPORTER', { exporter: stranger.id }, {}],
  ['another site', 'WRONG_SITE', { sites: ['plant8'] }, {}],
  ['several sites, this one among them', 'take', { sites: ['plant8', 'plant7'] }, {}],
  [
    'a key that may not sign for the repository',
    'KEY_SCOPE',
    {},
    { signers: [keyOf(exporter, { repositories: ['other'] })] },
  ],
  ['a key that may', 'take', {}, { signers: [keyOf(exporter, { repositories: ['debian'] })] }],
  ['another preset', 'PRESET_DIFFERS', { repositories: [statement('debian', 5, { preset: 'npm' })] }, {}],
  [
    'a fact that differs',
    'FACTS_DIFFER',
    { repositories: [statement('debian', 5, { facts: new Map([['languages', 'de']]) })] },
    { repositories: new Map([['debian', { preset: 'apt', facts: new Map([['languages', 'en']]) }]]) },
  ],
  [
    'a fact that only one side states',
    'take',
    {},
    { repositories: new Map([['debian', { preset: 'apt', facts: new Map([['languages', 'en']]) }]]) },
  ],
  [
    'one repository of two refused',
    'take PRESET_DIFFERS',
    { repositories: [statement('debian', 5), statement('other', 1, { preset: 'npm' })] },
    {
      repositories: new Map([
        ['debian', { preset: 'apt', facts: new Map() }],
        ['other', { preset: 'apt', facts: new Map() }],
      ]),
    },
  ],
  [
    'a repository that is not carried here',
    'take skip',
    { repositories: [statement('debian', 5), statement('else', 1)] },
    {},
  ],
  ['only repositories that are not carried here', 'REPOSITORY_UNKNOWN', { repositories: [statement('else', 1)] }, {}],
  ['expired', 'EXPIRED', { expires: '2026-11-20T21:00:00Z' }, {}],
  ['expires in a second', 'take', { expires: '2026-11-20T21:00:01Z' }, {}],
  [
    'expired by what a newer bundle was dated, with a clock that stands still',
    'EXPIRED',
    { created: '2026-01-02T00:00:00Z', expires: '2026-03-01T00:00:00Z' },
    { now: new Date('2026-02-01T00:00:00Z'), ...remembering({ newestCreated: '2026-11-01T00:00:00Z' }) },
  ],
  [
    'expired, but admitted before',
    'take',
    { expires: '2026-11-20T20:30:00Z' },
    remembering({ wasAdmitted: () => true }),
  ],
  ['expired, but there is nothing new in it', 'published', { expires: '2026-11-20T20:30:00Z' }, published(5)],
  ['created within the skew', 'take', { created: '2026-11-22T20:59:59Z' }, {}],
  ['created beyond it', 'CREATED_IN_FUTURE', { created: '2026-11-22T21:00:01Z' }, {}],
  ['a clock that was never set', 'CLOCK_SUSPECT', {}, { now: new Date(0) }],
  [
    'expired by a clock that is years beyond all that was ever signed',
    'CLOCK_SUSPECT',
    {},
    { now: new Date('2031-11-20T21:00:00Z') },
  ],
  ['expired by a clock that fits what was signed', 'EXPIRED', {}, { now: new Date('2027-06-01T00:00:00Z') }],
  ['a number within reach', 'take', { sequence: 1_000_005 }, remembering({ highestSequence: () => 5 })],
  [
    'a number near the end of all numbers',
    'SEQ_INVALID',
    { sequence: 1_000_006 },
    remembering({ highestSequence: () => 5 }),
  ],
  [
    'a snapshot near the end of all numbers',
    'SEQ_INVALID',
    { repositories: [statement('debian', 2_000_000)] },
    remembering({ highestSnapshot: () => 5 }),
  ],
  ['a later bundle after a fork', 'FORK_DETECTED', {}, remembering({ hasForked: () => true })],
  [
    'one that was admitted before the fork',
    'take',
    {},
    remembering({ hasForked: () => true, wasAdmitted: () => true }),
  ],
  [
    'two bundles with one number',
    'FORK_DETECTED',
    {},
    remembering({ bundle: (_, n) => (n === 5 ? digest('other') : undefined) }),
  ],
  ['the same bundle again', 'take', {}, remembering({ bundle: (_, n) => (n === 5 ? digest('manifest') : undefined) })],
  [
    'a predecessor that is another one here',
    'FORK_DETECTED',
    { previous: { sequence: 4, sha256: digest('theirs') } },
    remembering({ bundle: (_, n) => (n === 4 ? digest('ours') : undefined) }),
  ],
  ['a predecessor that was never seen', 'take', { previous: { sequence: 4, sha256: digest('theirs') } }, {}],
  ['two snapshots with one number', 'FORK_DETECTED', {}, remembering({ snapshot: () => digest('other inventory') })],
  ['a newer snapshot', 'take', {}, published(4)],
  ['the published snapshot', 'published', {}, published(5)],
  ['an older bundle', 'superseded', { sequence: 3, repositories: [statement('debian', 3)] }, published(5)],
  [
    'an older snapshot in a newer bundle',
    'SEQUENCE_ROLLBACK',
    { sequence: 9, repositories: [statement('debian', 3)] },
    published(5),
  ],
  ['an unrelated exporter', 'WRONG_EXPORTER', {}, published(1, stranger.id)],
  [
    'the enrolled successor, counting from 1 again',
    'take',
    { exporter: rebuilt.id, sequence: 1, repositories: [statement('debian', 1)] },
    { ...published(5), trust: succession, signers: [keyOf(rebuilt, { replaces: exporter.id })] },
  ],
  ['the predecessor after its successor', 'superseded', {}, { ...published(1, rebuilt.id), trust: succession }],
];

describe('admission', () => {
  test.each(CASES)('%s: %s', (_, expected, manifest, policy) => {
    expect(outcome(aManifest(manifest), aPolicy(policy))).toBe(expected);
  });
});
