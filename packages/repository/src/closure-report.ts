/** What a closure check found (DESIGN section 6, step 4), and the one builder that keeps it bounded. */

export type ClosureCode = 'META_DANGLING' | 'META_HASH' | 'META_VALUE';

export interface ClosureProblem {
  readonly code: ClosureCode;
  /** Path of the metadata that refers. */
  readonly from: string;
  /** What it refers to: a path, or a name as the metadata has it. Empty when the metadata itself cannot be read. */
  readonly to: string;
  /** One sentence that names both. */
  readonly says: string;
}

export interface ClosureReport {
  /** References that were looked at. */
  readonly references: number;
  /** References that resolve to nothing and rightly so: counted, not refused. */
  readonly open: number;
  /** The first problems found, at most `LISTED`. */
  readonly problems: readonly ClosureProblem[];
  /** All problems found, also those that are not listed. 0 means: closed. */
  readonly problemCount: number;
  /** What an administrator should know although nothing is refused: checks that could not be made, dates that come near. */
  readonly notes: readonly string[];
}

/** A broken mirror has a hundred thousand problems; the first few tell which one it is. */
export const LISTED = 20;

/** How a preset wants absent targets to be judged. */
export type Dangling = 'refuse' | 'count';

export class ClosureFindings {
  readonly #dangling: Dangling;
  readonly #problems: ClosureProblem[] = [];
  readonly #notes = new Set<string>();
  #references = 0;
  #open = 0;
  #problemCount = 0;
  #moreNotes = false;

  constructor(dangling: Dangling) {
    this.#dangling = dangling;
  }

  /** Another reference was looked at. */
  reference(): void {
    this.#references += 1;
  }

  /** A reference that this kind of repository may leave open. */
  open(): void {
    this.#open += 1;
  }

  /** A target that is not there: a problem, or counted where the preset says so. */
  absent(from: string, to: string, says: string): void {
    if (this.#dangling === 'count') this.open();
    else this.problem('META_DANGLING', from, to, says);
  }

  problem(code: ClosureCode, from: string, to: string, says: string): void {
    this.#problemCount += 1;
    if (this.#problems.length < LISTED) this.#problems.push({ code, from, to, says });
  }

  note(says: string): void {
    if (this.#notes.has(says)) return;
    if (this.#notes.size < LISTED) this.#notes.add(says);
    else this.#moreNotes = true;
  }

  report(): ClosureReport {
    return {
      references: this.#references,
      open: this.#open,
      problems: this.#problems,
      problemCount: this.#problemCount,
      notes: this.#moreNotes ? [...this.#notes, 'and more that are not listed'] : [...this.#notes],
    };
  }
}
