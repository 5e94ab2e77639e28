/** `Valid-Until`: clients of APT refuse a Release after it. A slow ferry is tripped by that, so it is said before it happens. */

import type { ClosureFindings } from '../closure-report.ts';

const DAY_MS = 86_400_000;
const WARN_DAYS = 14;

const iso = (date: Date): string => date.toISOString().replace('.000Z', 'Z');

export const noteValidity = (
  path: string,
  validUntil: Date | undefined,
  now: Date | undefined,
  findings: ClosureFindings,
): void => {
  if (validUntil === undefined) return;
  if (now === undefined) return findings.note(`${path} is valid until ${iso(validUntil)}`);
  const days = Math.floor((validUntil.getTime() - now.getTime()) / DAY_MS);
  if (days >= WARN_DAYS) return;
  const clients = 'clients refuse it then, unless they are told `Check-Valid-Until: no`';
  if (days < 0) findings.note(`${path} was valid until ${iso(validUntil)}: ${clients.replace(' then', '')}`);
  else findings.note(`${path} is valid until ${iso(validUntil)}, ${days} more days: ${clients}`);
};
