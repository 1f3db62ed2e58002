package scim2_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

func TestConformanceSearch(t *testing.T) {
	runChecks(t, openStandard, standardSort)
	runChecks(t, openStandard, standardSearch)
	runChecks(t, openStandard, standardCursor)
	runChecks(t, openStandard, standardMe)
	runChecks(t, openPingOne, pingOneSearch)
}

const searchRequest = `"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]`

// number is a number of JSON.
func number(digits string) json.Number { return json.Number(digits) }

// named makes users of these names.
func (d *door) named(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		d.user(t, `{"userName":"`+name+`"}`)
	}
}

// listed returns the names in the answer to a query.
func (a *answer) listed(t testing.TB) []string {
	t.Helper()
	a.wantStatus(t, 200)
	names := []string{}
	for _, r := range a.list() {
		for _, attribute := range []string{"userName", "displayName"} {
			if name, ok := r[attribute]; ok {
				names = append(names, fmt.Sprint(name))
				break
			}
		}
	}
	return names
}

// standardSort is section 12.
var standardSort = []check{
	{name: "scim:SRT-01,scim:SRT-02,scim:SRT-08 sortBy and sortOrder", run: func(t *testing.T, d *door) {
		d.named(t, "b", "C", "a")
		want(t, "sort", d.do("GET /ServiceProviderConfig", "").get("sort/supported"), any(true))
		for query, names := range map[string][]string{
			"?sortBy=userName": {"a", "b", "C"}, "?sortBy=userName&sortOrder=ascending": {"a", "b", "C"}, "?sortBy=userName&sortOrder=descending": {"C", "b", "a"},
			"?sortBy=USERNAME&sortOrder=DESCENDING": {"C", "b", "a"}, "?sortOrder=descending": {"b", "C", "a"}, "?sortOrder=sideways": {"b", "C", "a"}, "?sortBy=": {"b", "C", "a"},
			"?sortBy=" + userURN + ":userName": {"a", "b", "C"}, "?sortBy=userName&startIndex=2&count=1": {"b"},
		} {
			want(t, query, d.names(t, "/Users"+query), names)
		}
		for _, query := range []string{"?sortBy=userName&sortOrder=sideways", "?sortBy=nothing", "?sortBy=name", "?sortBy=password", "?sortBy=emails[type", "?sortBy=userName&sortOrder="} {
			if strings.HasSuffix(query, "sortOrder=") {
				want(t, query, d.names(t, "/Users"+query), []string{"a", "b", "C"})
				continue
			}
			d.refused(t, "GET /Users"+query, "", 400, "invalidValue", "")
		}
		for _, other := range []*door{openRSA(t, scim2.Options{}), openPingOne(t, scim2.Options{})} {
			other.named(t, "b", "a")
			want(t, "not offered", other.names(t, "/Users?sortBy=userName&sortOrder=sideways"), []string{"b", "a"})
			want(t, "sort", other.do("GET /ServiceProviderConfig", "").get("sort/supported"), any(false))
		}
	}},
	{name: "scim:SRT-05,scim:SRT-07 those without a value are last, or first when descending; ties keep one order", run: func(t *testing.T, d *door) {
		for i, title := range []string{`"title":"x",`, ``, `"title":"y",`, `"title":"x",`, `"title":"",`, `"title":"X",`} {
			d.user(t, fmt.Sprintf(`{%s"userName":"u%d"}`, title, i))
		}
		up, down := []string{"u0", "u3", "u5", "u2", "u1", "u4"}, []string{"u4", "u1", "u2", "u5", "u3", "u0"}
		want(t, "ascending", d.names(t, "/Users?sortBy=title"), up)
		want(t, "descending", d.names(t, "/Users?sortBy=title&sortOrder=descending"), down)
		for order, names := range map[string][]string{"ascending": up, "descending": down} {
			var seen []string
			for start := 1; start <= 6; start += 2 {
				seen = append(seen, d.names(t, fmt.Sprintf("/Users?sortBy=title&sortOrder=%s&count=2&startIndex=%d", order, start))...)
			}
			want(t, order+" by pages", seen, names)
		}
	}},
}

