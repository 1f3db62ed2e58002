-- Every row says of which environment it is, every statement asks for it, and every
-- key begins with it, so that the tables can be distributed by it. What finds the
-- environment in the first place cannot: ids of environments, clients and streams, hashes.
ALTER TABLE credential DROP CONSTRAINT credential_rid_fkey;
ALTER TABLE confirmation DROP CONSTRAINT confirmation_rid_fkey;
ALTER TABLE entitlement DROP CONSTRAINT entitlement_rid_fkey;
ALTER TABLE api_secret DROP CONSTRAINT api_secret_cid_fkey;
ALTER TABLE assertion DROP CONSTRAINT assertion_cid_fkey;

ALTER TABLE resource DROP CONSTRAINT resource_pkey, ADD PRIMARY KEY (tid,rid);
DROP INDEX resource_pop;
CREATE INDEX resource_pop ON resource(tid,pop,rid) WHERE pop IS NOT NULL;
ALTER TABLE attr_def DROP CONSTRAINT attr_def_pkey, ADD PRIMARY KEY (tid,aid);
ALTER TABLE schema_def DROP CONSTRAINT schema_def_pkey, ADD PRIMARY KEY (tid,sid);
ALTER TABLE type_def DROP CONSTRAINT type_def_pkey, ADD PRIMARY KEY (tid,type);
ALTER TABLE api_client DROP CONSTRAINT api_client_pkey, ADD PRIMARY KEY (tid,cid);
DROP INDEX api_client_tenant;
ALTER TABLE stream DROP CONSTRAINT stream_pkey, ADD PRIMARY KEY (tid,sid);
DROP INDEX stream_tenant;
ALTER TABLE promise DROP CONSTRAINT promise_pkey, ADD PRIMARY KEY (tid,txn,n);
DROP INDEX promise_tenant, promise_open;
CREATE INDEX promise_open ON promise(tid,txn) WHERE seq IS NULL;
ALTER TABLE change DROP CONSTRAINT change_pkey, ADD PRIMARY KEY (tid,seq);
DROP INDEX change_all;
UPDATE audit SET tid = 0 WHERE tid IS NULL; -- where no environment is known
ALTER TABLE audit DROP CONSTRAINT audit_pkey, ADD PRIMARY KEY (tid,seq);
DROP INDEX audit_all;

CREATE TEMP TABLE was ON COMMIT DROP AS SELECT d.tid, a.aid, a.val, a.rid FROM attr a JOIN attr_def d ON d.aid = abs(a.aid);
DROP TABLE attr;
CREATE TABLE attr(tid int NOT NULL, aid int NOT NULL, val text COLLATE "C" NOT NULL, rid bigint NOT NULL, PRIMARY KEY(tid,aid,val,rid));
INSERT INTO attr SELECT * FROM was ORDER BY 1, 2, 3, 4;
CREATE INDEX attr_long ON attr(tid,aid) WHERE octet_length(val) > 252;
DROP TABLE was;

CREATE TEMP TABLE was ON COMMIT DROP AS SELECT d.tid, u.scope, u.val, u.rid FROM unique_value u JOIN attr_def d ON d.aid = u.scope;
DROP TABLE unique_value;
CREATE TABLE unique_value(tid int NOT NULL, scope int NOT NULL, val text COLLATE "C" NOT NULL, rid bigint NOT NULL, PRIMARY KEY(tid,scope,val));
INSERT INTO unique_value SELECT * FROM was ORDER BY 1, 2, 3;
DROP TABLE was;

CREATE TEMP TABLE was ON COMMIT DROP AS SELECT r.tid, m.gid, m.kind, m.mid FROM member m JOIN resource r ON r.rid = m.gid;
DROP TABLE member;
CREATE TABLE member(tid int NOT NULL, gid bigint NOT NULL, kind int NOT NULL, mid bigint NOT NULL, PRIMARY KEY(tid,gid,kind,mid));
INSERT INTO member SELECT * FROM was ORDER BY 1, 2, 3, 4;
CREATE INDEX member_rev ON member(tid,mid,kind,gid);
DROP TABLE was;

ALTER TABLE credential ADD COLUMN tid int, DROP CONSTRAINT credential_pkey;
UPDATE credential c SET tid = r.tid FROM resource r WHERE r.rid = c.rid;
ALTER TABLE credential ADD PRIMARY KEY (tid,rid), ADD FOREIGN KEY (tid,rid) REFERENCES resource ON DELETE CASCADE;
ALTER TABLE confirmation ADD COLUMN tid int, DROP CONSTRAINT confirmation_pkey;
UPDATE confirmation c SET tid = r.tid FROM resource r WHERE r.rid = c.rid;
ALTER TABLE confirmation ADD PRIMARY KEY (tid,rid,purpose), ADD FOREIGN KEY (tid,rid) REFERENCES resource ON DELETE CASCADE;
ALTER TABLE entitlement ADD COLUMN tid int, DROP CONSTRAINT entitlement_pkey;
UPDATE entitlement e SET tid = r.tid FROM resource r WHERE r.rid = e.rid;
ALTER TABLE entitlement ADD PRIMARY KEY (tid,rid), ADD FOREIGN KEY (tid,rid) REFERENCES resource ON DELETE CASCADE;

ALTER TABLE api_secret ADD COLUMN tid int, DROP CONSTRAINT api_secret_pkey;
UPDATE api_secret s SET tid = c.tid FROM api_client c WHERE c.cid = s.cid;
ALTER TABLE api_secret ADD PRIMARY KEY (tid,sid), ADD FOREIGN KEY (tid,cid) REFERENCES api_client;
DROP INDEX api_secret_client;
CREATE INDEX api_secret_client ON api_secret(tid,cid);
ALTER TABLE assertion ADD COLUMN tid int, DROP CONSTRAINT assertion_pkey;
UPDATE assertion a SET tid = c.tid FROM api_client c WHERE c.cid = a.cid;
ALTER TABLE assertion ADD PRIMARY KEY (tid,cid,jti), ADD FOREIGN KEY (tid,cid) REFERENCES api_client;
DROP INDEX assertion_expires;
CREATE INDEX assertion_expires ON assertion(tid,expires);
