/**
 * The one list of error codes, and the one place that maps an error to an exit status (DESIGN section 11).
 *
 * A code is for ever: it stands in logs, audit logs, receipts of support calls and scripts. Add codes, never rename one.
 * The kind of a code decides the exit status and whether trying again can help.
 */

export type ErrorKind = 'fault' | 'usage' | 'refused' | 'damaged' | 'incomplete' | 'unfit';

/** Exit status 1: fault of the program. */
export const FAULT_CODES = {
  INTERNAL: 'this is a fault of Gapferry: please report it with the log',
} as const;

/** Exit status 2: usage or configuration. */
export const USAGE_CODES = {
  USAGE: 'see --help',
  CONFIG_INVALID: 'mend the named line of the configuration',
  CONFIG_PATHS: 'choose folders that do not lie within each other',
  CONFIG_TRUST: 'enrol the other side first: `trust add` at the importer, `site add` at the exporter',
  CONFIG_PERMS: 'give the folder to the account that runs the agent, and to nobody else',
  PRESET_INVALID: 'mend the named line of the preset',
  FINGERPRINT_MISSING: 'ask for the fingerprint by voice or on paper and give it with --fingerprint',
  UNKNOWN_NAME: 'see `status` for the names that exist',
  ALREADY_THERE: 'nothing was changed; remove the old one first if you mean to replace it',
} as const;

/** Exit status 3: refused: trust or policy. */
export const REFUSED_CODES = {
  SIG_MISSING: 'wait until the bundle is completely written, or copy it again together with its signature',
  SIG_INVALID: 'do not use this medium; ask the exporter for a new bundle',
  SIG_FORMAT: 'copy the bundle again, or write it to another medium',
  SIG_THRESHOLD: 'the bundle needs signatures by more keys',
  KEY_UNKNOWN: 'if the signer is to be trusted, enrol its key with `trust add` and a fingerprint told by voice',
  KEY_REVOKED: 'the key was revoked here; the exporter needs a new key',
  KEY_NOT_VALID: 'the key is outside its time of validity',
  KEY_ROLE: 'the key may not sign this kind of statement',
  KEY_SCOPE: 'the key may not sign for this repository; see `trust list`',
  KEY_WEAK: 'this is not a usable Ed25519 public key; make a new key pair',
  KEY_MISMATCH: 'compare the fingerprint with the other side again, digit by digit',
  WRONG_STATEMENT: 'this is another kind of statement; look where it came from',
  FORMAT_UNSUPPORTED: 'update Gapferry at this side',
  ALG_UNSUPPORTED: 'update Gapferry at this side',
  MANIFEST_INVALID: 'make the bundle again at the exporter',
  JSON_INVALID: 'make the bundle again at the exporter',
  JSON_DUPLICATE_KEY: 'make the bundle again at the exporter',
  WRONG_SITE: 'this bundle is for another site; carry it there',
  WRONG_EXPORTER: 'the key that signed does not belong to the exporter that the bundle names',
  REPOSITORY_UNKNOWN: 'configure the repository at this side, or leave it out at the exporter',
  PRESET_DIFFERS: 'configure the same preset for the repository at both sides',
  FACTS_DIFFER: 'set both sides alike; the values are named',
  EXPIRED: 'export again; an expired bundle may hide newer ones',
  CREATED_IN_FUTURE: 'set the clocks of both machines',
  CLOCK_SUSPECT: 'set the clock of this machine',
  SEQ_INVALID: 'make the bundle again at the exporter',
  SEQUENCE_ROLLBACK: 'an older state was offered as a newer one; look into it before going on',
  FORK_DETECTED: 'two different bundles bear one number: find out why before going on',
  META_DANGLING: 'metadata refers to content that is not there; mend the repository at the source and export again',
  META_HASH: 'metadata and content disagree; mend the repository at the source and export again',
  META_VALUE: 'the metadata cannot be read; mend the repository at the source and export again',
  PATH_UNSAFE: 'rename the file at the source',
  PATH_CHARS: 'rename the file at the source',
  PATH_ENCODING: 'rename the file at the source',
  PATH_TOO_LONG: 'shorten the path at the source',
  NAME_DUPLICATE: 'make the bundle again at the exporter',
  NAME_COLLISION: 'rename one of the two at the source',
  NAME_RESERVED: 'rename the file at the source',
  ENTRY_TYPE: 'only files, folders and links inside the repository are carried',
  STORE_TAMPERED: 'somebody put a link or a foreign thing where published files go; look into it',
  LIMIT_MANIFEST: 'the document is larger than any good one',
  LIMIT_ROWS: 'split the repository',
  RECEIPT_INVALID: 'the receipt moves nothing; look where it came from',
} as const;

