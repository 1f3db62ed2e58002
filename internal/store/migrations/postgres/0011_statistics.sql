-- What the planner is to believe of tables that nobody has analyzed yet: that an id, a
-- key or a member tells more than the environment, with which all indexes begin. Without it
-- the first minutes of a new database, until autovacuum, are walks through whole indexes.
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM resource) THEN
    INSERT INTO resource(rid, tid, type, id, key, external_id, pop, name, display, version, created, modified, doc)
      SELECT n, 0, n % 3, n, n, n, n % 30, n, n, 1, n, n, repeat('x', 500) FROM generate_series(1, 3000) n;
    INSERT INTO attr(tid, aid, val, rid) SELECT 0, n % 10, n, n FROM generate_series(1, 3000) n;
    INSERT INTO unique_value(tid, scope, val, rid) SELECT 0, 0, n, n FROM generate_series(1, 3000) n;
    INSERT INTO member(tid, gid, kind, mid) SELECT 0, n % 30, 1, n FROM generate_series(1, 3000) n;
    INSERT INTO change(seq, tid, at, op, type, id, version, actor, request) SELECT n, 0, n, 1, 1, n, 1, 0, n FROM generate_series(1, 3000) n;
    INSERT INTO audit(seq, tid, at, client, door, action, type, id, outcome, request) SELECT n, 0, n, '', '', '', '', n, '', n FROM generate_series(1, 3000) n;
    ANALYZE resource, attr, unique_value, member, change, audit;
    TRUNCATE resource, credential, confirmation, entitlement, attr, unique_value, member, change, audit;
  END IF;
END $$;