// standardSearch is section 19 and queries at the root.
var standardSearch = []check{
	{name: "scim:SEA-01,scim:SEA-02,scim:SEA-03,scim:ATT-01 .search is the query of a GET", run: func(t *testing.T, d *door) {
		for i := range 6 {
			d.user(t, fmt.Sprintf(`{"userName":"u%d","title":"%d","emails":[{"value":"e"}]}`, i, 9-i))
			d.create(t, "/Groups", fmt.Sprintf(`{"displayName":"u%d"}`, i))
		}
		for _, path := range []string{"/Users", "/Groups", ""} {
			name := map[string]string{"/Users": "userName", "/Groups": "displayName", "": "meta.created"}[path]
			filter := map[string]string{"/Users": `userName sw "u"`, "/Groups": `displayName ne "Users"`, "": `id pr`}[path]
			query := "?startIndex=2&count=3&sortBy=" + name + "&sortOrder=descending&filter=" + escape(filter)
			body := `{` + searchRequest + `,"filter":"` + strings.ReplaceAll(filter, `"`, `\"`) + `","startIndex":2,"count":3,"sortBy":"` + name + `","sortOrder":"descending"`
			for parameter, member := range map[string]string{"": "", "&attributes=userName,displayName": `,"attributes":["userName","displayName"]`, "&excludedAttributes=meta,title": `,"excludedAttributes":["meta","title"]`} {
				get, post := d.do("GET "+path+query+parameter, ""), d.do("POST "+path+"/.search", body+member+`}`)
				post.wantStatus(t, 200)
				want(t, path+parameter, string(post.body), string(get.body))
				want(t, path, len(post.list()), 3)
			}
		}
		want(t, "users", d.users(t), 6)
		strictly := openStandard(t, strict)
		strictly.do("POST /Users/.search", `{`+searchRequest+`}`).wantStatus(t, 200)
		for _, body := range []string{`{}`, `{"schemas":[]}`, `{` + declared + `"count":1}`} {
			strictly.refused(t, "POST /Users/.search", body, 400, "invalidSyntax", "")
		}
		d.refused(t, "POST /Users/.search", `{`+declared+`"userName":"x"}`, 400, "invalidSyntax", "")
		d.do("POST /Users/.search", `{}`).wantStatus(t, 200)
	}},
	{name: "scim:SEA-04,scim:PAG-07 members of the wrong type", run: func(t *testing.T, d *door) {
		d.named(t, "a", "b")
		for _, m := range []string{`"filter":7`, `"count":true`, `"startIndex":[1]`, `"attributes":7`, `"attributes":["a",1]`, `"excludedAttributes":{"a":1}`, `"sortBy":["userName"]`, `"sortOrder":1`, `"cursor":{}`} {
			d.refused(t, "POST /Users/.search", `{`+searchRequest+`,`+m+`}`, 400, "invalidSyntax", "")
		}
		for _, m := range []string{`"count":1.5`, `"count":1e2`, `"startIndex":0.5`} {
			d.refused(t, "POST /Users/.search", `{`+searchRequest+`,`+m+`}`, 400, "invalidValue", "")
		}
		for _, query := range []string{"?startIndex=x", "?count=x", "?count=1.0", "?count=", "?startIndex=+"} {
			d.refused(t, "GET /Users"+query, "", 400, "invalidValue", "")
		}
		d.refused(t, "GET /Users?cursor&count=x", "", 400, "invalidCount", "")
		want(t, "unknown members", d.do("POST /Users/.search", `{`+searchRequest+`,"nothing":{"a":1},"filter":null}`).listed(t), []string{"a", "b"})
		text := `{` + searchRequest + `,"count":"1","startIndex":"2"}`
		want(t, "numbers as texts", d.do("POST /Users/.search", text).listed(t), []string{"b"})
		openStandard(t, strict).refused(t, "POST /Users/.search", text, 400, "invalidSyntax", "")
	}},
	{name: "scim:SEA-05 a search needs the right to read", run: func(t *testing.T, d *door) {
		d.named(t, "a")
		for _, path := range []string{"", "/Users"} {
			want(t, path, len(d.as(directorytest.ReaderToken).do("POST "+path+"/.search", `{"filter":"userName eq \"a\""}`).list()), 1)
			d.as("").refused(t, "POST "+path+"/.search", `{}`, 401, "", "")
		}
	}},
	{name: "scim:LST-05,scim:LST-09 the root has the resources of all types, and an attribute that a type lacks has no value", run: func(t *testing.T, d *door) {
		d.named(t, "b", "a", "d")
		d.create(t, "/Groups", `{"displayName":"c"}`)
		for query, names := range map[string][]string{
			"": {"b", "a", "d", "Users", "c"}, "?count=2&startIndex=3": {"d", "Users"}, "?count=2": {"b", "a"}, "?startIndex=5": {"c"}, "?startIndex=9": {}, "?count=0": {},
			"?filter=" + escape(`userName pr`): {"b", "a", "d"}, "?filter=" + escape(`displayName eq "C"`): {"c"}, "?filter=" + escape(`meta.resourceType eq "Group"`): {"Users", "c"},
			"?filter=" + escape(`not (userName eq "a")`): {"b", "d", "Users", "c"}, "?filter=" + escape(`nothing pr`): {},
			"?sortBy=displayName": {"c", "Users", "b", "a", "d"}, "?sortBy=userName&sortOrder=descending&count=3": {"Users", "c", "d"}, "?sortBy=userName&startIndex=2&count=2": {"b", "d"},
		} {
			if strings.Contains(query, "descending") {
				got := d.do("GET "+query, "").listed(t)
				slices.Sort(got[:2])
				want(t, query, got, names)
				continue
			}
			want(t, query, d.do("GET "+query, "").listed(t), names)
			want(t, "/"+query, d.do("GET /"+query, "").listed(t), names)
		}
		a := d.do("GET ?count=1", "")
		want(t, "totalResults", fmt.Sprint(a.get("totalResults")), "5")
		want(t, "itemsPerPage", fmt.Sprint(a.get("itemsPerPage")), "1")
		want(t, "one", a.list()[0], d.do("GET /Users/"+fmt.Sprint(a.get("Resources/0/id")), "").json())
		d.refused(t, "GET ?filter=x", "", 400, "invalidFilter", "")
		d.refused(t, "GET ?sortBy=userName&startIndex=99999", "", 400, "tooMany", "")
	}},
}

