/** The schedule: node-cron with a time zone and without overlap; what is due next is remembered in the ledger, so that a missed run is made up for. */

import type { Clock } from '@gapferry/station/clock';
import type { Stop } from '@gapferry/station/media/mounts';
import { schedule as scheduleTask, validateDetailed } from 'node-cron';
import type { Runs } from '../ledger/runs.ts';
import { decideAtStart } from './due.ts';

export interface ScheduleConfig {
  readonly cron: string;
  readonly timeZone: string;
}

/** What is wrong with it, or undefined. */
export const cronMistake = (cron: string): string | undefined => {
  const { valid, errors } = validateDetailed(cron);
  if (valid) return undefined;
  const why = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return `${JSON.stringify(cron)} is no schedule${why === '' ? '' : ` (${why})`}`;
};

/**
 * Calls `run` whenever it is due, and at once when a run was missed while nobody was there. The next time is stored when a run has ended, so that
 * one that was cut off counts as missed, too.
 */
export const startSchedule = (
  config: ScheduleConfig,
  runs: Runs,
  clock: Clock,
  run: (cause: 'schedule' | 'missed') => Promise<void>,
): Stop => {
  const expression = `${config.cron} ${config.timeZone}`;
  const remember = (): void => {
    const next = task.getNextRun();
    if (next !== null) runs.setNextDue(expression, next.toISOString());
  };
  const perform = async (cause: 'schedule' | 'missed'): Promise<void> => {
    await run(cause);
    remember();
  };
  const task = scheduleTask(config.cron, () => perform('schedule'), {
    timezone: config.timeZone,
    noOverlap: true,
    suppressMissedWarning: true,
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined },
  });
  const decision = decideAtStart(runs.nextDue(), expression, clock.now());
  if (decision.do === 'catch up') void perform('missed');
  else remember();
  return () => void task.destroy();
};
