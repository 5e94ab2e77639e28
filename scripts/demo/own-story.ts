/** The same over folders of the user's own. The source is only ever read; nothing but the demo's own additions is removed from the folder. */
import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BUNDLES, MANIFEST } from '@gapferry/bundle-format/layout';
import { formatBytes } from '@gapferry/station/format/bytes';
import { Crossings } from './crossing.ts';
import { flipByte, slipIn } from './damage.ts';
import { type BundleFolder, bundlesOn } from './medium-folder.ts';
import type { OwnFolders } from './options.ts';
import { type Daemons, fingerprintOf, holdDaemons, type Pair, setUpPair, SITE, startDaemons } from './pair.ts';
import { gapferry, must, pause } from './processes.ts';
import type { Stage } from './stage.ts';
import { bytesOfTree, differencesBetween, digestOfTree, readTree, type TreeEntry } from './tree.ts';

interface World {
  readonly stage: Stage;
  readonly own: OwnFolders;
  readonly pair: Pair;
  readonly daemons: Daemons;
  readonly crossings: Crossings;
  /** Sizes and names, read at the beginning. */
  readonly source: readonly TreeEntry[];
}

const count = (n: number, one: string): string => `${n.toLocaleString('en')} ${one}${n === 1 ? '' : 's'}`;

export const tellOwnStory = async (stage: Stage, own: OwnFolders): Promise<void> => {
  const world = await setUp(stage, own);
  const bundle = await fullBundle(world);
  await nothingNew(world);
  await refusals(world, bundle);
  comparison(world);
  await holdDaemons(stage, world.daemons);
};

/** How long nothing may seem to happen: hashing a tree is not to be seen from outside. */
const PATIENCE_MS = 60_000;
/** Bytes a millisecond. */
const SLOW = 10_000;

const setUp = async (stage: Stage, own: OwnFolders): Promise<World> => {
  const { screen, root } = stage;
  screen.title('Setting up');
  const source = readTree(own.source, false);
  screen.line(
    `source  ${own.source}: ${count(source.length, 'path')}, ${formatBytes(bytesOfTree(source))}; it is only read`,
  );
  screen.line(`folder  ${own.folder}`);
  screen.line(`target  ${own.target}`);
  const { source: from, target, folder } = own;
  const pair = await setUpPair({
    root,
    repository: 'tree=tree',
    source: from,
    target,
    option: '--folder',
    near: folder,
    far: folder,
  });
  screen.ok('both sides have a key, and each knows the other one by a fingerprint that was told by voice');
  screen.line(`  exporter  ${pair.fingerprints.exporter}`);
  screen.line(`  site      ${pair.fingerprints.site}`);
  const daemons = startDaemons(pair);
  screen.ok('both daemons run');
  return {
    stage,
    own,
    pair,
    daemons,
    source,
    crossings: new Crossings(
      screen,
      pair,
      { near: folder, far: folder, target },
      PATIENCE_MS + bytesOfTree(source) / SLOW,
    ),
  };
};

/** @returns a copy of the bundle: once the receipt is there, the near side may clear the folder */
const fullBundle = async ({ stage, crossings, daemons, source }: World): Promise<BundleFolder> => {
  stage.screen.title('Round 1: a full bundle');
  daemons.near.listen();
  const out = await crossings.out(bytesOfTree(source));
  stage.screen.courier('near', await daemons.near.finalWord());
  const copy = { ...out.bundle, path: join(stage.root, 'copy', out.bundle.name) };
  copyBundle(out.bundle.path, copy.path);
  const inMs = await crossings.in(out);
  stage.screen.courier('far', await daemons.far.finalWord());
  stage.rows.push({ round: '1 full', what: `${count(source.length, 'path')}`, bytes: out.bytes, outMs: out.ms, inMs });
  return copy;
};

/** Three strikes of the schedule. */
const QUIET_MS = 6500;

const nothingNew = async ({ stage, crossings }: World): Promise<void> => {
  stage.screen.title('Round 2: nothing has changed');
  await pause(QUIET_MS);
  const more = crossings.unseen.map(({ name }) => name);
  stage.promises.hold(
    'the schedule struck three times, nothing had changed, and no bundle was made',
    more.length === 0,
    ['new bundles (did something write to the source meanwhile?):', ...more],
  );
  stage.rows.push({ round: '2 no change', what: 'nothing', bytes: 0 });
};

const refusals = async (world: World, bundle: BundleFolder): Promise<void> => {
  world.stage.screen.title('Round 3: what must not come in');
  await forgedManifest(world, bundle);
  await strangersBundle(world);
  await damagedBundle(world, bundle);
};

