package store

import (
	"database/sql"
	"encoding/json"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The kinds of rows in member. Numbers are stored: they are never reused.
const (
	memberKind  = 1 // mid is a member of the group gid
	managerKind = 2 // mid is managed by the user gid
)

// Members returns the direct members of a group, in order of their creation.
func (tx *Tx) Members(gid int64) ([]scim.Reference, error) {
	return list(tx, scanReference, `SELECT r.id, r.type, r.name, r.display, 0
		FROM member m CROSS JOIN resource r WHERE m.gid = $1 AND m.kind = $2 AND r.rid = m.mid ORDER BY m.mid`, gid, memberKind)
}

// MembersWithin is Members without the users of other populations than these; nil is all.
func (tx *Tx) MembersWithin(gid int64, populations []int64) ([]scim.Reference, error) {
	if populations == nil {
		return tx.Members(gid)
	}
	within, err := json.Marshal(populations)
	if err != nil {
		return nil, err
	}
	return list(tx, scanReference, `SELECT r.id, r.type, r.name, r.display, 0
		FROM member m CROSS JOIN resource r WHERE m.gid = $1 AND m.kind = $2 AND r.rid = m.mid
		AND (r.type <> $3 OR r.pop IN (SELECT value FROM json_each($4))) ORDER BY m.mid`, gid, memberKind, User, string(within))
}

// Within returns those of the RIDs that are not users of other populations than these.
func (tx *Tx) Within(rids, populations []int64) ([]int64, error) {
	wanted, err := json.Marshal(rids)
	if err != nil {
		return nil, err
	}
	within, err := json.Marshal(populations)
	if err != nil {
		return nil, err
	}
	return list(tx, scanInt, `SELECT r.rid FROM json_each($1) w CROSS JOIN resource r WHERE r.rid = w.value
		AND (r.type <> $2 OR r.pop IN (SELECT value FROM json_each($3)))`, string(wanted), User, string(within))
}

// MemberRIDs returns the RIDs of the direct members of a group, in order.
func (tx *Tx) MemberRIDs(gid int64) ([]int64, error) {
	return list(tx, scanInt, "SELECT mid FROM member WHERE gid = $1 AND kind = $2 ORDER BY mid", gid, memberKind)
}

// MemberCount returns how many direct members of the type a group has.
func (tx *Tx) MemberCount(gid int64, t Type) (int, error) {
	n, err := first(tx, scanInt, `SELECT count(*) FROM member m CROSS JOIN resource r WHERE m.gid = $1 AND m.kind = $2 AND r.rid = m.mid AND r.type = $3`,
		gid, memberKind, t)
	return int(n), err
}

// Containing returns the RIDs of the groups that contain the resource, be it
// directly or through other groups.
func (tx *Tx) Containing(rid int64) ([]int64, error) {
	return list(tx, scanInt, `WITH RECURSIVE up(gid) AS (
			SELECT gid FROM member WHERE mid = $1 AND kind = $2
			UNION SELECT m.gid FROM up CROSS JOIN member m WHERE m.mid = up.gid AND m.kind = $2)
		SELECT gid FROM up ORDER BY gid`, rid, memberKind)
}

// Groups returns the groups of a user or group, in order of creation; those
// that it belongs to only through another group are marked Indirect.
func (tx *Tx) Groups(rid int64) ([]scim.Reference, error) {
	// UNION drops repeated rows, so groups that contain each other end the recursion.
	return list(tx, scanReference, `WITH RECURSIVE up(gid, indirect) AS (
			SELECT gid, 0 FROM member WHERE mid = $1 AND kind = $2
			UNION SELECT m.gid, 1 FROM up CROSS JOIN member m WHERE m.mid = up.gid AND m.kind = $2)
		SELECT r.id, r.type, r.name, r.display, min(up.indirect)
		FROM up CROSS JOIN resource r WHERE r.rid = up.gid GROUP BY r.rid ORDER BY r.rid`, rid, memberKind)
}

func scanReference(s scan) (ref scim.Reference, err error) {
	var t Type
	var display sql.NullString
	err = s(&ref.ID, &t, &ref.Name, &display, &ref.Indirect)
	ref.Type = t.String()
	ref.Display = display.String
	if !display.Valid {
		ref.Display = ref.Name
	}
	return ref, err
}

// AddMembers makes the resources members of the group and returns how many were not before.
func (tx *Tx) AddMembers(gid int64, rids ...int64) (int, error) {
	if len(rids) == 0 {
		return 0, nil
	}
	list, err := json.Marshal(rids)
	if err != nil {
		return 0, err
	}
	return tx.change("INSERT INTO member(gid, kind, mid) SELECT $1, $2, w.value FROM json_each($3) w WHERE true ON CONFLICT DO NOTHING",
		gid, memberKind, string(list))
}

// RemoveMembers ends memberships and returns how many there were.
func (tx *Tx) RemoveMembers(gid int64, rids ...int64) (int, error) {
	if len(rids) == 0 {
		return 0, nil
	}
	list, err := json.Marshal(rids)
	if err != nil {
		return 0, err
	}
	return tx.change("DELETE FROM member WHERE gid = $1 AND kind = $2 AND mid IN (SELECT value FROM json_each($3))",
		gid, memberKind, string(list))
}

// ClearMembers ends all memberships in the group and returns how many there were.
func (tx *Tx) ClearMembers(gid int64) (int, error) {
	return tx.change("DELETE FROM member WHERE gid = $1 AND kind = $2", gid, memberKind)
}

// SetManager makes one user the manager of another; 0 for none.
func (tx *Tx) SetManager(rid, manager int64) error {
	if _, err := tx.exec("DELETE FROM member WHERE mid = $1 AND kind = $2", rid, managerKind); err != nil || manager == 0 {
		return err
	}
	_, err := tx.exec("INSERT INTO member(gid, kind, mid) VALUES ($1, $2, $3)", manager, managerKind, rid)
	return err
}

// Manager returns the manager of a user, if it is of one of these populations;
// nil is all. Errors: ErrNotFound.
func (tx *Tx) Manager(rid int64, populations []int64) (scim.Reference, error) {
	within, err := json.Marshal(populations)
	if err != nil {
		return scim.Reference{}, err
	}
	return first(tx, scanReference, `SELECT r.id, r.type, r.name, r.display, 0
		FROM member m CROSS JOIN resource r WHERE m.mid = $1 AND m.kind = $2 AND r.rid = m.gid
		AND ($3 = 'null' OR r.pop IN (SELECT value FROM json_each($3)))`, rid, managerKind, string(within))
}

// Reports returns the RIDs of the users whom a user manages.
func (tx *Tx) Reports(manager int64) ([]int64, error) {
	return list(tx, scanInt, "SELECT mid FROM member WHERE gid = $1 AND kind = $2 ORDER BY mid", manager, managerKind)
}
