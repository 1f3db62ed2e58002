package directory_test

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// many is how many users the benchmarks of queries look among, and how many
// members a large group has.
const many = 100_000

// crowded returns a directory with many users, a group of all of them and one of
// ten, made without the directory's rules, which would take ten times as long.
func crowded(b *testing.B) world {
	b.Helper()
	path := b.TempDir()
	first, err := directory.Open(ctx, directorytest.Config(b, path))
	if err != nil {
		b.Fatal(err)
	}
	e, err := first.CreateEnvironment(ctx, directory.EnvironmentDraft{ID: directorytest.Environment, Name: "Crowded"})
	if err == nil {
		_, _, err = first.CreateClient(ctx, directory.ClientDraft{Environment: e.ID, Secrets: []string{directorytest.DevToken}})
	}
	if err == nil {
		err = first.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	fill(b, path)
	d, err := directory.Open(ctx, directorytest.Config(b, path))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	c := directorytest.Caller(b, d, directorytest.DevToken)
	return world{Directory: d, dev: c, home: c.Home()}
}

// fill stores the users and groups, a thousand in a transaction.
func fill(b *testing.B, path string) {
	db, err := store.Open(ctx, storetest.At(b, path))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	update := func(fn func(*store.Tx) error) {
		if err := db.Update(ctx, fn); err != nil {
			b.Fatal(err)
		}
	}
	var t *store.Tenant
	update(func(tx *store.Tx) (err error) {
		t, err = tx.Tenant(directorytest.Environment)
		return err
	})
	insert := func(tx *store.Tx, typ store.Type, n int, id, key string, attrs *scim.Object) (int64, error) {
		at := time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)
		row := &store.Row{TID: t.TID, Type: typ, ID: id, Key: key, ExternalID: attrs.Get("externalId").Text(), Version: 1, Created: at, Modified: at,
			Doc: scim.ObjectValue(attrs).AppendJSON(nil)}
		if typ == store.User {
			row.Pop = t.DefaultPop
		}
		err := tx.Insert(row, attrs)
		return row.RID, err
	}
	var rids []int64
	for begin := 0; begin < many; begin += 1000 {
		update(func(tx *store.Tx) error {
			for n := begin; n < begin+1000; n++ {
				// In no order, as those of real users are.
				name := fmt.Sprintf("user%08x", uint32(n)*2654435761)
				attrs := object(b, fmt.Sprintf(example, n)).
					Set("userName", scim.StringValue(name)).
					Set("displayName", scim.StringValue(fmt.Sprintf("Babs %08x Jensen", uint32(n)*2246822519))).
					Set("active", scim.BoolValue(n%20 != 0))
				rid, err := insert(tx, store.User, n, fmt.Sprint("u-", n), name, attrs)
				if err != nil {
					return err
				}
				rids = append(rids, rid)
			}
			return nil
		})
	}
	update(func(tx *store.Tx) error {
		for name, members := range map[string][]int64{"large": rids, "small": rids[:10]} {
			gid, err := insert(tx, store.Group, 0, name, name, scim.NewObject(scim.Member{Name: "displayName", Value: scim.StringValue(name)}))
			if err != nil {
				return err
			}
			if _, err := tx.AddMembers(t.TID, gid, members...); err != nil {
				return err
			}
		}
		return nil
	})
}

// A listing is a query whose cost is measured. In the filter %[1]d stands for the
// number of a user, %08[2]x for what is in its name and %08[3]x in its displayName.
type listing struct {
	name    string
	typ     string // empty: User
	filter  string
	sort    string // a path; - before it is descending
	share   float64
	cursor  bool // the page is reached by cursor
	count   int
	atLeast int // resources on the page
}

