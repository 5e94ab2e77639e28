/**
 * What a transaction of the journal has to tell the audit log is written into the journal by that very transaction, and copied from there: a process that is
 * killed between the two loses no entry, and the next start makes no second one.
 */
import { closeSync, fstatSync, readSync } from 'node:fs';
import type { AuditEntry } from '@gapferry/station/record/audit';
import { openIfThere } from '@gapferry/station/files/safe-open';
import { toGapferry } from './errors.ts';
import { auditPath, type World } from './world.ts';

/** Room for more entries than were ever written between a commit and its audit entry. */
const TAIL_BYTES = 256 * 1024;

/** Copies what is owed, in order. A log that cannot be written now (full disk) is no reason to stop: the entries stay owed. */
export function payAudit({ journal, audit, log }: World, isThere: (entry: AuditEntry) => boolean = () => false): void {
  try {
    for (const { id, entry } of journal.owedAudit()) {
      if (!isThere(entry)) audit.append(entry);
      journal.paidAudit(id);
    }
  } catch (error) {
    const { code, message } = toGapferry(error);
    log.error(`the audit log waits: ${message}`, { code });
  }
}

/** After a start: an entry may have been written, and only its mark be lacking. */
export function payAuditOnce(world: World): void {
  const last = world.journal.owedAudit().length === 0 ? [] : lastEntries(auditPath(world.config));
  payAudit(world, (entry) => last.some((one) => says(one, entry)));
}

/** The chain adds its number, time and digest; everything else must agree. */
const says = (line: Readonly<Record<string, unknown>>, entry: AuditEntry): boolean =>
  Object.entries(entry).every(([field, value]) => JSON.stringify(line[field]) === JSON.stringify(value));

function lastEntries(path: string): Readonly<Record<string, unknown>>[] {
  const fd = openIfThere(path, { where: 'machine' });
  if (fd === undefined) return [];
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const got = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return bytes.subarray(0, got).toString('utf8').split('\n').flatMap(parse);
  } finally {
    closeSync(fd);
  }
}

/** The first line of the tail may be cut. */
function parse(line: string): Readonly<Record<string, unknown>>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [{ ...value }] : [];
  } catch {
    return [];
  }
}