// narrow returns a door whose filters may look at one resource that no index
// has chosen, and a group of all of its users.
func narrow(t *testing.T, users int) (d *door, group string) {
	t.Helper()
	d = &door{base: "/scim/v2", token: directorytest.DevToken, log: new(bytes.Buffer), clock: directorytest.NewClock()}
	var err error
	cfg := directorytest.Config(t, t.TempDir())
	cfg.Now, cfg.ScanRows = d.clock.Now, 1
	if d.dir, err = directory.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.dir.Close() })
	e, err := d.dir.CreateEnvironment(t.Context(), directory.EnvironmentDraft{Name: "default"})
	if err == nil {
		_, _, err = d.dir.CreateClient(t.Context(), directory.ClientDraft{Environment: e.ID, Secrets: []string{d.token}})
	}
	if err != nil {
		t.Fatal(err)
	}
	d.serve(t, scim2.Standard(none))
	members := make([]string, users)
	for i := range members {
		d.clock.Advance(time.Second)
		id := d.user(t, fmt.Sprintf(`{"userName":"u%03d","externalId":"e%[1]d","displayName":"D%[1]d","title":"t%[1]d","emails":[{"value":"w%[1]d@x.example","type":"work"},{"value":"h%[1]d@x.example","type":"home"}]}`, i))
		members[i] = `{"value":"` + id + `"}`
	}
	return d, d.create(t, "/Groups", `{"displayName":"G","members":[`+strings.Join(members, ",")+`]}`).id()
}

