package store

import (
	"database/sql"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The kinds of rows in member. Numbers are stored: they are never reused.
const (
	memberKind  = 1 // mid is a member of the group gid
	managerKind = 2 // mid is managed by the user gid
	roleKind    = 3 // the user mid has the role gid
	orgKind     = 4 // the user mid belongs to the organization gid
	adminKind   = 5 // the user mid administers the organization gid
	ownerKind   = 6 // the user mid owns the organization gid
	parentKind  = 7 // the organization mid is a part of gid
)

// sides says for each relation which rows of member it reads: near is the
// column of the resource that has the relation, far that of the other end.
var sides = map[scim.Relation]struct {
	kind      int
	near, far string
}{
	scim.Members: {memberKind, "gid", "mid"}, scim.Groups: {memberKind, "mid", "gid"},
	scim.Reports: {managerKind, "gid", "mid"}, scim.Manager: {managerKind, "mid", "gid"},
	scim.RoleMembers: {roleKind, "gid", "mid"}, scim.Roles: {roleKind, "mid", "gid"},
	scim.OrganizationMembers: {orgKind, "gid", "mid"}, scim.MemberOf: {orgKind, "mid", "gid"},
	scim.Admins: {adminKind, "gid", "mid"}, scim.AdminOf: {adminKind, "mid", "gid"},
	scim.Owners: {ownerKind, "gid", "mid"}, scim.OwnerOf: {ownerKind, "mid", "gid"},
	scim.Children: {parentKind, "gid", "mid"}, scim.Parent: {parentKind, "mid", "gid"},
}

// Ends returns the other ends of a relation of the resource, in order of their
// creation, without the users of other populations than these; nil is all.
func (tx *Tx) Ends(tid int64, r scim.Relation, rid int64, populations []int64) ([]scim.Reference, error) {
	at := sides[r]
	text, args := "SELECT r.id, r.type, r.name, r.display, 0 FROM member m CROSS JOIN resource r WHERE m.tid = $1 AND m."+at.near+
		" = $2 AND m.kind = $3 AND r.tid = m.tid AND r.rid = m."+at.far, []any{tid, rid, at.kind}
	if populations != nil {
		text += " AND (r.type <> $5 OR r.pop IN (SELECT value FROM " + tx.listed("$4", "bigint") + "))"
		args = append(args, populations, User)
	}
	return list(tx, scanReference, text+" ORDER BY m."+at.far, args...)
}

// EndRIDs returns the RIDs of the other ends, in order.
func (tx *Tx) EndRIDs(tid int64, r scim.Relation, rid int64) ([]int64, error) {
	at := sides[r]
	return list(tx, scanInt, "SELECT "+at.far+" FROM member WHERE tid = $1 AND "+at.near+" = $2 AND kind = $3 ORDER BY 1", tid, rid, at.kind)
}

// Related reports whether the resource has any other end of the relation.
func (tx *Tx) Related(tid int64, r scim.Relation, rid int64) (bool, error) {
	at := sides[r]
	n, err := first(tx, scanInt, "SELECT count(*) FROM (SELECT 1 FROM member WHERE tid = $1 AND "+at.near+" = $2 AND kind = $3 LIMIT 1) w", tid, rid, at.kind)
	return n > 0, err
}

// Relate makes the resources other ends of the relation and returns how many
// were not before.
func (tx *Tx) Relate(tid int64, r scim.Relation, rid int64, ends ...int64) (int, error) {
	if len(ends) == 0 {
		return 0, nil
	}
	at := sides[r]
	return tx.exec("INSERT INTO member(tid, "+at.near+", kind, "+at.far+") SELECT n.tid, n.rid, $3, r.rid FROM (SELECT tid, rid FROM resource WHERE tid = $1 AND rid = $2"+
		tx.lock("KEY SHARE")+") n CROSS JOIN "+tx.listed("$4", "bigint")+" CROSS JOIN resource r WHERE r.tid = $1 AND r.rid = w.value"+tx.lock("KEY SHARE OF r")+
		" ON CONFLICT DO NOTHING", tid, rid, at.kind, ends)
}

// Unrelate takes the resources out of the relation and returns how many were in it.
func (tx *Tx) Unrelate(tid int64, r scim.Relation, rid int64, ends ...int64) (int, error) {
	if len(ends) == 0 {
		return 0, nil
	}
	at := sides[r]
	return tx.exec("DELETE FROM member WHERE tid = $1 AND "+at.near+" = $2 AND kind = $3 AND "+at.far+" IN (SELECT value FROM "+tx.listed("$4", "bigint")+")",
		tid, rid, at.kind, ends)
}

// Holders returns the RIDs of the other groups, roles and organizations among
// whose members, administrators, owners or parts the resource is.
func (tx *Tx) Holders(tid, rid int64) ([]int64, error) {
	return list(tx, scanInt, "SELECT DISTINCT gid FROM member WHERE tid = $1 AND mid = $2 AND kind <> $3 AND gid <> $2 ORDER BY gid", tid, rid, managerKind)
}

// Organizations returns the organizations that a user belongs to, in order of
// creation; those that it belongs to only through a part of them are marked
// Indirect. Of an organization it returns those that it is a part of.
func (tx *Tx) Organizations(tid, rid int64) ([]scim.Reference, error) {
	return list(tx, scanReference, `WITH RECURSIVE up(gid, indirect) AS (
			SELECT gid, 0 FROM member WHERE tid = $1 AND mid = $2 AND kind IN ($3, $4)
			UNION SELECT m.gid, 1 FROM up CROSS JOIN member m WHERE m.tid = $1 AND m.mid = up.gid AND m.kind = $4)
		SELECT r.id, r.type, r.name, r.display, min(up.indirect)
		FROM up CROSS JOIN resource r WHERE r.tid = $1 AND r.rid = up.gid GROUP BY r.tid, r.rid ORDER BY r.tid, r.rid`, tid, rid, orgKind, parentKind)
}

// Members returns the direct members of a group, in order of their creation.
func (tx *Tx) Members(tid, gid int64) ([]scim.Reference, error) {
	return tx.Ends(tid, scim.Members, gid, nil)
}

// Within returns those of the RIDs that are not users of other populations than these.
func (tx *Tx) Within(tid int64, rids, populations []int64) ([]int64, error) {
	return list(tx, scanInt, "SELECT r.rid FROM "+tx.listed("$2", "bigint")+` CROSS JOIN resource r WHERE r.tid = $1 AND r.rid = w.value
		AND (r.type <> $3 OR r.pop IN (SELECT value FROM `+tx.listed("$4", "bigint")+"))", tid, rids, User, populations)
}

// MemberRIDs returns the RIDs of the direct members of a group, in order.
func (tx *Tx) MemberRIDs(tid, gid int64) ([]int64, error) { return tx.EndRIDs(tid, scim.Members, gid) }

// MemberCount returns how many direct members of the type a group has.
func (tx *Tx) MemberCount(tid, gid int64, t Type) (int, error) {
	n, err := first(tx, scanInt, `SELECT count(*) FROM member m CROSS JOIN resource r WHERE m.tid = $1 AND m.gid = $2 AND m.kind = $3
		AND r.tid = m.tid AND r.rid = m.mid AND r.type = $4`, tid, gid, memberKind, t)
	return int(n), err
}

// Containing returns the RIDs of the groups that contain the resource, be it
// directly or through other groups.
func (tx *Tx) Containing(tid, rid int64) ([]int64, error) {
	return list(tx, scanInt, `WITH RECURSIVE up(gid) AS (
			SELECT gid FROM member WHERE tid = $1 AND mid = $2 AND kind = $3
			UNION SELECT m.gid FROM up CROSS JOIN member m WHERE m.tid = $1 AND m.mid = up.gid AND m.kind = $3)
		SELECT gid FROM up ORDER BY gid`, tid, rid, memberKind)
}

// Groups returns the groups of a user or group, in order of creation; those
// that it belongs to only through another group are marked Indirect.
func (tx *Tx) Groups(tid, rid int64) ([]scim.Reference, error) {
	// UNION drops repeated rows, so groups that contain each other end the recursion.
	return list(tx, scanReference, `WITH RECURSIVE up(gid, indirect) AS (
			SELECT gid, 0 FROM member WHERE tid = $1 AND mid = $2 AND kind = $3
			UNION SELECT m.gid, 1 FROM up CROSS JOIN member m WHERE m.tid = $1 AND m.mid = up.gid AND m.kind = $3)
		SELECT r.id, r.type, r.name, r.display, min(up.indirect)
		FROM up CROSS JOIN resource r WHERE r.tid = $1 AND r.rid = up.gid GROUP BY r.tid, r.rid ORDER BY r.tid, r.rid`, tid, rid, memberKind)
}

// GroupsOf returns Groups of each of the resources, in one query.
func (tx *Tx) GroupsOf(tid int64, rids []int64) (map[int64][]scim.Reference, error) {
	if len(rids) == 1 {
		groups, err := tx.Groups(tid, rids[0])
		return map[int64][]scim.Reference{rids[0]: groups}, err
	}
	return tx.references(`WITH RECURSIVE up(rid, gid, indirect) AS (
			SELECT m.mid, m.gid, 0 FROM `+tx.listed("$2", "bigint")+` CROSS JOIN member m WHERE m.tid = $1 AND m.mid = w.value AND m.kind = $3
			UNION SELECT up.rid, m.gid, 1 FROM up CROSS JOIN member m WHERE m.tid = $1 AND m.mid = up.gid AND m.kind = $3)
		SELECT up.rid, r.id, r.type, r.name, r.display, min(up.indirect)
		FROM up CROSS JOIN resource r WHERE r.tid = $1 AND r.rid = up.gid GROUP BY up.rid, r.tid, r.rid ORDER BY up.rid, r.tid, r.rid`, tid, rids, memberKind)
}

// ManagersOf returns the manager of each of the users that has one, unless it is
// in another population than these; nil is all.
func (tx *Tx) ManagersOf(tid int64, rids, populations []int64) (map[int64][]scim.Reference, error) {
	text, args := "SELECT m.mid, r.id, r.type, r.name, r.display, 0 FROM "+tx.listed("$2", "bigint")+
		" CROSS JOIN member m CROSS JOIN resource r WHERE m.tid = $1 AND m.mid = w.value AND m.kind = $3 AND r.tid = m.tid AND r.rid = m.gid", []any{managerKind}
	if populations != nil {
		text += " AND r.pop IN (SELECT value FROM " + tx.listed("$4", "bigint") + ")"
		args = append(args, populations)
	}
	return tx.references(text, tid, rids, args...)
}

// references runs a statement about rids of an environment that gives references
// behind the rid of each.
func (tx *Tx) references(text string, tid int64, rids []int64, args ...any) (map[int64][]scim.Reference, error) {
	if len(rids) == 0 {
		return nil, nil
	}
	of := make(map[int64][]scim.Reference, len(rids))
	err := tx.each(func(s scan) error {
		var rid int64
		ref, err := scanReference(func(dest ...any) error { return s(append([]any{&rid}, dest...)...) })
		of[rid] = append(of[rid], ref)
		return err
	}, text, append([]any{tid, rids}, args...)...)
	return of, err
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
func (tx *Tx) AddMembers(tid, gid int64, rids ...int64) (int, error) {
	return tx.Relate(tid, scim.Members, gid, rids...)
}

// RemoveMembers ends memberships and returns how many there were.
func (tx *Tx) RemoveMembers(tid, gid int64, rids ...int64) (int, error) {
	return tx.Unrelate(tid, scim.Members, gid, rids...)
}

// ClearMembers ends all memberships in the group and returns how many there were.
func (tx *Tx) ClearMembers(tid, gid int64) (int, error) {
	return tx.exec("DELETE FROM member WHERE tid = $1 AND gid = $2 AND kind = $3", tid, gid, memberKind)
}

// SetManager makes one user the manager of another; 0 for none. Errors:
// ErrStale if the manager is gone.
func (tx *Tx) SetManager(tid, rid, manager int64) error {
	if _, err := tx.exec("DELETE FROM member WHERE tid = $1 AND mid = $2 AND kind = $3", tid, rid, managerKind); err != nil || manager == 0 {
		return err
	}
	n, err := tx.Relate(tid, scim.Reports, manager, rid)
	if err == nil && n == 0 {
		err = tx.changed(tid, manager)
	}
	return err
}
