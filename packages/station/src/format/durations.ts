/** Spans of time for people: the two greatest units. */
const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** 0 s, 59 s, 2 min 5 s, 3 h 10 min, 12 d 4 h */
export const formatDuration = (milliseconds: number): string => {
  if (!Number.isFinite(milliseconds)) return 'unknown';
  let rest = Math.max(0, Math.round(milliseconds / 1000));
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count} ${unit}`);
    // A unit in between that is zero still uses up its place: `3 h`, not `3 h 4 s`.
    if (parts.length > 0 && (parts.length === 2 || count === 0)) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
};

/** `just now`, `5 min ago`, `12 d 4 h ago`; a time in the future says so. */
export const formatAge = (then: Date, now: Date): string => {
  const age = now.getTime() - then.getTime();
  if (Math.abs(age) < 1000) return 'just now';
  return age < 0 ? `in ${formatDuration(-age)}` : `${formatDuration(age)} ago`;
};

/** 2026-11-20T21:00:00Z: UTC, no fractions. */
export const formatTime = (time: Date): string => time.toISOString().replace(/\.\d{3}Z$/, 'Z');