var listings = []listing{
	{name: "id eq", filter: `id eq "u-%[1]d"`, count: 10, atLeast: 1},
	{name: "userName eq", filter: `userName eq "USER%08[2]x"`, count: 10, atLeast: 1},
	{name: "externalId eq", filter: `externalId eq "ext-%[1]d"`, count: 10, atLeast: 1},
	{name: "emails.value eq", filter: `emails.value eq "babs%[1]d@jensen.example"`, count: 10, atLeast: 1},
	{name: "userName sw, 100 of 390", filter: `userName sw "user12"`, count: 100, atLeast: 100},
	{name: "userName sw, 100 of 100000", filter: `userName sw "user"`, count: 100, atLeast: 100},
	{name: "displayName sw, 100 of 390", filter: `displayName sw "babs 12"`, count: 100, atLeast: 100},
	{name: "emails sw, 100 of 11000", filter: `emails sw "bjensen1"`, count: 100, atLeast: 100},
	{name: "userName co, one", filter: `userName co "r%08[2]x"`, count: 100, atLeast: 1},
	{name: "displayName co, one", filter: `displayName co "%08[3]x"`, count: 100, atLeast: 1},
	{name: "emails co, one", filter: `emails co "abs%[1]d@"`, count: 100, atLeast: 1},
	{name: "displayName co, 100 of 100000", filter: `displayName co "jensen"`, count: 100, atLeast: 100},
	{name: "displayName co, none", filter: `displayName co "zebra"`, count: 100},
	{name: "familyName eq and active eq", filter: `name.familyName eq "jensen%[1]d" and active eq true`, count: 100},
	{name: "userName sw and active eq", filter: `userName sw "user1" and active eq false`, count: 100, atLeast: 100},
	{name: "emails eq and title eq, not indexed", filter: `emails.value eq "bjensen%[1]d@example.com" and title eq "tour guide"`, count: 100, atLeast: 1},
	{name: "lastModified gt, 100 of 1000", filter: `meta.lastModified gt "2026-01-02T03:29:59Z"`, count: 100, atLeast: 100},
	{name: "title co, not indexed", filter: `title co "zebra"`, count: 100},
	{name: "all, first page", count: 100, atLeast: 100},
	{name: "by userName, first page", sort: "userName", count: 100, atLeast: 100},
	{name: "by userName, by index at 90%", sort: "userName", share: 0.9, count: 100, atLeast: 100},
	{name: "by userName, by cursor at 90%", sort: "userName", share: 0.9, cursor: true, count: 100, atLeast: 100},
	{name: "by displayName descending, first page", sort: "-displayName", count: 100, atLeast: 100},
	{name: "by displayName, by index at 90%", sort: "displayName", share: 0.9, count: 100, atLeast: 100},
	{name: "by displayName, by cursor at 90%", sort: "displayName", share: 0.9, cursor: true, count: 100, atLeast: 100},
	{name: "active eq by userName, first page", filter: `active eq true`, sort: "userName", count: 100, atLeast: 100},
	{name: "by title, not indexed", sort: "title", count: 100, atLeast: 100},
	{name: "is member, of 10", typ: "Group", filter: `id eq "small" and members.value eq "u-7"`, count: 10, atLeast: 1},
	{name: "is member, of 100000", typ: "Group", filter: `id eq "large" and members.value eq "u-%[1]d"`, count: 10, atLeast: 1},
	{name: "members of 10, first page", filter: `groups.value eq "small"`, count: 100, atLeast: 10},
	{name: "members of 100000, first page", filter: `groups.value eq "large"`, count: 100, atLeast: 100},
	{name: "members of 100000, by cursor at 90%", filter: `groups.value eq "large"`, share: 0.9, cursor: true, count: 100, atLeast: 100},
}

