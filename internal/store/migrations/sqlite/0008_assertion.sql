-- jwk: the public key (RFC 7517) of a client that signs instead of showing a
-- secret; NULL for a secret. hash is then a name of the row and nothing's hash.
ALTER TABLE api_secret ADD COLUMN jwk TEXT;

-- The assertions that have been used and could be used again (RFC 7523 3).
-- jti: SHA-256 of its identifier. expires: when it is refused for its age.
CREATE TABLE assertion(
  cid INTEGER NOT NULL REFERENCES api_client, jti BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(cid,jti)) WITHOUT ROWID, STRICT;
CREATE INDEX assertion_expires ON assertion(expires);
