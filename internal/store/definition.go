package store

import (
	"bytes"
	"errors"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A Definition is a schema or a resource type that an environment has defined.
type Definition struct {
	Key  string // unique among those of the environment: the folded URI or name
	Doc  []byte // JSON object
	Type Type   // of a resource type: what its resources have in Row.Type; 100 or more
}

// TenantVersion returns the version of an environment, which a change of its
// definitions raises. Errors: ErrNotFound.
func (tx *Tx) TenantVersion(tid int64) (int64, error) {
	if err := tx.db.engine.lockTenant(tx, tid, false); err != nil {
		return 0, err
	}
	if v, ok := tx.known.versions[tid]; ok {
		return v, nil
	}
	if _, locked := tx.locked[tid]; !locked && !tx.known.still {
		return first(tx, scanInt, "SELECT version FROM tenant WHERE tid = $1", tid)
	}
	t, err := first(tx, scanTenant, selectTenant+"WHERE t.tid = $1", tid) // who asks for one mostly wants the other, too
	if err != nil {
		return 0, err
	}
	learn(&tx.known.versions, tid, t.Version)
	learn(&tx.known.tenants, t.ID, t)
	return t.Version, nil
}

// RaiseTenant raises the version of an environment. Errors: ErrNotFound.
func (tx *Tx) RaiseTenant(tid int64) error {
	tx.known.forget()
	return tx.must("UPDATE tenant SET version = version + 1 WHERE tid = $1", tid)
}

// Schemas returns the schemas that the environment has defined, in order of creation.
func (tx *Tx) Schemas(tid int64) ([]Definition, error) {
	return list(tx, func(s scan) (d Definition, err error) { return d, s(&d.Key, &d.Doc) },
		"SELECT key, doc FROM schema_def WHERE tid = $1 ORDER BY sid", tid)
}

// SetSchema stores a schema, over the one of the same key if there is one.
func (tx *Tx) SetSchema(tid int64, d Definition) error {
	_, err := tx.exec("INSERT INTO schema_def(tid, key, doc) VALUES ($1, $2, $3) ON CONFLICT (tid, key) DO UPDATE SET doc = $3", tid, d.Key, string(d.Doc))
	return err
}

// DeleteSchema removes a schema. Errors: ErrNotFound.
func (tx *Tx) DeleteSchema(tid int64, key string) error {
	return tx.must("DELETE FROM schema_def WHERE tid = $1 AND key = $2", tid, key)
}

// Types returns the resource types that the environment has defined, in order of creation.
func (tx *Tx) Types(tid int64) ([]Definition, error) {
	return list(tx, func(s scan) (d Definition, err error) { return d, s(&d.Type, &d.Key, &d.Doc) },
		"SELECT type, key, doc FROM type_def WHERE tid = $1 ORDER BY type", tid)
}

// SetType stores a resource type, over the one of the same key if there is one,
// and returns its number.
func (tx *Tx) SetType(tid int64, d Definition) (Type, error) {
	n, err := tx.exec("UPDATE type_def SET doc = $1 WHERE tid = $2 AND key = $3", string(d.Doc), tid, d.Key)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		t, err := tx.insert("type", "INSERT INTO type_def(tid, key, doc) VALUES ($1, $2, $3)", tid, d.Key, string(d.Doc))
		return Type(t), err
	}
	t, err := first(tx, scanInt, "SELECT type FROM type_def WHERE tid = $1 AND key = $2", tid, d.Key)
	return Type(t), err
}

// DeleteType removes a resource type, of which there must be no resources, with
// its indexes. Errors: ErrNotFound.
func (tx *Tx) DeleteType(tid int64, key string) error {
	t, err := first(tx, scanInt, "SELECT type FROM type_def WHERE tid = $1 AND key = $2", tid, key)
	if err != nil {
		return err
	}
	if _, err := tx.SetIndexes(tid, Type(t), nil); err != nil {
		return err
	}
	return tx.must("DELETE FROM type_def WHERE tid = $1 AND key = $2", tid, key)
}

// An Index says that an attribute that the environment has defined is found by
// index, and whether its values are unique.
type Index struct {
	Path      string // as filters have it
	Type      scim.Type
	CaseExact bool
	Unique    Unique
}

// Unique says among which resources values are unique.
type Unique uint8

// The kinds of uniqueness.
const (
	NotUnique   Unique = iota
	UniqueType         // among the resources of the type
	UniqueWhole        // among those of all types that have the attribute
)

