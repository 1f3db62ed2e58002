package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

func testDefinitions(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	var device, sensor, again store.Type
	MustUpdate(t, db, func(tx *store.Tx) (err error) {
		var errs [4]error
		errs[0] = tx.SetSchema(tid, store.Definition{Key: "urn:x:a", Doc: []byte(`{"v":1}`)})
		errs[1] = tx.SetSchema(tid, store.Definition{Key: "urn:x:b", Doc: []byte(`{}`)})
		errs[2] = tx.SetSchema(tid, store.Definition{Key: "urn:x:a", Doc: []byte(`{"v":2}`)})
		errs[3] = tx.RaiseTenant(tid)
		device, err = tx.SetType(tid, store.Definition{Key: "device", Doc: []byte(`{"v":1}`)})
		sensor, _ = tx.SetType(other, store.Definition{Key: "device", Doc: []byte(`{}`)})
		again, _ = tx.SetType(tid, store.Definition{Key: "device", Doc: []byte(`{"v":2}`)})
		return errors.Join(append(errs[:], err)...)
	})
	if device < 100 || device == sensor || device != again {
		t.Errorf("types %d, %d, %d", device, sensor, again)
	}
	MustView(t, db, func(tx *store.Tx) error {
		schemas, err1 := tx.Schemas(tid)
		types, err2 := tx.Types(tid)
		version, err3 := tx.TenantVersion(tid)
		if diff := cmp.Diff([]store.Definition{{Key: "urn:x:a", Doc: []byte(`{"v":2}`)}, {Key: "urn:x:b", Doc: []byte(`{}`)}}, schemas); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]store.Definition{{Key: "device", Doc: []byte(`{"v":2}`), Type: device}}, types); diff != "" {
			t.Error(diff)
		}
		if version != 2 {
			t.Errorf("version %d", version)
		}
		if _, err := tx.TenantVersion(tid + 100); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the version of no environment: %v", err)
		}
		return errors.Join(err1, err2, err3)
	})
	MustUpdate(t, db, func(tx *store.Tx) error {
		return errors.Join(tx.DeleteSchema(tid, "urn:x:b"), tx.DeleteType(tid, "device"))
	})
	for what, fn := range map[string]func(*store.Tx) error{
		"schema": func(tx *store.Tx) error { return tx.DeleteSchema(tid, "urn:x:b") },
		"type":   func(tx *store.Tx) error { return tx.DeleteType(tid, "device") },
	} {
		if err := db.Update(context.Background(), fn); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a %s that is not there: %v", what, err)
		}
	}
	MustUpdate(t, db, func(tx *store.Tx) error {
		next, err := tx.SetType(tid, store.Definition{Key: "device", Doc: []byte(`{}`)})
		if next <= sensor {
			t.Errorf("the number %d of a deleted type is used again: %d", device, next)
		}
		return err
	})
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.DeleteTenant(tid) })
	MustView(t, db, func(tx *store.Tx) error {
		schemas, err1 := tx.Schemas(tid)
		types, err2 := tx.Types(other)
		if len(schemas) != 0 || len(types) != 1 {
			t.Errorf("%v, %v", schemas, types)
		}
		return errors.Join(err1, err2)
	})
}

// asset is the URI of the extension of the tests of own indexes.
const asset = "urn:example:asset"

// ownIndexes are indexes of attributes of that extension.
func ownIndexes(unique store.Unique, exact bool) []store.Index {
	return []store.Index{
		{Path: asset + ":tag", Type: scim.TypeString, CaseExact: exact, Unique: unique},
		{Path: asset + ":parts.count", Type: scim.TypeInteger},
	}
}

// withAsset returns attributes with values of the extension.
func withAsset(attrs *scim.Object, count string, tags ...string) *scim.Object {
	return attrs.Clone().Set(asset, scim.ObjectValue(scim.NewObject(
		scim.Member{Name: "tag", Value: scim.Strings(tags...)},
		scim.Member{Name: "parts", Value: scim.ListValue(scim.ObjectValue(scim.NewObject(scim.Member{Name: "count", Value: scim.NumberValue(count)})))})))
}