/** Exit status 4: damaged bundle or medium. */
export const DAMAGED_CODES = {
  HASH_MISMATCH: 'copy the bundle again, or write it to another medium',
  LENGTH_MISMATCH: 'copy the bundle again, or write it to another medium',
  TRUNCATED: 'copy the bundle again, or write it to another medium',
  SUMS_MISMATCH: 'copy the bundle again, or write it to another medium',
  INVENTORY_INVALID: 'make the bundle again at the exporter',
  INDEX_INVALID: 'make the bundle again at the exporter',
  ENTRY_HASH: 'make the bundle again at the exporter',
  ENTRY_SIZE: 'make the bundle again at the exporter',
  ENTRY_MISSING: 'make the bundle again at the exporter',
  ENTRY_UNLISTED: 'make the bundle again at the exporter',
  ZIP_INVALID: 'make the bundle again at the exporter',
  ZIP_MISMATCH: 'make the bundle again at the exporter',
  ZIP_AMBIGUOUS: 'make the bundle again at the exporter',
  ZIP_COUNT: 'make the bundle again at the exporter',
  ZIP_GAP: 'make the bundle again at the exporter',
  ZIP_OVERLAP: 'make the bundle again at the exporter',
  ZIP_FEATURE: 'make the bundle again at the exporter',
  MEDIA_READ: 'try the medium in another port; if it happens again, throw the medium away',
  MEDIA_VERIFY: 'the medium did not keep what was written to it: throw it away',
  NOT_A_REGULAR_FILE: 'only ordinary files are read from a medium',
} as const;

/** Exit status 5: incomplete: waiting. */
export const INCOMPLETE_CODES = {
  MANIFEST_MISSING: 'there is nothing to take in here',
  BUNDLE_INCOMPLETE: 'bring the other volumes',
  OBJECTS_MISSING: 'take the receipt back to the exporter: the next export brings them',
  NOT_READY: 'wait until the source has finished its own update',
  SOURCE_CHANGED: 'wait until nobody writes to the source, then export again',
  HELD: 'the bundle waits for a decision',
  SITE_BEHIND: 'bring a receipt of the site',
  INTERRUPTED: 'run the command again; nothing is lost',
} as const;

/** Exit status 6: environment. */
export const UNFIT_CODES = {
  MEDIA_GONE: 'plug the medium in again',
  MEDIA_WRITE: 'try again with another medium',
  MEDIA_FULL: 'make room on the medium, or take a larger one',
  MEDIA_READONLY: 'open the write-protect switch of the medium',
  MEDIA_TIMEOUT: 'pull the medium out and try another one',
  FS_FILE_LIMIT: 'choose smaller volumes: this filesystem cannot hold files of 4 GiB',
  NOT_MOUNTED: 'plug the medium in and mount it; nothing was written to the empty folder',
  SCAN_LIMIT: 'clear the medium: there are more bundles on it than are looked at',
  LOCAL_FULL: 'make room; work goes on by itself',
  LOCAL_IO: 'look at the disk of this machine',
  LOCKED: 'another agent works with the same state; wait for it, or stop it',
  STATE_VERSION: 'update Gapferry: the state was written by a newer one',
  KEY_FILE_UNSAFE: 'let only the owner read the key file and its folder: chmod 600, chmod 700',
  KEY_FILE_FORMAT: 'restore the key file from its backup',
  TOOL_MISSING: 'install the named tool',
  PERMISSION: 'give the account that runs the agent the right to do this',
} as const;

const KINDS = {
  fault: FAULT_CODES,
  usage: USAGE_CODES,
  refused: REFUSED_CODES,
  damaged: DAMAGED_CODES,
  incomplete: INCOMPLETE_CODES,
  unfit: UNFIT_CODES,
} as const;

export type FaultCode = keyof typeof FAULT_CODES;
export type UsageCode = keyof typeof USAGE_CODES;
export type RefusedCode = keyof typeof REFUSED_CODES;
export type DamagedCode = keyof typeof DAMAGED_CODES;
export type IncompleteCode = keyof typeof INCOMPLETE_CODES;
export type UnfitCode = keyof typeof UNFIT_CODES;
export type ErrorCode = FaultCode | UsageCode | RefusedCode | DamagedCode | IncompleteCode | UnfitCode;

