ALTER TABLE api_secret ADD COLUMN jwk text;

CREATE TABLE assertion(
  cid int NOT NULL REFERENCES api_client, jti bytea NOT NULL, expires bigint NOT NULL, PRIMARY KEY(cid,jti));
CREATE INDEX assertion_expires ON assertion(expires);
