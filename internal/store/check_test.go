package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// Check finds what the other tests rely on it to find.
func TestCheck(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	for _, test := range []struct {
		name, damage, want string
	}{
		{"nothing", "", ""},
		{"an index row is missing", "DELETE FROM attr WHERE val = 'ada'", "no index row"},
		{"an index row too many", "INSERT INTO attr(tid, aid, val, rid) SELECT tid, aid, 'x', 1 FROM attr_def", "index rows, not"},
		{"another index row", "UPDATE attr SET val = 'x' WHERE val = 'ada'", "no index row"},
		{"a wrong counter", "UPDATE counter SET n = 7 WHERE type = 1", "1 counters are wrong"},
		{"no counter", "DELETE FROM counter WHERE type = 1", "1 counters are wrong"},
		{"a counter of nothing", "INSERT INTO counter(tid, type, n) VALUES (9, 9, 9)", "1 counters are wrong"},
		{"a member that is not there", "INSERT INTO member(tid, gid, kind, mid) SELECT tid, rid, 1, 999 FROM resource WHERE type = 2", "1 memberships lead nowhere"},
		{"a group that is not there", "INSERT INTO member(tid, gid, kind, mid) SELECT tid, 999, 1, rid FROM resource WHERE type = 1", "1 memberships lead nowhere"},
		{"a user as a group", "INSERT INTO member(tid, gid, kind, mid) SELECT tid, rid, 1, rid FROM resource WHERE type = 1", "1 memberships lead nowhere"},
		{"a member of another environment", "INSERT INTO member(tid, gid, kind, mid) SELECT 9, g.rid, 1, u.rid FROM resource g, resource u WHERE g.type = 2 AND u.type = 1", "1 memberships lead nowhere"},
		{"a password of another environment", "INSERT INTO credential(tid, rid, must_change, failures) SELECT 9, rid, 0, 0 FROM resource WHERE type = 1", "1 rows are in another environment"},
		{"a population that is not there", "UPDATE resource SET pop = 999 WHERE type = 1", "1 users are in no population"},
		{"a group as a population", "UPDATE resource SET pop = (SELECT max(rid) FROM resource WHERE type = 2) WHERE type = 1", "1 users are in no population"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := open(t, Config{})
			err := db.Update(context.Background(), func(tx *Tx) error {
				tenant := Tenant{ID: "e", Name: "E", NameKey: "e", Version: 1, Created: at, Modified: at}
				if err := tx.InsertTenant(&tenant); err != nil {
					return err
				}
				named := scim.NewObject(scim.Member{Name: "displayName", Value: scim.StringValue("Ada")})
				insert := func(typ Type) error {
					return tx.Insert(&Row{TID: tenant.TID, Type: typ, ID: "1", Version: 1, Created: at, Modified: at, Doc: []byte(`{"displayName":"Ada"}`)}, named)
				}
				if err := errors.Join(insert(User), insert(Group), insert(Population)); err != nil || test.damage == "" {
					return err
				}
				_, err := tx.exec(test.damage)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			err = db.View(context.Background(), (*Tx).Check)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// A resource is made of the row as it is at the call, though attributes are parsed once.
func TestRowResource(t *testing.T) {
	row := &Row{Type: User, ID: "1", Version: 1, Doc: []byte(`{"userName":"Ada"}`)}
	r := row.Resource()
	attrs := r.Attributes()
	r.Groups = []scim.Reference{{ID: "g"}}
	if again := row.Resource(); again != r || len(again.Groups) != 1 {
		t.Error("another resource of the same row")
	}
	copied := *row
	copied.Version, copied.ID = 2, "2"
	next := copied.Resource()
	if next == r || next.Version != 2 || next.ID != "2" || len(next.Groups) != 0 || r.Version != 1 || r.ID != "1" {
		t.Errorf("a changed copy gives %+v, and the row %+v", next, r)
	}
	if next.Attributes() != attrs {
		t.Error("the attributes were parsed again")
	}
	copied.Doc = []byte(`{"userName":"Bob"}`)
	if name := copied.Resource().Attributes().Get("userName").Text(); name != "Bob" || row.Resource().Attributes() != attrs {
		t.Errorf("another document gives %q", name)
	}
}
