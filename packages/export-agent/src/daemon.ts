/**
 * The daemon: exports on schedule and when a medium arrives, takes in receipts wherever they appear. Work is done one piece at a time; what
 * fails is logged, and the daemon goes on.
 */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorToJSON, exitStatusOf, GapferryError } from '@gapferry/bundle-format/errors';
import { RECEIPTS } from '@gapferry/bundle-format/layout';
import { courierFailure, courierLine } from '@gapferry/station/courier';
import type { Mount } from '@gapferry/station/media/mountinfo';
import { type Stop, watchMounts } from '@gapferry/station/media/mounts';
import { findPlace, type Place } from '@gapferry/station/media/place';
import { type Lock, takeLock } from '@gapferry/station/state/lock';
import { watch as watchFolder } from 'chokidar';
import { type ExportReport, exportOnce, type ExportWish, type Watch } from './agent.ts';
import type { Cause, RunEnd } from './ledger/runs.ts';
import { startSchedule } from './schedule/schedule.ts';
import { lockState, type World } from './world.ts';

/** A source that is not ready, or a site that must wait, is asked again so often and so many times. */
const RETRY_MS = 60_000;
const MOST_RETRIES = 30;
/** Files of one receipt arrive together. */
const SETTLE_MS = 400;
/** Another command of ours works with the state for a moment. */
const LOCK_MS = 250;

const silentWatch: Watch = { begin: () => undefined, advance: () => undefined, end: () => undefined };

interface Job {
  readonly cause: Cause;
  /** null: the outbox */
  readonly place: Place | null;
  /** Make a bundle if there is something to bring; otherwise only receipts and the outbox. */
  readonly make: boolean;
}

