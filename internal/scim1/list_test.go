package scim1_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim1"
)

func TestListKeys(t *testing.T) {
	t.Run("p14e:R49 the array is called resources, Resources or both", func(t *testing.T) {
		for _, row := range []struct {
			keys []string
			want string
		}{
			{nil, `"resources": []`},
			{[]string{"resources"}, `"resources": []`},
			{[]string{"Resources"}, `"Resources": []`},
			{[]string{"resources", "Resources"}, `"resources": [], "Resources": []`},
		} {
			p := scim1.PingOneEnterprise()
			if row.keys != nil {
				p.Options.ListKeys = row.keys
			}
			open(t, p).play(t, `
GET /api/directory/user
200 {"totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "count": 0, "schemas": ["urn:scim:schemas:core:1.0"], `+row.want+`}`)
		}
	})
}

// A list is the answer to GET of a collection.
type list struct {
	TotalResults, ItemsPerPage, StartIndex, Count int
	Resources                                     []struct{ ID, UserName string }
}

func mustList(t testing.TB, server, path string) list {
	t.Helper()
	status, body := send(t, server, "GET", path, "")
	var l list
	if err := json.Unmarshal([]byte(body), &l); err != nil || status != 200 {
		t.Fatalf("GET %s: %d %s", path, status, body)
	}
	return l
}

