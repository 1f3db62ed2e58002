-- What an environment defines beside the built-in schemas and types. key: the
-- URI or the type's name in lower case. A change of them raises tenant.version.
CREATE TABLE schema_def(
  sid INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER NOT NULL REFERENCES tenant,
  key TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(tid,key)) STRICT;
-- type: what resource.type and change.type hold, of the whole installation and
-- never reused. Numbers below 100 are the product's own types.
CREATE TABLE type_def(
  type INTEGER PRIMARY KEY AUTOINCREMENT, tid INTEGER NOT NULL REFERENCES tenant,
  key TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(tid,key)) STRICT;
INSERT INTO sqlite_sequence(name, seq) VALUES ('type_def', 99);

-- kind, exact: type and caseExact of an attribute that the environment defines;
-- NULL where the built-in schemas say it.
-- scope: the aid under which its values are unique, NULL where they need not
-- be: its own or, where they are unique over all types, that of a row of type 0.
ALTER TABLE attr_def ADD COLUMN kind TEXT;
ALTER TABLE attr_def ADD COLUMN exact INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attr_def ADD COLUMN scope INTEGER;

-- val is the whole key, or stands for the whole one: see uniqueRows.
CREATE TABLE unique_value(scope INTEGER NOT NULL, val TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY(scope,val)) WITHOUT ROWID, STRICT;