// BenchmarkQueries measures queries among many users, one after the other, beside
// the read of one user by id. docs/performance.md has a table of it.
func BenchmarkQueries(b *testing.B) {
	w := crowded(b)
	b.Run("read by id", func(b *testing.B) {
		measure(b, 1, func(n int64) error {
			_, err := w.Read(ctx, w.dev, w.home, "User", fmt.Sprint("u-", n*7919%many), directory.Include{})
			return err
		})
	})
	for _, l := range listings {
		b.Run(l.name, func(b *testing.B) {
			q := l.query(b)
			if l.cursor { // learned by index
				at := q
				at.Start, at.Count = int(l.share*many), 1
				p, err := w.List(ctx, w.dev, w.home, at)
				if err != nil {
					b.Fatal(err)
				}
				q.Cursor = p.Next
			}
			measure(b, 1, func(n int64) error { return w.list(l, q, n*7919%many) })
		})
	}
}

// query returns the query but for its filter.
func (l listing) query(b *testing.B) directory.Query {
	q := directory.Query{Type: cmp.Or(l.typ, "User"), Start: int(l.share*many) + 1, Count: l.count}
	if l.sort == "" {
		return q
	}
	name, descending := strings.CutPrefix(l.sort, "-")
	path, err := scim.ParsePath(name)
	if err != nil {
		b.Fatal(err)
	}
	k, err := scim.UserType().ResolveSort(scim.SortKey{Path: path, Descending: descending}, scim.FilterOptions{})
	if err != nil {
		b.Fatal(err)
	}
	q.Sort = []scim.SortKey{k}
	return q
}

// list answers the query for the user of the number.
func (w world) list(l listing, q directory.Query, n int64) error {
	if l.filter != "" {
		t := scim.UserType()
		if q.Type == "Group" {
			t = scim.GroupType()
		}
		f, err := scim.ParseFilter(fmt.Sprintf(l.filter+"%[4]s", n, uint32(n)*2654435761, uint32(n)*2246822519, ""), scim.FilterOptions{})
		if err == nil {
			q.Filter, err = t.Resolve(f, scim.FilterOptions{})
		}
		if err != nil {
			return err
		}
	}
	p, err := w.List(ctx, w.dev, w.home, q)
	if err == nil && len(p.Resources) < l.atLeast {
		err = fmt.Errorf("%d resources of %d", len(p.Resources), p.Total)
	}
	return err
}

// BenchmarkGroups measures what is done to a group of ten and to one of many,
// beside the change of one attribute of a user, which is as durable.
func BenchmarkGroups(b *testing.B) {
	w := crowded(b)
	extra := w.create(b, user(b, `{"userName":"extra"}`)).ID
	modify := func(typ, id string, change directory.Change) error {
		_, outcome, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: typ, ID: id,
			Apply: func(*scim.Resource) (directory.Change, error) { return change, nil }})
		if err == nil && outcome != directory.Replaced {
			err = fmt.Errorf("outcome %d", outcome)
		}
		return err
	}
	title := 0
	b.Run("change one attribute", func(b *testing.B) {
		measure(b, 1, func(int64) error {
			title++
			return modify("User", extra, directory.Change{Attributes: object(b, fmt.Sprintf(`{"userName":"extra","title":"%d"}`, title))})
		})
	})
	for _, group := range []string{"small", "large"} {
		member := []directory.Member{{ID: extra}}
		b.Run("add one, then remove it: "+group, func(b *testing.B) {
			measure(b, 1, func(int64) error {
				return errors.Join(
					modify("Group", group, directory.Change{Members: []directory.MemberChange{{Op: directory.AddMembers, Relation: scim.Members, Members: member}}}),
					modify("Group", group, directory.Change{Members: []directory.MemberChange{{Op: directory.RemoveMembers, Relation: scim.Members, Members: member}}}))
			})
		})
		for name, inc := range map[string]directory.Include{"read without members: ": {}, "read with members: ": {Members: true}} {
			b.Run(name+group, func(b *testing.B) {
				measure(b, 1, func(int64) error {
					_, err := w.Read(ctx, w.dev, w.home, "Group", group, inc)
					return err
				})
			})
		}
	}
}