// TestCost is what the requirements say of the cost of lists.
func TestCost(t *testing.T) {
	const users = 120
	d, group := narrow(t, users)
	t.Run("scim:LST-06 a list of any length is cut into pages, a filter beyond the limit is tooMany", func(t *testing.T) {
		a := d.do("GET /Users", "")
		want(t, "itemsPerPage", a.get("itemsPerPage"), any(number("100")))
		want(t, "totalResults", a.get("totalResults"), any(number("120")))
		for _, request := range []string{`title eq "t7"`, `title co "t" and active eq true`, `not (title pr)`} {
			for _, path := range []string{"/Users", ""} {
				d.refused(t, "GET "+path+"?filter="+escape(request), "", 400, "tooMany", "The filter would have to read too many resources; an index of title would help")
			}
		}
		d.refused(t, "POST /Users/.search", `{`+searchRequest+`,"filter":"title eq \"t7\""}`, 400, "tooMany", "")
		d.refused(t, "GET /Users?sortBy=title", "", 400, "tooMany", "")
		d.refused(t, "GET ?sortBy=userName&startIndex=99999", "", 400, "tooMany", "")
	})
	t.Run("scim:FLT-30 what clients look for is found by an index", func(t *testing.T) {
		id := d.do("GET /Users?filter="+escape(`userName eq "U007"`), "").get("Resources/0/id")
		for filter, found := range map[string][]string{
			`userName eq "U007"`: {"u007"}, `externalId eq "e7"`: {"u007"}, `emails.value eq "H7@x.example"`: {"u007"}, `emails eq "w7@x.example"`: {"u007"},
			`emails[type eq "work" and value eq "w7@x.example"]`: {"u007"}, `emails[type eq "work"].value eq "w7@x.example"`: {"u007"},
			`displayName eq "d7"`: {"u007"}, `meta.lastModified ge "2026-03-01T08:17:29.120Z"`: {"u118", "u119"},
			`userName eq "u007" and title eq "t7"`: {"u007"},
		} {
			want(t, filter, d.names(t, "/Users?filter="+escape(filter)), found)
		}
		for _, filter := range []string{`displayName eq "g"`, fmt.Sprintf(`members[value eq "%v"]`, id), fmt.Sprintf(`id eq "%s" and members eq "%v"`, group, id)} {
			want(t, filter, d.do("GET /Groups?excludedAttributes=members&filter="+escape(filter), "").get("totalResults"), any(number("1")))
		}
	})
	t.Run("scim:PAG-09 pages far into a list are right, and read no more than themselves", func(t *testing.T) {
		for query, name := range map[string]func(i int) string{
			"": func(i int) string { return fmt.Sprintf("u%03d", i) }, "&sortBy=userName": func(i int) string { return fmt.Sprintf("u%03d", i) },
			"&sortBy=userName&sortOrder=descending": func(i int) string { return fmt.Sprintf("u%03d", users-1-i) },
			"&filter=" + escape(`userName sw "U"`):  func(i int) string { return fmt.Sprintf("u%03d", i) },
		} {
			for _, start := range []int{1, 60, 101, 118, 121} {
				a := d.do(fmt.Sprintf("GET /Users?startIndex=%d&count=7%s", start, query), "")
				page := []string{}
				for i := start - 1; i < min(start+6, users); i++ {
					page = append(page, name(i))
				}
				want(t, query, a.listed(t), page)
				want(t, query, a.get("totalResults"), any(number("120")))
			}
		}
		// A resource that goes away moves those after it, and no other.
		d.do("DELETE /Users/"+fmt.Sprint(d.do("GET /Users?count=1", "").get("Resources/0/id")), "").wantStatus(t, 204)
		want(t, "after a deletion", d.do("GET /Users?startIndex=118&count=7", "").listed(t), []string{"u118", "u119"})
	})
}

