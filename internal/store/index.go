package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// attrReady is the state of an attr_def that filters may use. One that is
// still being built will be kept up by writes and not yet read.
const attrReady = 1

// maxVal is the length in bytes at which index values are cut.
const maxVal = 256

// defaultIndexes are the attributes that a new environment finds by index,
// beside those that are columns: id, userName, externalId, lastModified. Each
// value costs about 5 KB of disk writes, so they are few.
var defaultIndexes = []struct {
	typ  Type
	path string
}{
	{User, "emails.value"}, {User, "displayName"}, {User, "name.familyName"}, {User, "active"},
	{Group, "displayName"},
}

type defKey struct {
	tid int64
	typ Type
}

// An attrDef says that an attribute is indexed.
type attrDef struct {
	aid   int64
	text  string // the path, as filters have it
	path  scim.Path
	attr  *scim.Attribute // what path leads to
	ready bool
	scope int64 // among which values are unique, see unique_value; 0 for not unique
}

// attrDefs returns the indexed attributes of a type.
func (tx *Tx) attrDefs(tid int64, t Type) ([]attrDef, error) {
	if defs, ok := tx.known.defs[defKey{tid, t}]; ok {
		return defs, nil
	}
	// Nobody may define another index before what is written with these is committed.
	if err := tx.db.engine.lockTenant(tx, tid, false); err != nil {
		return nil, err
	}
	version, counted := tx.known.versions[tid]
	if defs := tx.db.defs.get(defKey{tid, t}, version); counted && defs != nil {
		return defs, nil
	}
	defs, err := list(tx, func(s scan) (d attrDef, err error) {
		var own scim.Attribute
		if err := s(&d.aid, &d.text, &d.ready, &own.Type, &own.CaseExact, &d.scope); err != nil {
			return d, err
		}
		if d.path, err = scim.ParsePath(d.text); err != nil {
			return d, err
		}
		if d.attr = &own; own.Type == "" {
			d.path, d.attr, err = t.resourceType().ResolvePath(d.path, scim.FilterOptions{})
		}
		return d, err
	}, "SELECT aid, path, state = $3, coalesce(kind, ''), exact, coalesce(scope, 0) FROM attr_def WHERE tid = $1 AND type = $2", tid, t, attrReady)
	if err != nil {
		return nil, err
	}
	learn(&tx.known.defs, defKey{tid, t}, defs)
	if counted && !tx.known.own {
		tx.db.defs.put(defKey{tid, t}, version, defs)
	}
	return defs, nil
}

// A defCache remembers the indexed attributes of types by the version of their
// environment, which every change of them raises.
type defCache struct {
	mu   sync.Mutex
	sets map[defKey]defSet
}

type defSet struct {
	version int64
	defs    []attrDef
}

const maxDefSets = 4096

// get returns nil for a version that is not the one remembered.
func (dc *defCache) get(key defKey, version int64) []attrDef {
	dc.mu.Lock()
	defer dc.mu.Unlock()
	if set := dc.sets[key]; set.version == version {
		return set.defs
	}
	return nil
}

func (dc *defCache) put(key defKey, version int64, defs []attrDef) {
	dc.mu.Lock()
	defer dc.mu.Unlock()
	if dc.sets == nil || len(dc.sets) >= maxDefSets {
		dc.sets = make(map[defKey]defSet)
	}
	dc.sets[key] = defSet{version, defs}
}

// An indexRow is a row of attr without its rid.
type indexRow struct {
	aid int64
	val string
}

// An indexSet is the index rows of one resource, in order and without repeats.
type indexSet []indexRow

func (a indexRow) compare(b indexRow) int {
	return cmp.Or(cmp.Compare(a.aid, b.aid), strings.Compare(a.val, b.val))
}

// indexRows returns the index rows of a resource with these attributes: one for
// each key, and if there is none but perhaps the empty one, one that says so.
func indexRows(defs []attrDef, attrs *scim.Object) indexSet {
	var set indexSet
	for _, d := range defs {
		absent := true
		for _, key := range d.keys(attrs) {
			set = append(set, indexRow{d.aid, cut(key)})
			absent = absent && key == ""
		}
		if absent {
			set = append(set, indexRow{aid: -d.aid})
		}
	}
	slices.SortFunc(set, indexRow.compare)
	return slices.Compact(set)
}

// keys returns the keys of the attribute's values.
func (d attrDef) keys(attrs *scim.Object) []string {
	object := attrs
	if d.path.Schema != "" {
		object = attrs.Get(d.path.Schema).Object()
	}
	value := object.Get(d.path.Attr)
	values := []scim.Value{value}
	if value.Kind() == scim.Array {
		values = value.List()
	}
	var keys []string
	for _, v := range values {
		if d.path.Sub != "" {
			v = v.Object().Get(d.path.Sub)
		}
		if key, ok := d.attr.IndexKey(v); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// cut shortens a key to what the index holds.
func cut(key string) string { return cutAt(key, maxVal) }

// cutAt shortens a text to at most n bytes, between two characters.
func cutAt(text string, n int) string {
	if len(text) <= n {
		return text
	}
	least := n - utf8.UTFMax
	for n > least && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// without returns the rows of set that are not in other.
func (set indexSet) without(other indexSet) indexSet {
	var rest indexSet
	for _, row := range set {
		if _, found := slices.BinarySearchFunc(other, row, indexRow.compare); !found {
			rest = append(rest, row)
		}
	}
	return rest
}

// index adds index rows of a resource.
func (tx *Tx) index(tid, rid int64, set indexSet) error {
	if len(set) == 0 {
		return nil
	}
	return tx.db.engine.addIndexRows(tx, tid, rid, set)
}

func (tx *Tx) unindex(tid, rid int64, set indexSet) error {
	for _, row := range set {
		if err := tx.push("DELETE FROM attr WHERE tid = $1 AND aid = $2 AND val = $3 AND rid = $4", tid, row.aid, row.val, rid); err != nil {
			return err
		}
	}
	return nil
}
