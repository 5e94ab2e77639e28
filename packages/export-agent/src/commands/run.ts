/** `run`: the daemon. */

import type { Command } from '@gapferry/station/command/command';
import { runDaemon } from '../daemon.ts';
import { openWorld } from '../world.ts';

export const run: Command = {
  name: 'run',
  says: 'run as a daemon: schedule, media, receipts',
  async run(_input, context) {
    const world = openWorld(context.config, { signal: context.signal, terminal: !context.json && !context.quiet });
    try {
      await runDaemon(world);
      return { status: 0, json: { stopped: true }, lines: [] };
    } finally {
      await world.close();
    }
  },
};
