package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// Run is the suite that every engine must pass. open returns a fresh database,
// closed when the test ends.
func Run(t *testing.T, open func(testing.TB) *store.DB) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *store.DB)
	}{
		{"resources are kept as written", testResources},
		{"ids and keys are unique in environment and type", testUnique},
		{"of 64 writers of one key exactly one wins", testRace},
		{"a replacement of what has changed is refused", testStale},
		{"environments are sealed", testTenants},
		{"an environment is deleted with all that is in it", testDeleteTenant},
		{"memberships", testMembers},
		{"memberships end with the resource", testMemberDeleted},
		{"versions of those who hold a member", testTouch},
		{"relations of roles and organizations", testRelations},
		{"a large group", testLargeGroup},
		{"credentials", testCredentials},
		{"confirmations", testConfirmations},
		{"entitlements", testEntitlements},
		{"definitions of schemas and types", testDefinitions},
		{"indexes of attributes that an environment defines", testOwnIndexes},
		{"clients and secrets", testClients},
		{"keys and assertions", testAssertions},
		{"change and audit logs", testLogs},
		{"streams", testStreams},
		{"promises", testPromises},
		{"settings", testSettings},
		{"pages without a filter", testPages},
		{"queries", testQueries},
		{"indexes find what filters say", Filters},
		{"a failed update leaves nothing", testFailure},
		{"a view sees one moment", testSnapshot},
		{"a view cannot write", testReadOnly},
		{"a done context is refused", testContext},
		{"panics are the submitter's", testPanic},
		{"of changes made at once none is lost", testConcurrent},
		{"what others delete or define meanwhile", testConcurrentRelations},
		{"a feed misses nothing while others write", testFeed},
		{"random operations agree with a model", testModel},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := open(t)
			test.run(t, db)
			MustCheck(t, db)
		})
	}
}

// MustCheck fails the test if the database is damaged.
func MustCheck(t testing.TB, db *store.DB) {
	t.Helper()
	if err := db.View(context.Background(), (*store.Tx).Check); err != nil {
		t.Error(err)
	}
}

// MustUpdate runs fn in a transaction that must succeed.
func MustUpdate(t testing.TB, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// MustView runs fn on a snapshot; it must succeed.
func MustView(t testing.TB, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// now is the time that the rows of these tests bear.
var now = time.Date(2026, 11, 21, 10, 30, 0, 123e6, time.UTC)

// MustTenant stores an environment with this public id and returns its key.
func MustTenant(t testing.TB, db *store.DB, id string) int64 {
	t.Helper()
	tenant := store.Tenant{ID: id, Name: strings.ToUpper(id), NameKey: id, Version: 1, Created: now, Modified: now}
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.InsertTenant(&tenant) })
	return tenant.TID
}

// NewUser returns a user of this name with index values, and its attributes.
func NewUser(tid int64, id, name string) (*store.Row, *scim.Object) {
	attrs := scim.NewObject(
		scim.Member{Name: "userName", Value: scim.StringValue(name)},
		scim.Member{Name: "displayName", Value: scim.StringValue("The " + name)},
		scim.Member{Name: "name", Value: scim.ObjectValue(scim.NewObject(scim.Member{Name: "familyName", Value: scim.StringValue("Straße")}))},
		scim.Member{Name: "active", Value: scim.BoolValue(true)},
		scim.Member{Name: "emails", Value: scim.ListValue(email(name+"@example.com", "work"), email("second."+name+"@example.com", "home"))},
	)
	return NewRow(tid, store.User, id, strings.ToLower(name), attrs), attrs
}

func email(address, kind string) scim.Value {
	return scim.ObjectValue(scim.NewObject(
		scim.Member{Name: "value", Value: scim.StringValue(address)}, scim.Member{Name: "type", Value: scim.StringValue(kind)}))
}

// NewGroup returns a group of this displayName and its attributes.
func NewGroup(tid int64, id, name string) (*store.Row, *scim.Object) {
	attrs := scim.NewObject(scim.Member{Name: "displayName", Value: scim.StringValue(name)})
	return NewRow(tid, store.Group, id, strings.ToLower(name), attrs), attrs
}

// NewPopulation returns a population of this name and its attributes.
func NewPopulation(tid int64, id, name string) (*store.Row, *scim.Object) {
	attrs := scim.NewObject(scim.Member{Name: "name", Value: scim.StringValue(name)})
	return NewRow(tid, store.Population, id, strings.ToLower(name), attrs), attrs
}

// NewRow returns a new resource with these attributes.
func NewRow(tid int64, typ store.Type, id, key string, attrs *scim.Object) *store.Row {
	return &store.Row{TID: tid, Type: typ, ID: id, Key: key, Version: 1, Created: now, Modified: now,
		Doc: scim.ObjectValue(attrs).AppendJSON(nil)}
}

