-- A feed of an environment's changes to one receiver. cid: the client that may
-- poll it beside administrators, 0 for none. config: what it is, JSON.
-- position: every change up to this one is acknowledged, or none of the
-- stream's. state: what else is known of the delivery, JSON.
CREATE TABLE stream(
  sid INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER NOT NULL REFERENCES tenant, id TEXT NOT NULL UNIQUE, cid INTEGER NOT NULL,
  config TEXT NOT NULL, created INTEGER NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
CREATE INDEX stream_tenant ON stream(tid);

-- An operation that was accepted to be done later. n: its index in the bulk
-- request. asked: what of it the answer repeats, JSON. seq: of the change row
-- with the answer, NULL until there is one.
CREATE TABLE promise(
  txn TEXT NOT NULL, n INTEGER NOT NULL, tid INTEGER NOT NULL REFERENCES tenant, cid INTEGER NOT NULL,
  at INTEGER NOT NULL, asked TEXT NOT NULL, seq INTEGER, PRIMARY KEY(txn,n)) WITHOUT ROWID, STRICT;
CREATE INDEX promise_tenant ON promise(tid);
CREATE INDEX promise_open ON promise(txn) WHERE seq IS NULL;
