-- Every row says of which environment it is, and every statement asks for it. Keys are
-- numbers that are unique in the file, and do not begin with it: without statistics the
-- planner would take an index by that alone.
ALTER TABLE attr ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE attr SET tid = (SELECT d.tid FROM attr_def d WHERE d.aid = abs(attr.aid));
DROP INDEX attr_long;
CREATE INDEX attr_long ON attr(aid,tid) WHERE octet_length(val) > 252;
ALTER TABLE unique_value ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE unique_value SET tid = (SELECT d.tid FROM attr_def d WHERE d.aid = unique_value.scope);
ALTER TABLE member ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE member SET tid = (SELECT r.tid FROM resource r WHERE r.rid = member.gid);
DROP INDEX member_rev;
CREATE INDEX member_rev ON member(mid,kind,gid,tid);
ALTER TABLE credential ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE credential SET tid = (SELECT r.tid FROM resource r WHERE r.rid = credential.rid);
ALTER TABLE confirmation ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE confirmation SET tid = (SELECT r.tid FROM resource r WHERE r.rid = confirmation.rid);
ALTER TABLE entitlement ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE entitlement SET tid = (SELECT r.tid FROM resource r WHERE r.rid = entitlement.rid);
ALTER TABLE api_secret ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE api_secret SET tid = (SELECT c.tid FROM api_client c WHERE c.cid = api_secret.cid);
CREATE INDEX api_secret_tenant ON api_secret(tid);
ALTER TABLE assertion ADD COLUMN tid INTEGER NOT NULL DEFAULT 0;
UPDATE assertion SET tid = (SELECT c.tid FROM api_client c WHERE c.cid = assertion.cid);
DROP INDEX assertion_expires;
CREATE INDEX assertion_expires ON assertion(tid,expires);
-- 0 where no environment is known.
UPDATE audit SET tid = 0 WHERE tid IS NULL;