// mustInsert returns a function that stores what NewUser and the like give it.
func mustInsert(t testing.TB, db *store.DB) func(*store.Row, *scim.Object) *store.Row {
	return func(r *store.Row, attrs *scim.Object) *store.Row {
		t.Helper()
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.Insert(r, attrs) })
		return r
	}
}

// sameRows compares rows as they were given and read.
var sameRows = cmpopts.IgnoreUnexported(store.Row{})

func testResources(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	pop := mustInsert(t, db)(NewPopulation(tid, "p-1", "Default"))
	row, attrs := NewUser(tid, "u-1", "Ada")
	row.ExternalID, row.Pop = "Ext 1", pop.RID
	mustInsert(t, db)(row, attrs)

	want := *row
	want.Population = "p-1"
	check := func(what string, want *store.Row) {
		t.Helper()
		MustView(t, db, func(tx *store.Tx) error {
			byID, err1 := tx.ByID(tid, store.User, want.ID)
			byKey, err2 := tx.ByKey(tid, store.User, want.Key)
			byRID, err3 := tx.ByRID(want.TID, want.RID)
			byExt, err4 := tx.ByExternalID(tid, store.User, want.ExternalID, 2)
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				return err
			}
			for how, got := range map[string]*store.Row{"ByID": byID, "ByKey": byKey, "ByRID": byRID, "ByExternalID": byExt[0]} {
				if diff := cmp.Diff(want, got, sameRows); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", what, how, diff)
				}
			}
			return nil
		})
	}
	check("inserted", &want)

	read := want.Resource()
	if read.Type != "User" || read.ID != "u-1" || read.Population != "p-1" || !read.Created.Equal(now) || read.Attributes().Get("userName").Text() != "Ada" {
		t.Errorf("as a resource: %+v", read)
	}

	next, nextAttrs := NewUser(tid, "u-1", "Grace")
	next.RID, next.ExternalID, next.Pop, next.Version, next.Modified = row.RID, "Ext 2", pop.RID, 2, now.Add(time.Hour)
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.Replace(&want, next, nextAttrs) })
	MustCheck(t, db)
	want = *next
	want.Population = "p-1"
	check("replaced", &want)

	MustUpdate(t, db, func(tx *store.Tx) error { return tx.Delete(&want) })
	MustCheck(t, db)
	MustView(t, db, func(tx *store.Tx) error {
		_, err1 := tx.ByID(tid, store.User, want.ID)
		_, err2 := tx.ByKey(tid, store.User, want.Key)
		_, err3 := tx.ByRID(want.TID, want.RID)
		ext, err4 := tx.ByExternalID(tid, store.User, want.ExternalID, 2)
		n, err5 := tx.Count(tid, store.User)
		if err := errors.Join(err4, err5); err != nil {
			return err
		}
		for _, err := range []error{err1, err2, err3} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("deleted, but: %v", err)
			}
		}
		if len(ext) != 0 || n != 0 {
			t.Errorf("deleted, but %d by externalId and %d in all", len(ext), n)
		}
		return nil
	})

	// Its key does not come to mean another resource, and its name and id are free.
	again := mustInsert(t, db)(row, attrs)
	if again.RID <= next.RID {
		t.Errorf("key %d after %d", again.RID, next.RID)
	}
}

