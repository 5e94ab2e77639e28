/** The daemon with its real schedule, watches and children. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runDaemon } from '../src/daemon.ts';
import { openWorld, type World } from '../src/world.ts';
import { digestOf, FarSite, makeNear, type Near } from './support/near.ts';

const WAIT_MS = 12_000;

const until = async (what: string, is: () => boolean): Promise<void> => {
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await sleep(50)) if (is()) return;
  throw new Error(`waited in vain: ${what}`);
};

let near: Near;
let stop: (() => Promise<number>) | undefined;

/** Starts a daemon of its own world; stopping it gives the milliseconds that it took. */
const start = (config: string): World => {
  const abort = new AbortController();
  const world = openWorld(config, { signal: abort.signal, terminal: false });
  const running = runDaemon(world);
  stop = async () => {
    const began = performance.now();
    abort.abort();
    await running;
    await world.close();
    stop = undefined;
    return performance.now() - began;
  };
  return world;
};
const log = (): string => readFileSync(join(near.root, 'near/logs/export-agent.log'), 'utf8');
const isCommitted = (sequence: number): boolean => existsSync(join(near.bundle(sequence), 'manifest.json.minisig'));

afterEach(async () => {
  await stop?.();
  await near.close();
});

describe('on schedule', () => {
  it('makes bundles while something changes, and none while nothing does', async () => {
    near = makeNear({ extra: 'schedule: { cron: "* * * * * *" }\nthreads: 1\n' });
    near.put('a', 'one');
    start(near.config);
    await until('the first bundle', () => isCommitted(1));
    await until('an idle run', () => near.world().ledger.runs.list(1)[0]?.outcome === 'nothing');
    near.put('b', 'two');
    await until('the second bundle', () => isCommitted(2));
    expect(await stop?.()).toBeLessThan(5000);
    expect(
      near
        .world()
        .ledger.bundles.list(10)
        .map(({ sequence }) => sequence),
    ).toEqual([2, 1]);
  });

  it('makes up for a run that was missed', async () => {
    near = makeNear({ extra: 'schedule: { cron: "0 3 1 1 *", timeZone: Europe/Vienna }\n' });
    near.put('a', 'one');
    near.world().ledger.runs.setNextDue('0 3 1 1 * Europe/Vienna', '2026-01-01T02:00:00Z');
    start(near.config);
    await until('the bundle', () => isCommitted(1));
    await until('the next due time', () => (near.world().ledger.runs.nextDue()?.nextDue ?? '') > '2026-06');
    expect(
      near
        .world()
        .ledger.runs.list(5)
        .map(({ cause }) => cause),
    ).toContain('missed');
  });

  it('puts the bundle into the outbox when no medium is there', async () => {
    near = makeNear({ extra: 'schedule: { cron: "* * * * * *" }\n' });
    writeFileSync(near.config, readFileSync(near.config, 'utf8').replace(near.folder, join(near.root, 'absent')));
    near.put('a', 'one');
    const world = start(near.config);
    await until('a bundle in the outbox', () => world.ledger.bundles.inOutbox().length === 1);
    expect(existsSync(join(near.root, 'absent'))).toBe(false);
  });
});

describe('beside a folder', () => {
  it('takes in a receipt that appears, and brings what it misses', async () => {
    near = makeNear();
    near.put('a', 'one');
    const site = new FarSite();
    site.enrol(near);
    start(near.config);
    await until('the first bundle', () => isCommitted(1));
    site.answer(near, { number: 1, missing: [digestOf('one')], bundles: [{ sequence: 1, state: 'waiting' }] });
    await until('the second bundle', () => isCommitted(2));
    expect(log()).toContain('1 missing');
  });

  it('is alone: a second one is refused', async () => {
    near = makeNear({ extra: 'schedule: { cron: "0 3 1 1 *" }\n' });
    start(near.config);
    await until('it runs', () => log().includes(' runs'));
    const second = openWorld(near.config, { signal: new AbortController().signal, terminal: false });
    await expect(runDaemon(second)).rejects.toMatchObject({ code: 'LOCKED' });
    await second.close();
  });
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('losetup', ['-f']).status === 0;

(canMount ? describe : describe.skip)('with a loop-mounted stick (needs root and a loop device)', () => {
  let mountPoint: string;
  beforeEach(() => {
    near = makeNear();
    mountPoint = join(near.root, 'usb');
    mkdirSync(mountPoint);
    writeFileSync(
      near.config,
      readFileSync(near.config, 'utf8').replace(
        `folder: ${JSON.stringify(near.folder)}`,
        `medium: ${JSON.stringify(mountPoint)}`,
      ),
    );
    execFileSync('truncate', ['-s', '32M', join(near.root, 'image')]);
    execFileSync('mkfs.ext4', ['-q', join(near.root, 'image')]);
  });
  afterEach(() => void spawnSync('umount', [mountPoint]));

  it('notices it on an existing empty folder, writes nothing before, and lets it go', async () => {
    near.put('a', 'one');
    start(near.config);
    await until('it runs', () => log().includes(' runs'));
    await sleep(600);
    expect(readdirSync(mountPoint)).toEqual([]);
    execFileSync('mount', ['-o', 'loop', join(near.root, 'image'), mountPoint]);
    await until('the courier is told', () => log().includes('done: remove it'));
    expect(readdirSync(join(mountPoint, 'gapferry/bundles'))).toHaveLength(1);
    execFileSync('umount', [mountPoint]);
    await until('its absence is noticed', () => log().includes('is gone'));
    expect(readdirSync(mountPoint)).toEqual([]);
  });
});
