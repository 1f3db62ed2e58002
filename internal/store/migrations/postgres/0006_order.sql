DROP INDEX resource_ext;
CREATE INDEX resource_ext ON resource(tid,type,external_id,rid);
CREATE INDEX resource_nokey ON resource(tid,type,rid) WHERE key IS NULL;
CREATE INDEX resource_created ON resource(tid,type,created,rid);

INSERT INTO attr(aid, val, rid) SELECT -aid, '', rid FROM (
  SELECT d.aid, r.rid FROM attr_def d JOIN resource r ON r.tid = d.tid AND r.type = d.type
  EXCEPT SELECT aid, rid FROM attr WHERE val > '') missing;
CREATE INDEX attr_long ON attr(aid) WHERE octet_length(val) > 252;
