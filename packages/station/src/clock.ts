/** The world's time as an argument. Where one moment will do, pass a Date instead. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
