import { GapferryError } from '@gapferry/bundle-format/errors';

/** What is no expected failure is a fault of the program, and is told as one. */
export const toGapferry = (error: unknown): GapferryError =>
  error instanceof GapferryError
    ? error
    : new GapferryError('INTERNAL', error instanceof Error ? `${error.name}: ${error.message}` : String(error), {
        cause: error,
      });