const CATALOGUE: ReadonlyMap<string, { readonly kind: ErrorKind; readonly hint: string }> = new Map(
  Object.entries(KINDS).flatMap(([kind, codes]) =>
    Object.entries(codes).map(([code, hint]) => [code, { kind: kind as ErrorKind, hint }] as const),
  ),
);

const entryOf = (code: ErrorCode): { readonly kind: ErrorKind; readonly hint: string } => {
  const entry = CATALOGUE.get(code);
  if (entry === undefined) throw new TypeError(`no such error code: ${code}`);
  return entry;
};

export const isErrorCode = (text: string): text is ErrorCode => CATALOGUE.has(text);
export const kindOf = (code: ErrorCode): ErrorKind => entryOf(code).kind;
export const hintOf = (code: ErrorCode): string => entryOf(code).hint;

/** Evidence: what was found, what was expected, where. Values appear in `--json`, log and audit log. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;

export interface ErrorMore {
  readonly facts?: ErrorFacts;
  /** What to do, more exact than the hint of the code. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Every expected failure. `message` is one sentence that says what happened to what, without the hint. */
export class GapferryError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint: string;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, says: string, more: ErrorMore = {}) {
    super(says, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = new.target.name;
    this.code = code;
    const { kind, hint } = entryOf(code);
    this.kind = kind;
    this.hint = more.hint ?? hint;
    this.facts = more.facts ?? {};
  }
}

export class Misused extends GapferryError {
  constructor(code: UsageCode, says: string, more?: ErrorMore) {
    super(code, says, more);
  }
}
/** Trust or policy says no. Trying again changes nothing. */
export class Refused extends GapferryError {
  constructor(code: RefusedCode, says: string, more?: ErrorMore) {
    super(code, says, more);
  }
}
/** These bytes are not the ones that were signed. Another copy may be good. */
export class Damaged extends GapferryError {
  constructor(code: DamagedCode, says: string, more?: ErrorMore) {
    super(code, says, more);
  }
}
/** Nothing is wrong, something has not come yet. */
export class Incomplete extends GapferryError {
  constructor(code: IncompleteCode, says: string, more?: ErrorMore) {
    super(code, says, more);
  }
}
/** The machine or the medium cannot: space, permission, a missing tool. */
export class Unfit extends GapferryError {
  constructor(code: UnfitCode, says: string, more?: ErrorMore) {
    super(code, says, more);
  }
}

/** DESIGN section 11. */
export type ExitStatus = 0 | 1 | 2 | 3 | 4 | 5 | 6;

const EXIT_STATUS: Readonly<Record<ErrorKind, ExitStatus>> = {
  fault: 1,
  usage: 2,
  refused: 3,
  damaged: 4,
  incomplete: 5,
  unfit: 6,
};

/** Over several bundles the worst counts, in this order (DESIGN section 11). Usage errors end a command before any bundle. */
const WORST_FIRST: readonly ExitStatus[] = [1, 2, 3, 4, 6, 5, 0];

export const exitStatusOfKind = (kind: ErrorKind): ExitStatus => EXIT_STATUS[kind];

/** Anything that is not a GapferryError is a fault of the program. */
export const exitStatusOf = (error: unknown): ExitStatus =>
  error instanceof GapferryError ? EXIT_STATUS[error.kind] : EXIT_STATUS.fault;

export const worstStatus = (statuses: Iterable<ExitStatus>): ExitStatus => {
  const seen = new Set(statuses);
  return WORST_FIRST.find((status) => seen.has(status)) ?? 0;
};

/** Plain data for `--json`, logs and messages between processes; `errorFromJSON` is its twin. */
export interface ErrorJSON {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint: string;
  readonly facts: ErrorFacts;
}

export const errorToJSON = (error: unknown): ErrorJSON =>
  error instanceof GapferryError
    ? { code: error.code, says: error.message, hint: error.hint, facts: error.facts }
    : {
        code: 'INTERNAL',
        says: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
        hint: hintOf('INTERNAL'),
        facts: {},
      };

/** Makes the error of another process of ours again. Its class name is lost, its kind is not. */
export const errorFromJSON = (json: ErrorJSON): GapferryError =>
  new GapferryError(json.code, json.says, { hint: json.hint, facts: json.facts });