func testOwnIndexes(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	set := func(tid int64, typ store.Type, added int, want ...store.Index) error {
		return db.Update(context.Background(), func(tx *store.Tx) error {
			fresh, err := tx.SetIndexes(tid, typ, want)
			if err == nil && len(fresh) != added {
				t.Errorf("the indexes %v are new, want %d", fresh, added)
			}
			if err != nil || len(fresh) == 0 {
				return err
			}
			return tx.Each(tid, typ, func(r *store.Row) error { return tx.Reindex(r, fresh) })
		})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		MustCheck(t, db)
	}
	taken := func(err error, path string) {
		t.Helper()
		var taken *store.TakenError
		if !errors.As(err, &taken) || taken.Path != path || !errors.Is(err, store.ErrKeyTaken) {
			t.Errorf("%v, want that a value of %s is taken", err, path)
		}
		MustCheck(t, db)
	}
	insert := func(tid int64, typ store.Type, id string, attrs *scim.Object) error {
		return db.Update(context.Background(), func(tx *store.Tx) error {
			return tx.Insert(NewRow(tid, typ, id, "key-"+id, attrs), attrs)
		})
	}
	long := strings.Repeat("ä", 300)
	_, ada := NewUser(tid, "a", "Ada")
	must(insert(tid, store.User, "a", withAsset(ada, "1", "T-1", "t-1", "T-2", long+"1")))
	must(insert(tid, store.User, "b", withAsset(ada, "2", "T-3", long+"2")))
	must(insert(other, store.User, "a", withAsset(ada, "1", "T-1")))

	// Built over what is there, and kept up by writes.
	must(set(tid, store.User, 2, ownIndexes(store.UniqueType, false)...))
	must(set(tid, store.User, 0, ownIndexes(store.UniqueType, false)...))
	taken(insert(tid, store.User, "c", withAsset(ada, "3", "T-9", "t-3")), asset+":tag")
	taken(insert(tid, store.User, "c", withAsset(ada, "3", strings.ToUpper(long)+"2")), asset+":tag")
	must(insert(tid, store.User, "c", withAsset(ada, "3", "T-4", long+"3")))
	must(insert(other, store.User, "c", withAsset(ada, "3", "T-1")))
	must(insert(tid, store.Group, "c", withAsset(ada, "3", "T-1")))
	replace := func(id string, attrs *scim.Object) error {
		return db.Update(context.Background(), func(tx *store.Tx) error {
			old, err := tx.ByID(tid, store.User, id)
			if err != nil {
				return err
			}
			row := *old
			row.Version++
			row.Doc = scim.ObjectValue(attrs).AppendJSON(nil)
			return tx.Replace(old, &row, attrs)
		})
	}
	taken(replace("c", withAsset(ada, "3", "T-4", "T-2")), asset+":tag")
	must(replace("a", withAsset(ada, "3", "T-1", "T-5")))
	must(replace("c", withAsset(ada, "3", "T-4", "T-2")))
	must(db.Update(context.Background(), func(tx *store.Tx) error {
		row, err := tx.ByID(tid, store.User, "c")
		if err != nil {
			return err
		}
		return tx.Delete(row)
	}))
	must(insert(tid, store.User, "d", withAsset(ada, "4", "T-4")))

	// Other letter case: other keys. What does not fit leaves all as it was.
	must(set(tid, store.User, 1, ownIndexes(store.UniqueType, true)...))
	must(insert(tid, store.User, "e", withAsset(ada, "4", "t-4")))
	taken(set(tid, store.User, 1, ownIndexes(store.UniqueType, false)...), asset+":tag")
	taken(insert(tid, store.User, "f", withAsset(ada, "4", "t-4")), asset+":tag")
	must(set(tid, store.User, 1, ownIndexes(store.NotUnique, true)...))
	must(insert(tid, store.User, "f", withAsset(ada, "4", "t-4")))

	// Over all types.
	must(set(tid, store.Group, 2, ownIndexes(store.UniqueWhole, true)...))
	taken(set(tid, store.User, 1, ownIndexes(store.UniqueWhole, true)...), asset+":tag")
	must(db.Update(context.Background(), func(tx *store.Tx) error {
		for _, id := range []string{"a", "f"} {
			row, err := tx.ByID(tid, store.User, id)
			if err != nil {
				return err
			}
			if err := tx.Delete(row); err != nil {
				return err
			}
		}
		return nil
	}))
	must(set(tid, store.User, 1, ownIndexes(store.UniqueWhole, true)...))
	taken(insert(tid, store.User, "g", withAsset(ada, "4", "T-1")), asset+":tag")
	must(insert(other, store.User, "g", withAsset(ada, "4", "T-1")))
	must(set(tid, store.Group, 0))
	must(insert(tid, store.User, "g", withAsset(ada, "4", "T-1")))
	must(set(tid, store.User, 0))
	must(insert(tid, store.User, "h", withAsset(ada, "4", "T-1")))

	// An attribute that no resource has yet.
	must(db.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.SetIndexes(tid, store.Group, []store.Index{{Path: asset + ":new", Type: scim.TypeString}})
		if err != nil {
			return err
		}
		return tx.IndexAbsent(tid, store.Group, asset+":new")
	}))

	// What is deleted with its environment.
	must(set(other, store.User, 2, ownIndexes(store.NotUnique, true)...))
	must(set(other, store.Group, 2, ownIndexes(store.UniqueWhole, true)...))
	must(insert(other, store.Group, "g", withAsset(ada, "4", "T-1")))
	must(db.Update(context.Background(), func(tx *store.Tx) error { return tx.DeleteTenant(other) }))
}
