/** `run`: the daemon. */
import type { Command, Context, Result } from '@gapferry/station/command/command';
import { runDaemon } from '../daemon/daemon.ts';
import { openWorld, requireTrust } from './open-world.ts';
import type { World } from '../world.ts';

export const runCommand: Command = {
  name: 'run',
  says: 'the daemon: takes in what is plugged in or dropped, until it is told to end',
  run: (_, context) => run(context),
};

async function run(context: Context): Promise<Result> {
  const terminal = !context.json && !context.quiet;
  let world: World | undefined;
  const opened = openWorld(context.config, {
    doing: 'run',
    terminal,
    courier: (medium, { line }) => {
      world?.log.info(`${medium}: ${line}`);
      if (context.json) context.say(line, { courier: line, medium });
    },
  });
  world = opened.world;
  try {
    requireTrust(world.config);
    await runDaemon(world, context.signal);
    return { status: 0, json: { ended: true }, lines: [] };
  } finally {
    await opened.close();
  }
}
