/**
 * The journal's tables. What is true at every moment (THREATS part 2):
 *
 *   the journal never claims more than the disk holds: a row of `staged` or `held` is written after the flush of what it names;
 *   the published snapshot of a repository never goes down within one line of exporters;
 *   a bundle number of an exporter stands for one manifest, for ever.
 *
 * Digests are blobs of 32 bytes. Types of rows: 0 file, 1 link, 2 folder. Phase 0 is content, above it metadata.
 */
export const FILE = 0;
export const LINK = 1;
export const FOLDER = 2;

const FIRST = `
CREATE TABLE journal (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch TEXT NOT NULL,             -- random, new with each journal: a receipt's number means something only within it
  receipts INTEGER NOT NULL        -- number of the last receipt; never falls
) STRICT;

CREATE TABLE bundle (
  id INTEGER PRIMARY KEY,
  manifest BLOB NOT NULL UNIQUE,
  exporter TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  created TEXT NOT NULL,
  expires TEXT NOT NULL,
  admitted TEXT NOT NULL
) STRICT;

-- the manifest known under a number: of an admitted bundle, or of one that an admitted bundle names as its predecessor
CREATE TABLE numbered (
  exporter TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  manifest BLOB NOT NULL,
  PRIMARY KEY (exporter, sequence)
) STRICT, WITHOUT ROWID;

-- one repository of one bundle
CREATE TABLE offer (
  bundle INTEGER NOT NULL REFERENCES bundle (id),
  repository TEXT NOT NULL,
  snapshot INTEGER NOT NULL,
  inventory BLOB NOT NULL,
  state TEXT NOT NULL,
  code TEXT,
  says TEXT,
  changed TEXT NOT NULL,
  PRIMARY KEY (bundle, repository)
) STRICT, WITHOUT ROWID;

CREATE TABLE inventory (
  id INTEGER PRIMARY KEY,
  repository TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  complete INTEGER NOT NULL,       -- 0 while its rows are being written
  UNIQUE (repository, sha256)
) STRICT;

CREATE TABLE inventory_row (
  inventory INTEGER NOT NULL,
  path TEXT NOT NULL,
  type INTEGER NOT NULL,
  phase INTEGER NOT NULL,
  size INTEGER,
  sha256 BLOB,
  exec INTEGER NOT NULL,
  mtime INTEGER,
  target TEXT,
  PRIMARY KEY (inventory, path)
) STRICT, WITHOUT ROWID;

-- what lies at the paths of the repositories; believed only while size, mtime and inode still fit
CREATE TABLE held (
  repository TEXT NOT NULL,
  path TEXT NOT NULL,
  type INTEGER NOT NULL,
  sha256 BLOB,
  size INTEGER,
  mtime REAL,
  inode REAL,
  exec INTEGER NOT NULL,
  target TEXT,
  named INTEGER NOT NULL,          -- 1: an inventory of ours has named it; others are foreign and never removed
  PRIMARY KEY (repository, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_by_digest ON held (sha256) WHERE sha256 IS NOT NULL;

-- whole, verified objects in the staging folder of a repository
CREATE TABLE staged (
  sha256 BLOB PRIMARY KEY,
  repository TEXT NOT NULL,
  size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- parts of large objects that lie in <staging>/<sha256>.parts
CREATE TABLE part (
  sha256 BLOB NOT NULL,
  at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  size INTEGER NOT NULL,           -- of the whole object
  repository TEXT NOT NULL,
  PRIMARY KEY (sha256, at)
) STRICT, WITHOUT ROWID;

-- the high-water mark
CREATE TABLE published (
  repository TEXT PRIMARY KEY,
  exporter TEXT NOT NULL,
  snapshot INTEGER NOT NULL,
  inventory BLOB NOT NULL,
  created TEXT NOT NULL,           -- of the bundle: how old the published state is
  at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  event TEXT NOT NULL,
  repository TEXT,
  exporter TEXT,
  sequence INTEGER,
  snapshot INTEGER,
  manifest BLOB,
  code TEXT,
  says TEXT,
  bytes INTEGER,
  files INTEGER
) STRICT;

-- refusals of signed facts, once for each copy seen
CREATE TABLE refusal (
  manifest BLOB NOT NULL,
  medium TEXT NOT NULL,
  code TEXT NOT NULL,
  says TEXT NOT NULL,
  exporter TEXT,                   -- known only when a trusted key signed
  sequence INTEGER,
  at TEXT NOT NULL,
  PRIMARY KEY (manifest, medium, code)
) STRICT, WITHOUT ROWID;

-- exporters to whom this site has something new to say
CREATE TABLE owed (exporter TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
  number INTEGER PRIMARY KEY,
  exporter TEXT NOT NULL,
  document BLOB NOT NULL,
  at TEXT NOT NULL,
  delivered TEXT                   -- when it was first written to a medium
) STRICT;
`;

const SECOND = `
-- how a staged object looked when it was found good: believed only while size, time, file id and time of change still fit; without them it is hashed again
ALTER TABLE staged ADD COLUMN mtime REAL;
ALTER TABLE staged ADD COLUMN inode REAL;
ALTER TABLE staged ADD COLUMN ctime REAL;

-- what the audit log shall say of a committed transaction, and does not say yet
CREATE TABLE audit_owed (
  id INTEGER PRIMARY KEY,
  entry TEXT NOT NULL              -- JSON
) STRICT;
`;

export const MIGRATIONS: readonly string[] = [FIRST, SECOND];
