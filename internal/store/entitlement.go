package store

// Entitlement returns what members of the group are entitled to, 0 for nothing.
func (tx *Tx) Entitlement(gid int64) (int64, error) {
	return first(tx, scanInt, "SELECT coalesce(max(role), 0) FROM entitlement WHERE rid = $1", gid)
}

// SetEntitlement stores what members of the group are entitled to; 0 is nothing.
func (tx *Tx) SetEntitlement(gid, role int64) error {
	if role == 0 {
		_, err := tx.exec("DELETE FROM entitlement WHERE rid = $1", gid)
		return err
	}
	_, err := tx.exec("INSERT INTO entitlement(rid, role) VALUES ($1, $2) ON CONFLICT (rid) DO UPDATE SET role = $2", gid, role)
	return err
}

// Entitled returns the most that any of the groups of a user or group entitles
// it to, those included that it belongs to through another group; 0 is nothing.
func (tx *Tx) Entitled(rid int64) (int64, error) {
	return first(tx, scanInt, `WITH RECURSIVE up(gid) AS (
			SELECT gid FROM member WHERE mid = $1 AND kind = $2
			UNION SELECT m.gid FROM up CROSS JOIN member m WHERE m.mid = up.gid AND m.kind = $2)
		SELECT coalesce(max(e.role), 0) FROM up CROSS JOIN entitlement e WHERE e.rid = up.gid`, rid, memberKind)
}