// standardCursor is RFC 9865 in section 13.
var standardCursor = []check{
	{name: "scim:CUR-01,scim:CUR-02,scim:CUR-03,scim:CUR-04,scim:CUR-08,scim:CUR-12 a walk from the first page to the last", run: func(t *testing.T, d *door) {
		var all []string
		for i := range 11 {
			all = append(all, fmt.Sprintf("u%02d", i))
		}
		d.named(t, all...)
		unreserved := regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
		for _, byBody := range []bool{false, true} {
			page := func(cursor string) *answer {
				if byBody {
					return d.do("POST /Users/.search", `{`+searchRequest+`,"count":4,"cursor":"`+cursor+`"}`)
				}
				return d.do("GET /Users?count=4&cursor="+cursor, "")
			}
			var seen []string
			cursor, pages, back := "", 0, ""
			for {
				a := page(cursor)
				pages++
				seen = append(seen, a.listed(t)...)
				want(t, "totalResults", fmt.Sprint(a.get("totalResults")), "11")
				want(t, "itemsPerPage", fmt.Sprint(a.get("itemsPerPage")), fmt.Sprint(len(a.list())))
				if previous, ok := a.get("previousCursor").(string); ok == (pages == 1) || ok && !unreserved.MatchString(previous) {
					t.Errorf("page %d: previousCursor %q", pages, previous)
				} else if ok {
					back = previous
				}
				next, more := a.get("nextCursor").(string)
				if more != (pages < 3) || more && !unreserved.MatchString(next) {
					t.Fatalf("page %d: nextCursor %q", pages, next)
				}
				if cursor = next; !more {
					break
				}
			}
			want(t, "walk", seen, all)
			want(t, "one page back", page(back).listed(t), all[4:8])
		}
		for query, n := range map[string]int{"?cursor&count=11": 11, "?cursor=&count=12": 11, "?cursor": 11, "?cursor&count=0": 0, "?cursor&count=-3": 0, "?cursor&filter=" + escape(`userName eq "x"`): 0} {
			a := d.do("GET /Users"+query, "")
			want(t, query, len(a.listed(t)), n)
			want(t, query, a.get("nextCursor"), nil)
		}
	}},
	{name: "scim:CUR-05,scim:CUR-06,scim:CUR-07,scim:CUR-17 what a cursor does not go with", run: func(t *testing.T, d *door) {
		d.named(t, "a", "b", "c", "d")
		next := func(query string) string { return fmt.Sprint(d.do("GET /Users?"+query, "").get("nextCursor")) }
		cursor := next("cursor&count=2")
		want(t, "the same count", d.do("GET /Users?count=2&cursor="+cursor, "").listed(t), []string{"c", "d"})
		want(t, "no count", d.do("GET /Users?cursor="+cursor, "").listed(t), []string{"c", "d"})
		for _, count := range []string{"1", "3", "0", "x", "1001"} {
			d.refused(t, "GET /Users?count="+count+"&cursor="+cursor, "", 400, "invalidCount", "")
		}
		d.refused(t, "GET /Users?count=1001&cursor", "", 400, "invalidCount", "")
		for _, query := range []string{"&filter=" + escape(`userName pr`), "&sortBy=userName", "&attributes=id", "&excludedAttributes=id"} {
			d.refused(t, "GET /Users?cursor="+cursor+query, "", 400, "invalidCursor", "")
		}
		d.refused(t, "GET /Groups?cursor="+cursor, "", 400, "invalidCursor", "")
		d.refused(t, "GET ?cursor="+cursor, "", 400, "invalidCursor", "")
		flipped := strings.Map(func(r rune) rune {
			if r == 'A' {
				return 'B'
			}
			return 'A'
		}, cursor[:1]) + cursor[1:]
		for _, forged := range []string{"x", cursor[1:], cursor + "A", "." + cursor[1:], flipped, strings.Repeat("A", 100), "%00", "..."} {
			d.refused(t, "GET /Users?cursor="+forged, "", 400, "invalidCursor", "cursor: not a cursor of this query")
		}
		d.refused(t, "GET /Users?startIndex=1&cursor="+cursor, "", 400, "invalidValue", "startIndex: not possible together with cursor")
		d.refused(t, "GET /Users?startIndex=1&cursor", "", 400, "invalidValue", "")
		d.clock.Advance(time.Hour)
		d.do("GET /Users?cursor="+cursor, "").wantStatus(t, 200)
		d.clock.Advance(time.Second)
		d.refused(t, "GET /Users?cursor="+cursor, "", 400, "expiredCursor", "cursor: the cursor has expired; begin again")
	}},
	{name: "scim:CUR-09,scim:CUR-18 a walk in any order meets each resource that stays exactly once, while others write", run: func(t *testing.T, d *door) {
		stays, ids := map[string]bool{}, []string{}
		for i := range 24 {
			d.clock.Advance(time.Second)
			name, body := fmt.Sprintf("u%02d", i*7%24), ""
			if i%3 > 0 { // the others have nothing else to be sorted by
				body = fmt.Sprintf(`,"displayName":"D%d","externalId":"e%d","title":"t%d","active":%v,"name":{"familyName":"F%[3]d"},"emails":[{"value":"m%[5]d@x.example"}]`, i%5, i*5%24, i%4, i%2 == 0, i*11%24)
			}
			ids = append(ids, d.user(t, `{"userName":"`+name+`"`+body+`}`))
			stays[name] = true
		}
		for _, name := range []string{"Users", "D2", "D9"} {
			if stays[name] = true; name != "Users" {
				d.create(t, "/Groups", `{"displayName":"`+name+`"}`)
			}
		}
		var goes []string
		n := 0
		others := func() { // make one before all and one after all, change one that stays, rename one that does not, delete the oldest of these
			n++
			for _, name := range []string{"0", "zz"} {
				goes = append(goes, d.user(t, fmt.Sprintf(`{"userName":"%s-%d","displayName":"%[1]s","externalId":"%[1]s","title":"%[1]s","nickName":"goes"}`, name, n)))
			}
			d.do("PATCH /Users/"+ids[n%len(ids)], patch(fmt.Sprintf(`{"op":"add","path":"nickName","value":"n%d"}`, n))).wantStatus(t, 200)
			d.do("PATCH /Users/"+goes[n%len(goes)], patch(fmt.Sprintf(`{"op":"replace","value":{"userName":"m-%d","displayName":"D3"}}`, n))).wantStatus(t, 200)
			for len(goes) > 6 {
				d.do("DELETE /Users/"+goes[0], "").wantStatus(t, 204)
				goes = goes[1:]
			}
		}
		for _, by := range []string{"", "id", "userName", "displayName", "externalId", "title", "active", "name.familyName", "emails", "emails.value", "meta.created", "groups.display"} {
			for _, order := range []string{"ascending", "descending"} {
				for path, those := range map[string]int{"/Users": 24, "": 27} {
					query := path + "?count=7&sortBy=" + by + "&sortOrder=" + order + "&cursor="
					var seen []string
					for cursor, more := "", true; more; {
						a := d.do("GET "+query+cursor, "")
						seen = append(seen, a.listed(t)...)
						others()
						cursor, more = a.get("nextCursor").(string)
					}
					seen = slices.DeleteFunc(seen, func(name string) bool { return !stays[name] })
					if path != "" && by == "userName" {
						want(t, query, slices.IsSortedFunc(seen, func(x, y string) int {
							return map[string]int{"ascending": 1, "descending": -1}[order] * strings.Compare(x, y)
						}), true)
					}
					slices.Sort(seen)
					want(t, query, len(slices.Compact(seen)), those)
					want(t, query, len(seen), those)
				}
			}
		}
	}},
	{name: "scim:CUR-10,scim:CUR-11,scim:DIS-06,scim:DIS-08 the index is the default, no cursor is forced on anybody, and the configuration says so", run: func(t *testing.T, d *door) {
		names := make([]string, 101)
		for i := range names {
			names[i] = fmt.Sprintf("u%03d", i)
		}
		d.named(t, names...)
		a := d.do("GET /Users", "")
		want(t, "nextCursor", a.get("nextCursor"), nil)
		want(t, "page", len(a.list()), 100)
		want(t, "pagination", d.do("GET /ServiceProviderConfig", "").get("pagination"), any(map[string]any{"cursor": true, "index": true, "defaultPaginationMethod": "index",
			"defaultPageSize": number("100"), "maxPageSize": number("1000"), "cursorTimeout": number("3600")}))
		want(t, "defaultPageSize", len(d.do("GET /Users?cursor", "").list()), 100)
		s := openStandard(t, strict)
		want(t, "strict", s.do("GET /ServiceProviderConfig", "").get("pagination"), nil)
		s.do("GET /Users?cursor=x", "").wantStatus(t, 200)
		off := d.as(d.client(t, func(s *directory.ClientSettings) { s.CursorPaging = directory.CursorOff }))
		want(t, "off", off.do("GET /Users?cursor&count=1", "").get("nextCursor"), nil)
	}},
	{name: "scim:CUR-13,scim:CUR-14,scim:CUR-15,scim:CUR-16 a cursor is of one client, with its rights, and cannot be read", run: func(t *testing.T, d *door) {
		d.named(t, "secretname1", "secretname2")
		cursor := fmt.Sprint(d.do("GET /Users?cursor&count=1&sortBy=userName", "").get("nextCursor"))
		const query = "GET /Users?sortBy=userName&cursor="
		other := d.as(directorytest.OtherToken)
		other.named(t, "secretname3")
		d.as("").refused(t, query+cursor, "", 401, "", "")
		var said []string
		for _, stranger := range []*door{d.as(directorytest.ReaderToken), other, other.at("/scim/" + directorytest.Other + "/v2")} {
			for _, text := range []string{cursor, "forged"} {
				said = append(said, string(stranger.refused(t, query+text, "", 400, "invalidCursor", "").body))
			}
		}
		want(t, "errors", len(slices.Compact(said)), 1)
		again := fmt.Sprint(d.do("GET /Users?cursor&count=1&sortBy=userName", "").get("nextCursor"))
		if again == cursor || strings.Contains(cursor, "c2VjcmV0") {
			t.Errorf("cursors %s, %s", cursor, again)
		}
		// Another server on the same data takes it: nothing is kept in memory.
		twin := open(t, scim2.Standard(scim2.Options{}), "/scim/v2")
		twin.named(t, "a", "b")
		twin.refused(t, query+cursor, "", 400, "invalidCursor", "")
		want(t, "next", d.do(query+cursor, "").listed(t), []string{"secretname2"})
	}},
	{name: "scim:CUR-03,scim:CUR-04 a walk at the root goes through all types, and back", run: func(t *testing.T, d *door) {
		d.create(t, "/Groups", `{"displayName":"g"}`)
		d.named(t, "c", "a", "b")
		d.create(t, "/Groups", `{"displayName":"b"}`)
		for query, all := range map[string][]string{
			"": {"Users", "g", "c", "a", "b", "b"}, "&sortBy=displayName": {"b", "g", "Users", "c", "a", "b"}, "&sortBy=userName": {"a", "b", "c", "Users", "g", "b"},
			"&sortBy=userName&sortOrder=descending": {"b", "g", "Users", "c", "b", "a"}, "&filter=" + escape(`displayName pr`): {"Users", "g", "b"},
		} {
			for _, count := range []int{1, 2, 3, 4, 5, 6, 7} {
				page := func(cursor string, begin int) (previous, next string) {
					t.Helper()
					a := d.do(fmt.Sprintf("GET ?count=%d&cursor=%s%s", count, cursor, query), "")
					want(t, "totalResults", fmt.Sprint(a.get("totalResults")), fmt.Sprint(len(all)))
					want(t, fmt.Sprint(query, " ", count, " from ", begin), a.listed(t), all[begin:min(begin+count, len(all))])
					previous, back := a.get("previousCursor").(string)
					next, on := a.get("nextCursor").(string)
					want(t, "previousCursor", back, begin > 0)
					want(t, "nextCursor", on, begin+count < len(all))
					return previous, next
				}
				at, begin := "", 0
				previous, next := page("", 0)
				for next != "" {
					begin += count
					at = next
					previous, next = page(at, begin)
				}
				for previous != "" && begin >= count {
					begin -= count
					previous, _ = page(previous, begin)
				}
				want(t, "first", begin, 0)
			}
		}
		want(t, "nothing", d.do("GET ?cursor&filter="+escape(`displayName eq "none"`), "").get("nextCursor"), nil)
		want(t, "count only", len(d.do("GET ?cursor&count=0&sortBy=displayName", "").list()), 0)
	}},
}

