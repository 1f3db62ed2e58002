package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A TakenError is the ErrKeyTaken of an attribute that an environment has
// defined as unique.
type TakenError struct {
	Path string // of the attribute, as filters have it
}

// Error words the error for logs.
func (e *TakenError) Error() string { return "store: a value of " + e.Path + " is taken" }

// Is reports whether target is ErrKeyTaken.
func (e *TakenError) Is(target error) bool { return target == ErrKeyTaken }

// uniqueRows returns the values that a resource with these attributes claims for
// itself, with their scopes.
func uniqueRows(defs []attrDef, attrs *scim.Object) indexSet {
	var set indexSet
	for _, d := range defs {
		if d.scope == 0 {
			continue
		}
		for _, key := range d.keys(attrs) {
			set = append(set, indexRow{d.scope, whole(key)})
		}
	}
	slices.SortFunc(set, indexRow.compare)
	return slices.Compact(set)
}

// whole returns what stands for a key: a long one is cut and its hash appended,
// which makes it longer than all that are short.
func whole(key string) string {
	if len(key) <= maxVal {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return cut(key) + hex.EncodeToString(sum[:])
}

// claim takes unique values for a resource. Errors: *TakenError.
func (tx *Tx) claim(tid, rid int64, defs []attrDef, set indexSet) error {
	for _, row := range set {
		_, err := tx.exec("INSERT INTO unique_value(tid, scope, val, rid) VALUES ($1, $2, $3, $4)", tid, row.aid, row.val, rid)
		if errors.Is(err, ErrKeyTaken) {
			i := slices.IndexFunc(defs, func(d attrDef) bool { return d.scope == row.aid })
			return &TakenError{Path: defs[i].text}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// release gives unique values of a resource back.
func (tx *Tx) release(tid, rid int64, set indexSet) error {
	for _, row := range set {
		if _, err := tx.exec("DELETE FROM unique_value WHERE tid = $1 AND scope = $2 AND val = $3 AND rid = $4", tid, row.aid, row.val, rid); err != nil {
			return err
		}
	}
	return nil
}