// SetIndexes makes these the indexes of a resource type beside the built-in ones.
// It drops what the others hold, and returns the paths of those that are new:
// [Tx.Reindex] fills them.
func (tx *Tx) SetIndexes(tid int64, t Type, want []Index) (added []string, err error) {
	tx.known.forget()
	if err := tx.LockTenant(tid); err != nil {
		return nil, err
	}
	type stored struct {
		Index
		aid int64
	}
	had, err := list(tx, func(s scan) (d stored, err error) {
		return d, s(&d.aid, &d.Path, &d.Type, &d.CaseExact, &d.Unique)
	}, `SELECT d.aid, d.path, d.kind, d.exact, CASE WHEN d.scope IS NULL THEN 0 WHEN d.scope = d.aid THEN 1 ELSE 2 END
		FROM attr_def d WHERE d.tid = $1 AND d.type = $2 AND d.kind IS NOT NULL`, tid, t)
	if err != nil {
		return nil, err
	}
	dropped := false
	for _, d := range had {
		if i := slices.Index(want, d.Index); i >= 0 {
			want = slices.Delete(slices.Clone(want), i, i+1)
			continue
		}
		if err := tx.dropIndex(tid, t, d.aid); err != nil {
			return nil, err
		}
		dropped = true
	}
	for _, index := range want {
		if err := tx.addIndex(tid, t, index); err != nil {
			return nil, err
		}
		added = append(added, index.Path)
	}
	if dropped || len(added) > 0 {
		err = tx.RaiseTenant(tid)
	}
	return added, err
}

func (tx *Tx) addIndex(tid int64, t Type, index Index) error {
	aid, err := tx.insert("aid", "INSERT INTO attr_def(tid, type, path, state, kind, exact) VALUES ($1, $2, $3, $4, $5, $6)",
		tid, t, index.Path, attrReady, index.Type, index.CaseExact)
	if err != nil || index.Unique == NotUnique {
		return err
	}
	scope := aid
	if index.Unique == UniqueWhole {
		if scope, err = tx.wholeScope(tid, index.Path); err != nil {
			return err
		}
	}
	return tx.must("UPDATE attr_def SET scope = $1 WHERE tid = $2 AND aid = $3", scope, tid, aid)
}

// wholeScope returns the scope of an attribute over all types, making it if it
// is not there.
func (tx *Tx) wholeScope(tid int64, path string) (int64, error) {
	scope, err := first(tx, scanInt, "SELECT aid FROM attr_def WHERE tid = $1 AND type = 0 AND path = $2", tid, path)
	if errors.Is(err, ErrNotFound) {
		scope, err = tx.insert("aid", "INSERT INTO attr_def(tid, type, path, state, kind) VALUES ($1, 0, $2, 0, '')", tid, path)
		if err == nil {
			err = tx.must("UPDATE attr_def SET scope = aid WHERE tid = $1 AND aid = $2", tid, scope)
		}
	}
	return scope, err
}

// dropIndex removes an index of a type and what it holds of the type's resources.
func (tx *Tx) dropIndex(tid int64, t Type, aid int64) error {
	// Those of other types are in the scope of a row of type 0.
	if _, err := tx.exec("DELETE FROM unique_value WHERE tid = $1 AND scope = $2", tid, aid); err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM attr WHERE tid = $1 AND aid IN ($2, $3)", tid, aid, -aid); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM unique_value WHERE tid = $1 AND scope = (SELECT scope FROM attr_def WHERE tid = $1 AND aid = $2)
		AND rid IN (SELECT rid FROM resource WHERE tid = $1 AND type = $3)`, tid, aid, t); err != nil {
		return err
	}
	if err := tx.must("DELETE FROM attr_def WHERE tid = $1 AND aid = $2", tid, aid); err != nil {
		return err
	}
	_, err := tx.exec(`DELETE FROM attr_def WHERE tid = $1 AND type = 0
		AND NOT EXISTS (SELECT 1 FROM attr_def d WHERE d.tid = $1 AND d.scope = attr_def.aid AND d.type <> 0)`, tid)
	return err
}

// Reindex stores what new indexes, as SetIndexes returned them, hold of a
// resource. Errors: *TakenError.
func (tx *Tx) Reindex(r *Row, added []string) error {
	defs, err := tx.attrDefs(r.TID, r.Type)
	if err != nil {
		return err
	}
	var fresh []attrDef
	var attrs *scim.Object // not read where it holds nothing for them
	for _, d := range defs {
		if !slices.Contains(added, d.text) {
			continue
		}
		fresh = append(fresh, d)
		if d.path.Schema == "" || bytes.Contains(r.Doc, []byte(d.path.Schema)) {
			attrs = r.Resource().Attributes()
		}
	}
	if err := tx.index(r.TID, r.RID, indexRows(fresh, attrs)); err != nil {
		return err
	}
	return tx.claim(r.TID, r.RID, fresh, uniqueRows(fresh, attrs))
}

// IndexAbsent fills a new index of an attribute of which no resource has a value.
func (tx *Tx) IndexAbsent(tid int64, t Type, path string) error {
	_, err := tx.exec(`INSERT INTO attr(tid, aid, val, rid) SELECT r.tid, -d.aid, '', r.rid FROM attr_def d CROSS JOIN resource r
		WHERE d.tid = $1 AND d.type = $2 AND d.path = $3 AND r.tid = $1 AND r.type = $2`, tid, t, path)
	return err
}

// Each calls fn for the resources of a type, in order of creation, until it
// gives an error.
func (tx *Tx) Each(tid int64, t Type, fn func(*Row) error) error {
	for after := int64(0); ; {
		rows, err := list(tx, scanRow, selectRow+"WHERE r.tid = $1 AND r.type = $2 AND r.rid > $3 ORDER BY r.rid LIMIT $4 + 0", tid, t, after, chunk)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := fn(r); err != nil {
				return err
			}
			after = r.RID
		}
		if len(rows) < chunk {
			return nil
		}
	}
}
