package store

import (
	"errors"
	"fmt"
)

// Check looks for damage: in what the engine keeps, and between what is kept twice, as
// counters and index rows against the resources. It reads everything, about
// 20 µs for each resource.
func (tx *Tx) Check() error {
	if err := tx.db.engine.check(tx); err != nil {
		return err
	}
	if err := tx.checkNone([]flaw{
		{"memberships lead nowhere", `-- reads everything
			SELECT count(*) FROM member m LEFT JOIN resource g ON g.tid = m.tid AND g.rid = m.gid LEFT JOIN resource r ON r.tid = m.tid AND r.rid = m.mid
			WHERE g.rid IS NULL OR r.rid IS NULL OR g.type <> CASE m.kind WHEN 1 THEN 2 WHEN 2 THEN 1 WHEN 3 THEN 4 ELSE 5 END`},
		{"users are in no population", `-- reads everything
			SELECT count(*) FROM resource r LEFT JOIN resource p ON p.tid = r.tid AND p.rid = r.pop
			WHERE r.pop IS NOT NULL AND (p.rid IS NULL OR p.type <> 3)`},
	}); err != nil {
		return err
	}
	return tx.checkIndex()
}

// A flaw is what should not be, with a statement that counts how often it is.
type flaw struct{ what, text string }

// checkNone makes sure that none of the flaws is there.
func (tx *Tx) checkNone(flaws []flaw) error {
	for _, f := range flaws {
		n, err := first(tx, scanInt, f.text)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("store: %d %s", n, f.what)
		}
	}
	return nil
}

// checkIndex makes sure that every index row is there that should be, and that
// there are no others: then there are just as many.
func (tx *Tx) checkIndex() error {
	type kind struct {
		tid int64
		typ Type
	}
	kinds, err := list(tx, func(s scan) (k kind, err error) { return k, s(&k.tid, &k.typ) },
		"-- reads everything\nSELECT DISTINCT tid, type FROM resource")
	if err != nil {
		return err
	}
	want, claimed := 0, 0
	for _, k := range kinds {
		if err := tx.Each(k.tid, k.typ, func(r *Row) error {
			n, unique, err := tx.checkRow(r)
			want += n
			claimed += unique
			return err
		}); err != nil {
			return err
		}
	}
	got, err := first(tx, scanInt, "-- reads everything\nSELECT count(*) FROM attr")
	if err == nil && int(got) != want {
		err = fmt.Errorf("store: %d index rows, not %d", got, want)
	}
	if err != nil {
		return err
	}
	got, err = first(tx, scanInt, "-- reads everything\nSELECT count(*) FROM unique_value")
	if err == nil && int(got) != claimed {
		err = fmt.Errorf("store: %d unique values, not %d", got, claimed)
	}
	return err
}

// checkRow returns how many index rows and unique values the resource has.
func (tx *Tx) checkRow(r *Row) (n, claimed int, err error) {
	defs, err := tx.attrDefs(r.TID, r.Type)
	if err != nil {
		return 0, 0, err
	}
	set := indexRows(defs, r.Resource().Attributes())
	for _, row := range set {
		_, err := first(tx, scanInt, "SELECT 1 FROM attr WHERE tid = $1 AND aid = $2 AND val = $3 AND rid = $4", r.TID, row.aid, row.val, r.RID)
		if errors.Is(err, ErrNotFound) {
			err = fmt.Errorf("store: resource %d has no index row %d %q", r.RID, row.aid, row.val)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	unique := uniqueRows(defs, r.Resource().Attributes())
	for _, row := range unique {
		_, err := first(tx, scanInt, "SELECT 1 FROM unique_value WHERE tid = $1 AND scope = $2 AND val = $3 AND rid = $4", r.TID, row.aid, row.val, r.RID)
		if errors.Is(err, ErrNotFound) {
			err = fmt.Errorf("store: resource %d has not claimed its unique value %d %q", r.RID, row.aid, row.val)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return len(set), len(unique), nil
}
