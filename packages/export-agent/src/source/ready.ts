/** Is the source quiet? Markers without wildcards are looked at directly; those with wildcards the walk meets. */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { Incomplete } from '@gapferry/bundle-format/errors';
import type { Preset } from '@gapferry/repository';

const hasWildcard = (glob: string): boolean => /[*?{\\]/.test(glob);

/** @throws Incomplete NOT_READY naming the marker */
export const requireReady = (repository: string, root: string, preset: Preset): void => {
  for (const marker of preset.busy.filter((glob) => !hasWildcard(glob)))
    if (lstatSync(join(root, marker), { throwIfNoEntry: false }) !== undefined)
      throw new Incomplete('NOT_READY', `${repository} is being updated: ${marker} is there`, {
        facts: { repository, marker },
      });
};
