-- What the holder of a token may do once for a user without signing in.
-- purpose: 1 set a new password, 2 register. A new token of the same purpose takes the place of the old one.
-- hash is SHA-256: tokens are random and long. redirect: a URL to go to when it is done, or empty.
CREATE TABLE confirmation(
  rid INTEGER NOT NULL REFERENCES resource ON DELETE CASCADE, purpose INTEGER NOT NULL, hash BLOB NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL, redirect TEXT NOT NULL, PRIMARY KEY(rid,purpose)) WITHOUT ROWID, STRICT;

-- What the members of a group are entitled to in the directory; groups without a row: to nothing.
-- role: 1 read, 2 also write users, 3 also write groups.
CREATE TABLE entitlement(rid INTEGER PRIMARY KEY REFERENCES resource ON DELETE CASCADE, role INTEGER NOT NULL) STRICT;