func testUnique(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	for _, test := range []struct {
		name    string
		tid     int64
		id, key string
		want    error
	}{
		{"same id", tid, "u-1", "grace", store.ErrIDTaken},
		{"same key", tid, "u-2", "ada", store.ErrKeyTaken},
		{"no key at all", tid, "u-3", "", nil},
		{"again no key at all", tid, "u-4", "", nil},
		{"both in another environment", other, "u-1", "ada", nil},
	} {
		row, attrs := NewUser(test.tid, test.id, "x")
		row.Key = test.key
		if err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.Insert(row, attrs) }); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	group, attrs := NewGroup(tid, "u-1", "Ada")
	mustInsert(t, db)(group, attrs) // another type

	// Two resources may have one externalId (RFC 7643 3.1).
	for _, id := range []string{"e-1", "e-2"} {
		row, attrs := NewUser(tid, id, id)
		row.ExternalID = "same"
		mustInsert(t, db)(row, attrs)
	}
	MustView(t, db, func(tx *store.Tx) error {
		rows, err := tx.ByExternalID(tid, store.User, "same", 5)
		if len(rows) != 2 || rows[0].ID != "e-1" || rows[1].ID != "e-2" {
			t.Errorf("by externalId: %v", rows)
		}
		exact, err2 := tx.ByExternalID(tid, store.User, "Same", 5)
		if len(exact) != 0 {
			t.Errorf("externalId in other case: %v", exact)
		}
		return errors.Join(err, err2)
	})

	// A replacement runs into the same constraints, which nothing of the transaction survives.
	replace := func(key string) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			old, err := tx.ByID(tid, store.User, "e-1")
			if err != nil {
				return err
			}
			row := *old
			row.Version, row.Key = 2, key
			return tx.Replace(old, &row, old.Resource().Attributes())
		}
	}
	oops := errors.New("oops")
	for what, test := range map[string]struct {
		fn   func(error) error
		want error
	}{
		"told":      {func(err error) error { return err }, store.ErrKeyTaken},
		"concealed": {func(error) error { return nil }, store.ErrKeyTaken},
		"reworded":  {func(error) error { return oops }, oops},
	} {
		err := db.Update(context.Background(), func(tx *store.Tx) error {
			return test.fn(errors.Join(tx.SetSetting("with it", []byte("x")), replace("ada")(tx)))
		})
		if !errors.Is(err, test.want) {
			t.Errorf("a replacement with a taken key, %s: %v", what, err)
		}
	}
	MustUpdate(t, db, replace("free"))
	MustView(t, db, func(tx *store.Tx) error {
		if _, err := tx.Setting("with it"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what was stored before a key was found taken: %v", err)
		}
		return nil
	})
}

func testRace(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			row, attrs := NewUser(tid, fmt.Sprint("u-", i), "Ada")
			err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.Insert(row, attrs) })
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, store.ErrKeyTaken):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 63 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

func testStale(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	old := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	next := *old
	next.Version = 2
	attrs := old.Resource().Attributes()
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.Replace(old, &next, attrs) })
	err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.Replace(old, &next, attrs) })
	if !errors.Is(err, store.ErrStale) {
		t.Errorf("replace: %v", err)
	}
	err = db.Update(context.Background(), func(tx *store.Tx) error { return tx.Delete(old) })
	if !errors.Is(err, store.ErrStale) {
		t.Errorf("delete: %v", err)
	}
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.Delete(&next) })
	err = db.Update(context.Background(), func(tx *store.Tx) error { return tx.Delete(&next) })
	if !errors.Is(err, store.ErrStale) {
		t.Errorf("delete again: %v", err)
	}
}

func testTenants(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	row, attrs := NewUser(tid, "u-1", "Ada")
	row.ExternalID = "ext"
	mustInsert(t, db)(row, attrs)
	MustView(t, db, func(tx *store.Tx) error {
		_, err1 := tx.ByID(other, store.User, "u-1")
		_, err2 := tx.ByKey(other, store.User, "ada")
		for _, err := range []error{err1, err2} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("found in the other environment: %v", err)
			}
		}
		ext, err3 := tx.ByExternalID(other, store.User, "ext", 5)
		rows, total, err4 := selected(tx, store.Query{TID: other, Type: store.User, Count: 10})
		rids, err5 := tx.Resolve(other, store.User, []string{"u-1"})
		n, err6 := tx.Count(other, store.User)
		if len(ext)+len(rows)+total+len(rids)+n != 0 {
			t.Errorf("the other environment has %v %v %d %v %d", ext, rows, total, rids, n)
		}
		return errors.Join(err3, err4, err5, err6)
	})

	want := &store.Tenant{TID: tid, ID: "env", Name: "Env 2", NameKey: "env 2", Settings: []byte(`{"a":1}`), DefaultPop: row.RID, DefaultGroup: row.RID,
		Version: 2, Created: now, Modified: now.Add(time.Minute), DefaultPopulationID: "u-1", DefaultGroupID: "u-1"}
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.UpdateTenant(want) })
	MustView(t, db, func(tx *store.Tx) error {
		byID, err1 := tx.Tenant("env")
		byName, err2 := tx.TenantByName("env 2")
		all, err3 := tx.Tenants()
		byTID, err4 := tx.TenantByTID(tid)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		if diff := cmp.Diff([]*store.Tenant{want, want, want, want}, []*store.Tenant{byID, byName, byTID, all[0]}); diff != "" || len(all) != 2 {
			t.Errorf("%d environments (-want +got):\n%s", len(all), diff)
		}
		_, err := tx.Tenant("ENV")
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("id in other case: %v", err)
		}
		return nil
	})
	for _, test := range []struct {
		id, key string
		want    error
	}{{"env", "x", store.ErrIDTaken}, {"x", "other", store.ErrKeyTaken}} {
		tenant := store.Tenant{ID: test.id, Name: test.key, NameKey: test.key, Version: 1, Created: now, Modified: now}
		if err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.InsertTenant(&tenant) }); !errors.Is(err, test.want) {
			t.Errorf("environment %s, %s: %v, want %v", test.id, test.key, err, test.want)
		}
	}
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		return tx.UpdateTenant(&store.Tenant{TID: 999, Name: "x", NameKey: "x", Version: 1, Modified: now})
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("update of no environment: %v", err)
	}
}

