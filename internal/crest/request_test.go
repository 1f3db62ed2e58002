package crest_test

import (
	"bytes"
	"compress/gzip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
)

const (
	wrongType = "The request could not be processed because it specified the content-type 'X' when only the content-type 'application/json' and 'multipart/form-data' are supported"
	noType    = "The request could not be processed because the  content-type was not specified and is required"
	emptyBody = "The request could not be processed because it did not contain any JSON content"
	badJSON   = "The request could not be processed because the provided content is not valid JSON"
	notObject = "The request could not be processed because the provided content is not a JSON object"
	trailing  = "The request could not be processed because there is trailing data after the JSON content"
)

// TestConformanceRequests is what every request has in common (section 5.1).
func TestConformanceRequests(t *testing.T) {
	w := open(t, crest.AIC)
	mina := w.create("mina", `{}`)
	one := alphaUsers + "/" + mina.id()

	t.Run("aic:AIC-001 bodies are JSON, with and without charset", func(t *testing.T) {
		d := w.in(t)
		for i, kind := range []string{"application/json", "application/json;charset=UTF-8", "application/json; charset=utf-8", `APPLICATION/JSON ; charset="utf-8"`} {
			d.do("POST /users?_action=create", full(t, "json"+string(rune('a'+i)), `{}`), "Content-Type: "+kind).must(201)
		}
	})
	t.Run("aic:AIC-002 another content type is 400 on all methods but GET", func(t *testing.T) {
		d := w.in(t)
		for _, kind := range []string{"text/plain", "application/scim+json", "application/json-patch+json", "application/json;charset=latin1", "nonsense;;", "application/x-www-form-urlencoded"} {
			for _, request := range []string{"POST /users?_action=create", "POST /users", "PUT /users/x", "PATCH " + one, "DELETE " + one, "POST " + one + "?_action=x"} {
				d.do(request, `{"userName":"x"}`, "Content-Type: "+kind).refused(400, strings.Replace(wrongType, "X", kind, 1))
			}
		}
		d.do("GET "+one, "", "Content-Type: text/plain").must(200)
		body := "--b\r\nContent-Disposition: form-data; name=\"f\"\r\nContent-Type: text/plain\r\n\r\nx\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n{\"userName\":\"parts\"}\r\n--b--\r\n"
		d.do("POST /users?_action=create", body, "Content-Type: multipart/form-data; boundary=b").must(201).has(`{"userName":"parts"}`)
		d.do("POST /users?_action=create", "--b--\r\n", "Content-Type: multipart/form-data; boundary=b").refused(400, "")
		d.do("POST /users?_action=create", "{}", "Content-Type: multipart/form-data; boundary=b").refused(400, "")
	})
	t.Run("aic:AIC-003 a body without a content type is 400", func(t *testing.T) {
		d := w.in(t)
		before := d.total("User")
		d.do("POST /users?_action=create", `{"userName":"untyped"}`, "Content-Type:").refused(400, noType)
		d.do("PUT /users/untyped", `{"userName":"untyped"}`, "Content-Type:").refused(400, noType)
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
	})
	t.Run("aic:AIC-004 an empty body, no JSON, no object and trailing data are 400", func(t *testing.T) {
		d := w.in(t)
		before := d.total("User")
		for _, request := range []string{"POST /users?_action=create", "PUT /users/x", "PUT " + one} {
			for _, body := range []string{"", " \n"} {
				d.do(request, body, "Content-Type: application/json").refused(400, emptyBody)
			}
			for _, body := range []string{"[]", "null", "1", `"x"`, "true"} {
				d.do(request, body).refused(400, notObject)
			}
			d.do(request, `{"userName":"x"} {}`).refused(400, trailing)
			bad := d.do(request, "{\"userName\":\n \"x\",}").refused(400, badJSON)
			if detail := bad.text("detail"); !strings.Contains(detail, "line 2") {
				t.Errorf("the detail is %q", detail)
			}
		}
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
	})
	t.Run("aic:AIC-005 Accept is not enforced", func(t *testing.T) {
		d := w.in(t)
		for _, accept := range []string{"", " text/html", " application/xml;q=1, */*;q=0"} {
			for _, path := range []string{one, alphaUsers + "?_queryFilter=true", one + "x"} {
				if got := d.do("GET "+path, "", "Accept:"+accept).header.Get("Content-Type"); got != "application/json;charset=UTF-8" {
					t.Errorf("Accept %q: %q", accept, got)
				}
			}
		}
	})
	t.Run("aic:AIC-006 every response is not to be cached", func(t *testing.T) {
		d := w.in(t)
		for _, a := range []*answer{
			d.do("GET "+one, ""), d.do("GET "+one, "", "If-None-Match: "+mina.rev()), d.do("GET /users?_queryFilter=true", ""), d.do("GET /users", ""),
			d.do("GET /users/none", ""), d.do("GET /openidm/none", ""), d.as("").do("GET /users/x", ""), d.as("wrong").do("GET /users/x", ""),
			d.do("FOO /users", ""), d.do("PATCH "+one, "[]"), d.do("POST /users?_action=create", full(t, "cache", `{}`)),
			d.do("DELETE /users/none", ""), d.do("POST /users", strings.Repeat(" ", 2<<20)),
		} {
			if got := a.header.Get("Cache-Control"); got != "no-cache" {
				t.Errorf("%s, %d: Cache-Control is %q", a.request, a.status, got)
			}
		}
	})
	t.Run("aic:AIC-007 reserved names are matched in any letter case", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+one+"?_FIELDS=sn", "").must(200).is(`{"_id":"` + mina.id() + `","_rev":"` + mina.rev() + `","sn":"Lee"}`)
		d.do("GET /users?_QUERYID=query-all-ids&_pagesize=1", "").must(200).has(`{"resultCount":1}`)
		d.do("POST /users?_Action=nonsense", `{}`).refused(400, "Action nonsense is not supported.")
		d.do("GET /users?_queryId=for-userName&UID=mina", "").refused(400, "")
	})
	t.Run("aic:AIC-008 a parameter of one value given twice is 400", func(t *testing.T) {
		d := w.in(t)
		for _, name := range []string{"_prettyPrint", "_pageSize", "_queryFilter", "_mimeType", "_totalPagedResultsPolicy", "_pagedResultsCookie", "_pagedResultsOffset", "_countOnly", "_queryId", "_queryExpression"} {
			d.do("GET /users?"+name+"=1&"+name+"=1", "").refused(400, "Multiple values provided for the single-valued request parameter '"+name+"'")
		}
		d.do("POST /users?_action=create&_ACTION=create", full(t, "twice", `{}`)).refused(400, "Multiple values provided for the single-valued request parameter '_action'")
		d.do("GET "+one+"?_fields=sn&_fields=mail", "").must(200).has(`{"sn":"Lee","mail":"mina@example.com"}`)
	})
	t.Run("aic:AIC-009 unknown parameters are ignored", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+one+"?_nonsense=1&foo=1&foo=2&=&&", "").must(200)
		d.do("POST /users?_action=create&foo=bar", full(t, "unknown", `{}`)).must(201)
	})
	t.Run("aic:AIC-010 _prettyPrint=true indents the body, of errors too", func(t *testing.T) {
		d := w.in(t)
		for _, tt := range []struct {
			value  string
			pretty bool
		}{{"true", true}, {"TRUE", true}, {"True", true}, {"false", false}, {"1", false}, {"", false}, {"yes", false}} {
			for _, target := range []string{one + "?_fields=sn&", alphaUsers + "?_queryFilter=true&_fields=sn&", one + "x?"} {
				a := d.do("GET "+target+"_prettyPrint="+tt.value, "")
				if got := strings.Contains(a.body, "\n  \""); got != tt.pretty {
					t.Errorf("%s: %q", a.request, a.body)
				}
				a.object()
			}
		}
		a := d.do("GET "+one+"?_fields=sn&_prettyPrint=true", "")
		if want := "{\n  \"_id\": \"" + mina.id() + "\",\n  \"_rev\": \"" + mina.rev() + "\",\n  \"sn\": \"Lee\"\n}"; strings.TrimSpace(a.body) != want {
			t.Errorf("got %s", a.body)
		}
		for _, filter := range []string{"false", "sn+eq+%22Lee%22"} {
			plain, indented := d.do("GET /users?_queryFilter="+filter, ""), d.do("GET /users?_prettyPrint=true&_queryFilter="+filter, "")
			indented.is(plain.body)
		}
	})
	t.Run("aic:AIC-011 X-HTTP-Method-Override replaces the method of a POST", func(t *testing.T) {
		d := w.in(t)
		d.do("POST /users/override", `{"userName":"override"}`, "X-HTTP-Method-Override: PUT", "If-None-Match: *").must(201).has(`{"_id":"override"}`)
		d.do("POST /users/override", "", "X-HTTP-Method-Override: GET").must(200).has(`{"userName":"override"}`)
		d.do("GET /users/override", "", "X-HTTP-Method-Override: DELETE").must(200)
		d.do("POST /users/override", "", "X-HTTP-Method-Override: DELETE").must(200)
		d.do("GET /users/override", "").must(404)
	})
	t.Run("aic:AIC-012 If-Modified-Since and If-Unmodified-Since are 409", func(t *testing.T) {
		d := w.in(t)
		for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
			for _, request := range []string{"GET " + one, "GET /users?_queryFilter=true", "PUT " + one, "DELETE " + one, "POST /users?_action=create", "PATCH " + one} {
				d.do(request, full(t, "since", `{}`), name+": Sat, 29 Oct 1994 19:43:31 GMT").refused(409, "Header "+name+" not supported")
			}
		}
		d.do("GET "+one, "").must(200)
	})
	t.Run("aic:AIC-013 an unknown method is 501", func(t *testing.T) {
		d := w.in(t)
		for _, method := range []string{"FOO", "TRACE", "get"} {
			for _, path := range []string{"/users", one} {
				d.do(method+" "+path, "").refused(501, "Method "+method+" not supported")
			}
		}
	})
	t.Run("aic:AIC-014 X-ForgeRock-TransactionId is recorded and never refused", func(t *testing.T) {
		d := w.in(t)
		a := d.do("POST /users?_action=create", full(t, "transaction", `{}`), "X-ForgeRock-TransactionId: transaction-4711/0").must(201)
		rows, err := d.dir.Audit(t.Context(), directorytest.Environment, 0, 1000)
		if err != nil || !slices.ContainsFunc(rows, func(r directory.AuditRow) bool {
			return r.Transaction == "transaction-4711/0" && r.Request == a.header.Get("X-Request-ID") && r.ID == a.id()
		}) {
			t.Errorf("the id is not recorded beside that of the request: %v", err)
		}
		for _, id := range []string{"\x01\x7f", strings.Repeat("x", 4000), "Größe", "'; DROP TABLE audit"} {
			d.do("GET "+one, "", "X-ForgeRock-TransactionId: "+id).must(200)
		}
	})
	t.Run("aic:AIC-015 Content-Type on GET and DELETE without a body", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+one, "", "Content-Type: application/json").must(200)
		gone := d.create("gone", `{}`)
		d.do("DELETE "+alphaUsers+"/"+gone.id(), "", "Content-Type: application/json").must(200)
	})
	t.Run("aic:AIC-016 the form of Accept-API-Version", func(t *testing.T) {
		d := w.in(t)
		for _, v := range []string{"protocol=2.1", "protocol=2", "resource=1.0", "resource=1", "protocol=2.1,resource=1.0", "resource=1.0,protocol=2.0", "resource=1.0, protocol=2.2"} {
			d.do("GET "+one, "", "Accept-API-Version: "+v).must(200)
		}
		for _, v := range []string{"1.0", "resource", "resource=", "resource=x", "resource=1.0.0", "protocol=2.1;resource=1.0", "resource=1.0,resource=1.0", "version=1.0", ","} {
			d.do("GET "+one, "", "Accept-API-Version: "+v).refused(400, "")
		}
	})
	t.Run("aic:AIC-017 without the header the newest version, and resource=1.0 works", func(t *testing.T) {
		d := w.in(t)
		without, with := d.do("GET "+one, "").must(200), d.do("GET "+one, "", "Accept-API-Version: resource=1.0").must(200)
		with.is(without.body)
	})
	t.Run("aic:AIC-018 a protocol newer than 2.2 is 400", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+one, "", "Accept-API-Version: protocol=3.0").refused(400, "Unsupported major version: 3.0")
		d.do("GET "+one, "", "Accept-API-Version: protocol=2.3,resource=1.0").refused(400, "Unsupported minor version: 2.3")
		d.do("GET "+one, "", "Accept-API-Version: protocol=2.2").must(200)
	})
	t.Run("aic:AIC-019 Content-API-Version names the versions", func(t *testing.T) {
		d := w.in(t)
		for _, a := range []*answer{
			d.do("GET "+one, ""), d.do("GET "+one, "", "Accept-API-Version: resource=1.0"), d.do("GET /users?_queryFilter=true", ""),
			d.do("POST /users?_action=create", full(t, "versions", `{}`)), d.do("GET "+one, "", "If-None-Match: "+mina.rev()),
		} {
			if got := a.header.Get("Content-API-Version"); got != "protocol=2.1,resource=1.0" {
				t.Errorf("%s: %q", a.request, got)
			}
		}
	})
	t.Run("aic:AIC-020 a resource version that does not exist is 406", func(t *testing.T) {
		d := w.in(t)
		for _, v := range []string{"resource=2.0", "resource=1.1", "protocol=2.1,resource=0.5"} {
			d.do("GET "+one, "", "Accept-API-Version: "+v).refused(406, "")
		}
	})
}