class Daemon {
  readonly #world: World;
  #last: Promise<void> = Promise.resolve();
  /** Jobs that wait and are not begun: a second one of the same kind is the same. */
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #stops: Stop[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** One after the other; resolves when this job is done. Never rejects. */
  #enqueue(job: Job): Promise<void> {
    const key = JSON.stringify([job.place, job.make]);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    const done = this.#last.then(() => {
      this.#waiting.delete(key);
      return this.#perform(job);
    });
    this.#waiting.set(key, done);
    this.#last = done;
    return done;
  }

  async #perform(job: Job): Promise<void> {
    const { signal, log } = this.#world;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#attempt(job);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#tellFailure(job, error);
        const again = error instanceof GapferryError && error.kind === 'incomplete' && attempt < MOST_RETRIES;
        if (!again) return;
        log.info(`trying again in ${RETRY_MS / 1000} s`, { attempt: attempt + 1 });
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #attempt(job: Job): Promise<void> {
    const { log } = this.#world;
    const lock = await this.#lock(job);
    const { runs } = this.#world.ledger;
    const id = runs.begin(job.cause, this.#now());
    try {
      if (job.place !== null)
        log.info(courierLine({ state: 'working', doing: 'writing' }).line, { place: job.place.path });
      const report = await exportOnce(this.#world, wishOf(job), silentWatch);
      runs.end(id, endOf(report), this.#now());
      this.#tell(job, report);
    } catch (error) {
      const { code, says } = errorToJSON(error);
      runs.end(id, { outcome: 'failed', code, says }, this.#now());
      throw error;
    } finally {
      lock.release();
    }
  }

  #now(): string {
    return this.#world.clock.now().toISOString();
  }

  /** Waits while a command works with the same state. */
  async #lock(job: Job): Promise<Lock> {
    for (;;) {
      this.#world.signal.throwIfAborted();
      try {
        return lockState(this.#world.config, `run: ${job.cause}`);
      } catch (error) {
        if (!(error instanceof GapferryError) || error.code !== 'LOCKED') throw error;
        await sleep(LOCK_MS, undefined, { signal: this.#world.signal });
      }
    }
  }

  #tell(job: Job, report: ExportReport): void {
    if (job.place === null) return;
    const made = report.bundles.filter(({ outcome }) => outcome === 'exported');
    const wrote = made.length + report.delivered.length > 0;
    const proven = made.every(({ readBack }) => readBack === 'device');
    const carryTo = [...new Set(made.flatMap(({ sites }) => sites))].join(', ');
    const idle = !wrote && report.receipts.length === 0;
    const { line } = courierLine(
      idle ? { state: 'nothing' } : { state: 'finished', wrote, proven, ...(carryTo === '' ? {} : { carryTo }) },
    );
    this.#world.log.info(line, { place: job.place.path });
  }

  #tellFailure(job: Job, error: unknown): void {
    const { code, says } = errorToJSON(error);
    const { log, audit } = this.#world;
    if (job.place !== null && error instanceof GapferryError)
      log.error(courierFailure(error).line, { place: job.place.path, code });
    log.error(`${code}: ${says}`, { cause: job.cause, error, status: exitStatusOf(error) });
    audit.append({ event: 'export.failed', code, says, cause: job.cause });
  }

  /** A scheduled run takes the first place that is there; the outbox when none is. */
  #scheduled(cause: 'schedule' | 'missed'): Promise<void> {
    const place = this.#world.config.media.find((each) => isThere(each)) ?? null;
    this.#world.log.info(cause === 'missed' ? 'a run was missed: making up for it' : 'a run is due', {
      place: place?.path ?? 'outbox',
    });
    return this.#enqueue({ cause, place, make: true });
  }

  #mountChanged(path: string, mount: Mount | undefined): void {
    const { log, config } = this.#world;
    if (mount === undefined) return log.info(`the medium at ${path} is gone`, { place: path });
    log.info(`a medium arrived at ${path}`, { place: path, device: mount.device, fsType: mount.fsType });
    void this.#enqueue({ cause: 'medium', place: { kind: 'medium', path }, make: config.onArrival });
  }

  #watchMedia(): void {
    const paths = this.#world.config.media.filter(({ kind }) => kind === 'medium').map(({ path }) => path);
    if (paths.length > 0) this.#stops.push(watchMounts(paths, {}, (path, mount) => this.#mountChanged(path, mount)));
  }

  /** Receipts that appear in a plain folder. Only the way to them is watched, never bundles, and no link is followed. */
  #watchFolder(place: Place): void {
    const { log, config, signal } = this.#world;
    const receipts = join(place.path, RECEIPTS);
    let timer: NodeJS.Timeout | undefined;
    const watcher = watchFolder(place.path, {
      followSymlinks: false,
      depth: 4,
      ignoreInitial: true,
      ignored: (path) => !(receipts === path || receipts.startsWith(path) || path.startsWith(`${receipts}/`)),
    });
    watcher.on('all', (_event, path) => {
      if (!path.startsWith(`${receipts}/`) || signal.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(() => void this.#enqueue({ cause: 'medium', place, make: config.onArrival }), SETTLE_MS);
    });
    let told = '';
    watcher.on('error', (error) => {
      const says = error instanceof Error ? error.message : String(error);
      if (says !== told) log.warn(`the folder ${place.path} cannot be watched: ${says}`, { place: place.path });
      told = says; // a folder that is gone would say so for ever
    });
    this.#stops.push(() => {
      clearTimeout(timer);
      void watcher.close();
    });
  }

  /** Resolves when the signal came and everything is at rest. */
  async run(): Promise<void> {
    const { config, ledger, clock, signal, log } = this.#world;
    log.info(`export agent ${this.#world.exporter} runs`, {
      repositories: [...config.repositories.keys()],
      media: config.media.map(({ path }) => path),
    });
    for (const place of config.media.filter(({ kind }) => kind === 'folder')) {
      this.#watchFolder(place);
      // without a schedule nobody else would ever make the first bundle
      if (isThere(place))
        void this.#enqueue({ cause: 'medium', place, make: config.onArrival && config.schedule === undefined });
    }
    this.#watchMedia();
    if (config.schedule !== undefined)
      this.#stops.push(startSchedule(config.schedule, ledger.runs, clock, (cause) => this.#scheduled(cause)));
    await aborted(signal);
    log.info('stopping');
    for (const stop of this.#stops) stop();
    await this.#last;
    log.info('stopped');
  }
}

const isThere = (place: Place): boolean => {
  try {
    return findPlace(place) !== undefined;
  } catch {
    return false; // it is just being pulled, or cannot be looked at: the run itself will say so
  }
};

const wishOf = ({ place, make }: Job): ExportWish => ({
  sites: undefined,
  repositories: undefined,
  full: false,
  dryRun: false,
  place,
  make,
});

const endOf = (report: ExportReport): RunEnd => {
  const made = report.bundles.flatMap(({ sequence }) => (sequence === undefined ? [] : [sequence]));
  const sequence = made.at(-1);
  return sequence === undefined ? { outcome: 'nothing' } : { outcome: 'exported', sequence };
};

/** A daemon waits for its signal, and nothing else may end it. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const alive = setInterval(() => undefined, 1 << 30);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });

/**
 * Runs until the world's signal is given, which is answered within seconds: a bundle that is being written has no signature yet and is removed at the next start.
 * @throws Unfit LOCKED when another daemon runs with the same state; Misused CONFIG_INVALID for a bad schedule
 */
export const runDaemon = async (world: World): Promise<void> => {
  const lock = takeLock(join(world.config.state, 'daemon.sqlite'), 'run');
  try {
    await new Daemon(world).run();
  } finally {
    lock.release();
  }
};
