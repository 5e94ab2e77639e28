/** A stick that a person carries between two machines where nobody types a command. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codesIn, waitUntil, withStatus } from './support/commands.ts';
import { LoopStick, noStick, type StickFilesystem } from './support/loop-stick.ts';
import { testIf } from './support/needs.ts';
import { bundlesOn, Pair, receiptsOn } from './support/pair.ts';
import { seededBytes } from './support/seeded.ts';
import { differences, plant, removeFolder, snapshotOf, tempFolder } from './support/trees.ts';

let pair: Pair | undefined;
let stick: LoopStick | undefined;
let work = '';
afterEach(async () => {
  await pair?.remove();
  await stick?.remove();
  if (work !== '') removeFolder(work);
  pair = undefined;
  stick = undefined;
  work = '';
});

const mountPoints = (): { near: string; far: string } => {
  work = tempFolder('stick');
  const places = { near: join(work, 'media/near'), far: join(work, 'media/far') };
  for (const place of Object.values(places)) mkdirSync(place, { recursive: true });
  return places;
};

const isCommittedOn = (place: string, sequence: number): boolean =>
  bundlesOn(place).some(
    (bundle) => bundle.sequence === sequence && existsSync(join(bundle.folder, 'manifest.json.minisig')),
  );

const publishedBy = (made: Pair): boolean => made.far.audit.some((line) => /"event":"[^"]*published/.test(line));

/** The newest signed receipt on the stick says that this snapshot is published. */
const receiptSays = (place: string, snapshot: number): boolean =>
  receiptsOn(place, 'plant7').some(
    (file) => existsSync(`${file}.minisig`) && new RegExp(`"snapshot":${snapshot}\\b`).test(readFileSync(file, 'utf8')),
  );

const shuttle = (filesystem: StickFilesystem): void => {
  testIf(noStick(filesystem))(
    `a ${filesystem} stick mounted onto an empty folder: noticed within 3 s, bundle in and receipt on it without any command`,
    async () => {
      const places = mountPoints();
      pair = await Pair.create({
        name: 'stick-pair',
        mediums: places,
        near: { 'schedule.cron': '*/2 * * * * *' },
      });
      const made = pair;
      plant(made.source(), { a: 'a', 'b/big': seededBytes('big', 6_000_000), 'b/tool': { exec: 'x' } });
      stick = LoopStick.make(join(work, 'stick.img'), 64, filesystem);
      const near = made.start('export');
      const far = made.start('import');
      const all = (): string => `--- export\n${near.output}\n--- import\n${far.output}`;
      // both really watch before the first stick comes
      await waitUntil('both daemons run', 10_000, () => made.nearLog.length > 0 && made.far.log.length > 0, all);

      for (const round of [1, 2] as const) {
        if (round === 2) plant(made.source(), { 'second/round': 'second' });
        stick.plugIn(places.near);
        await waitUntil(`bundle ${round} is on the stick`, 20_000, () => isCommittedOn(places.near, round), all);
        if (round === 2) {
          await waitUntil(
            'the receipt was seen at the near side',
            10_000,
            () => made.nearAudit.some((line) => /receipt/.test(line)),
            all,
          );
        }
        await stick.pullOut();
        expect(readdirSync(places.near)).toEqual([]);

        const seen = made.far.log.length;
        const plugged = performance.now();
        stick.plugIn(places.far);
        await waitUntil(
          'the importer notices the stick',
          3000,
          () => made.far.log.slice(seen).some((line) => line.includes(places.far)),
          all,
        );
        expect(performance.now() - plugged).toBeLessThan(3000);
        await waitUntil(
          `snapshot ${round} is in`,
          20_000,
          () => publishedBy(made) && differences(made.source(), made.target()).length === 0,
          all,
        );
        await waitUntil('the receipt is on the stick', 20_000, () => receiptSays(places.far, round), all);
        await stick.pullOut();
        expect(readdirSync(places.far)).toEqual([]);
      }
      expect(far.running && near.running).toBe(true);
      expect(await far.stop()).toBe(0);
      expect(await near.stop()).toBe(0);
    },
    120_000,
  );
};

describe('with both daemons running', () => {
  shuttle('ext4');
  shuttle('exfat');
});

testIf(noStick())(
  'a stick that was plugged in before the daemon started is taken too, and other files on it are left alone',
  async () => {
    const places = mountPoints();
    pair = await Pair.create({ name: 'stick-early', mediums: places });
    const made = pair;
    plant(made.source(), { a: 'a' });
    stick = LoopStick.make(join(work, 'stick.img'), 32);
    stick.plugIn(places.near);
    mkdirSync(join(places.near, 'holiday'));
    writeFileSync(join(places.near, 'holiday', 'picture.jpg'), 'not ours');
    const before = snapshotOf(join(places.near, 'holiday'));
    withStatus(await made.near('export'), 0);
    await stick.pullOut();
    stick.plugIn(places.far);
    const far = made.start('import');
    await waitUntil(
      'it is in',
      20_000,
      () => differences(made.source(), made.target()).length === 0,
      () => far.output,
    );
    await waitUntil(
      'the receipt is on it',
      20_000,
      () => receiptSays(places.far, 1),
      () => far.output,
    );
    expect(snapshotOf(join(places.far, 'holiday'))).toBe(before);
    expect(await far.stop()).toBe(0);
    await stick.pullOut();
  },
  60_000,
);

test('an empty mount point is never written to: not mounted, exit 6', async () => {
  const places = mountPoints();
  pair = await Pair.create({ name: 'unmounted', mediums: places, near: { 'schedule.cron': '* * * * * *' } });
  const made = pair;
  plant(made.source(), { a: 'a' });
  const exported = withStatus(await made.near('export'), 6);
  expect(codesIn(exported)).toContain('NOT_MOUNTED');
  const imported = withStatus(await made.import(), 6);
  expect(codesIn(imported)).toContain('NOT_MOUNTED');
  const daemons = [made.start('export'), made.start('import')];
  await waitUntil(
    'the daemons have had their chance',
    10_000,
    () => made.nearLog.length > 0 && made.far.log.length > 0,
  );
  await new Promise((resolve) => {
    setTimeout(resolve, 3000);
  });
  expect(daemons.map((daemon) => daemon.running)).toEqual([true, true]);
  for (const daemon of daemons) expect(await daemon.stop()).toBe(0);
  expect(readdirSync(places.near)).toEqual([]);
  expect(readdirSync(places.far)).toEqual([]);
});
