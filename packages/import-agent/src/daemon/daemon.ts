/** The daemon: media by the mount table, dropped files by a watch, one attendant per place, one import at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '@gapferry/station/media/place';
import { type Mount, type Stop, watchMounts } from '@gapferry/station/media/mounts';
import { toGapferry } from '../errors.ts';
import { recoverAll, surveyAll } from '../holdings/check.ts';
import { publishReceived } from '../publishing/publish-received.ts';
import { issueOwed } from '../receipts/deliver.ts';
import { readTrust } from '../trust/file.ts';
import type { World } from '../world.ts';
import { Attendant } from './attendant.ts';
import { Queue } from './queue.ts';
import { type FolderWatch, watchFolder } from './watch-folder.ts';

const MOUNTS_EVERY_MS = 250;
/** Publishing that failed for a reason of this machine is tried again. */
const RETRY_PUBLISH_MS = 60_000;
/** Time that the work at hand has to come to a safe point; every point is safe, but a clean end saves work at the next start. */
const END_WITHIN_MS = 4000;

/** Works until the signal. @throws what keeps it from starting */
export async function runDaemon(world: World, signal: AbortSignal): Promise<void> {
  await recoverAll(world);
  const daemon = new Daemon(world);
  daemon.start();
  world.log.info(`the import agent of ${world.config.site} is ready`, {
    places: world.config.media.map(({ kind, path }) => `${kind} ${path}`),
  });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  world.log.info('the import agent ends');
  await daemon.stop();
}

class Daemon {
  readonly #world: World;
  readonly #queue = new Queue();
  readonly #attendants = new Map<string, Attendant>();
  readonly #watches: FolderWatch[] = [];
  #stopMounts: Stop = () => undefined;
  #retry: NodeJS.Timeout | undefined;
  #toldWatch = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    const { media } = this.#world.config;
    const mediumPaths = media.filter(({ kind }) => kind === 'medium').map(({ path }) => path);
    this.#stopMounts = watchMounts(mediumPaths, { everyMs: MOUNTS_EVERY_MS }, (path, mount) =>
      this.#mounted(path, mount),
    );
    for (const place of media) if (place.kind === 'folder') this.#attendFolder(place);
    void this.#publishAgain();
    this.#retry = setInterval(() => void this.#publishAgain(), RETRY_PUBLISH_MS);
  }

  /** Another mount at the same path is another medium. */
  #mounted(path: string, mount: Mount | undefined): void {
    this.#attendants.get(path)?.stop();
    this.#attendants.delete(path);
    if (mount === undefined) {
      this.#world.log.info(`${path}: the medium was removed`);
      return;
    }
    this.#world.log.info(`${path}: a medium was mounted`, {
      device: mount.device,
      source: mount.source,
      fsType: mount.fsType,
      readOnly: mount.readOnly,
    });
    this.#attend({ kind: 'medium', path }).visit();
  }

  #attend(place: Place): Attendant {
    const attendant = new Attendant(this.#world, this.#queue, place);
    this.#attendants.set(place.path, attendant);
    return attendant;
  }

  #attendFolder(place: Place): void {
    const attendant = this.#attend(place);
    this.#watches.push(
      watchFolder(
        place.path,
        () => attendant.visit(),
        (error) => this.#watchFailed(place.path, error),
      ),
    );
    attendant.visit();
  }

  /** Told once: a share that is away would fill the log. The attendant looks by itself meanwhile. */
  #watchFailed(path: string, error: unknown): void {
    const { message } = toGapferry(error);
    if (this.#toldWatch.has(path)) return;
    this.#toldWatch.add(path);
    this.#world.log.warn(`${path}: cannot be watched just now: ${message}`);
  }

  /** What was received before a stop, or could not be published for want of space. */
  async #publishAgain(): Promise<void> {
    const { bundles } = this.#world.journal;
    const waits = [...this.#world.config.repositories.keys()].some((name) =>
      bundles
        .openOffers(name)
        .some(({ state }) => state === 'failed' || state === 'received' || state === 'publishing'),
    );
    if (!waits) return;
    try {
      await this.#queue.run(async () => {
        await surveyAll(this.#world);
        const published = await publishReceived(this.#world, readTrust(this.#world.config.trust));
        if (published.length > 0) issueOwed(this.#world, []);
      });
      for (const attendant of this.#attendants.values()) attendant.visit();
    } catch (error) {
      this.#world.log.error(toGapferry(error).message);
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#retry);
    this.#stopMounts();
    for (const attendant of this.#attendants.values()) attendant.stop();
    await Promise.race([
      Promise.all([this.#queue.idle(), ...this.#watches.map((watch) => watch.close())]),
      sleep(END_WITHIN_MS, undefined, { ref: false }),
    ]);
  }
}
