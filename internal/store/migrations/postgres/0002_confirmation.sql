CREATE TABLE confirmation(
  rid bigint NOT NULL REFERENCES resource ON DELETE CASCADE, purpose int NOT NULL, hash bytea NOT NULL,
  created bigint NOT NULL, expires bigint NOT NULL, redirect text NOT NULL, PRIMARY KEY(rid,purpose));

CREATE TABLE entitlement(rid bigint PRIMARY KEY REFERENCES resource ON DELETE CASCADE, role int NOT NULL);
