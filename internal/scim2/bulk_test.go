package scim2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

func TestConformanceBulk(t *testing.T) { runChecks(t, openStandard, standardBulk) }

// bulk sends operations in one request, which must be answered.
func (d *door) bulk(t testing.TB, operations ...string) []map[string]any {
	t.Helper()
	return d.bulkUntil(t, "", operations...)
}

// bulkUntil is bulk with more members in the message.
func (d *door) bulkUntil(t testing.TB, more string, operations ...string) []map[string]any {
	t.Helper()
	a := d.do("POST /Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],`+more+`"Operations":[`+strings.Join(operations, ",")+`]}`)
	a.wantStatus(t, 200)
	if diff := cmp.Diff([]any{"urn:ietf:params:scim:api:messages:2.0:BulkResponse"}, a.get("schemas")); diff != "" {
		t.Errorf("schemas %s", diff)
	}
	list, ok := a.get("Operations").([]any)
	if !ok || len(a.json()) != 2 {
		t.Fatalf("%s", a.body)
	}
	results := make([]map[string]any, len(list))
	for i, item := range list {
		results[i], _ = item.(map[string]any)
	}
	return results
}

// statuses returns the statuses of results, as they are on the wire.
func statuses(results []map[string]any) []any {
	list := []any{}
	for _, r := range results {
		list = append(list, r["status"])
	}
	return list
}

// idOf returns the id at the end of a result's location.
func idOf(result map[string]any) string {
	location := fmt.Sprint(result["location"])
	return location[strings.LastIndexByte(location, '/')+1:]
}

// wantFailed compares the error of a result.
func wantFailed(t testing.TB, result map[string]any, status, scimType string) {
	t.Helper()
	response, _ := result["response"].(map[string]any)
	if result["status"] != status || response["status"] != status || fmt.Sprint(response["scimType"]) != scimType || response["detail"] == "" ||
		fmt.Sprint(response["schemas"]) != "[urn:ietf:params:scim:api:messages:2.0:Error]" {
		t.Errorf("want %s %s, got %v", status, scimType, result)
	}
}

func post(path, bulkID, data string) string {
	return `{"method":"POST","path":"` + path + `","bulkId":"` + bulkID + `","data":` + data + `}`
}

// standardBulk is section 18.
var standardBulk = []check{
	{name: "scim:BLK-01,scim:BLK-02,scim:BLK-05,scim:BLK-06,scim:BLK-07,scim:BLK-08 operations and their results", run: func(t *testing.T, d *door) {
		ada := d.create(t, "/Users", `{"userName":"ada"}`)
		bob := d.user(t, `{"userName":"bob"}`)
		got := d.bulk(t,
			post("/Users", "new", `{"userName":"cyd"}`),
			`{"method":"PUT","path":"/Users/`+ada.id()+`","data":{"userName":"ada","title":"x"}}`,
			`{"method":"PATCH","path":"/Users/`+ada.id()+`","bulkId":"p","data":`+patch(`{"op":"add","path":"nickName","value":"n"}`)+`}`,
			`{"method":"DELETE","path":"/Users/`+bob+`"}`,
			post("/Users", "again", `{"userName":"ADA"}`),
			`{"method":"PUT","path":"/Users/none","data":{"userName":"x"}}`)
		location := func(id string) string { return publicURL + "/scim/v2/Users/" + id }
		want(t, "results", got[:4], []map[string]any{
			{"method": "POST", "bulkId": "new", "location": location(idOf(got[0])), "version": `W/"1"`, "status": "201"},
			{"method": "PUT", "location": location(ada.id()), "version": `W/"2"`, "status": "200"},
			{"method": "PATCH", "bulkId": "p", "location": location(ada.id()), "version": `W/"3"`, "status": "200"},
			{"method": "DELETE", "location": location(bob), "status": "204"},
		})
		wantFailed(t, got[4], "409", "uniqueness")
		want(t, "a POST that failed", got[4]["location"], nil)
		wantFailed(t, got[5], "404", "<nil>")
		want(t, "a PUT that failed", got[5]["location"], any(location("none")))
		want(t, "users", d.names(t, "/Users"), []string{"ada", "cyd"})
		a := d.do("GET /Users/"+ada.id(), "")
		want(t, "title", a.get("title"), any("x"))
		want(t, "nickName", a.get("nickName"), any("n"))
		for _, body := range []string{`{}`, `{"Operations":{}}`, `{"Operations":[],"schemas":["` + userURN + `"]}`, `[]`, `{"Operations":7}`} {
			d.refused(t, "POST /Bulk", body, 400, "invalidSyntax", "")
		}
		want(t, "nothing", len(d.bulk(t)), 0)
		openStandard(t, strict).refused(t, "POST /Bulk", `{"Operations":[]}`, 400, "invalidSyntax", "")
		for _, other := range []*door{openPingOne(t, none), openRSA(t, none)} {
			other.refused(t, "POST /Bulk", `{"Operations":[]}`, 501, "", "")
			want(t, "bulk", other.do("GET /ServiceProviderConfig", "").get("bulk/supported"), any(false))
		}
	}},
	{name: "scim:BLK-03,scim:BLK-04 what an operation must have", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		for operation, failure := range map[string][2]string{
			`{"path":"/Users","bulkId":"1","data":{"userName":"x"}}`:                           {"400", "invalidSyntax"},
			`{"method":"GET","path":"/Users/` + id + `"}`:                                      {"400", "invalidSyntax"},
			`{"method":"POST","path":"/Users","data":{"userName":"x"}}`:                        {"400", "invalidSyntax"},
			`{"method":"POST","path":"/Users","bulkId":"1"}`:                                   {"400", "invalidSyntax"},
			`{"method":"PUT","path":"/Users/` + id + `"}`:                                      {"400", "invalidSyntax"},
			`{"method":"PATCH","path":"/Users/` + id + `","data":"x"}`:                         {"400", "invalidSyntax"},
			post("/Users/"+id, "1", `{"userName":"x"}`):                                        {"400", "invalidValue"},
			`{"method":"DELETE","path":"/Users"}`:                                              {"400", "invalidValue"},
			`{"method":"DELETE","path":"` + publicURL + `/scim/v2/Users/` + id + `"}`:          {"400", "invalidValue"},
			`{"method":"DELETE","path":"Users/` + id + `"}`:                                    {"400", "invalidValue"},
			post("/Bulk", "1", `{"Operations":[]}`):                                            {"400", "invalidValue"},
			post("/.search", "1", `{}`):                                                        {"400", "invalidValue"},
			post("/Users/.search", "1", `{}`):                                                  {"400", "invalidValue"},
			post("/Users?attributes=id", "1", `{"userName":"x"}`):                              {"400", "invalidValue"},
			`{"method":"DELETE","path":"/Users/` + id + `?filter=x"}`:                          {"400", "invalidValue"},
			`{"method":"DELETE","path":"/Users/%zz"}`:                                          {"400", "invalidValue"},
			`{"method":"DELETE"}`:                                                              {"400", "invalidValue"},
			`7`:                                                                                {"400", "invalidSyntax"},
			`{"method":"DELETE","path":"/Nothing/1"}`:                                          {"404", "<nil>"},
			post("/Users", "1", `{"userName":""}`):                                             {"400", "invalidValue"},
			`{"method":"PATCH","path":"/Users/` + id + `","data":{"Operations":[{"op":"x"}]}}`: {"400", "invalidSyntax"},
		} {
			got := d.bulk(t, operation)
			if len(got) != 1 {
				t.Fatalf("%s: %v", operation, got)
			}
			wantFailed(t, got[0], failure[0], failure[1])
		}
		want(t, "users", d.users(t), 1)
		want(t, "methods in any case", statuses(d.bulk(t, strings.Replace(post("/Users", "1", `{"userName":"bob"}`), "POST", "post", 1), `{"method":"Delete","path":"/Users/`+id+`"}`)), []any{"201", "204"})
	}},
	{name: "scim:BLK-09,scim:BLK-10 failOnErrors", run: func(t *testing.T, d *door) {
		bad, good := `{"method":"DELETE","path":"/Users/none"}`, func(name string) string { return post("/Users", name, `{"userName":"`+name+`"}`) }
		run := func(more, prefix string) []any {
			return statuses(d.bulkUntil(t, more, bad, good(prefix+"1"), bad, good(prefix+"2"), bad))
		}
		want(t, "none", run("", "a"), []any{"404", "201", "404", "201", "404"})
		want(t, "1", run(`"failOnErrors":1,`, "b"), []any{"404"})
		want(t, "2", run(`"failOnErrors":2,`, "c"), []any{"404", "201", "404"})
		want(t, "9", run(`"failOnErrors":9,`, "d"), []any{"404", "201", "404", "201", "404"})
		want(t, "0", run(`"failOnErrors":0,`, "e"), []any{"404", "201", "404", "201", "404"})
		want(t, "null", run(`"failOnErrors":null,`, "f"), []any{"404", "201", "404", "201", "404"})
		want(t, "users", d.users(t), 9)
		for _, n := range []string{`-1`, `1.5`, `"1"`, `true`, `[]`, `1e1`} {
			d.refused(t, "POST /Bulk", `{"failOnErrors":`+n+`,"Operations":[`+good("x")+`]}`, 400, "invalidValue", "")
		}
		forward := d.bulkUntil(t, `"failOnErrors":1,`, post("/Groups", "g", `{"displayName":"G","members":[{"value":"bulkId:u"}]}`), post("/Users", "u", `{"userName":""}`), good("y"))
		want(t, "an operation whose reference failed was not reached", len(forward), 1)
		want(t, "the one that failed", forward[0]["bulkId"], any("u"))
	}},
	{name: "scim:BLK-11,scim:BLK-12 references, backward and forward, in all places", run: func(t *testing.T, d *door) {
		old := d.create(t, "/Groups", `{"displayName":"Old"}`).id()
		got := d.bulk(t,
			post("/Groups", "g", `{"displayName":"G","members":[{"value":"bulkId:ada","type":"User"},{"value":"bulkId:h"}]}`),
			post("/Groups", "h", `{"displayName":"H"}`),
			post("/Users", "ada", `{"userName":"ada","`+enterpriseURN+`":{"manager":{"value":"bulkId:boss"}}}`),
			post("/Users", "boss", `{"userName":"boss"}`),
			post("/Users", "bob", `{"userName":"bob","`+enterpriseURN+`":{"manager":"bulkId:boss"}}`),
			`{"method":"PATCH","path":"/Groups/`+old+`","data":`+patch(`{"op":"add","path":"members","value":[{"value":"bulkId:ada"},{"value":"bulkId:bob"}]}`)+`}`,
			`{"method":"PATCH","path":"/Groups/`+old+`","data":`+patch(`{"op":"remove","path":"members[value eq \"bulkId:ada\"]"}`)+`}`,
			`{"method":"PATCH","path":"/Users/bulkId:bob","data":`+patch(`{"op":"add","path":"title","value":"x"}`)+`}`,
			`{"method":"PUT","path":"/Users/bulkId:boss","data":{"userName":"boss","title":"bulkId"}}`,
			post("/Users", "gone", `{"userName":"gone"}`), `{"method":"DELETE","path":"/Users/bulkId:gone"}`)
		want(t, "statuses", statuses(got), []any{"201", "201", "201", "201", "201", "204", "204", "200", "200", "201", "204"})
		order := []any{}
		for _, r := range got[:5] {
			order = append(order, r["bulkId"])
		}
		want(t, "order", order, []any{"g", "h", "ada", "boss", "bob"})
		g, h, ada, boss, bob := idOf(got[0]), idOf(got[1]), idOf(got[2]), idOf(got[3]), idOf(got[4])
		values := func(id string) (list []any) {
			members, _ := d.do("GET /Groups/"+id, "").get("members").([]any)
			for _, m := range members {
				list = append(list, m.(map[string]any)["value"])
			}
			return list
		}
		want(t, "members of G", fmt.Sprint(values(g)), fmt.Sprint([]any{ada, h}))
		want(t, "members of Old", values(old), []any{bob})
		for _, id := range []string{ada, bob} {
			want(t, "manager", d.do("GET /Users/"+id, "").get(enterpriseURN+"/manager/value"), any(boss))
		}
		want(t, "title", d.do("GET /Users/"+bob, "").get("title"), any("x"))
		want(t, "location", idOf(got[7]), bob)
		want(t, "users", d.users(t), 3)
	}},
	{name: "scim:BLK-13 circular references", run: func(t *testing.T, d *door) {
		for n, cycle := range map[int][]string{1: {"a"}, 2: {"a", "b"}, 3: {"a", "b", "c"}} {
			var ops []string
			for i, id := range cycle {
				next := cycle[(i+1)%n]
				ops = append(ops, post("/Groups", id, fmt.Sprintf(`{"displayName":"%d%s","members":[{"value":"bulkId:%s"}]}`, n, id, next)))
			}
			got := d.bulk(t, ops...)
			for i, r := range got {
				want(t, fmt.Sprint(n, i), r["status"], any("201"))
				a := d.do("GET /Groups/"+idOf(r), "")
				want(t, "member", a.get("members/0/value"), any(idOf(got[(i+1)%n])))
				want(t, "version", r["version"], a.get("meta/version"))
			}
		}
		got := d.bulk(t,
			post("/Users", "x", `{"userName":"x","password":"Correct horse 1","`+enterpriseURN+`":{"manager":{"value":"bulkId:y"},"department":"D"}}`),
			post("/Users", "y", `{"userName":"y","`+enterpriseURN+`":{"manager":{"value":"bulkId:x"}}}`))
		for i, r := range got {
			want(t, "manager", d.do("GET /Users/"+idOf(r), "").get(enterpriseURN+"/manager/value"), any(idOf(got[1-i])))
		}
		want(t, "department", d.do("GET /Users/"+idOf(got[0]), "").get(enterpriseURN+"/department"), any("D"))
		want(t, "sign-in", d.signIn(t, "x", "Correct horse 1"), true)
		// One of the cycle fails: what refers to it is taken back.
		before := d.names(t, "/Groups")
		got = d.bulk(t, post("/Groups", "p", `{"displayName":"","members":[{"value":"bulkId:q"}]}`), post("/Groups", "q", `{"displayName":"Q","members":[{"value":"bulkId:p"}]}`))
		wantFailed(t, got[0], "400", "invalidValue")
		wantFailed(t, got[1], "400", "invalidValue")
		want(t, "groups", d.names(t, "/Groups"), before)
	}},
	{name: "scim:BLK-14,scim:BLK-15 references to nothing, and ids used twice", run: func(t *testing.T, d *door) {
		got := d.bulk(t,
			post("/Groups", "a", `{"displayName":"A","members":[{"value":"bulkId:nobody"}]}`),
			post("/Users", "bad", `{"userName":""}`),
			post("/Groups", "b", `{"displayName":"B","members":[{"value":"bulkId:bad"}]}`),
			`{"method":"DELETE","path":"/Users/bulkId:bad"}`,
			post("/Groups", "c", `{"displayName":"C"}`))
		want(t, "statuses", statuses(got), []any{"400", "400", "400", "400", "201"})
		for _, i := range []int{0, 2, 3} {
			wantFailed(t, got[i], "400", "invalidValue")
		}
		d.refused(t, "POST /Bulk", `{"Operations":[`+post("/Users", "1", `{"userName":"a"}`)+`,`+post("/Users", "1", `{"userName":"b"}`)+`]}`, 400, "invalidValue", "Operations[1].bulkId: used by two operations")
		want(t, "users", d.users(t), 0)
	}},
	{name: "scim:BLK-16 limits", run: func(t *testing.T, d *door) {
		one := post("/Users", "1", `{"userName":"ada"}`)
		d.refused(t, "POST /Bulk", `{"Operations":[`+one+strings.Repeat(`,{"method":"DELETE","path":"/Users/none"}`, 1000)+`]}`, 413, "", "The request has more than 1000 operations")
		d.refused(t, "POST /Bulk", `{"Operations":[`+one+`],"x":"`+strings.Repeat(" ", 10<<20)+`"}`, 413, "", "The body is larger than 10485760 bytes")
		want(t, "users", d.users(t), 0)
		want(t, "at the limit", len(d.bulk(t, one+strings.Repeat(`,{"method":"DELETE","path":"/Users/none"}`, 999))), 1000)
	}},
	{name: "scim:BLK-17 the version of an operation is a precondition", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		change := func(version string) string {
			return `{"method":"PATCH","version":"` + version + `","path":"/Users/` + id + `","data":` + patch(`{"op":"add","path":"title","value":"`+strings.ReplaceAll(version, `\"`, "")+`"}`) + `}`
		}
		got := d.bulk(t, change(`W/\"9\"`), change(`W/\"1\"`), `{"method":"DELETE","version":"W/\"1\"","path":"/Users/`+id+`"}`, `{"method":"PUT","version":"W/\"1\"","path":"/Users/`+id+`","data":{"userName":"x"}}`)
		want(t, "statuses", statuses(got), []any{"412", "200", "412", "412"})
		wantFailed(t, got[0], "412", "<nil>")
		want(t, "title", d.do("GET /Users/"+id, "").get("title"), any("W/1"))
	}},
	{name: "scim:BLK-18,scim:BLK-19 each operation has the caller's rights and a transaction of its own", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		ops := []string{post("/Users", "1", `{"userName":"x"}`), post("/Groups", "2", `{"displayName":"x"}`), `{"method":"PUT","path":"/Users/` + id + `","data":{"userName":"y"}}`,
			`{"method":"PATCH","path":"/Users/` + id + `","data":` + patch(`{"op":"add","path":"title","value":"x"}`) + `}`, `{"method":"DELETE","path":"/Users/` + id + `"}`}
		for _, r := range d.as(directorytest.ReaderToken).bulk(t, ops...) {
			wantFailed(t, r, "403", "<nil>")
		}
		for _, r := range d.as(directorytest.OtherToken).bulk(t, ops[2:]...) {
			wantFailed(t, r, "404", "<nil>")
		}
		d.as("").refused(t, "POST /Bulk", `{"Operations":[]}`, 401, "", "")
		want(t, "users", d.names(t, "/Users"), []string{"ada"})
		want(t, "statuses", statuses(d.bulk(t, ops[0], post("/Users", "3", `{"userName":"x"}`), ops[4])), []any{"201", "409", "204"})
		want(t, "users", d.names(t, "/Users"), []string{"x"})
	}},
	{name: "a fault of the server in one operation is logged, and not told", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		storetest.Spoil(t, d.files, "DROP TABLE credential")
		d.log.Reset()
		results := d.bulk(t, post("/Users", "a", `{"userName":"bob","password":"Correct horse 1"}`), `{"method":"PATCH","path":"/Users/`+id+`","data":`+patch(`{"op":"add","path":"title","value":"x"}`)+`}`)
		want(t, "statuses", statuses(results), []any{"500", "500"})
		for _, r := range results {
			if text := fmt.Sprint(r["response"]); strings.Contains(text, "credential") || !strings.Contains(text, "Internal error; the log has it under request ") {
				t.Errorf("told: %s", text)
			}
		}
		if log := d.log.String(); !strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, "credential") || !strings.Contains(log, `"status":200`) || strings.Contains(log, "horse") {
			t.Errorf("log %s", log)
		}
	}},
	{name: "scim:BLK-20,scim:BLK-21 a bare list for a PATCH; nothing secret, one record for each operation", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		bare := `{"method":"PATCH","path":"/Users/` + id + `","data":[{"op":"Add","path":"title","value":"x"}]}`
		got := d.bulk(t, bare, post("/Users", "1", `{"userName":"bob","password":"Correct horse 1"}`), post("/Users", "2", `{"userName":"cyd","password":"hunter2"}`),
			`{"method":"PATCH","path":"/Users/`+id+`","data":`+patch(`{"op":"add","path":"password","value":"Correct horse 2"}`)+`}`)
		want(t, "statuses", statuses(got), []any{"200", "201", "400", "200"})
		want(t, "title", d.do("GET /Users/"+id, "").get("title"), any("x"))
		want(t, "sign-in", d.signIn(t, "bob", "Correct horse 1"), true)
		for _, secret := range []string{"hunter2", "horse"} {
			if strings.Contains(fmt.Sprint(got), secret) || strings.Contains(d.log.String(), secret) || d.contains(t, secret) {
				t.Errorf("%s is told", secret)
			}
		}
		rows, err := d.dir.Audit(t.Context(), directorytest.Environment, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var acts []string
		for _, r := range rows {
			if r.Type == "User" && r.Action != "sign in" {
				acts = append(acts, r.Action+" "+fmt.Sprint(r.Attributes)+fmt.Sprint(r.Rewrites))
			}
		}
		want(t, "audit", acts[1:], []string{"update [title][schemas-assume op-case]", "create [userName active password][schemas-assume]", "update [password][]"})
		s := openStandard(t, strict)
		sid := s.user(t, `{`+declared+`"userName":"ada"}`)
		wantFailed(t, s.bulk(t, strings.Replace(bare, id, sid, 1))[0], "400", "invalidSyntax")
	}},
}