// standardMe is the other half of section 19.
var standardMe = []check{
	{name: "scim:ME-01,scim:ME-03,scim:ME-05 a client is no user; nobody registers himself", run: func(t *testing.T, d *door) {
		for request, body := range map[string]string{"GET": "", "PUT": `{"userName":"x"}`, "PATCH": patch(`{"op":"add","path":"title","value":"x"}`), "DELETE": ""} {
			d.refused(t, request+" /Me", body, 404, "", "User Me not found")
		}
		d.refused(t, "POST /Me", `{"userName":"x"}`, 501, "", "Me is not supported")
		d.as("").refused(t, "GET /Me", "", 401, "", "")
	}},
	{name: "scim:ME-02,scim:ME-04 a client that is bound to a user is this user", run: func(t *testing.T, d *door) {
		id, other := d.user(t, `{"userName":"ada","title":"Dr","nickName":"a"}`), d.user(t, `{"userName":"bob"}`)
		me := func(dr directory.ClientDraft) *door {
			dr.Environment, dr.User = directorytest.Environment, id
			_, secret, err := d.dir.CreateClient(t.Context(), dr)
			if err != nil {
				t.Fatal(err)
			}
			return d.as(secret)
		}
		m := me(directory.ClientDraft{Limits: directory.ClientLimits{Hidden: []string{"nickName"}, ReadOnly: []string{"title"}}})
		location := publicURL + d.base + "/Users/" + id
		a := m.do("GET /Me?excludedAttributes=userName", "")
		for _, a := range []*answer{a, m.do("HEAD /Me", "")} {
			a.wantStatus(t, 200)
			a.wantHeader(t, "Location", location)
			a.wantHeader(t, "ETag", `W/"1"`)
		}
		for path, value := range map[string]any{"id": id, "meta/location": location, "title": "Dr", "nickName": nil, "userName": nil} {
			want(t, path, a.get(path), value)
		}
		m.do("GET /Me", "", `If-None-Match: W/"1"`).wantStatus(t, 304)
		m.refused(t, "PATCH /Me", patch(`{"op":"add","path":"displayName","value":"x"}`), 412, "", "", `If-Match: W/"9"`)

		a = m.do("PUT /Me", `{"userName":"ada","displayName":"Ada","title":"Prof","nickName":"b"}`)
		a.wantStatus(t, 200)
		a.wantHeader(t, "Location", location)
		for path, value := range map[string]any{"displayName": "Ada", "title": "Dr", "nickName": "a"} {
			want(t, "after PUT: "+path, d.do("GET /Users/"+id, "").get(path), value)
		}
		want(t, "after PATCH", m.do("PATCH /Me", patch(`{"op":"replace","path":"displayName","value":"A"}`)).get("displayName"), any("A"))
		for _, name := range []string{"title", "nickName"} {
			for _, op := range []string{`{"op":"replace","path":"` + name + `","value":"x"}`, `{"op":"add","value":{"` + name + `":"x","displayName":"B"}}`} {
				m.refused(t, "PATCH /Me", patch(op), 403, "", "Not allowed: "+name+" is not the user's to write")
			}
		}
		m.refused(t, "PATCH /Me", patch(`{"op":"remove","path":"title"}`), 403, "", "")
		m.refused(t, "PATCH /Me", patch(`{"op":"replace","path":"groups","value":[]}`), 400, "mutability", "")
		want(t, "after refusals", m.do("GET /Me", "").get("displayName"), any("A"))
		m.refused(t, "POST /Me", `{"userName":"x"}`, 501, "", "")

		reads := me(directory.ClientDraft{Role: directory.Reader})
		reads.do("GET /Me", "").wantStatus(t, 200)
		for request, body := range map[string]string{"PUT": `{"userName":"ada"}`, "PATCH": patch(`{"op":"remove","path":"title"}`), "DELETE": ""} {
			reads.refused(t, request+" /Me", body, 403, "", "")
		}
		// Who is not active may do nothing, who is gone is nobody (scim USR-04, DEL-07).
		d.do("PATCH /Users/"+id, patch(`{"op":"replace","path":"active","value":false}`)).wantStatus(t, 200)
		m.refused(t, "GET /Me", "", 401, "", "")
		d.do("PATCH /Users/"+id, patch(`{"op":"replace","path":"active","value":true}`)).wantStatus(t, 200)
		m.do("DELETE /Me", "").wantStatus(t, 204)
		m.refused(t, "GET /Me", "", 401, "", "")
		d.refused(t, "GET /Users/"+id, "", 404, "", "")
		d.do("GET /Users/"+other, "").wantStatus(t, 200)
		for _, user := range []string{id, "none", other} {
			_, _, err := d.dir.CreateClient(t.Context(), directory.ClientDraft{Environment: directorytest.Other, User: user})
			if faults := scim.Faults(err); len(faults) != 1 || faults[0].Rule != scim.RuleDangling {
				t.Errorf("a client of another environment, bound to %s: %v", user, err)
			}
		}
	}},
	{name: "the configuration has a second name", run: func(t *testing.T, d *door) {
		want(t, "body", string(d.do("GET /serviceConfiguration", "").body), string(d.do("GET /ServiceProviderConfig", "").body))
		d.as("").do("GET /serviceConfiguration", "").wantStatus(t, 200)
	}},
	{name: "an environment of the path that is none, or another's, has no documents", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes", "/Schemas/" + userURN, "/ResourceTypes/User"} {
			for id, status := range map[string]int{"none": 404, "default": 404, directorytest.Environment: 200, directorytest.Other: 200} {
				d.as("").at("/scim/"+id+"/v2").do("GET "+path, "").wantStatus(t, status)
				if id == directorytest.Other && path != "/ServiceProviderConfig" { // where it matters who asks
					status = 403
				}
				d.at("/scim/"+id+"/v2").do("GET "+path, "").wantStatus(t, status)
			}
			p := openPingOne(t, scim2.Options{})
			for id, status := range map[string]int{"none": 404, directorytest.Environment: 200, directorytest.Other: 403} {
				p.at("/environments/"+id+"/v2").do("GET "+path, "").wantStatus(t, status)
			}
		}
	}},
	{name: "names of endpoints in any letter case, for clients that have it so", run: func(t *testing.T, d *door) {
		s := d.as(d.client(t, func(s *directory.ClientSettings) { s.Mode = directory.Strict }))
		for _, path := range []string{"/users", "/USERS", "/Groups/.SEARCH"} {
			method := "GET"
			if strings.HasPrefix(path, "/Groups") {
				method = "POST"
			}
			d.do(method+" "+path, map[string]string{"POST": "{}"}[method]).wantStatus(t, 200)
			s.refused(t, method+" "+path, "{}", 404, "", "")
		}
	}},
}