func testDeleteTenant(t *testing.T, db *store.DB) {
	fill := func(id string) (tid int64) {
		tid = MustTenant(t, db, id)
		user := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
		group := mustInsert(t, db)(NewGroup(tid, "g-1", "Users"))
		client := store.Client{TID: tid, ID: "c-" + id, Created: now}
		MustUpdate(t, db, func(tx *store.Tx) error {
			_, err1 := tx.AddMembers(group.TID, group.RID, user.RID)
			err2 := tx.SetCredential(&store.Credential{TID: user.TID, RID: user.RID, MustChange: true})
			err3 := tx.InsertClient(&client)
			err4 := tx.InsertSecret(&store.Secret{TID: client.TID, CID: client.CID, Hash: []byte(id), Created: now})
			err5 := tx.InsertStream(&store.Stream{TID: tid, ID: "s-" + id, Created: now})
			err6 := tx.InsertPromise(&store.Promise{Txn: "t-" + id, TID: tid, At: now})
			return errors.Join(err1, err2, err3, err4, err5, err6)
		})
		return tid
	}
	gone, kept := fill("gone"), fill("kept")
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.DeleteTenant(gone) })
	MustCheck(t, db)
	MustView(t, db, func(tx *store.Tx) error {
		_, err1 := tx.Tenant("gone")
		_, err2 := tx.ByID(gone, store.User, "u-1")
		_, err3 := tx.Client("c-gone")
		_, err4 := tx.SecretByHash([]byte("gone"))
		_, err5 := tx.Stream("s-gone")
		for _, err := range []error{err1, err2, err3, err4, err5} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("left behind: %v", err)
			}
		}
		if open, err := tx.OpenPromises(); err != nil || len(open) != 1 || open[0].Txn != "t-kept" {
			t.Errorf("promises: %v, %v", open, err)
		}
		if _, err := tx.SecretByHash([]byte("kept")); err != nil {
			return err
		}
		user, err := tx.ByID(kept, store.User, "u-1")
		if err != nil {
			return err
		}
		groups, err := tx.Groups(user.TID, user.RID)
		if len(groups) != 1 || !user.MustChange {
			t.Errorf("the other environment has lost: %v %+v", groups, user)
		}
		return err
	})
	err := db.Update(context.Background(), func(tx *store.Tx) error { return tx.DeleteTenant(gone) })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("delete again: %v", err)
	}
}

