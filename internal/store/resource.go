package store

import (
	"cmp"
	"database/sql"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Type is a kind of resource, as rows name it.
type Type int64

// The types. Numbers are stored: they are never reused.
const (
	User Type = iota + 1
	Group
	Population
	Role         // of Common REST
	Organization // of Common REST
)

// String returns the name that scim has for the type.
func (t Type) String() string {
	switch t {
	case User:
		return "User"
	case Group:
		return "Group"
	case Population:
		return "Population"
	case Role:
		return "ManagedRole"
	case Organization:
		return "ManagedOrganization"
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// resourceType returns the schemas of users or groups. (Nothing of populations is indexed.)
func (t Type) resourceType() *scim.ResourceType {
	if t == Group {
		return scim.GroupType()
	}
	return scim.UserType()
}

// A Row is one resource.
type Row struct {
	RID        int64 // the key inside the store; rising in order of creation, never reused
	TID        int64 // the environment's
	Type       Type
	ID         string // public, unique in environment and type
	Key        string // unique in environment and type: userName's PRECIS key, the folded displayName or name; empty for none
	ExternalID string // empty for none; several rows may have the same
	Pop        int64  // RID of a user's population; 0 for none
	Version    int64
	Created    time.Time // milliseconds are kept
	Modified   time.Time
	Doc        []byte // attributes as canonical JSON

	// TypeName is the name of a Type that an environment has defined, set by who
	// knows it: see Resource. The other types have one of their own.
	TypeName string

	// Filled by reads, ignored by writes.
	Population      string // public id of Pop
	HasPassword     bool
	MustChange      bool
	PasswordChanged time.Time // zero without a password
	LastLogin       time.Time
	Joined          bool // it has a manager or belongs to something, as a group

	resource *scim.Resource // see Resource
	owner    *Row
}

// Resource returns the row as a resource, without Groups and Members. Calls
// give the same one until the row changes: its attributes are parsed once.
func (r *Row) Resource() *scim.Resource {
	switch {
	case r.resource == nil || !same(r.resource.Doc(), r.Doc):
		r.resource = scim.NewResource(r.Doc)
	case r.owner != r: // a copy of a row shares the attributes only
		shared := *r.resource
		shared.Groups, shared.Members, shared.Manager = nil, nil, nil
		r.resource = &shared
	}
	r.owner = r
	s := r.resource
	s.Type, s.ID, s.Version = cmp.Or(r.TypeName, r.Type.String()), r.ID, r.Version
	s.Created, s.Modified = r.Created, r.Modified
	s.Population = r.Population
	s.HasPassword, s.MustChange = r.HasPassword, r.MustChange
	s.PasswordChanged, s.LastLogin = r.PasswordChanged, r.LastLogin
	return s
}

// same reports whether a and b are one slice.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// names returns what lists of members and groups call the resource: its name,
// and the name to show where that is another one.
func names(t Type, attrs *scim.Object) (name, display string) {
	switch t {
	case User:
		return attrs.Get("userName").Text(), attrs.Get("displayName").Text()
	case Population:
		return attrs.Get("name").Text(), ""
	}
	return attrs.Get("displayName").Text(), ""
}

// Insert stores a new resource and its index rows, counts it, and sets r.RID.
// attrs is what r.Doc says, as a tree. Errors: ErrIDTaken, ErrKeyTaken, which
// may be a *TakenError; if several are, any.
func (tx *Tx) Insert(r *Row, attrs *scim.Object) error {
	defs, err := tx.attrDefs(r.TID, r.Type)
	if err != nil {
		return err
	}
	name, display := names(r.Type, attrs)
	rid, err := tx.insert("rid", `INSERT INTO resource(tid, type, id, key, external_id, pop, name, display, version, created, modified, doc)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		r.TID, r.Type, r.ID, nullable(r.Key), nullable(r.ExternalID), nullable(r.Pop), name, nullable(display),
		r.Version, millis(r.Created), millis(r.Modified), string(r.Doc))
	if err != nil {
		return err
	}
	if err := tx.index(r.TID, rid, indexRows(defs, attrs)); err != nil {
		return err
	}
	if err := tx.claim(r.TID, rid, defs, uniqueRows(defs, attrs)); err != nil {
		return err
	}
	err = tx.db.engine.counted(tx, r.TID, r.Type, 1)
	if err == nil {
		r.RID = rid
	}
	return err
}

// Replace stores r over old, as it was read: ID, Key, ExternalID, Pop, Version,
// Modified and Doc may differ. attrs is what r.Doc says. The caller raises
// Version. Errors: ErrStale if old's Version is not the stored one or the row
// is gone, ErrIDTaken, ErrKeyTaken.
func (tx *Tx) Replace(old, r *Row, attrs *scim.Object) error {
	defs, err := tx.attrDefs(old.TID, old.Type)
	if err != nil {
		return err
	}
	name, display := names(old.Type, attrs)
	n, err := tx.exec(`UPDATE resource SET id = $1, key = $2, external_id = $3, pop = $4, name = $5, display = $6, version = $7, modified = $8, doc = $9
		WHERE tid = $10 AND rid = $11 AND version = $12`,
		r.ID, nullable(r.Key), nullable(r.ExternalID), nullable(r.Pop), name, nullable(display), r.Version, millis(r.Modified), string(r.Doc),
		old.TID, old.RID, old.Version)
	if err != nil {
		return err
	}
	if n == 0 {
		return tx.changed(old.TID, old.RID)
	}
	if r.ID != old.ID {
		tx.known.forget() // of a tenant's defaults
	}
	had, has := indexRows(defs, old.Resource().Attributes()), indexRows(defs, attrs)
	if err := tx.unindex(old.TID, old.RID, had.without(has)); err != nil {
		return err
	}
	if err := tx.index(old.TID, old.RID, has.without(had)); err != nil {
		return err
	}
	had, has = uniqueRows(defs, old.Resource().Attributes()), uniqueRows(defs, attrs)
	if err := tx.release(old.TID, old.RID, had.without(has)); err != nil {
		return err
	}
	return tx.claim(old.TID, old.RID, defs, has.without(had))
}

// Touch raises the Version of resources of an environment, whatever it is, and moves
// Modified to at unless it is later. It returns them in order of their creation.
func (tx *Tx) Touch(tid int64, at time.Time, rids ...int64) ([]*Row, error) {
	if len(rids) == 0 {
		return nil, nil
	}
	these := tx.unindexed("tid") + " = $1 AND rid IN (SELECT value FROM " + tx.listed("$2", "bigint") + ")"
	_, err := tx.exec("UPDATE resource SET version = version + 1, modified = CASE WHEN modified > $3 THEN modified ELSE $3 END WHERE "+these,
		tid, rids, millis(at))
	if err != nil {
		return nil, err
	}
	return tx.rows(tid, slices.Compact(slices.Sorted(slices.Values(rids))))
}

// Delete removes a resource as it was read with its index rows, credential and
// memberships on both sides, and counts it out. Users keep pointing at a
// deleted population: the caller makes sure there are none. Errors: ErrStale.
func (tx *Tx) Delete(r *Row) error {
	defs, err := tx.attrDefs(r.TID, r.Type)
	if err != nil {
		return err
	}
	n, err := tx.exec("DELETE FROM resource WHERE tid = $1 AND rid = $2 AND version = $3", r.TID, r.RID, r.Version)
	if err != nil {
		return err
	}
	if n == 0 {
		return tx.changed(r.TID, r.RID)
	}
	if err := tx.unindex(r.TID, r.RID, indexRows(defs, r.Resource().Attributes())); err != nil {
		return err
	}
	if err := tx.release(r.TID, r.RID, uniqueRows(defs, r.Resource().Attributes())); err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM member WHERE tid = $1 AND gid = $2", r.TID, r.RID); err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM member WHERE tid = $1 AND mid = $2", r.TID, r.RID); err != nil {
		return err
	}
	return tx.db.engine.counted(tx, r.TID, r.Type, -1)
}

// What statements read that read rows, with scanRow. Not EXISTS: for many rows PostgreSQL
// would read all members of all environments and look them up there.
const (
	rowColumns = `r.rid, r.tid, r.type, r.id, coalesce(r.key, ''), coalesce(r.external_id, ''), coalesce(r.pop, 0),
		r.version, r.created, r.modified, r.doc, coalesce(p.id, ''), c.hash IS NOT NULL, coalesce(c.must_change, 0), c.changed, c.last_login, (SELECT 1 FROM member m WHERE m.tid = r.tid AND m.mid = r.rid LIMIT 1) IS NOT NULL`
	rowJoins  = " LEFT JOIN resource p ON p.tid = r.tid AND p.rid = r.pop LEFT JOIN credential c ON c.tid = r.tid AND c.rid = r.rid "
	selectRow = "SELECT " + rowColumns + " FROM resource r" + rowJoins
)

func scanRow(s scan) (*Row, error) {
	var r Row
	var created, modified, changed, login sql.NullInt64
	err := s(&r.RID, &r.TID, &r.Type, &r.ID, &r.Key, &r.ExternalID, &r.Pop,
		&r.Version, &created, &modified, &r.Doc, &r.Population, &r.HasPassword, &r.MustChange, &changed, &login, &r.Joined)
	r.Created, r.Modified, r.PasswordChanged, r.LastLogin = moment(created), moment(modified), moment(changed), moment(login)
	return &r, err
}

// ByID returns the resource of this public id. Errors: ErrNotFound.
func (tx *Tx) ByID(tid int64, t Type, id string) (*Row, error) {
	return first(tx, scanRow, selectRow+"WHERE r.tid = $1 AND r.type = $2 AND r.id = $3", tid, t, id)
}

// ForChange is ByID for who is about to change the resource: nobody else does until
// the transaction ends.
func (tx *Tx) ForChange(tid int64, t Type, id string) (*Row, error) {
	return tx.lockedByID("NO KEY UPDATE", tid, t, id)
}

// ForDelete is ForChange for who will delete the resource: nobody relates to it either.
func (tx *Tx) ForDelete(tid int64, t Type, id string) (*Row, error) {
	return tx.lockedByID("UPDATE", tid, t, id)
}

func (tx *Tx) lockedByID(how string, tid int64, t Type, id string) (*Row, error) {
	// In a statement of its own: what one reads from other tables is as it was
	// before the lock was waited for.
	if lock := tx.lock(how); lock != "" {
		if err := tx.push("SELECT 1 FROM resource WHERE tid = $1 AND type = $2 AND id = $3"+lock, tid, t, id); err != nil {
			return nil, err
		}
	}
	return tx.ByID(tid, t, id)
}

// ByKey returns the resource of this key. Errors: ErrNotFound.
func (tx *Tx) ByKey(tid int64, t Type, key string) (*Row, error) {
	return first(tx, scanRow, selectRow+"WHERE r.tid = $1 AND r.type = $2 AND r.key = $3", tid, t, key)
}

// ByRID returns the resource of this RID. Errors: ErrNotFound.
func (tx *Tx) ByRID(tid, rid int64) (*Row, error) {
	return first(tx, scanRow, selectRow+"WHERE r.tid = $1 AND r.rid = $2", tid, rid)
}

// ByExternalID returns the resources of this externalId in order of creation,
// at most limit of them.
func (tx *Tx) ByExternalID(tid int64, t Type, externalID string, limit int) ([]*Row, error) {
	return list(tx, scanRow, selectRow+"WHERE r.tid = $1 AND r.type = $2 AND r.external_id = $3 ORDER BY r.rid LIMIT $4 + 0", tid, t, externalID, limit)
}

// Count returns how many resources of the type there are.
func (tx *Tx) Count(tid int64, t Type) (int, error) {
	return tx.db.engine.count(tx, tid, t)
}

func scanInt(s scan) (n int64, err error) { return n, s(&n) }

// Resolve returns the RIDs of those of the public ids that exist.
func (tx *Tx) Resolve(tid int64, t Type, ids []string) (map[string]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rids := make(map[string]int64, len(ids))
	// CROSS JOIN keeps the short list outside: the planner would read the whole table for it.
	err := tx.each(func(s scan) error {
		var id string
		var rid int64
		err := s(&id, &rid)
		rids[id] = rid
		return err
	}, "SELECT r.id, r.rid FROM "+tx.listed("$1", "text")+" CROSS JOIN resource r WHERE r.tid = $2 AND r.type = $3 AND r.id = w.value", ids, tid, t)
	return rids, err
}

// PopulationCount returns how many users are in a population.
func (tx *Tx) PopulationCount(tid, pop int64) (int, error) {
	n, err := first(tx, scanInt, "SELECT count(*) FROM resource WHERE "+tx.unindexed("tid")+" = $1 AND pop = $2", tid, pop)
	return int(n), err
}
