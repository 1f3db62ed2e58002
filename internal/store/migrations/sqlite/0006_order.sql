-- What lists are sorted by must also find the resources that have no value.
DROP INDEX resource_ext;
CREATE INDEX resource_ext ON resource(tid,type,external_id);
CREATE INDEX resource_nokey ON resource(tid,type) WHERE key IS NULL;
CREATE INDEX resource_created ON resource(tid,type,created);

-- A row with the attribute's aid made negative, and an empty val, for each
-- resource that has no value of it but perhaps an empty one.
INSERT INTO attr(aid, val, rid) SELECT -aid, '', rid FROM (
  SELECT d.aid, r.rid FROM attr_def d JOIN resource r ON r.tid = d.tid AND r.type = d.type
  EXCEPT SELECT aid, rid FROM attr WHERE val > '');
-- The values that may have been cut: there are few, and mostly none.
CREATE INDEX attr_long ON attr(aid) WHERE octet_length(val) > 252;