func testMembers(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	ada := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	nameless := scim.NewObject(scim.Member{Name: "userName", Value: scim.StringValue("Bob")})
	bob := mustInsert(t, db)(NewRow(tid, store.User, "u-2", "bob", nameless), nameless)
	inner := mustInsert(t, db)(NewGroup(tid, "g-1", "Inner"))
	outer := mustInsert(t, db)(NewGroup(tid, "g-2", "Outer"))
	add := func(gid int64, want int, rids ...int64) {
		t.Helper()
		MustUpdate(t, db, func(tx *store.Tx) error {
			n, err := tx.AddMembers(tid, gid, rids...)
			if n != want {
				t.Errorf("%d members added, want %d", n, want)
			}
			return err
		})
	}
	add(inner.RID, 0)
	add(inner.RID, 2, bob.RID, ada.RID)
	add(inner.RID, 0, ada.RID)
	add(outer.RID, 2, inner.RID, bob.RID)
	add(inner.RID, 1, outer.RID) // groups that contain each other

	var (
		refAda   = scim.Reference{ID: "u-1", Type: "User", Name: "Ada", Display: "The Ada"}
		refBob   = scim.Reference{ID: "u-2", Type: "User", Name: "Bob", Display: "Bob"}
		refInner = scim.Reference{ID: "g-1", Type: "Group", Name: "Inner", Display: "Inner"}
		refOuter = scim.Reference{ID: "g-2", Type: "Group", Name: "Outer", Display: "Outer"}
	)
	indirect := func(r scim.Reference) scim.Reference { r.Indirect = true; return r }
	check := func(what string, want []scim.Reference, read func(*store.Tx) ([]scim.Reference, error)) {
		t.Helper()
		MustView(t, db, func(tx *store.Tx) error {
			got, err := read(tx)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			return err
		})
	}
	members := func(r *store.Row) func(*store.Tx) ([]scim.Reference, error) {
		return func(tx *store.Tx) ([]scim.Reference, error) { return tx.Members(r.TID, r.RID) }
	}
	groups := func(r *store.Row) func(*store.Tx) ([]scim.Reference, error) {
		return func(tx *store.Tx) ([]scim.Reference, error) { return tx.Groups(r.TID, r.RID) }
	}
	check("members of inner", []scim.Reference{refAda, refBob, refOuter}, members(inner))
	check("members of outer", []scim.Reference{refBob, refInner}, members(outer))
	check("groups of ada", []scim.Reference{refInner, indirect(refOuter)}, groups(ada))
	check("groups of bob", []scim.Reference{refInner, refOuter}, groups(bob))
	check("groups of inner", []scim.Reference{indirect(refInner), refOuter}, groups(inner))
	MustView(t, db, func(tx *store.Tx) error {
		users, err1 := tx.MemberCount(inner.TID, inner.RID, store.User)
		nested, err2 := tx.MemberCount(inner.TID, inner.RID, store.Group)
		above, err3 := tx.Containing(inner.TID, inner.RID)
		if users != 2 || nested != 1 || !slices.Equal(above, []int64{inner.RID, outer.RID}) {
			t.Errorf("inner has %d users and %d groups and is in %v", users, nested, above)
		}
		return errors.Join(err1, err2, err3)
	})

	// A new name shows at once.
	renamed := *ada
	renamed.Version = 2
	attrs := scim.NewObject(scim.Member{Name: "userName", Value: scim.StringValue("Lovelace")})
	renamed.Doc = scim.ObjectValue(attrs).AppendJSON(nil)
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.Replace(ada, &renamed, attrs) })
	refAda.Name, refAda.Display = "Lovelace", "Lovelace"
	check("members of inner, renamed", []scim.Reference{refAda, refBob, refOuter}, members(inner))

	MustUpdate(t, db, func(tx *store.Tx) error {
		rids, err := tx.MemberRIDs(inner.TID, inner.RID)
		if diff := cmp.Diff([]int64{ada.RID, bob.RID, outer.RID}, rids); diff != "" {
			t.Errorf("member keys (-want +got):\n%s", diff)
		}
		none, err1 := tx.RemoveMembers(inner.TID, inner.RID)
		n, err2 := tx.RemoveMembers(inner.TID, inner.RID, bob.RID, bob.RID, 999)
		all, err3 := tx.ClearMembers(outer.TID, outer.RID)
		if none != 0 || n != 1 || all != 2 {
			t.Errorf("removed %d, %d and %d", none, n, all)
		}
		return errors.Join(err, err1, err2, err3)
	})
	check("members of inner, less bob", []scim.Reference{refAda, refOuter}, members(inner))
	check("members of outer, cleared", nil, members(outer))
	check("groups of bob, none left", nil, groups(bob))
}

func testMemberDeleted(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	ada := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	inner := mustInsert(t, db)(NewGroup(tid, "g-1", "Inner"))
	outer := mustInsert(t, db)(NewGroup(tid, "g-2", "Outer"))
	MustUpdate(t, db, func(tx *store.Tx) error {
		_, err1 := tx.AddMembers(inner.TID, inner.RID, ada.RID)
		_, err2 := tx.AddMembers(outer.TID, outer.RID, inner.RID)
		return errors.Join(err1, err2, tx.Delete(inner))
	})
	MustView(t, db, func(tx *store.Tx) error {
		members, err1 := tx.Members(outer.TID, outer.RID)
		groups, err2 := tx.Groups(ada.TID, ada.RID)
		if len(members)+len(groups) != 0 {
			t.Errorf("members %v, groups %v", members, groups)
		}
		return errors.Join(err1, err2)
	})
}

func testLargeGroup(t *testing.T, db *store.DB) {
	const size = 1000
	tid := MustTenant(t, db, "env")
	group := mustInsert(t, db)(NewGroup(tid, "g-1", "All"))
	ids := make([]string, size)
	MustUpdate(t, db, func(tx *store.Tx) error {
		for i := range ids {
			row, attrs := NewUser(tid, fmt.Sprint("u-", i), fmt.Sprint("user", i))
			if err := tx.Insert(row, attrs); err != nil {
				return err
			}
			ids[i] = row.ID
		}
		return nil
	})
	MustUpdate(t, db, func(tx *store.Tx) error {
		found, err := tx.Resolve(tid, store.User, append(ids, "missing"))
		if err != nil {
			return err
		}
		var rids []int64
		for _, rid := range found {
			rids = append(rids, rid)
		}
		n, err := tx.AddMembers(group.TID, group.RID, rids...)
		if len(found) != size || n != size {
			t.Errorf("%d resolved, %d added", len(found), n)
		}
		return err
	})
	MustView(t, db, func(tx *store.Tx) error {
		members, err := tx.Members(group.TID, group.RID)
		if len(members) != size || members[0].ID != "u-0" || members[size-1].ID != fmt.Sprint("u-", size-1) {
			t.Errorf("%d members", len(members))
		}
		return err
	})
}

