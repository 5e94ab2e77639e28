import type { Decompress } from './decompress.ts';

/** What a checker can use of the world outside the view. What is left out appears in the notes, never silently. */
export interface ClosureWorld {
  /** The moment to judge dates by. Without it, dates are named and not judged. */
  readonly now?: Date;
  /** Opens compressions that Node itself cannot (xz, bzip2). */
  readonly decompress?: Decompress;
}
