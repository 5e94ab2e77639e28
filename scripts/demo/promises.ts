/** What the demo promises to show. A promise that does not hold ends the demo; its sentence says which one it was. */
import type { Screen } from './screen.ts';

export class BrokenPromise extends Error {}

export class Promises {
  readonly #screen: Screen;
  #kept = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get kept(): number {
    return this.#kept;
  }

  /** @param found shown when it does not hold */
  hold(sentence: string, holds: boolean, found: string | readonly string[] = []): void {
    if (holds) {
      this.#kept++;
      this.#screen.ok(sentence);
      return;
    }
    this.#screen.bad(sentence);
    throw new BrokenPromise([`this did not hold: ${sentence}`, ...[found].flat()].join('\n'));
  }
}