func testCredentials(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	user := mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
	for _, want := range []*store.Credential{
		{TID: tid, RID: user.RID, MustChange: true},
		{TID: tid, RID: user.RID, Hash: "$argon2id$1", Changed: now, Failures: 3, Failed: now, LockedUntil: now.Add(time.Hour), History: []string{"a", "b"}, LastLogin: now.Add(-time.Hour)},
		{TID: tid, RID: user.RID, Hash: "$argon2id$2", Changed: now.Add(time.Minute)},
	} {
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.SetCredential(want) })
		MustView(t, db, func(tx *store.Tx) error {
			got, err := tx.Credential(user.TID, user.RID)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("credential (-want +got):\n%s", diff)
			}
			row, err2 := tx.ByID(tid, store.User, "u-1")
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			r := row.Resource()
			if r.HasPassword != (want.Hash != "") || r.MustChange != want.MustChange || !r.PasswordChanged.Equal(want.Changed) || !r.LastLogin.Equal(want.LastLogin) {
				t.Errorf("as a resource: %+v", r)
			}
			return nil
		})
	}
	MustView(t, db, func(tx *store.Tx) error {
		changed := now.Add(time.Minute)
		within, err1 := tx.ChangedPasswords(tid, changed.Add(-time.Millisecond), changed)
		before, err2 := tx.ChangedPasswords(tid, changed, changed.Add(time.Hour))
		if len(within) != 1 || within[0].ID != "u-1" || len(before) != 0 {
			t.Errorf("changed passwords: %v, %v", within, before)
		}
		return errors.Join(err1, err2)
	})
	MustUpdate(t, db, func(tx *store.Tx) error { return tx.Delete(user) })
	MustView(t, db, func(tx *store.Tx) error {
		if _, err := tx.Credential(user.TID, user.RID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after the user: %v", err)
		}
		return nil
	})
}

func testClients(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	client := &store.Client{TID: tid, ID: "c-1", Name: "HR", Role: "writer", Doors: []string{"rsa", "scim2"}, Created: now}
	secret := &store.Secret{TID: tid, Hash: []byte{1, 2, 3}, Created: now, Expires: now.Add(time.Hour)}
	second := &store.Secret{TID: tid, Hash: []byte{4, 5, 6}, Created: now}
	MustUpdate(t, db, func(tx *store.Tx) error {
		if err := tx.InsertClient(client); err != nil {
			return err
		}
		secret.CID, second.CID = client.CID, client.CID
		return errors.Join(tx.InsertSecret(secret), tx.InsertSecret(second))
	})
	check := func(what string) {
		t.Helper()
		MustView(t, db, func(tx *store.Tx) error {
			one, err1 := tx.Client("c-1")
			all, err2 := tx.Clients(tid)
			none, err3 := tx.Clients(other)
			secrets, err4 := tx.Secrets(client.TID, client.CID)
			byHash, err5 := tx.SecretByHash([]byte{1, 2, 3})
			bySID, err6 := tx.SecretByID(secret.TID, secret.SID)
			tenant, err7 := tx.Tenant("env")
			if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
				return err
			}
			login := &store.Login{Client: *client, Secret: *secret, Environment: tenant.ID, Version: tenant.Version}
			if diff := cmp.Diff([]any{client, []*store.Client{client}, 0, []*store.Secret{secret, second}, login, login},
				[]any{one, all, len(none), secrets, byHash, bySID}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			return nil
		})
	}
	check("inserted")
	client.Name, client.Role, client.Doors, client.Disabled = "HR 2", "reader", nil, true
	client.Settings = []byte(`{"mode":"strict"}`)
	secret.Expires, secret.Revoked, secret.LastUsed = time.Time{}, now.Add(time.Minute), now.Add(time.Second)
	MustUpdate(t, db, func(tx *store.Tx) error { return errors.Join(tx.UpdateClient(client), tx.UpdateSecret(secret)) })
	check("updated")

	for what, test := range map[string]struct {
		do   func(*store.Tx) error
		want error
	}{
		"a client's id in another environment": {func(tx *store.Tx) error {
			return tx.InsertClient(&store.Client{TID: other, ID: "c-1", Created: now})
		}, store.ErrIDTaken},
		"a secret again": {func(tx *store.Tx) error {
			return tx.InsertSecret(&store.Secret{TID: client.TID, CID: client.CID, Hash: []byte{1, 2, 3}, Created: now})
		}, store.ErrKeyTaken},
		"update of no client": {func(tx *store.Tx) error { return tx.UpdateClient(&store.Client{CID: 999}) }, store.ErrNotFound},
		"update of no secret": {func(tx *store.Tx) error { return tx.UpdateSecret(&store.Secret{SID: 999}) }, store.ErrNotFound},
		"no such client":      {func(tx *store.Tx) error { _, err := tx.Client("C-1"); return err }, store.ErrNotFound},
		"no such secret":      {func(tx *store.Tx) error { _, err := tx.SecretByHash(nil); return err }, store.ErrNotFound},
		"no such secret id":   {func(tx *store.Tx) error { _, err := tx.SecretByID(client.TID, 0); return err }, store.ErrNotFound},
	} {
		if err := db.Update(context.Background(), test.do); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
	}
}

