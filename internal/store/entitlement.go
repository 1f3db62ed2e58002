package store

// Entitlement returns what members of the group are entitled to, 0 for nothing.
func (tx *Tx) Entitlement(tid, gid int64) (int64, error) {
	return first(tx, scanInt, "SELECT coalesce(max(role), 0) FROM entitlement WHERE tid = $1 AND rid = $2", tid, gid)
}

// SetEntitlement stores what members of the group are entitled to; 0 is nothing.
func (tx *Tx) SetEntitlement(tid, gid, role int64) error {
	if role == 0 {
		_, err := tx.exec("DELETE FROM entitlement WHERE tid = $1 AND rid = $2", tid, gid)
		return err
	}
	_, err := tx.exec("INSERT INTO entitlement(tid, rid, role) VALUES ($1, $2, $3) ON CONFLICT ("+tx.key("rid")+") DO UPDATE SET role = $3", tid, gid, role)
	return err
}

// Entitled returns the most that any of the groups of a user or group entitles
// it to, those included that it belongs to through another group; 0 is nothing.
func (tx *Tx) Entitled(tid, rid int64) (int64, error) {
	return first(tx, scanInt, `WITH RECURSIVE up(gid) AS (
			SELECT gid FROM member WHERE tid = $1 AND mid = $2 AND kind = $3
			UNION SELECT m.gid FROM up CROSS JOIN member m WHERE m.tid = $1 AND m.mid = up.gid AND m.kind = $3)
		SELECT coalesce(max(e.role), 0) FROM up CROSS JOIN entitlement e WHERE e.tid = $1 AND e.rid = up.gid`, tid, rid, memberKind)
}
