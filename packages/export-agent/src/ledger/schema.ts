/**
 * The tables of the ledger: the exporter's record of what its sources are, what each site holds, and what is on the road.
 *
 * Invariants:
 * - a sequence number is given once and never again, also when sealing fails;
 * - `bundles.manifest` is set before the manifest is signed, and never changed: one number, one digest, for ever;
 * - a bundle is `committed` only after its signature is durable at its place; only then its objects count as on the road;
 * - `holds` and `wanted` of a site change only together, in the transaction that takes in a receipt.
 */

import { join } from 'node:path';

export const ledgerPath = (state: string): string => join(state, 'ledger.sqlite');

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    root TEXT NOT NULL,
    preset TEXT NOT NULL,           -- SHA-256 of the preset as data: another preset sorts paths otherwise
    closed TEXT,                    -- inventory whose references were last found closed
    cuts TEXT,                      -- JSON: paths that cut the files into parts of about the same count
    dirty INTEGER NOT NULL DEFAULT 1 -- 1: files changed since the newest snapshot was taken
  );

  -- The source as it was last seen. kind: 0 file, 1 link. role: 0 content, n metadata of phase n.
  -- stamp: the stat that the digest belongs to as one number (source/stamp.ts); null: hash again whatever the stat says, because it was hashed so
  -- soon after a change that a later change could look the same, or because another preset judges it now.
  CREATE TABLE files (
    repository INTEGER NOT NULL REFERENCES repositories(id),
    path TEXT NOT NULL,
    kind INTEGER NOT NULL,
    role INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,         -- milliseconds
    exec INTEGER NOT NULL,
    stamp INTEGER,
    sha256 BLOB,
    target TEXT,
    PRIMARY KEY (repository, path)
  ) WITHOUT ROWID;
  CREATE INDEX metadata_files ON files (repository, path) WHERE role > 0;

  CREATE TABLE folders (            -- empty ones
    repository INTEGER NOT NULL REFERENCES repositories(id),
    path TEXT NOT NULL,
    PRIMARY KEY (repository, path)
  ) WITHOUT ROWID;

  CREATE TABLE digests (            -- other digests of objects, for closure checkers
    sha256 BLOB NOT NULL,
    algorithm TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (sha256, algorithm)
  ) WITHOUT ROWID;

  CREATE TABLE snapshots (
    repository TEXT NOT NULL,
    number INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (repository, number)
  ) WITHOUT ROWID;

  CREATE TABLE sites (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key TEXT,                       -- minisign public key; null: not enrolled
    fingerprint TEXT,
    enrolled TEXT,
    epoch TEXT,                     -- of the newest receipt
    number INTEGER,
    receipt TEXT,                   -- its SHA-256
    received TEXT,
    held INTEGER NOT NULL DEFAULT 0,
    missing INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE retired_epochs (
    site INTEGER NOT NULL REFERENCES sites(id),
    epoch TEXT NOT NULL,
    PRIMARY KEY (site, epoch)
  ) WITHOUT ROWID;
  CREATE TABLE site_repositories (  -- what the newest receipt says
    site INTEGER NOT NULL REFERENCES sites(id),
    repository TEXT NOT NULL,
    state TEXT NOT NULL,
    snapshot INTEGER,
    offered INTEGER,
    PRIMARY KEY (site, repository)
  ) WITHOUT ROWID;
  CREATE TABLE holds (
    site INTEGER NOT NULL REFERENCES sites(id),
    sha256 BLOB NOT NULL,
    PRIMARY KEY (site, sha256)
  ) WITHOUT ROWID;
  -- What the newest receipt says is missing. Bundles up to 'after' were known to the site and did not bring it.
  CREATE TABLE wanted (
    site INTEGER NOT NULL REFERENCES sites(id),
    sha256 BLOB NOT NULL,
    after INTEGER NOT NULL,
    PRIMARY KEY (site, sha256)
  ) WITHOUT ROWID;

  CREATE TABLE bundles (
    sequence INTEGER PRIMARY KEY,
    state TEXT NOT NULL,            -- reserved, signing, committed, abandoned
    reserved TEXT NOT NULL,
    place TEXT,                     -- 'medium' or 'folder' and where; null: the outbox
    path TEXT,
    outbox INTEGER NOT NULL DEFAULT 0, -- 1: completed, waits for a medium
    manifest TEXT UNIQUE,           -- SHA-256
    basis TEXT,
    expires TEXT,
    committed TEXT,
    bytes INTEGER NOT NULL DEFAULT 0,
    objects INTEGER NOT NULL DEFAULT 0,
    read_back TEXT,
    removed TEXT                    -- taken from its medium by housekeeping
  );
  CREATE TABLE bundle_sites (
    sequence INTEGER NOT NULL REFERENCES bundles(sequence),
    site INTEGER NOT NULL REFERENCES sites(id),
    state TEXT NOT NULL,            -- road, settled, lost
    says TEXT,                      -- the state that the receipt named
    since TEXT NOT NULL,
    PRIMARY KEY (sequence, site)
  ) WITHOUT ROWID;
  CREATE TABLE bundle_repositories (
    sequence INTEGER NOT NULL REFERENCES bundles(sequence),
    repository TEXT NOT NULL,
    snapshot INTEGER NOT NULL,
    PRIMARY KEY (sequence, repository)
  ) WITHOUT ROWID;
  CREATE TABLE bundle_objects (
    sha256 BLOB NOT NULL,
    sequence INTEGER NOT NULL REFERENCES bundles(sequence),
    PRIMARY KEY (sha256, sequence)
  ) WITHOUT ROWID;
  CREATE INDEX objects_of_bundle ON bundle_objects (sequence);

  -- A site was found to lack nothing of a snapshot, under the belief that 'belief' names.
  CREATE TABLE satisfied (
    site INTEGER NOT NULL REFERENCES sites(id),
    repository TEXT NOT NULL,
    inventory TEXT NOT NULL,
    belief TEXT NOT NULL,
    PRIMARY KEY (site, repository)
  ) WITHOUT ROWID;

  CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    ended TEXT,
    cause TEXT NOT NULL,            -- command, schedule, missed, medium
    outcome TEXT,                   -- exported, nothing, failed
    code TEXT,
    says TEXT,
    sequence INTEGER
  );
  CREATE TABLE schedule (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    expression TEXT NOT NULL,
    next_due TEXT NOT NULL
  );
  `,
  `
  -- What differs from the newest snapshot that left in a bundle, so that every run tells the same until the next one leaves. Kept only once there is one:
  -- before, everything is new. was: the row at that time, null when there was none; a row that became again what it was stays here and counts nothing.
  ALTER TABLE repositories ADD COLUMN exported INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE changes (
    repository INTEGER NOT NULL REFERENCES repositories(id),
    path TEXT NOT NULL,
    was TEXT,
    PRIMARY KEY (repository, path)
  ) WITHOUT ROWID;
  UPDATE repositories SET exported = 1 WHERE name IN (
    SELECT r.repository FROM bundle_repositories r JOIN bundles b USING (sequence) WHERE b.state = 'committed'
  );
  `,
];
