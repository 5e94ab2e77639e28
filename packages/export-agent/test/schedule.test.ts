import { describe, expect, it } from '@jest/globals';
import { decideAtStart } from '../src/schedule/due.ts';
import { cronMistake } from '../src/schedule/schedule.ts';

const now = new Date('2026-11-20T12:00:00Z');

describe('decideAtStart', () => {
  it.each([
    ['nothing is stored', undefined, 'wait'],
    ['due in the future', { expression: 'daily', nextDue: '2026-11-20T12:00:01Z' }, 'wait'],
    ['due while nobody was there', { expression: 'daily', nextDue: '2026-11-20T03:00:00Z' }, 'catch up'],
    ['due just now', { expression: 'daily', nextDue: '2026-11-20T12:00:00Z' }, 'catch up'],
    ['due by another schedule', { expression: 'weekly', nextDue: '2026-11-01T03:00:00Z' }, 'wait'],
  ] as const)('%s', (_says, stored, expected) => expect(decideAtStart(stored, 'daily', now).do).toBe(expected));
});

describe('cronMistake', () => {
  it.each(['0 3 * * *', '*/5 * * * * *'])('finds none in %j', (cron) => expect(cronMistake(cron)).toBeUndefined());
  it.each(['often', '', '0 25 * * *', '* * * *'])('names it in %j', (cron) =>
    expect(cronMistake(cron)).toContain(`${JSON.stringify(cron)} is no schedule`),
  );
});