func testLogs(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	var changes []*store.Change
	var audits []*store.Audit
	for i := range 4 {
		c := &store.Change{TID: tid, At: now, Op: store.OpUpdate, Type: store.User, ID: "u-1", Version: int64(i), Actor: 7, Request: "r", Detail: []byte(`{"a":1}`)}
		a := &store.Audit{TID: tid, At: now, Client: "c", Door: "rsa", Action: "create", Type: "User", ID: "u-1", Outcome: "done", Request: "r"}
		MustUpdate(t, db, func(tx *store.Tx) error {
			return errors.Join(tx.AppendAnswer(c), tx.AppendAudit(a),
				tx.AppendChange(&store.Change{TID: other, At: now, Op: store.OpCreate, Type: store.User}),
				tx.AppendAudit(&store.Audit{At: now, Action: "refuse", Detail: []byte(`{}`)}))
		})
		changes, audits = append(changes, c), append(audits, a)
	}
	MustView(t, db, func(tx *store.Tx) error {
		page, err1 := tx.Changes(tid, changes[0].Seq, 2)
		kept, err := tx.Audits(tid, 0, 10)
		if diff := cmp.Diff(audits, kept, cmpopts.IgnoreFields(store.Audit{}, "Seq")); diff != "" || err != nil {
			t.Fatalf("audits: %v (-want +got):\n%s", err, diff)
		}
		trail, err2 := tx.Audits(tid, kept[0].Seq, 2)
		nobody, err3 := tx.Audits(0, 0, 10)
		if diff := cmp.Diff(changes[1:3], page); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(kept[1:3], trail); diff != "" {
			t.Errorf("audits (-want +got):\n%s", diff)
		}
		if len(nobody) != 4 || nobody[0].Action != "refuse" || nobody[0].TID != 0 || string(nobody[0].Detail) != "{}" {
			t.Errorf("audits of no environment: %v", nobody)
		}
		last, err4 := tx.LastChange(tid)
		one, err5 := tx.Change(tid, changes[2].Seq)
		if diff := cmp.Diff(changes[2], one); diff != "" || last != changes[3].Seq {
			t.Errorf("the last is %d; one change (-want +got):\n%s", last, diff)
		}
		times, err6 := tx.ChangeTimes(tid, []int64{changes[1].Seq, last + 2, changes[1].Seq + 1}) // the last is the other environment's
		if want := map[int64]time.Time{changes[1].Seq: now}; !cmp.Equal(times, want) {
			t.Errorf("times %v, not %v", times, want)
		}
		if _, err := tx.Change(tid, last+2); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a change that is not there: %v", err)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6)
	})
}

func testSettings(t *testing.T, db *store.DB) {
	for _, want := range []string{"one", "two"} {
		MustUpdate(t, db, func(tx *store.Tx) error { return tx.SetSetting("key", []byte(want)) })
		MustView(t, db, func(tx *store.Tx) error {
			got, err := tx.Setting("key")
			if string(got) != want {
				t.Errorf("%q, want %q", got, want)
			}
			_, missing := tx.Setting("other")
			if !errors.Is(missing, store.ErrNotFound) {
				t.Errorf("a setting never set: %v", missing)
			}
			return err
		})
	}
}

func testPages(t *testing.T, db *store.DB) {
	tid, other := MustTenant(t, db, "env"), MustTenant(t, db, "other")
	for i := range 10 {
		mustInsert(t, db)(NewUser(tid, fmt.Sprint("u-", i), fmt.Sprint("user", i)))
		mustInsert(t, db)(NewUser(other, fmt.Sprint("u-", i), fmt.Sprint("user", i)))
		mustInsert(t, db)(NewGroup(tid, fmt.Sprint("g-", i), fmt.Sprint("group", i)))
	}
	for _, test := range []struct {
		start, count int
		want         []string
	}{
		{1, 3, []string{"u-0", "u-1", "u-2"}},
		{0, 1, []string{"u-0"}},
		{-5, 1, []string{"u-0"}},
		{9, 5, []string{"u-8", "u-9"}},
		{11, 5, nil},
		{1, 0, nil},
		{1, -1, nil},
	} {
		MustView(t, db, func(tx *store.Tx) error {
			rows, total, err := selected(tx, store.Query{TID: tid, Type: store.User, Start: test.start, Count: test.count})
			if got := ids(rows); total != 10 || !slices.Equal(got, test.want) {
				t.Errorf("%d from %d: %v of %d, want %v", test.count, test.start, got, total, test.want)
			}
			return err
		})
	}
}