// fill stores n users, past the doors.
func (s *server) fill(t testing.TB, n int) {
	t.Helper()
	c := directorytest.Caller(t, s.dir, directorytest.BasicSecret)
	for i := range n {
		o := scim.NewObject(scim.Member{Name: "userName", Value: scim.StringValue(fmt.Sprintf("user%04d", i))})
		if _, err := s.dir.Create(context.Background(), c, c.Home(), directory.Draft{Type: "User", Attributes: o}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPaging(t *testing.T) {
	const users = 1003
	s := open(t, scim1.PingOneEnterprise())
	s.fill(t, users)
	srv := httptest.NewServer(s)
	defer srv.Close()

	t.Run("p14e:R53 count is 100 if not given and 1000 at most", func(t *testing.T) {
		for _, row := range []struct {
			query string
			want  int
		}{
			{"", 100}, {"?count=7", 7}, {"?count=1000", 1000}, {"?count=1001", 1000},
			{"?count=99999999999999999999", 1000}, {"?count=0", 0},
		} {
			l := mustList(t, srv.URL, "/api/directory/user"+row.query)
			if len(l.Resources) != row.want || l.Count != row.want || l.ItemsPerPage != row.want || l.TotalResults != users {
				t.Errorf("%s: %d resources, count %d, itemsPerPage %d, totalResults %d", row.query, len(l.Resources), l.Count, l.ItemsPerPage, l.TotalResults)
			}
		}
		for _, query := range []string{"?count=-1", "?count=ten", "?count=1.5", "?count=", "?count=-99999999999999999999"} {
			status, body := send(t, srv.URL, "GET", "/api/directory/user"+query, "")
			if want := `{"Errors":[{"description":"Invalid value for parameter count","code":"400"}]}`; status != 400 || body != want {
				t.Errorf("%s: %d %s", query, status, body)
			}
		}
	})

	t.Run("p14e:R54 pages neither overlap nor leave gaps", func(t *testing.T) {
		for _, size := range []int{1000, 334} {
			var names []string
			seen := map[string]bool{}
			for start := 1; start <= users; start += size {
				for _, u := range mustList(t, srv.URL, fmt.Sprintf("/api/directory/user?startIndex=%d&count=%d", start, size)).Resources {
					if seen[u.ID] {
						t.Fatalf("%s twice", u.UserName)
					}
					seen[u.ID] = true
					names = append(names, u.UserName)
				}
			}
			if len(names) != users || !slices.IsSorted(names) {
				t.Errorf("%d users in pages of %d, in order of creation: %v", len(names), size, slices.IsSorted(names))
			}
		}
	})
}

func TestFilters(t *testing.T) {
	s := open(t, scim1.PingOneEnterprise())
	s.play(t, `
POST /api/directory/user
{"userName": "ada", "externalId": "Hr-1", "displayName": "Ada", "name": {"familyName": "Archer"}, "title": "Engineer",
 "emails": [{"value": "Ada@example.com", "type": "work"}, {"value": "ada@home.example", "type": "home"}],
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research", "manager": {"managerId": "m-1"}}}
200 {"id": "$UUID1", ...}
POST /api/directory/user
{"userName": "bob", "externalId": "hr-1", "displayName": "Bob", "name": {"familyName": "Byron"}, "active": false,
 "emails": [{"value": "bob@example.com", "type": "work"}], "x509Certificates": [{"value": "MAMCAQE="}]}
200 {...}
POST /api/directory/user {"userName": "cyd", "name": {"familyName": "archer"}, "title": "Head"}
200 {...}`)
	srv := httptest.NewServer(s)
	defer srv.Close()
	all := mustList(t, srv.URL, "/api/directory/user")
	stamp := directorytest.Start.UnixMilli()
	ada := all.Resources[0].ID

	for _, group := range []struct {
		name string
		rows [][2]string // filter, userNames that it selects
	}{
		{"p14e:R57 operators, their order, and letter case", [][2]string{
			{`userName eq "ada"`, "ada"},
			{`username EQ "ADA"`, "ada"},
			{`userName co "d"`, "ada cyd"},
			{`userName sw "b"`, "bob"},
			{`title pr`, "ada cyd"},
			{`userName gt "ada"`, "bob cyd"},
			{`userName ge "bob"`, "bob cyd"},
			{`userName lt "bob"`, "ada"},
			{`userName le "bob"`, "ada bob"},
			{`userName eq "ada" or userName eq "bob" and title pr`, "ada"},
			{`(userName eq "ada" or userName eq "bob") and title pr`, "ada"},
			{`(userName eq "bob" OR userName eq "cyd") AND title PR`, "cyd"},
			{`userName eq "bob" or userName eq "cyd" and title eq "Nobody"`, "bob"},
		}},
		{"p14e:R58 paths", [][2]string{
			{`name.familyName eq "Archer"`, "ada cyd"},
			{`emails.value eq "bob@example.com"`, "bob"},
			{`emails eq "bob@example.com"`, "bob"},
			{`emails.type eq "home"`, "ada"},
			{`meta.lastModified gt "2026-01-01T00:00:00Z"`, "ada bob cyd"},
			{`meta.created lt "2026-01-01T00:00:00.000-06:00"`, ""},
			{`groups.value eq "` + s.users + `"`, "ada bob cyd"},
			{`active eq false`, "bob"},
			{`urn:scim:schemas:core:1.0:userName eq "bob"`, "bob"},
			{`urn:scim:schemas:extension:enterprise:1.0:department eq "research"`, "ada"},
			{`urn:scim:schemas:extension:enterprise:1.0:manager.managerId eq "m-1"`, "ada"},
			{`urn:scim:schemas:com_pingone:1.0:createTimeStamp gt 1420084800000`, "ada bob cyd"},
			{fmt.Sprintf(`urn:scim:schemas:com_pingone:1.0:createTimeStamp ge %d`, stamp+2000), "bob cyd"},
			{fmt.Sprintf(`urn:scim:schemas:com_pingone:1.0:lastModifiedTimeStamp le %d`, stamp+1000), "ada"},
			{`(name.familyName sw "A") and (urn:scim:schemas:com_pingone:1.0:createTimeStamp gt 1420084800000)`, "ada cyd"},
		}},
		{"p14e:R59 text without letter case, but for externalId and binary values; dates as instants", [][2]string{
			{`displayName eq "ADA"`, "ada"},
			{`emails.value eq "ada@EXAMPLE.com"`, "ada"},
			{`id eq "` + ada + `"`, "ada"},
			{`id eq "` + strings.ToUpper(ada) + `"`, "ada"},
			{`externalId eq "hr-1"`, "bob"},
			{`externalId eq "Hr-1"`, "ada"},
			{`externalId eq "HR-1"`, ""},
			{`x509Certificates.value eq "MAMCAQE="`, "bob"},
			{`x509Certificates.value eq "mamcaqe="`, ""},
			{`meta.created eq "` + directorytest.Start.Add(1e9).Format("2006-01-02T15:04:05.000Z07:00") + `"`, "ada"},
			{`meta.created eq "` + directorytest.Start.Add(1e9+2*3600e9).Format("2006-01-02T15:04:05.000") + `+02:00"`, "ada"},
		}},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, row := range group.rows {
				var names []string
				for _, u := range mustList(t, srv.URL, "/api/directory/user?filter="+url.QueryEscape(row[0])).Resources {
					names = append(names, u.UserName)
				}
				if got := strings.Join(names, " "); got != row[1] {
					t.Errorf("%s selects %q, want %q", row[0], got, row[1])
				}
			}
		})
	}
}

func TestFilterMembers(t *testing.T) {
	open(t, scim1.PingOneEnterprise()).play(t, `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", ...}
GET /api/directory/group?filter=members.value%20eq%20%22$UUID1%22
200 {"totalResults": 1, "resources": [{"id": "$USERS", ...}], ...}
GET /api/directory/user?filter=urn:scim:schemas:com_pingone:1.0:createTimeStamp%20gt%20%22soon%22
400 Invalid filter: a stamp is compared with a whole number of milliseconds$ANY
GET /api/directory/user?filter=urn:scim:schemas:com_pingone:1.0:createTimeStamp%20pr
200 {"totalResults": 1, ...}`)
}
