/** Runs one command and says what it cost: wall time, processor time and peak memory of its whole process tree. */
import { type ChildProcess, spawn } from 'node:child_process';
import { highWaterOf, memoryOf, secondsOfChildren, treeOf } from './process-tree.ts';

export interface Cost {
  /** Seconds. */
  readonly wall: number;
  /** Seconds of processor time, all children included. */
  readonly user: number;
  readonly system: number;
  /** Bytes: most of the tree's resident memory at one moment, as sampled, shared pages once; never less than the largest process by itself. */
  readonly peakMemory: number;
  /** Bytes: the plain sum of RSS. */
  readonly peakSumOfRss: number;
}

export interface Step {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

const SAMPLE_MS = 50;
const TAIL = 4000;

let running: ChildProcess | undefined;

/** Ends what is being measured, with all that it started. */
export const endRunning = (): void => {
  if (running?.pid !== undefined) process.kill(-running.pid, 'SIGKILL');
};

/** Peak memory while it lives. */
const watchMemory = (pid: number): (() => Pick<Cost, 'peakMemory' | 'peakSumOfRss'>) => {
  let [peakMemory, peakSumOfRss] = [0, 0];
  const timer = setInterval(() => {
    const pids = treeOf(pid);
    const { resident, sumOfRss } = memoryOf(pids);
    peakMemory = Math.max(peakMemory, resident, ...pids.map(highWaterOf));
    peakSumOfRss = Math.max(peakSumOfRss, sumOfRss);
  }, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    return { peakMemory, peakSumOfRss };
  };
};

/** Only one at a time: processor time is that of all children that end meanwhile. @throws Error with what it said when it does not end with 0 */
export const measure = async (step: Step): Promise<Cost> => {
  const before = secondsOfChildren();
  const began = performance.now();
  const child = spawn(step.program, step.args, { cwd: step.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  running = child;
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-TAIL);
    });
  }
  const stop = watchMemory(child.pid ?? 0);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(() => (running = undefined));
  const wall = (performance.now() - began) / 1000;
  const peak = stop();
  if (status !== 0) throw new Error(`${step.program} ${step.args.join(' ')}\nended with ${status}:\n${said}`);
  const after = secondsOfChildren();
  return { wall, user: after.user - before.user, system: after.system - before.system, ...peak };
};
