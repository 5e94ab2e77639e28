/** What /proc tells about a process and all that it started. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

const readOr = (path: string, otherwise: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise; // it ended meanwhile
  }
};

const tasksOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
};

/** A process and its living descendants. A child belongs to the thread that started it, so every thread is asked. */
export const treeOf = (pid: number): number[] => {
  const children = tasksOf(pid).flatMap((task) =>
    readOr(`/proc/${pid}/task/${task}/children`, '')
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  );
  return [pid, ...children.flatMap(treeOf)];
};

export interface Memory {
  /** Resident, in bytes: pages that several processes of the tree share (the program itself, mostly) count once. */
  readonly resident: number;
  /** The same as a plain sum of RSS: shared pages count for each process. */
  readonly sumOfRss: number;
}

const kibOf = (text: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;

/** What is private to each process, and the largest shared part once: pages that are shared with strangers are ours as well. */
export const memoryOf = (pids: readonly number[]): Memory => {
  let [own, shared, sumOfRss] = [0, 0, 0];
  for (const pid of pids) {
    const text = readOr(`/proc/${pid}/smaps_rollup`, '');
    const rss = kibOf(text, 'Rss');
    const mine = kibOf(text, 'Private_Clean') + kibOf(text, 'Private_Dirty');
    own += mine;
    shared = Math.max(shared, rss - mine);
    sumOfRss += rss;
  }
  return { resident: own + shared, sumOfRss };
};

/** The kernel's own record of the most that one process ever had resident, in bytes. Nothing escapes it between two samples. */
export const highWaterOf = (pid: number): number => kibOf(readOr(`/proc/${pid}/status`, ''), 'VmHWM');

const TICKS_A_SECOND = 100; // USER_HZ, the same on every Linux that Node runs on

/** Processor seconds, user and system, of all children of this process that have ended, with theirs (proc(5): cutime, cstime). */
export const secondsOfChildren = (): { readonly user: number; readonly system: number } => {
  const stat = readOr('/proc/self/stat', '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name in parentheses may hold spaces; field 3 comes first
  return { user: Number(fields[13] ?? 0) / TICKS_A_SECOND, system: Number(fields[14] ?? 0) / TICKS_A_SECOND };
};
