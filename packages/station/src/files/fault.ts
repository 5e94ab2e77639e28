/**
 * From an errno to a code of ours, in one place. What failed decides the word: a full medium is another thing than a full disk
 * of this machine, and a pulled medium must never look like a false signature.
 */
import { Damaged, GapferryError, Unfit } from '@gapferry/bundle-format/errors';
import { isPulled } from '../media/pulled.ts';

/** Where the failing file lies. */
export type Whereabouts = 'machine' | 'medium';
export type Doing = 'read' | 'write' | 'start';

interface FaultContext {
  readonly where: Whereabouts;
  readonly doing: Doing;
  /** What was read or written, as a person knows it: a path. */
  readonly what: string;
  /** The path itself where `what` says more than that. */
  readonly path?: string;
}

/** The errno name (`ENOSPC`) of a system error, or undefined. */
export const errnoOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** The errno beneath an error that `toFault` made. */
export const causeErrno = (error: unknown): string | undefined =>
  error instanceof GapferryError ? errnoOf(error.cause) : errnoOf(error);

const GONE = new Set(['ENODEV', 'ENXIO', 'ENOTCONN', 'ESTALE', 'ENOMEDIUM', 'ESHUTDOWN', 'EREMOTEIO']);
/** What may also come from a device that is gone. */
const DEAD = new Set(['EIO', 'EROFS']);
const FULL = new Set(['ENOSPC', 'EDQUOT']);
const FORBIDDEN = new Set(['EACCES', 'EPERM']);

/** True for errors that a medium gives when it was pulled out or died, as opposed to one bad sector. */
export const isGone = (error: unknown): boolean => GONE.has(errnoOf(error) ?? '');

const DONE: Readonly<Record<Doing, string>> = { read: 'read', write: 'written', start: 'started' };

const says = ({ what, doing }: FaultContext, errno: string): string => `${what} could not be ${DONE[doing]} (${errno})`;

/** Limits of the process or the machine: neither the medium nor a disk is to blame. */
const EXHAUSTED: ReadonlyMap<string, { readonly why: string; readonly hint: string }> = new Map(
  Object.entries({
    EMFILE: { why: 'too many open files', hint: 'allow more open files to this account: ulimit -n, LimitNOFILE=' },
    ENFILE: { why: 'too many open files', hint: 'allow more open files to this machine: fs.file-max' },
    EAGAIN: { why: 'too many processes', hint: 'allow more processes to this account: ulimit -u, TasksMax=' },
    ENOMEM: { why: 'too little memory', hint: 'give this machine or this account more memory' },
  }),
);

const mediumFault = (context: FaultContext, errno: string, cause: unknown): GapferryError => {
  const more = { facts: { path: context.what, errno }, cause };
  const text = says(context, errno);
  // One bad sector and a pulled stick both say EIO; the courier must hear different things.
  if (GONE.has(errno) || (DEAD.has(errno) && isPulled(context.path ?? context.what)))
    return new Unfit('MEDIA_GONE', `the medium went away: ${text}`, more);
  if (FULL.has(errno)) return new Unfit('MEDIA_FULL', `the medium is full: ${text}`, more);
  if (errno === 'EFBIG') return new Unfit('FS_FILE_LIMIT', text, more);
  if (errno === 'EROFS') return new Unfit('MEDIA_READONLY', `the medium is write-protected: ${text}`, more);
  if (FORBIDDEN.has(errno)) return new Unfit('PERMISSION', text, more);
  return context.doing === 'read' ? new Damaged('MEDIA_READ', text, more) : new Unfit('MEDIA_WRITE', text, more);
};

const machineFault = (context: FaultContext, errno: string, cause: unknown): GapferryError => {
  const more = { facts: { path: context.what, errno }, cause };
  const text = says(context, errno);
  if (FULL.has(errno)) return new Unfit('LOCAL_FULL', `the disk is full: ${text}`, more);
  if (FORBIDDEN.has(errno)) return new Unfit('PERMISSION', text, more);
  return new Unfit('LOCAL_IO', text, more);
};

/** Wraps a system error once, at the edge of the effect. A GapferryError and an error without errno pass unchanged. */
export const toFault = (error: unknown, context: FaultContext): unknown => {
  const errno = errnoOf(error);
  if (error instanceof GapferryError || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  const exhausted = EXHAUSTED.get(errno);
  if (exhausted !== undefined)
    return new Unfit('LOCAL_IO', `${exhausted.why}: ${says(context, errno)}`, {
      facts: { path: context.what, errno },
      hint: exhausted.hint,
      cause: error,
    });
  return context.where === 'medium' ? mediumFault(context, errno, error) : machineFault(context, errno, error);
};

/** A thread that cannot be started, or cannot load its modules, says it only in its message. */
const NO_FILES_LEFT = /\bE[MN]FILE\b|too many open files/i;

/** The last net: a descriptor may be lacking in any call, also in those of others. Everything else passes unchanged. */
export const toFaultOfLimits = (error: unknown): unknown => {
  if (!(error instanceof Error) || error instanceof GapferryError) return error;
  if (!NO_FILES_LEFT.test(`${errnoOf(error) ?? ''} ${error.message}`)) return error;
  const what = 'path' in error && typeof error.path === 'string' ? error.path : 'a file';
  const exhausted = Object.assign(new Error(error.message, { cause: error }), { code: 'EMFILE' });
  return toFault(exhausted, { where: 'machine', doing: 'read', what });
};

/** Runs `effect` and wraps what it throws with `toFault`. */
export const withFaults = <T>(context: FaultContext, effect: () => T): T => {
  try {
    return effect();
  } catch (error) {
    throw toFault(error, context);
  }
};
