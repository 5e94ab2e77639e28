/** Watches one bundle on its way: written at the near side, taken in or refused at the far side. Only looks at what anybody can see. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BundleFolder, bundlesOn, bytesBelow, stateInReceipt } from './medium-folder.ts';
import { type Pair, SITE } from './pair.ts';
import { pause, TooLate, waitFor } from './processes.ts';
import { BrokenPromise } from './promises.ts';
import type { Bar, Screen } from './screen.ts';

export interface WentOut {
  readonly bundle: BundleFolder;
  /** Bytes on the medium. */
  readonly bytes: number;
  readonly ms: number;
}

export interface Places {
  readonly near: string;
  readonly far: string;
  readonly target: string;
}

interface Watched<T> {
  readonly what: string;
  readonly bar: Bar;
  /** How long it may stand still. */
  readonly patienceMs: number;
  readonly measure: () => number;
  readonly probe: () => T | undefined;
}

/** Feeds a bar by looking at how much is there; looks rarely where looking takes long. @throws TooLate when nothing moves any more */
const follow = async <T>({ what, bar, patienceMs, measure, probe }: Watched<T>): Promise<T> => {
  let [moved, bytes] = [performance.now(), -1];
  for (;;) {
    const answer = probe();
    if (answer !== undefined) return answer;
    const began = performance.now();
    const now = measure();
    if (now !== bytes) [moved, bytes] = [began, now];
    else if (began - moved > patienceMs) throw new TooLate(`nothing moved for ${patienceMs / 1000} s: ${what}`);
    bar.at(now);
    await pause(Math.max(20, 10 * (performance.now() - began)));
  }
};

/** These end by themselves: the agent tries again. */
const PASSING = /^(?:SOURCE_CHANGED|NOT_READY|LOCKED|MEDIA_|NOT_MOUNTED)/;

export class Crossings {
  readonly #screen: Screen;
  readonly #pair: Pair;
  readonly #places: Places;
  readonly #seen = new Set<string>();
  readonly #patienceMs: number;
  #marked = 0;

  constructor(screen: Screen, pair: Pair, places: Places, patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#screen = screen;
    this.#pair = pair;
    this.#places = places;
  }

  /** Waits until the near side has completed a bundle that was not there before. `expectedBytes` is for the bar alone. */
  async out(expectedBytes: number): Promise<WentOut> {
    const fresh = (): BundleFolder | undefined =>
      bundlesOn(this.#places.near).find(({ name }) => !this.#seen.has(name));
    const begun = await waitFor('the near side begins a bundle', this.#patienceMs, () => this.#wellAtNear() && fresh());
    const began = performance.now();
    const bar = this.#screen.bar('near side writes      ', expectedBytes);
    const bundle = await follow({
      what: 'the near side completes the bundle',
      bar,
      patienceMs: this.#patienceMs,
      measure: () => bytesBelow(begun.path),
      probe: () => {
        const now = this.#wellAtNear() && bundlesOn(this.#places.near).find(({ name }) => name === begun.name);
        return now && now.complete ? now : undefined;
      },
    });
    this.#seen.add(bundle.name);
    const bytes = bytesBelow(bundle.path);
    bar.done(bytes);
    return { bundle, bytes, ms: performance.now() - began };
  }

  /** Bundles that nobody has waited for yet. */
  get unseen(): readonly BundleFolder[] {
    return bundlesOn(this.#places.near).filter(({ name }) => !this.#seen.has(name));
  }

  /** Waits until a receipt says that the bundle is published. @returns milliseconds */
  async in({ bundle, bytes }: WentOut): Promise<number> {
    const began = performance.now();
    const before = bytesBelow(this.#places.target);
    const bar = this.#screen.bar('far side takes in     ', bytes);
    await follow({
      what: `bundle ${bundle.sequence} is published at the far side`,
      bar,
      patienceMs: this.#patienceMs,
      measure: () => bytesBelow(this.#places.target) - before,
      probe: () => stateInReceipt(this.#places.far, SITE, bundle.sequence) === 'published' || undefined,
    });
    bar.done(bytes);
    return performance.now() - began;
  }

  /** From here on `refusal` looks. */
  mark(): void {
    this.#marked = this.#farLog().length;
  }

  /** Waits until the far side's log names one of these codes, and gives code and sentence. */
  refusal(...codes: readonly string[]): Promise<string> {
    return waitFor(`the far side refuses with ${codes.join(' or ')}`, this.#patienceMs, () => {
      const lines = this.#farLog().slice(this.#marked).map(fieldsOfLine);
      const found = lines.find(({ code }) => codes.some((each) => each === code));
      return found === undefined ? undefined : `${String(found['code'])}: ${String(found['says'])}`;
    });
  }

  #farLog(): string[] {
    return linesOf(join(this.#pair.far, 'logs', 'import-agent.log'));
  }

  /** @throws BrokenPromise with what the near side's log says, when it will not get better by waiting */
  #wellAtNear(): true {
    const said = linesOf(join(this.#pair.near, 'logs', 'export-agent.log')).map(fieldsOfLine);
    const error = said.find(
      ({ level, says }) => level === 'error' && /^[A-Z_]+: /.test(String(says)) && !PASSING.test(String(says)),
    );
    if (error !== undefined) throw new BrokenPromise(`the near side stopped: ${String(error['says'])}`);
    return true;
  }
}

/** The whole lines of a log, one JSON object each. */
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

const fieldsOfLine = (line: string): Readonly<Record<string, unknown>> => {
  const entry: unknown = JSON.parse(line);
  return typeof entry === 'object' && entry !== null ? Object.fromEntries(Object.entries(entry)) : {};
};
