/** Opens the world for one command and closes it again, whatever happens. */

import type { Context } from '@gapferry/station/command/command';
import { loadExportConfig } from '../configuration/load.ts';
import { configPath, lockState, openWorld, type World } from '../world.ts';

const options = (context: Context) => ({ signal: context.signal, terminal: false });

/** For commands that only read: beside a working daemon, too. */
export const reading = async <T>(context: Context, work: (world: World) => Promise<T> | T): Promise<T> => {
  const world = openWorld(context.config, options(context));
  try {
    return await work(world);
  } finally {
    await world.close();
  }
};

/** For commands that change the state: one at a time. @throws Unfit LOCKED */
export const changing = async <T>(
  context: Context,
  doing: string,
  work: (world: World) => Promise<T> | T,
): Promise<T> => {
  const lock = lockState(loadExportConfig(configPath(context.config)), doing);
  try {
    return await reading(context, work);
  } finally {
    lock.release();
  }
};
