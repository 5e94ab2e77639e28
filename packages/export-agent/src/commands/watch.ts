/** Shows the course of an export on the terminal. */

import type { Context } from '@gapferry/station/command/command';
import type { Progress } from '@gapferry/station/command/progress';
import type { Watch } from '../agent.ts';

export const contextWatch = (context: Context): Watch => {
  let progress: Progress | undefined;
  return {
    begin: (label, totalBytes) => {
      progress?.done();
      progress = context.progress(label, totalBytes);
    },
    advance: (bytes) => progress?.advance(bytes),
    end: () => {
      progress?.done();
      progress = undefined;
    },
  };
};
