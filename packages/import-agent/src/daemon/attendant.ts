/** Attends to one place: looks, takes in what is ready, and comes back after a failure, ever more slowly and without filling the log. */
import { statSync } from 'node:fs';
import { GapferryError } from '@gapferry/bundle-format/errors';
import { courierFailure } from '@gapferry/station/courier';
import { findPlace, type Place, type Presence } from '@gapferry/station/media/place';
import { type Arrival, look, takeIn } from '../agent.ts';
import { toGapferry } from '../errors.ts';
import { forgetIncoming, incomingOf } from '../receiving/evidence.ts';
import type { LookReply } from '../receiving/requests.ts';
import { MediumSession } from '../receiving/session.ts';
import type { World } from '../world.ts';
import type { Queue } from './queue.ts';
import { settle } from './settle.ts';

/** Between two looks at something that may still be changing. */
const SETTLE_MS = 500;
const FIRST_RETRY_MS = 5000;
const LAST_RETRY_MS = 300_000;
/** A place that is a plain folder is watched; this is for what a watch does not see (network shares). */
const FOLDER_LOOK_MS = 15_000;

export class Attendant {
  readonly #world: World;
  readonly #queue: Queue;
  readonly #place: Place;
  #presence: Presence | undefined;
  #session: MediumSession | undefined;
  /** Stamps of what was taken in, or judged otherwise. */
  #done: Record<string, string> = {};
  #trustStamp = '';
  #before: Readonly<Record<string, string>> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #again = false;
  #stopped = false;
  #failures = 0;
  #toldCode: string | undefined;

  constructor(world: World, queue: Queue, place: Place) {
    this.#world = world;
    this.#queue = queue;
    this.#place = place;
    this.#before = place.kind === 'folder' ? {} : undefined;
  }

  /** Something may have changed: look now, or right after the present look. */
  visit(): void {
    if (this.#stopped) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#busy = true;
    this.#again = false;
    void this.#visit().then((nextMs) => {
      this.#busy = false;
      if (!this.#stopped) this.#timer = setTimeout(() => this.visit(), this.#again ? SETTLE_MS : nextMs);
    });
  }

  /** The medium went away. What hangs on it is killed. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#session?.kill();
    this.#session = undefined;
  }

  async #visit(): Promise<number> {
    try {
      const next = await this.#lookAndTake();
      this.#failures = 0;
      this.#toldCode = undefined;
      return next;
    } catch (error) {
      if (this.#stopped) return 0;
      return this.#failed(toGapferry(error));
    }
  }

  /** @returns when to look again, in milliseconds */
  async #lookAndTake(): Promise<number> {
    const presence = findPlace(this.#place);
    if (presence === undefined) return this.#idle();
    this.#forgetIfOther(presence);
    const arrival: Arrival = {
      medium: this.#open(presence),
      path: presence.path,
      identity: presence.identity,
      presence,
    };
    const isFirst = this.#before === undefined || this.#presence === undefined;
    this.#presence = presence;
    try {
      return await this.#takeReady(arrival, await look(this.#world, arrival, this.#done), isFirst);
    } finally {
      forgetIncoming(incomingOf(this.#world.config, arrival)); // also of what is still changing, and of a medium that does not come back
    }
  }

  async #takeReady(arrival: Arrival, seen: LookReply, isFirst: boolean): Promise<number> {
    const { ready, restless, stamps } = settle(seen, this.#before);
    this.#before = stamps;
    if (ready.length > 0 || isFirst) {
      await this.#queue.run(async () => {
        if (!this.#stopped) await takeIn(this.#world, arrival, { ...seen, bundles: ready });
      });
      for (const { folder, stamp } of ready) this.#done[folder] = stamp;
    }
    if (restless) return SETTLE_MS;
    if (this.#place.kind === 'folder') await this.#close();
    return this.#idle();
  }

  #idle(): number {
    return this.#place.kind === 'folder'
      ? Math.max(FOLDER_LOOK_MS, this.#world.config.lookEveryMs)
      : this.#world.config.lookEveryMs;
  }

  /** Another medium, or another trust store: every verdict is asked for again. */
  #forgetIfOther(presence: Presence): void {
    const trustStamp = stampOf(this.#world.config.trust);
    if (this.#presence?.identity === presence.identity && this.#trustStamp === trustStamp) return;
    this.#done = {};
    this.#trustStamp = trustStamp;
  }

  #open(presence: Presence): MediumSession {
    if (this.#session?.alive !== true) this.#session = new MediumSession(presence.path, this.#world.config.stallMs);
    return this.#session;
  }

  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.stop();
  }

  #failed(error: GapferryError): number {
    this.#failures++;
    if (this.#toldCode !== error.code) {
      this.#toldCode = error.code;
      this.#world.log.error(`${this.#place.path}: ${error.message}`, {
        code: error.code,
        hint: error.hint,
        ...error.facts,
      });
      this.#world.courier(this.#place.path, courierFailure(error));
    }
    return Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LAST_RETRY_MS);
  }
}

const stampOf = (path: string): string => {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.mtimeMs}/${stat.size}/${stat.ino}`;
};