func ids(rows []*store.Row) (list []string) {
	for _, r := range rows {
		list = append(list, r.ID)
	}
	return list
}

func testFailure(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	oops := errors.New("oops")
	row, attrs := NewUser(tid, "u-1", "Ada")
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		if err := errors.Join(tx.Insert(row, attrs), tx.AppendChange(&store.Change{TID: tid, At: now, Type: store.User, ID: "u-1"})); err != nil {
			return err
		}
		return oops
	})
	if !errors.Is(err, oops) {
		t.Errorf("%v, want fn's own error", err)
	}
	// What a broken constraint of the schema refuses is not half kept either,
	// even if fn looks away.
	row, attrs = NewUser(tid, "", "Ada")
	err = db.Update(context.Background(), func(tx *store.Tx) error {
		tx.AppendChange(&store.Change{TID: tid, At: now, Type: store.User, ID: "u-1"})
		tx.Insert(row, attrs)
		tx.AppendChange(&store.Change{TID: tid, At: now, Type: store.User, ID: "u-1"})
		return nil
	})
	if err == nil {
		t.Error("an empty id was stored")
	}
	MustView(t, db, func(tx *store.Tx) error {
		n, err1 := tx.Count(tid, store.User)
		changes, err2 := tx.Changes(tid, 0, 10)
		if n != 0 || len(changes) != 0 {
			t.Errorf("%d users, %d changes", n, len(changes))
		}
		return errors.Join(err1, err2)
	})
}

func testSnapshot(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	MustView(t, db, func(tx *store.Tx) error {
		before, err1 := tx.Count(tid, store.User)
		mustInsert(t, db)(NewUser(tid, "u-1", "Ada"))
		after, err2 := tx.Count(tid, store.User)
		if before != 0 || after != 0 {
			t.Errorf("%d users, then %d", before, after)
		}
		return errors.Join(err1, err2)
	})
	MustView(t, db, func(tx *store.Tx) error {
		n, err := tx.Count(tid, store.User)
		if n != 1 {
			t.Errorf("%d users in a new view", n)
		}
		return err
	})
}

func testReadOnly(t *testing.T, db *store.DB) {
	err := db.View(context.Background(), func(tx *store.Tx) error { return tx.SetSetting("a", []byte("b")) })
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a write in a view: %v", err)
	}
	oops := errors.New("oops")
	if err := db.View(context.Background(), func(tx *store.Tx) error { return oops }); !errors.Is(err, oops) {
		t.Errorf("%v, want fn's own error", err)
	}
}

func testContext(t *testing.T, db *store.DB) {
	ctx, cancel := context.WithCancel(context.Background())
	tid := MustTenant(t, db, "env")
	row, attrs := NewUser(tid, "u-1", "Ada")
	err := db.Update(ctx, func(tx *store.Tx) error {
		cancel() // too late: it runs, so it is stored
		return tx.Insert(row, attrs)
	})
	if err != nil {
		t.Errorf("cancelled while it ran: %v", err)
	}
	MustView(t, db, func(tx *store.Tx) error { return second(tx.ByID(tid, store.User, "u-1")) })
	never := func(*store.Tx) error { t.Error("fn was run"); return nil }
	if err := db.Update(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("update: %v", err)
	}
	if err := db.View(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("view: %v", err)
	}
}

func second[A any](_ A, err error) error { return err }

func testPanic(t *testing.T, db *store.DB) {
	tid := MustTenant(t, db, "env")
	row, attrs := NewUser(tid, "u-1", "Ada")
	for name, run := range map[string]func(context.Context, func(*store.Tx) error) error{"update": db.Update, "view": db.View} {
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "boom") {
					t.Errorf("%s: recovered %v", name, v)
				}
			}()
			run(context.Background(), func(tx *store.Tx) error {
				if name == "update" {
					if err := tx.Insert(row, attrs); err != nil {
						t.Error(err)
					}
				}
				panic("boom")
			})
		}()
	}
	// Nothing of it is stored, and the database goes on.
	mustInsert(t, db)(row, attrs)
	for range 20 { // more than there are readers
		MustView(t, db, func(tx *store.Tx) error { return second(tx.ByID(tid, store.User, "u-1")) })
	}
}
