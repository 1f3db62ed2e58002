package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// userType is the type of users whose population can be asked for.
func userType() *scim.ResourceType {
	t := *scim.UserType()
	t.Extensions = append(slices.Clip(t.Extensions), scim.LookupSchema(scim.PingOneSchema))
	return &t
}

// MustFilter returns the filter, resolved for the type.
func MustFilter(t testing.TB, typ store.Type, text string) *scim.Filter {
	t.Helper()
	resourceType := userType()
	if typ == store.Group {
		resourceType = scim.GroupType()
	}
	f, err := scim.ParseFilter(text, scim.FilterOptions{})
	if err == nil {
		f, err = resourceType.Resolve(f, scim.FilterOptions{})
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

// long is a value that the index cuts within a character.
var long = strings.Repeat("x", 255) + "é"

// fillQueries stores users and groups that differ in all that filters ask for,
// among those of another environment.
func fillQueries(t *testing.T, db *store.DB) (tid int64) {
	tid = MustTenant(t, db, "env")
	other := MustTenant(t, db, "other")
	for _, tid := range []int64{tid, other} {
		var pops, groups []*store.Row
		for i := range 2 {
			pops = append(pops, mustInsert(t, db)(NewPopulation(tid, fmt.Sprint("p-", i), fmt.Sprint("Population ", i))))
		}
		for i := range 4 {
			groups = append(groups, mustInsert(t, db)(NewGroup(tid, fmt.Sprint("g-", i), fmt.Sprint("Group ", i%3, strings.Repeat(" ", i)))))
		}
		// A user and a group of one id.
		users := []*store.Row{mustInsert(t, db)(NewUser(tid, "g-1", "Namesake"))}
		for i := range 20 {
			row, attrs := NewUser(tid, fmt.Sprint("u-", i), fmt.Sprint("User", i))
			row.ExternalID = []string{"", "x", "X"}[i%3]
			row.Pop = pops[i%2].RID
			attrs.Set("active", scim.BoolValue(i%4 != 0))
			attrs.Set("title", scim.StringValue([]string{"Boss", "boss", "Clerk"}[i%3]))
			attrs.Set("displayName", scim.StringValue([]string{long, long + "a", long[:255], "Straße", "STRASSE", "Same"}[i%6]))
			if i%7 == 0 {
				attrs.Delete("emails")
			}
			if row.ExternalID != "" {
				attrs.Set("externalId", scim.StringValue(row.ExternalID))
			}
			row.Doc = scim.ObjectValue(attrs).AppendJSON(nil)
			users = append(users, mustInsert(t, db)(row, attrs))
		}
		MustUpdate(t, db, func(tx *store.Tx) error {
			var errs []error
			for i, u := range users {
				errs = append(errs, second(tx.AddMembers(groups[i%3].TID, groups[i%3].RID, u.RID)))
			}
			// Group 0 in 1 in 2, and 2 in 0 again; 3 in itself.
			errs = append(errs, second(tx.AddMembers(groups[3].TID, groups[3].RID, groups[3].RID)), second(tx.AddMembers(groups[1].TID, groups[1].RID, groups[0].RID)), second(tx.AddMembers(groups[2].TID, groups[2].RID, groups[1].RID)),
				second(tx.AddMembers(groups[0].TID, groups[0].RID, groups[2].RID)))
			return errors.Join(errs...)
		})
	}
	return tid
}

// queries are filters with what they select, where that is worth saying by hand.
var queries = []struct {
	typ    store.Type
	filter string
	want   string
}{
	{store.User, `id eq "u-3"`, "u-3"},
	{store.User, `id eq "U-3"`, ""},
	{store.User, `userName eq "uSeR7"`, "u-7"},
	{store.User, `userName eq "user"`, ""},
	{store.User, `externalId eq "x" and active eq false`, "u-4 u-16"},
	{store.User, `externalId eq "X" and title eq "clerk" and name.familyName eq "STRASSE"`, ""},
	{store.User, `externalId eq "X" and title eq "clerk" and userName sw "user1"`, "u-11 u-14 u-17"},
	{store.User, `displayName eq "same"`, "u-5 u-11 u-17"},
	{store.User, `displayName eq "` + long + `"`, "u-0 u-6 u-12 u-18"},
	{store.User, `displayName eq "` + long + `A"`, "u-1 u-7 u-13 u-19"},
	{store.User, `displayName eq "` + long + `c"`, ""},
	{store.User, `displayName eq "` + long[:255] + `"`, "u-2 u-8 u-14"},
	{store.User, `displayName eq "straße"`, "u-3 u-9 u-15"},
	{store.User, `emails eq "USER8@example.com"`, "u-8"},
	{store.User, `emails[type eq "home" and value eq "second.user8@example.com"]`, "u-8"},
	{store.User, `emails[type eq "work" and value eq "second.user8@example.com"]`, ""},
	{store.User, `emails.value eq "user7@example.com"`, ""},
	{store.User, `active eq false and title eq "BOSS"`, "u-0 u-4 u-12 u-16"},
	{store.User, `groups.value eq "g-3"`, ""},
	{store.User, `groups.value eq "nowhere"`, ""},
	{store.User, `groups eq "u-1"`, ""},
	{store.User, scim.PingOneSchema + `:population.id eq "p-0" and title eq "clerk"`, "u-2 u-8 u-14"},
	{store.User, scim.PingOneSchema + `:population.id eq "p-9"`, ""},
	{store.User, `not (displayName pr)`, ""},
	{store.Group, `displayName eq "group 1 "`, "g-1"},
	{store.Group, `members.value eq "u-2"`, "g-0"},
	{store.Group, `members.value eq "g-1"`, "g-0 g-2"}, // as the user and as the group
	{store.Group, `members.value eq "u-2" or members.value eq "u-3"`, "g-0 g-1"},
	{store.Group, `members[value eq "u-3" and type eq "Group"]`, ""},
	{store.Group, `members.value eq "u-2" and displayName co "group"`, "g-0"},
}

// selected returns what a query selects.
func selected(tx *store.Tx, q store.Query) ([]*store.Row, int, error) {
	page, err := tx.Select(q)
	if err != nil {
		return nil, 0, err
	}
	return page.Rows, page.Total, nil
}

func testQueries(t *testing.T, db *store.DB) {
	tid := fillQueries(t, db)
	for _, q := range queries {
		f := MustFilter(t, q.typ, q.filter)
		MustView(t, db, func(tx *store.Tx) error {
			rows, total, err := selected(tx, store.Query{TID: tid, Type: q.typ, Filter: f, Count: 100})
			if got := strings.Join(ids(rows), " "); got != q.want || total != len(rows) {
				t.Errorf("%s: %s of %d, want %s", q.filter, got, total, q.want)
			}
			return err
		})
		testWithin(t, db, store.Query{TID: tid, Type: q.typ, Filter: f, Count: 100})
	}
	testWithin(t, db, store.Query{TID: tid, Type: store.User, Count: 100})
	testWithin(t, db, store.Query{TID: tid, Type: store.Group, Count: 100})
}

// testWithin compares a query within populations with what the filter says of
// every resource that is left.
func testWithin(t *testing.T, db *store.DB, q store.Query) {
	t.Helper()
	MustView(t, db, func(tx *store.Tx) error {
		pop, err := tx.ByID(q.TID, store.Population, "p-0")
		if err != nil {
			return err
		}
		for _, q.Within = range [][]int64{{pop.RID}, {}} {
			var want []*store.Row
			if err := tx.Each(q.TID, q.Type, func(row *store.Row) (err error) {
				r := row.Resource()
				if r.Groups, err = tx.Groups(row.TID, row.RID); err != nil {
					return err
				}
				if r.Members, err = tx.Ends(row.TID, scim.Members, row.RID, q.Within); err != nil {
					return err
				}
				there := row.Type != store.User || slices.Contains(q.Within, row.Pop)
				if there && (q.Filter == nil || q.Filter.Match(r)) {
					want = append(want, row)
				}
				return nil
			}); err != nil {
				return err
			}
			rows, total, err := selected(tx, q)
			if err != nil {
				return err
			}
			if got, want := strings.Join(ids(rows), " "), strings.Join(ids(want), " "); got != want || total != len(rows) {
				t.Errorf("%v within %v: %s of %d, want %s", q.Filter, q.Within, got, total, want)
			}
		}
		return nil
	})
}