// pingOneSearch is what the sheet says of searches.
var pingOneSearch = []check{
	{name: "pingone:B24,pingone:B25 a search needs a body, and finds what a GET does", run: func(t *testing.T, d *door) {
		d.named(t, "a", "b", "c")
		d.refused(t, "POST /Users/.search", "", 400, "invalidSyntax", "", "Content-Type: application/json")
		want(t, "all", d.do("POST /Users/.search", `{}`).listed(t), []string{"a", "b", "c"})
		want(t, "schemas", d.do("POST /Users/.search", `{`+searchRequest+`}`).listed(t), []string{"a", "b", "c"})
		for query, body := range map[string]string{
			"?count=2": `{"count":2}`, "?startIndex=2&count=1": `{"startIndex":2,"count":1}`, "?attributes=userName": `{"attributes":["userName"]}`, "?excludedAttributes=meta": `{"excludedAttributes":["meta"]}`,
			"?filter=" + escape(`userName ge "b" and active eq true`): `{"filter":"userName ge \"b\" and active eq true"}`, "?filter=" + escape(`userName eq "x"`): `{"filter":"userName eq \"x\""}`,
		} {
			get, post := d.do("GET /Users"+query, ""), d.do("POST /Users/.search", body)
			post.wantStatus(t, 200)
			want(t, query, string(post.body), string(get.body))
		}
		want(t, "users", d.users(t), 3)
	}},
}
