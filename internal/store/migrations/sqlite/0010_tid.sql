-- Every row says of which environment it is, and every statement asks for it.
-- Where the key is a number of a row, which is unique in the file, it remains that.
ALTER TABLE attr RENAME TO attr_old;
DROP INDEX attr_long;
CREATE TABLE attr(tid INTEGER NOT NULL, aid INTEGER NOT NULL, val TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY(tid,aid,val,rid)) WITHOUT ROWID, STRICT;
INSERT INTO attr SELECT d.tid, a.aid, a.val, a.rid FROM attr_old a JOIN attr_def d ON d.aid = abs(a.aid) ORDER BY 1, 2, 3, 4;
DROP TABLE attr_old;
CREATE INDEX attr_long ON attr(tid,aid) WHERE octet_length(val) > 252;

ALTER TABLE unique_value RENAME TO unique_value_old;
CREATE TABLE unique_value(tid INTEGER NOT NULL, scope INTEGER NOT NULL, val TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY(tid,scope,val)) WITHOUT ROWID, STRICT;
INSERT INTO unique_value SELECT d.tid, u.scope, u.val, u.rid FROM unique_value_old u JOIN attr_def d ON d.aid = u.scope ORDER BY 1, 2, 3;
DROP TABLE unique_value_old;

ALTER TABLE member RENAME TO member_old;
DROP INDEX member_rev;
CREATE TABLE member(tid INTEGER NOT NULL, gid INTEGER NOT NULL, kind INTEGER NOT NULL, mid INTEGER NOT NULL, PRIMARY KEY(tid,gid,kind,mid)) WITHOUT ROWID, STRICT;
INSERT INTO member SELECT r.tid, m.gid, m.kind, m.mid FROM member_old m JOIN resource r ON r.rid = m.gid ORDER BY 1, 2, 3, 4;
DROP TABLE member_old;
CREATE INDEX member_rev ON member(tid,mid,kind,gid);

ALTER TABLE credential ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE credential SET tid = (SELECT r.tid FROM resource r WHERE r.rid = credential.rid);
ALTER TABLE confirmation ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE confirmation SET tid = (SELECT r.tid FROM resource r WHERE r.rid = confirmation.rid);
ALTER TABLE entitlement ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE entitlement SET tid = (SELECT r.tid FROM resource r WHERE r.rid = entitlement.rid);
ALTER TABLE api_secret ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE api_secret SET tid = (SELECT c.tid FROM api_client c WHERE c.cid = api_secret.cid);
ALTER TABLE assertion ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE assertion SET tid = (SELECT c.tid FROM api_client c WHERE c.cid = assertion.cid);

DROP INDEX resource_pop;
CREATE INDEX resource_pop ON resource(tid,pop) WHERE pop IS NOT NULL;
CREATE INDEX api_secret_tenant ON api_secret(tid);
DROP INDEX assertion_expires;
CREATE INDEX assertion_expires ON assertion(tid,expires);
-- 0 where no environment is known.
UPDATE audit SET tid = 0 WHERE tid IS NULL;
