/** The exporter's daemon works by the clock. */
import { afterEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { pause, waitUntil } from './support/commands.ts';
import { Pair } from './support/pair.ts';
import { plant } from './support/trees.ts';
import { filesCarriedBy } from './support/volumes.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

const committed = (made: Pair): number =>
  made.bundles().filter((bundle) => existsSync(join(bundle.folder, 'manifest.json.minisig'))).length;

const inSeconds = (seconds: number): number => (new Date().getUTCSeconds() + seconds) % 60;

test('a bundle is made when the schedule says so, none when nothing changed, another after a change', async () => {
  pair = await Pair.create({
    name: 'cron',
    near: { onArrival: false, 'schedule.cron': '* * * * * *', 'schedule.timeZone': 'Asia/Tokyo' },
  });
  const made = pair;
  plant(made.source(), { a: 'a' });
  const daemon = made.start('export');
  await waitUntil(
    'a first bundle by the schedule',
    15_000,
    () => committed(made) >= 1,
    () => daemon.output,
  );
  await pause(3000);
  expect(committed(made)).toBe(1);
  plant(made.source(), { b: 'b' });
  await waitUntil(
    'a second bundle by the schedule',
    15_000,
    () => committed(made) >= 2,
    () => daemon.output,
  );
  expect(await daemon.stop()).toBe(0);
  const second = made.bundles()[1];
  expect((await filesCarriedBy(second?.folder ?? '')).map((file) => file.path)).toEqual(['b']);
});

test('a run that was missed while the daemon was down is caught up at its start', async () => {
  pair = await Pair.create({ name: 'missed', near: { onArrival: false } });
  const made = pair;
  plant(made.source(), { a: 'a' });
  // twice a minute: once soon, once while the daemon is down; the next would come only after the test's deadline
  const [first, second] = [inSeconds(5), inSeconds(14)];
  const { configure } = await import('./support/pair.ts');
  configure(made.nearConfig, { 'schedule.cron': `${first},${second} * * * * *`, 'schedule.timeZone': 'UTC' });
  const before = made.start('export');
  await waitUntil(
    'the bundle of the first moment',
    20_000,
    () => committed(made) === 1,
    () => before.output,
  );
  expect(await before.stop()).toBe(0);
  plant(made.source(), { b: 'b' });
  await waitUntil('the second moment is over', 20_000, () => (new Date().getUTCSeconds() - second + 60) % 60 < 30);
  await pause(1500);
  expect(committed(made)).toBe(1);
  const after = made.start('export');
  await waitUntil(
    'the missed bundle',
    12_000,
    () => committed(made) === 2,
    () => after.output,
  );
  expect(await after.stop()).toBe(0);
}, 90_000);

test('a second agent on the same state is turned away and names the holder', async () => {
  pair = await Pair.create({ name: 'locked', near: { 'schedule.cron': '0 3 1 1 *' } });
  const made = pair;
  plant(made.source(), { a: 'a' });
  const daemon = made.start('export');
  const refused = await waitUntil(
    'a one-shot export beside the daemon is turned away',
    15_000,
    async () => {
      const outcome = await made.near('export', '--dry-run');
      return outcome.status === 6 ? outcome : undefined;
    },
    () => daemon.output,
  );
  expect(refused.stdout + refused.stderr).toContain('LOCKED');
  expect(refused.stdout + refused.stderr).toContain(String(daemon.pid));
  expect(await daemon.stop()).toBe(0);
});
