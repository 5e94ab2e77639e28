/** The exporter's daemon works by the clock. */
import { afterEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { pause, valuesOf, waitUntil } from './support/commands.ts';
import { configure, Pair } from './support/pair.ts';
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

test('a second daemon on the same state is turned away and names the holder; a killed one holds nothing', async () => {
  pair = await Pair.create({ name: 'locked', near: { 'schedule.cron': '0 3 1 1 *' } });
  const made = pair;
  plant(made.source(), { a: 'a' });
  for (const side of ['export', 'import'] as const) {
    const first = made.start(side);
    await waitUntil(
      `the ${side} daemon runs`,
      10_000,
      () => /runs|ready/.test(first.output), // the log has lines of earlier commands, too
      () => first.output,
    );
    const second = made.start(side);
    await waitUntil(
      `the second ${side} daemon ends`,
      10_000,
      () => !second.running,
      () => second.output,
    );
    expect(await second.stop()).toBe(6);
    expect(second.output).toContain('LOCKED');
    expect(second.output).toContain(String(first.pid));
    expect(first.running).toBe(true);
    process.kill(first.pid, 'SIGKILL');
    await waitUntil('it is dead', 5000, () => !first.running);
    const third = made.start(side);
    await waitUntil(
      `the third ${side} daemon runs`,
      10_000,
      () => /runs|ready/.test(third.output),
      () => third.output,
    );
    expect(await third.stop()).toBe(0);
  }
});

test('an import beside the daemon is turned away, or done by it', async () => {
  pair = await Pair.create({ name: 'beside' });
  const made = pair;
  const daemon = made.start('import');
  await waitUntil(
    'the daemon runs',
    10_000,
    () => /runs|ready/.test(daemon.output),
    () => daemon.output,
  );
  const outcome = await made.import();
  expect([0, 6]).toContain(outcome.status);
  if (outcome.status === 6) expect(outcome.stdout + outcome.stderr).toMatch(new RegExp(`LOCKED.*${daemon.pid}`));
  expect(await daemon.stop()).toBe(0);
});

test('of two exports at once one waits or is turned away, and no number is given twice', async () => {
  pair = await Pair.create({ name: 'at-once' });
  const made = pair;
  plant(made.source(), { a: 'a' });
  const both = await Promise.all([
    made.near('export', '--full'),
    made.near('export', '--full'),
    made.near('export', '--full'),
  ]);
  const statuses = both.map((outcome) => outcome.status);
  expect(statuses.filter((status) => status !== 0 && status !== 6)).toEqual([]);
  expect(statuses).toContain(0);
  for (const outcome of both.filter(({ status }) => status === 6)) expect(outcome.stdout).toContain('LOCKED');
  const numbers = both.flatMap((outcome) => [...new Set(valuesOf(outcome.json, 'sequence'))]);
  expect(new Set(numbers).size).toBe(numbers.length);
  await made.published();
});