// TestErrors is section 6 for what is not proven with a rule.
func TestErrors(t *testing.T) {
	w := open(t, crest.AIC)
	mina := w.create("mina", `{}`)
	one := alphaUsers + "/" + mina.id()
	for name, a := range map[string]*answer{
		"no token":    w.as("").do("GET "+one, ""),
		"wrong token": w.as("nonsense").do("GET "+one, ""),
		"Basic":       w.do("GET "+one, "", "Authorization: Basic ZGV2LWNsaWVudDpkZXYtc2VjcmV0"),
		"no path":     w.as("").do("GET /openidm/nothing", ""),
	} {
		t.Run(name, func(t *testing.T) {
			a.TB = t
			if a.refused(401, "Access Denied"); a.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
			}
		})
	}
	t.Run("a reader may read and not write", func(t *testing.T) {
		r := w.in(t).as(directorytest.ReaderToken)
		r.do("GET "+one, "").must(200)
		before := r.total("User")
		r.do("POST /users?_action=create", full(t, "reader", `{}`)).refused(403, "Access denied")
		r.do("PUT /users/reader", full(t, "reader", `{}`)).refused(403, "Access denied")
		r.do("DELETE "+one, "").refused(403, "Access denied")
		r.do("POST "+groups, `{"name":"g"}`).refused(403, "Access denied")
		if after := r.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
	})
	t.Run("a foreign id answers as a missing one", func(t *testing.T) {
		o := w.in(t).as(directorytest.OtherToken)
		for _, request := range []string{"GET ", "DELETE "} {
			foreign, missing := o.do(request+one, "").refused(404, ""), o.do(request+alphaUsers+"/missing", "").refused(404, "")
			if strings.ReplaceAll(foreign.body, mina.id(), "ID") != strings.ReplaceAll(missing.body, "missing", "ID") {
				t.Errorf("%s %s", foreign.body, missing.body)
			}
		}
		o.do("GET "+alphaUsers+"?_queryFilter=true", "").must(200).has(`{"result":[]}`)
		w.in(t).do("GET "+one, "").must(200)
	})
	t.Run("an unknown path, realm or kind is 404", func(t *testing.T) {
		d := w.in(t)
		for _, path := range []string{"/openidm", "/openidm/managed/gamma_user", "/openidm/managed/bravo_user/x", "/openidm/managed/alpha_thing?_queryFilter=true", "/users/a/b/c"} {
			d.do("GET "+path, "").refused(404, "")
		}
	})
	t.Run("a token from the token endpoint", func(t *testing.T) {
		d := w.in(t)
		token := d.as("").do("POST /am/oauth2/access_token", "grant_type=client_credentials&client_id=dev-client&client_secret=dev-secret&scope=fr:idm:*",
			"Content-Type: application/x-www-form-urlencoded").must(200).text("access_token")
		d.as(token).do("GET "+one, "").must(200)
	})
	t.Run("a body in gzip", func(t *testing.T) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(full(t, "zipped", `{}`))); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		w.in(t).do("POST /users?_action=create", b.String(), "Content-Encoding: gzip").must(201)
		w.in(t).do("POST /users?_action=create", "x", "Content-Encoding: br").refused(400, "")
	})
	t.Run("HEAD is GET without a body", func(t *testing.T) {
		d := w.in(t)
		if a := d.do("HEAD "+one, "").must(200); a.header.Get("ETag") != `"`+mina.rev()+`"` {
			t.Errorf("headers are %v", a.header)
		}
	})
}

