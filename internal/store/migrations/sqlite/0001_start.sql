-- The first schema. Conventions:
-- * public ids are text exactly as shown (Common REST clients choose their
--   own); joins go over integer keys. AUTOINCREMENT where a key may be
--   remembered after its row is gone, so that it never comes to mean another row.
-- * key columns hold values folded in Go. Never lower() or NOCASE here: SQLite
--   folds ASCII only, and PostgreSQL depends on the locale.
-- * times are Unix milliseconds; NULL is "never".
-- * SQL never looks inside a document.

-- An environment. default_pop and default_group are rids; NULL only until the
-- two resources are made, in the same transaction. (No REFERENCES: resource
-- refers to tenant, and deleting a protected default is directory's to refuse.)
CREATE TABLE tenant(
  tid INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, settings TEXT NOT NULL DEFAULT '{}',
  default_pop INTEGER, default_group INTEGER,
  version INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL) STRICT;

-- type: 1 user, 2 group, 3 population; more may come.
-- key: userName's PRECIS key; the folded displayName of a group; the folded name of a population.
-- pop: rid of the user's population, NULL for other types.
-- name, display: userName or displayName as written, and a user's displayName,
-- so that lists of members and groups are read without opening documents.
CREATE TABLE resource(
  rid INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER NOT NULL REFERENCES tenant, type INTEGER NOT NULL,
  id TEXT NOT NULL CHECK(length(id) BETWEEN 1 AND 255),
  key TEXT, external_id TEXT, pop INTEGER, name TEXT NOT NULL, display TEXT,
  version INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
  doc TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX resource_id  ON resource(tid,type,id);
CREATE UNIQUE INDEX resource_key ON resource(tid,type,key) WHERE key IS NOT NULL;
-- Not unique: the client assigns externalId and the server enforces no
-- uniqueness on it (RFC 7643 3.1). Two clients may well use the same one. Where
-- a dialect looks before it inserts, Tx.LockKey makes that safe.
CREATE INDEX resource_ext ON resource(tid,type,external_id) WHERE external_id IS NOT NULL;
CREATE INDEX resource_pop ON resource(pop) WHERE pop IS NOT NULL;
CREATE INDEX resource_mod ON resource(tid,type,modified);
-- Pages in order of creation: SQLite ends every index with the rowid. New rows
-- go to the end of their type, so it is nearly free to keep.
CREATE INDEX resource_all ON resource(tid,type);

-- Which attributes filters find by index. state: 1 ready.
CREATE TABLE attr_def(
  aid INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER NOT NULL REFERENCES tenant, type INTEGER NOT NULL,
  path TEXT NOT NULL, state INTEGER NOT NULL, UNIQUE(tid,type,path)) STRICT;
-- val is cut at 256 bytes: an index row proposes, the document decides. No
-- index on rid: rows are removed by the values computed from the old document.
CREATE TABLE attr(aid INTEGER NOT NULL, val TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY(aid,val,rid)) WITHOUT ROWID, STRICT;

-- kind: 1 member.
CREATE TABLE member(gid INTEGER NOT NULL, kind INTEGER NOT NULL, mid INTEGER NOT NULL, PRIMARY KEY(gid,kind,mid)) WITHOUT ROWID, STRICT;
CREATE INDEX member_rev ON member(mid,kind,gid);

-- hash NULL: no password, but must_change may be set. history: JSON array of hashes.
CREATE TABLE credential(
  rid INTEGER PRIMARY KEY REFERENCES resource ON DELETE CASCADE, hash TEXT, changed INTEGER,
  must_change INTEGER NOT NULL, failures INTEGER NOT NULL, locked_until INTEGER, history TEXT, last_login INTEGER) STRICT;

-- The id is unique over all environments: at a token endpoint it is all that is known of the caller.
-- doors: JSON array of names, empty for all.
CREATE TABLE api_client(
  cid INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER NOT NULL REFERENCES tenant, id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, role TEXT NOT NULL, doors TEXT NOT NULL, created INTEGER NOT NULL, disabled INTEGER NOT NULL) STRICT;
CREATE INDEX api_client_tenant ON api_client(tid);
-- A table of its own, so that a secret can be replaced while the old one still works.
-- hash is SHA-256: secrets are random and long, a slow hash would add nothing.
CREATE TABLE api_secret(
  sid INTEGER PRIMARY KEY AUTOINCREMENT, cid INTEGER NOT NULL REFERENCES api_client, hash BLOB NOT NULL UNIQUE,
  created INTEGER NOT NULL, expires INTEGER, revoked INTEGER, last_used INTEGER) STRICT;
CREATE INDEX api_secret_client ON api_secret(cid);

-- What happened to resources, for feeds. actor is a cid, 0 for the server.
CREATE TABLE change(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER NOT NULL, at INTEGER NOT NULL, op INTEGER NOT NULL, type INTEGER NOT NULL,
  id TEXT NOT NULL, version INTEGER NOT NULL, actor INTEGER NOT NULL, request TEXT NOT NULL, detail TEXT) STRICT;
CREATE INDEX change_res ON change(tid,type,id,seq);
CREATE INDEX change_all ON change(tid); -- by seq, the rowid

-- Who asked for what and how it ended, refusals too: tid NULL where no environment is known.
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER, at INTEGER NOT NULL, client TEXT NOT NULL, door TEXT NOT NULL,
  action TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, outcome TEXT NOT NULL, request TEXT NOT NULL, detail TEXT) STRICT;
CREATE INDEX audit_all ON audit(tid);

-- Values of the whole installation, as the key that signs tokens.
CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT;

-- Counted in the transaction that inserts or deletes. (PostgreSQL will count
-- its index instead: there, a counter row would make writers wait for each other.)
CREATE TABLE counter(tid INTEGER NOT NULL, type INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(tid,type)) WITHOUT ROWID, STRICT;

-- One row for each migration; the greatest v is the version of the schema.
CREATE TABLE schema_version(v INTEGER NOT NULL, applied INTEGER NOT NULL) STRICT;
