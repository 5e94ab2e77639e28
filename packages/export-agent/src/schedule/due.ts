/** When is a run due, and was one missed? Pure: times in, a decision out. */

export interface StoredDue {
  /** The schedule that the time was computed by. */
  readonly expression: string;
  /** ISO 8601 */
  readonly nextDue: string;
}

export type StartDecision =
  /** A run was due while nobody was there: make up for it, once, however many were missed. */
  { readonly do: 'catch up'; readonly missed: string } | { readonly do: 'wait' };

/** Another schedule than the stored one owes nothing. */
export const decideAtStart = (stored: StoredDue | undefined, expression: string, now: Date): StartDecision => {
  if (stored === undefined || stored.expression !== expression) return { do: 'wait' };
  return Date.parse(stored.nextDue) <= now.getTime() ? { do: 'catch up', missed: stored.nextDue } : { do: 'wait' };
};