// TestMalformed is input that must be refused in the vendor's shape and leave
// nothing behind.
func TestMalformed(t *testing.T) {
	w := open(t, crest.AIC)
	mina := w.create("mina", `{}`)
	one := "/users/" + mina.id()
	before, group := w.total("User"), w.total("Group")
	user := func(name, value string) string {
		return `{"userName":"bad","givenName":"B","sn":"A","mail":"bad@example.com","` + name + `":` + value + `}`
	}
	bodies := map[string]string{
		"cut off":                   `{"userName":"bad"`,
		"no quotes":                 `{userName:"bad"}`,
		"single quotes":             `{'userName':'bad'}`,
		"trailing comma":            `{"userName":"bad",}`,
		"comment":                   `{"userName":"bad"}//x`,
		"two values":                `{"userName":"bad"}{"userName":"bad"}`,
		"same name twice":           `{"userName":"bad","userName":"bad"}`,
		"same name in another case": `{"userName":"bad","username":"bad"}`,
		"same name deep inside":     user("x", `[{"a":1,"a":2}]`),
		"bad UTF-8":                 "{\"userName\":\"b\xffad\"}",
		"half a surrogate pair":     `{"userName":"bad","description":"\ud800"}`,
		"NUL":                       `{"userName":"bad","description":"\u0000"}`,
		"control character":         "{\"userName\":\"b\nad\"}",
		"UTF-16":                    "\xff\xfe{\x00}\x00",
		"too deep":                  user("x", strings.Repeat("[", 100)+strings.Repeat("]", 100)),
		"very deep":                 strings.Repeat("[", 400_000),
		"number out of range":       user("x", "1e999"),
		"number too long":           user("x", strings.Repeat("9", 1000)),
		"bad number":                user("x", "01"),
		"bad literal":               user("x", "nil"),
		"too many members":          `{"userName":"bad"` + manyMembers(2000) + `}`,
		"too long a string":         user("description", `"`+strings.Repeat("x", 300<<10)+`"`),
		"too large":                 user("x", `"`+strings.Repeat("x", 2<<20)+`"`),
		"userName is a number":      `{"userName":7}`,
		"userName is an array":      `{"userName":["bad"]}`,
		"userName is an object":     `{"userName":{"a":"bad"}}`,
		"userName is null":          `{"userName":null}`,
		"userName is empty":         `{"userName":""}`,
		"userName has a slash":      `{"userName":"b/ad"}`,
		"userName is too long":      `{"userName":"` + strings.Repeat("b", 256) + `"}`,
		"no userName":               `{}`,
		"mail is a boolean":         user("mail", `true`),
		"mail is no address":        user("mail", `"bad"`),
		"telephone is words":        user("telephoneNumber", `"call me"`),
		"password is a number":      user("password", `12345678`),
		"password is weak":          user("password", `"weak"`),
		"password is untypeable":    user("password", `"Corr3ct\u0007Horse"`),
		"preferences is a string":   user("preferences", `"x"`),
		"preference is a string":    user("preferences", `{"updates":"yes"}`),
		"aliasList is a string":     user("aliasList", `"x"`),
		"aliasList has a number":    user("aliasList", `[1]`),
		"kbaInfo has a string":      user("kbaInfo", `["x"]`),
		"kbaInfo has a bad answer":  user("kbaInfo", `[{"answer":1}]`),
		"kbaInfo is too long":       user("kbaInfo", `[`+strings.Repeat(`{},`, 50)+`{}]`),
		"integer is a string":       user("frIndexedInteger1", `"1"`),
		"integer has a fraction":    user("frIndexedInteger1", `1.5`),
		"manager is a string":       user("manager", `"x"`),
		"manager has no _ref":       user("manager", `{}`),
		"manager is nobody":         user("manager", `{"_ref":"managed/alpha_user/nobody"}`),
		"manager is a group":        user("manager", `{"_ref":"managed/alpha_group/Users"}`),
		"manager has a bad _ref":    user("manager", `{"_ref":"../../etc/passwd"}`),
		"groups is an object":       user("groups", `{"_ref":"managed/alpha_group/Users"}`),
		"group is nothing":          user("groups", `[{"_ref":"managed/alpha_group/none"}]`),
		"group is of another realm": user("groups", `[{"_ref":"managed/gamma_group/Users"}]`),
		"group twice":               user("groups", `[{"_ref":"managed/alpha_group/Users"},{"_ref":"managed/group/Users"}]`),
		"role that is not there":    user("roles", `[{"_ref":"managed/alpha_role/none"}]`),
		"_id is a number":           user("_id", `7`),
		"_id is empty":              user("_id", `""`),
		"_id has a slash":           user("_id", `"a/b"`),
		"_id is too long":           user("_id", `"`+strings.Repeat("x", 256)+`"`),
		"_id has a control":         user("_id", `"a\u0001b"`),
		"_id is reserved":           user("_id", `"bulkId:1"`),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			d := w.in(t)
			for _, request := range []string{"POST /users?_action=create", "POST " + alphaUsers, "POST " + plainUsers + "?_action=create", "PUT /users/bad", "PUT " + one} {
				if a := d.do(request, body); a.status >= 400 && a.status < 500 {
					a.refused(a.status, "")
				} else {
					t.Errorf("%s: %d %s", request, a.status, a.body)
				}
			}
			if after := d.total("User"); after != before {
				t.Errorf("%d users, were %d", after, before)
			}
			d.do("GET "+one, "").must(200).has(`{"_rev":"` + mina.rev() + `"}`)
		})
	}
	for name, body := range map[string]string{
		"no name":            `{}`,
		"name is empty":      `{"name":""}`,
		"name has a slash":   `{"name":"a/b"}`,
		"name is a number":   `{"name":1}`,
		"member is a string": `{"name":"g","members":["x"]}`,
		"member is nobody":   `{"name":"g","members":[{"_ref":"managed/alpha_user/nobody"}]}`,
		"member is no group": `{"name":"g","members":[{"_ref":"managed/alpha_group/none"}]}`,
		"member twice":       `{"name":"g","members":[{"_ref":"managed/alpha_user/` + mina.id() + `"},{"_ref":"managed/user/` + mina.id() + `"}]}`,
		"_id is not name":    `{"_id":"h","name":"g"}`,
	} {
		t.Run("group: "+name, func(t *testing.T) {
			d := w.in(t)
			if a := d.do("POST "+groups+"?_action=create", body); a.status >= 400 && a.status < 500 {
				a.refused(a.status, "")
			} else {
				t.Errorf("%d %s", a.status, a.body)
			}
			if after := d.total("Group"); after != group {
				t.Errorf("%d groups, were %d", after, group)
			}
		})
	}
	for _, target := range []string{
		"/users?_queryFilter=true&_pageSize=x", "/users?%zz", "/users?_fields=%zz&_queryFilter=true", "/users?_queryFilter=%ff", "/users?a;b",
		"/users/%00", "/users/%ff", "/users/..", "/users/a%2fb", "/users/" + strings.Repeat("x", 4000), "/users/%0a",
		"/users/x?_fields=a%2500", "/users/x?_fields=" + strings.Repeat("a,", 2000),
	} {
		t.Run(target[:min(len(target), 40)], func(t *testing.T) {
			if a := w.in(t).do("GET "+target, ""); a.status >= 400 && a.status < 500 {
				a.refused(a.status, "")
			} else {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"m` + strings.Repeat("x", i/26) + string(rune('a'+i%26)) + `":1`)
	}
	return b.String()
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