/** Something lies in the folder for a while; the daemon refuses it, and the target stays as it was. */
const holdRefused = async (
  world: World,
  what: string,
  codes: readonly string[],
  lay: () => readonly string[],
): Promise<void> => {
  const { stage, crossings, own, daemons } = world;
  const before = digestOfTree(readTree(own.target));
  crossings.mark();
  daemons.far.listen();
  const places = lay();
  try {
    stage.screen.line(`far side: ${(await crossings.refusal(...codes)).replaceAll(`${own.folder}/`, '')}`);
  } finally {
    for (const place of places) rmSync(place, { recursive: true });
  }
  stage.screen.courier('far', await daemons.far.finalWord());
  stage.promises.hold(`${what} is refused`, true);
  const after = digestOfTree(readTree(own.target));
  stage.promises.hold(
    `the target is untouched (${before.slice(0, 16)} before, ${after.slice(0, 16)} after)`,
    before === after,
  );
};

/** All files of a bundle but the big ones, which are linked: they are not looked at, and a link costs nothing. */
const copyBundle = (from: string, to: string): void => {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (/^vol-(?!0000)\d+\.zip$/.test(name)) linkOrLeaveOut(join(from, name), join(to, name));
    else cpSync(join(from, name), join(to, name));
  }
};

const linkOrLeaveOut = (from: string, to: string): void => {
  try {
    linkSync(from, to);
  } catch {
    // another filesystem, or one without links: what is refused before is refused without it too
  }
};

const forgedManifest = (world: World, bundle: BundleFolder): Promise<void> =>
  holdRefused(world, 'a copy in whose manifest one byte was changed', ['SIG_INVALID'], () => {
    const beside = join(world.stage.root, 'forged');
    copyBundle(bundle.path, beside);
    flipByte(join(beside, MANIFEST), 100);
    const place = join(world.own.folder, BUNDLES, `${bundle.name.replace(/\d+$/, '')}00000099`);
    cpSync(beside, place, { recursive: true });
    return [place];
  });

const strangersBundle = async (world: World): Promise<void> => {
  const root = join(world.stage.root, 'stranger');
  const [tree, folder, near] = [join(root, 'tree'), join(root, 'carrier'), join(root, 'near')];
  for (const each of [tree, folder]) mkdirSync(each, { recursive: true });
  writeFileSync(join(tree, 'update.sh'), '#!/bin/sh\necho "trust me"\n');
  await must('export', 'init', '--dir', near, '--repository', `tree=tree:${tree}`, '--site', SITE, '--folder', folder);
  await must('export', 'export', '--config', join(near, 'export-agent.yaml'));
  const [bundle] = bundlesOn(folder);
  if (bundle === undefined) throw new Error('the stranger made no bundle');
  await holdRefused(world, 'a bundle that a stranger signed', ['KEY_UNKNOWN'], () =>
    slipIn(world.own.folder, bundle.path, join(near, 'exporter.pub')),
  );
};

/** What is published already is not read again, so the flipped byte is shown to a site that has nothing yet. */
const damagedBundle = async ({ stage, pair }: World, bundle: BundleFolder): Promise<void> => {
  const root = join(stage.root, 'fresh');
  const [far, target, folder] = [join(root, 'far'), join(root, 'target'), join(root, 'carrier')];
  for (const each of [target, folder]) mkdirSync(each, { recursive: true });
  const config = join(far, 'import-agent.yaml');
  await must('import', 'init', '--dir', far, '--site', SITE, '--repository', `tree=tree:${target}`, '--folder', folder);
  const { exporterKey } = pair;
  await must(
    'import',
    'trust',
    'add',
    exporterKey,
    '--fingerprint',
    await fingerprintOf(exporterKey),
    '--config',
    config,
  );
  const copy = join(folder, BUNDLES, basename(bundle.path));
  copyBundle(bundle.path, copy);
  flipByte(join(copy, 'vol-0000.zip'), 40);
  const { status, stdout, stderr } = await gapferry('import', 'import', '--config', config);
  const said = `${stdout}\n${stderr}`.split('\n').find((line) => line.includes('block'));
  if (said !== undefined) stage.screen.line(`a fresh site: ${said.trim()}`);
  stage.promises.hold(
    'a copy with one flipped byte is refused by a site that has nothing yet (exit status 4: damaged)',
    status === 4,
    [`exit status ${status}`, stdout, stderr],
  );
  const left = existsSync(target) ? readTree(target) : [];
  stage.promises.hold(
    'and nothing of it is published there',
    left.length === 0,
    left.map(({ path }) => path),
  );
};

const comparison = ({ stage, own }: World): void => {
  stage.screen.title('The proof: source and target compared');
  const [source, target] = [readTree(own.source), readTree(own.target)];
  const different = differencesBetween(source, target);
  stage.promises.hold(
    `${count(source.length, 'path')} and ${formatBytes(bytesOfTree(source))} are the same at both sides, byte for byte (links and exec bits too)`,
    different.length === 0,
    different.slice(0, 20),
  );
};
