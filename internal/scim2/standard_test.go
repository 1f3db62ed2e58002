package scim2_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// view is the whole view of a user of version 1 without enterprise data, but
// for the attributes given.
func view(attributes string) string {
	return `{"schemas": ["` + userURN + `"], "id": "$ID",
		"meta": {"resourceType": "User", "created": "$T", "lastModified": "$T", "location": "$BASE/Users/$ID", "version": "W/\"1\""},
		` + attributes + `}`
}

var (
	strict  = scim2.Options{Strict: true}
	interop = scim2.Options{Interop: true}
	none    = scim2.Options{}
)

// declared is the member schemas that strict modes ask for.
const declared = `"schemas":["` + userURN + `"],`

func TestConformanceStandard(t *testing.T) {
	runChecks(t, openStandard, standardHTTP)
	runChecks(t, openStandard, standardData)
	runChecks(t, openStandard, standardCreate)
	runChecks(t, openStandard, standardRead)
	runChecks(t, openStandard, standardList)
	runChecks(t, openStandard, standardProjection)
	runChecks(t, openStandard, standardDelete)
	runChecks(t, openStandard, standardErrors)
	runChecks(t, openStandard, standardAccess)
	runChecks(t, openStandard, standardDiscovery)
}

// standardHTTP is section 7 of the requirements.
var standardHTTP = []check{
	{name: "scim:HTTP-01 JSON in UTF-8 both ways", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"jürgen","displayName":"\u0416\ud83d\ude00 Ж😀"}`)
		want(t, "userName", a.get("userName"), any("jürgen"))
		want(t, "displayName", a.get("displayName"), any("Ж😀 Ж😀"))
		if !bytes.Contains(a.body, []byte("jürgen")) {
			t.Errorf("body %s is not UTF-8", a.body)
		}
		d.refused(t, "POST /Users", "{\"userName\":\"j\xfcrgen\"}", 400, "invalidSyntax", "")
	}},
	{name: "scim:HTTP-02,scim:HTTP-05 media types of answers, errors too", run: func(t *testing.T, d *door) {
		for accept, sent := range map[string]string{
			"":                                  "application/scim+json",
			"application/scim+json":             "application/scim+json",
			"application/json":                  "application/json",
			"application/json, text/plain, */*": "application/json",
			"application/json, application/scim+json;q=0.5": "application/scim+json",
			"*/*":       "application/scim+json",
			"text/html": "application/scim+json",
		} {
			for _, request := range []string{"GET /Users", "GET /Users/none", "GET /Schemas", "PUT /Schemas", "GET /Nothing"} {
				d.do(request, "", "Accept: "+accept).wantHeader(t, "Content-Type", sent)
			}
		}
		openStandard(t, interop).do("GET /Users", "", "Accept: application/json").wantHeader(t, "Content-Type", "application/scim+json")
	}},
	{name: "scim:HTTP-03,scim:HTTP-04 media types of bodies", run: func(t *testing.T, d *door) {
		for _, o := range []scim2.Options{{}, strict} {
			d := openStandard(t, o)
			for i, sent := range []string{"application/scim+json", "application/json", "application/scim+json; charset=utf-8", "Application/JSON;charset=UTF-8", `application/json; charset="utf-8"`} {
				d.do("POST /Users", fmt.Sprintf(`{%s"userName":"u%d"}`, declared, i), "Content-Type: "+sent).wantStatus(t, 201)
			}
			for _, sent := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/scim + json"} {
				d.refused(t, "POST /Users", `{`+declared+`"userName":"ada"}`, 415, "", "", "Content-Type: "+sent)
			}
			a := d.do("GET /Users", "", "Accept: image/png")
			a.wantStatus(t, 200)
			a.wantHeader(t, "Content-Type", "application/scim+json")
		}
		d.do("POST /Users", `{"userName":"ada"}`, "-Content-Type").wantStatus(t, 201)
		openStandard(t, strict).refused(t, "POST /Users", `{`+declared+`"userName":"ada"}`, 415, "", "", "-Content-Type")
	}},
	{name: "scim:HTTP-06 there is no suffix .scim", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.refused(t, "GET /Users.scim", "", 404, "", "")
		d.refused(t, "GET /Users/"+id+".scim", "", 404, "", "")
	}},
	{name: "scim:HTTP-08,scim:HTTP-09,scim:HTTP-11 queries are decoded once, and what is unknown or empty in them is passed over", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"a+b c%41&d=é@x.example"}`)
		d.user(t, `{"userName":"bob"}`)
		for _, filter := range []string{
			"userName+eq+%22a%2Bb+c%2541%26d%3D%C3%A9%40x.example%22",
			"userName%20eq%20%22a%2Bb%20c%2541%26d=%C3%A9@x.example%22",
		} {
			want(t, filter, d.names(t, "/Users?filter="+filter), []string{"a+b c%41&d=é@x.example"})
		}
		for _, query := range []string{"?", "?&", "?&filter=userName+eq+%22bob%22&", "?filter=userName+eq+%22bob%22&&x", "?aadOptscim062020&filter=userName+eq+%22bob%22", "?=&unknown=1&unknown=2&count=7"} {
			names := []string{"a+b c%41&d=é@x.example", "bob"}
			if strings.Contains(query, "filter") {
				names = names[1:]
			}
			want(t, query, d.names(t, "/Users"+query), names)
		}
		for _, query := range []string{"?filter=%zz", "?filter=%", "?filter=%FF", "?startIndex=%"} {
			d.refused(t, "GET /Users"+query, "", 400, "invalidValue", "")
		}
		if location := d.do("GET /Users?aadOptscim062020", "").get("Resources/0/meta/location"); strings.Contains(fmt.Sprint(location), "?") {
			t.Errorf("location %v", location)
		}
	}},
	{name: "scim:HTTP-10 names of parameters, and one given twice", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"a"}`)
		d.user(t, `{"userName":"b"}`)
		want(t, "tolerant", d.names(t, "/Users?STARTindex=2"), []string{"b"})
		for _, query := range []string{"?count=1&count=1", "?count=1&COUNT=2", "?filter=userName+pr&startIndex=1&filter=userName+pr", "?attributes=id&attributes=id"} {
			d.refused(t, "GET /Users"+query, "", 400, "invalidValue", "")
		}
		s := openStandard(t, strict)
		s.user(t, `{`+declared+`"userName":"a"}`)
		s.user(t, `{`+declared+`"userName":"b"}`)
		want(t, "strict", s.names(t, "/Users?STARTindex=2"), []string{"a", "b"})
		want(t, "strict", s.names(t, "/Users?startIndex=2&STARTINDEX=1"), []string{"b"})
	}},
	{name: "scim:HTTP-12 with the version, without, with an unknown one", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.at("/scim").do("GET /Users/"+id, "").wantStatus(t, 200)
		d.at("/scim/v3").refused(t, "GET /Users", "", 404, "", "")
		d.at("/scim/v3").refused(t, "POST /Users", `{"userName":"bob"}`, 404, "", "")
	}},
	{name: "scim:HTTP-13 a slash at the end, and endpoints in other letter case", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/Users/", "/Users/?startIndex=1", "//Users", "/USERS", "/users/"} {
			d.do("GET "+path, "").wantStatus(t, 200)
		}
		d.do("POST /Users/", `{"userName":"ada"}`).wantStatus(t, 201)
		s := openStandard(t, strict)
		s.do("GET /Users/", "").wantStatus(t, 200)
		s.refused(t, "GET /users", "", 404, "", "")
	}},
	{name: "scim:HTTP-14 ids are decoded and compared exactly", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.do("GET /Users/"+strings.ReplaceAll(id, "-", "%2D"), "").wantStatus(t, 200)
		d.refused(t, "GET /Users/"+strings.ToUpper(id), "", 404, "", "")
	}},
	{name: "scim:HTTP-15 HEAD is GET without the body", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		srv := httptest.NewServer(d)
		defer srv.Close()
		for _, path := range []string{"/Users", "/Users/" + id, "/Users/none", "/Schemas", "/ServiceProviderConfig", "/ResourceTypes/User"} {
			get := d.do("GET "+path, "")
			r, err := http.NewRequest("HEAD", srv.URL+d.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+d.token)
			head, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(head.Body)
			head.Body.Close()
			want(t, path+" status", head.StatusCode, get.status)
			want(t, path+" length", head.ContentLength, int64(len(get.body)))
			want(t, path+" body", string(body), "")
			want(t, path+" ETag", head.Header.Get("ETag"), get.header.Get("ETag"))
		}
	}},
	{name: "scim:HTTP-16 a wrong method is 405 with Allow, a feature that is off 501", run: func(t *testing.T, d *door) {
		for request, allow := range map[string]string{
			"PUT /Users": "GET, HEAD, OPTIONS, POST", "DELETE /Users": "GET, HEAD, OPTIONS, POST", "PATCH /Groups": "GET, HEAD, OPTIONS, POST",
			"POST /Schemas": "GET, HEAD, OPTIONS", "POST /Users/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT", "TRACE /Users": "GET, HEAD, OPTIONS, POST",
		} {
			d.refused(t, request, "{}", 405, "", "").wantHeader(t, "Allow", allow)
		}
		d.refused(t, "POST /Me", "{}", 501, "", "Me is not supported")
	}},
	{name: "scim:HTTP-17 nothing is redirected", run: func(t *testing.T, d *door) {
		for _, request := range []string{"GET //Users", "GET /Users//", "GET /./Users", "GET /Users/../Users", "GET ", "GET /", "GET /Me", "POST //Users"} {
			if a := d.do(request, ""); a.status/100 == 3 {
				t.Errorf("%s: status %d, Location %q", request, a.status, a.header.Get("Location"))
			}
		}
	}},
	{name: "scim:HTTP-18 limits of a body, and what is ignored in it", run: func(t *testing.T, d *door) {
		deep := func(n int) string { return strings.Repeat(`{"a":`, n) + `1` + strings.Repeat(`}`, n) }
		filled := func(n int) string {
			head := `{"userName":"big","displayName":"`
			return head + strings.Repeat(" ", 1000) + `"` + strings.Repeat(" ", n-len(head)-1002) + `}`
		}
		d.refused(t, "POST /Users", filled(1<<20+1), 413, "", "")
		d.user(t, filled(1<<20))
		d.refused(t, "POST /Users", `{"userName":"deep","x":`+deep(32)+`}`, 400, "invalidSyntax", "")
		d.user(t, `{"userName":"deep","x":`+deep(31)+`}`)
		for _, body := range []string{`{"userName":"a\u0000b"}`, "{\"userName\":\"a\x00b\"}", `{"userName":"\ud800"}`, `{"userName":"\udc00\ud800"}`, `{"userName":"x"} {}`, `{"userName":"x"}x`} {
			d.refused(t, "POST /Users", body, 400, "invalidSyntax", "")
		}
		d.user(t, "\ufeff{\"userName\":\"bom\"}\n")
	}},
	{name: "scim:HTTP-20 bodies in chunks, in gzip, after 100 Continue, and requests without a header", run: func(t *testing.T, d *door) {
		srv := httptest.NewServer(d)
		defer srv.Close()
		send := func(name string, body io.Reader, header ...string) int {
			r, err := http.NewRequest("POST", srv.URL+d.base+"/Users", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+d.token)
			r.Header.Set("User-Agent", "")
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			return res.StatusCode
		}
		packed := func(text string) io.Reader {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, _ = io.WriteString(w, text)
			_ = w.Close()
			return &b
		}
		want(t, "chunked", send("chunked", io.MultiReader(strings.NewReader(`{"userName":`), strings.NewReader(`"chunked"}`))), 201)
		want(t, "gzip", send("gzip", packed(`{"userName":"gzip"}`), "Content-Encoding", "gzip"), 201)
		want(t, "gzip bomb", send("bomb", packed(`{"userName":"`+strings.Repeat("x", 2<<20)+`"}`), "Content-Encoding", "gzip"), 413)
		want(t, "not gzip", send("not gzip", strings.NewReader(`{"userName":"x"}`), "Content-Encoding", "gzip"), 400)
		want(t, "another coding", send("br", strings.NewReader(`{"userName":"x"}`), "Content-Encoding", "br"), 415)
		want(t, "continue", send("continue", strings.NewReader(`{"userName":"continue"}`), "Expect", "100-continue"), 201)

		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET %s/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", d.base, d.token)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		want(t, "bare request", res.StatusCode, 200)
		want(t, "users", d.names(t, "/Users"), []string{"chunked", "gzip", "continue"})
	}},
	{name: "scim:HTTP-21 the request's id is in the header, the audit log and what is said of a fault", run: func(t *testing.T, d *door) {
		for _, a := range []*answer{
			d.do("POST /Users", `{"userName":"ada"}`),
			d.as(directorytest.ReaderToken).do("POST /Users", `{"userName":"bob"}`),
		} {
			if id := a.header.Get("X-Request-Id"); id == "" || !d.contains(t, id) {
				t.Errorf("%s: the audit log does not have the request's id %q", a.request, id)
			}
		}
		for _, a := range []*answer{d.do("GET /Users", ""), d.do("GET /Users/none", ""), d.as("").do("GET /Users", ""), d.do("GET /Nothing", "")} {
			if a.header.Get("X-Request-Id") == "" {
				t.Errorf("%s: no id", a.request)
			}
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", publicURL, nil)
		scim2.New(d.dir, scim2.Standard(scim2.Options{}), publicURL)[0].Error(w, r.WithContext(route.WithRequestID(r.Context(), "id-of-4711")), io.ErrClosedPipe)
		if body := w.Body.String(); w.Code != 500 || !strings.Contains(body, "id-of-4711") {
			t.Errorf("status %d, body %s", w.Code, body)
		}
	}},
	{name: "scim:HTTP-22 answers are not to be kept", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada"}`)
		for _, a := range []*answer{a, d.do("GET /Users/"+a.id(), ""), d.do("GET /Users", ""), d.do("GET /Users/none", ""), d.do("DELETE /Users/"+a.id(), "")} {
			a.wantHeader(t, "Cache-Control", "no-store")
		}
	}},
}

// standardData is what can be seen of sections 1 to 5 by creating and reading.
var standardData = []check{
	{name: "scim:SCH-03 names come back as the schema spells them", run: func(t *testing.T, d *door) {
		d.create(t, "/Users", `{"USERNAME":"ada","nickname":"A","NAME":{"GIVENname":"Ada"},"emails":[{"VALUE":"a@x.example"}],"`+strings.ToUpper(enterpriseURN)+`":{"DEPARTMENT":"x"}}`).
			wantJSON(t, d, `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"id":"$ID",
				"meta":{"resourceType":"User","created":"$T","lastModified":"$T","location":"$BASE/Users/$ID","version":"W/\"1\""},
				"userName":"ada","nickName":"A","active":true,"name":{"givenName":"Ada"},"emails":[{"value":"a@x.example"}],"`+enterpriseURN+`":{"department":"x"}}`)
	}},
	{name: "scim:SCH-06 a boolean is a literal", run: func(t *testing.T, d *door) {
		for _, o := range []scim2.Options{strict, interop} {
			d := openStandard(t, o)
			for _, value := range []string{`"true"`, `"False"`, `1`, `"yes"`} {
				d.refused(t, "POST /Users", `{`+declared+`"userName":"ada","active":`+value+`}`, 400, "invalidValue", "")
			}
		}
		want(t, "tolerant", d.create(t, "/Users", `{"userName":"ada","active":"False"}`).get("active"), any(false))
		for _, value := range []string{`1`, `0`, `"yes"`, `""`} {
			d.refused(t, "POST /Users", `{"userName":"bob","active":`+value+`}`, 400, "invalidValue", "active ...")
		}
	}},
	{name: "scim:SCH-17,scim:MV-06 values come back as they were written", run: func(t *testing.T, d *door) {
		d.create(t, "/Users", `{"userName":"Ada.LOVELACE","externalId":"aBc","emails":[{"value":"Ada@X.Example"}],"phoneNumbers":[{"value":"(030) 12 34"}]}`).
			wantJSON(t, d, view(`"userName":"Ada.LOVELACE","externalId":"aBc","active":true,"emails":[{"value":"Ada@X.Example"}],"phoneNumbers":[{"value":"(030) 12 34"}]`))
		want(t, "folded", d.names(t, "/Users?filter="+escape(`emails.value eq "ADA@x.example"`)), []string{"Ada.LOVELACE"})
		want(t, "exact", d.names(t, "/Users?filter="+escape(`externalId eq "abc"`)), []string{})
	}},
	{name: "scim:SCH-23 types outside the canonical ones", run: func(t *testing.T, d *door) {
		const body = `"userName":"ada","emails":[{"type":"desk","value":"a@x.example"}]}`
		d.user(t, `{`+body)
		openStandard(t, strict).refused(t, "POST /Users", `{`+declared+body, 400, "invalidValue", "emails[0].type ...")
		openRSA(t, scim2.Options{}).refused(t, "POST /Users", `{`+body, 400, "invalidSyntax",
			"Value desk is not valid for attribute emails[0].type because it is not one of the canonical types: other, work, home.")
	}},
	{name: "scim:SCH-24 two members of one name", run: func(t *testing.T, d *door) {
		for _, body := range []string{`{"userName":"ada","userName":"ada"}`, `{"userName":"ada","USERNAME":"bob"}`, `{"userName":"ada","name":{"givenName":"a","GivenName":"b"}}`,
			`{"userName":"ada","x":{"a":1,"a":2}}`} {
			d.refused(t, "POST /Users", body, 400, "invalidSyntax", "")
		}
	}},
	{name: "scim:SCH-25 values of another kind name the attribute and what it takes", run: func(t *testing.T, d *door) {
		for _, o := range []scim2.Options{{}, strict} {
			d := openStandard(t, o)
			for _, f := range []struct{ sent, path, kind string }{
				{`"name":"Ada"`, "name", "object"}, {`"title":{"a":1}`, "title", "string"}, {`"title":["a","b"]`, "title", "array"},
				{`"title":7`, "title", "string"}, {`"active":7`, "active", "boolean"}, {`"emails":[7]`, "emails[0]", "object"},
				{`"name":{"givenName":7}`, "name.givenName", "string"}, {`"emails":[{"primary":7}]`, "emails[0].primary", "boolean"},
			} {
				a := d.refused(t, "POST /Users", `{`+declared+`"userName":"ada",`+f.sent+`}`, 400, "invalidValue", f.path+" ...")
				if detail := fmt.Sprint(a.get("detail")); !strings.Contains(detail, f.kind) {
					t.Errorf("%s: detail %s lacks %s", f.sent, detail, f.kind)
				}
			}
		}
	}},
	{name: "scim:SCH-26 one value for a list, a list of one for a value", run: func(t *testing.T, d *door) {
		const body = `"userName":"ada",%s}`
		for _, sent := range []string{`"emails":{"value":"a@x.example"}`, `"emails":"a@x.example"`, `"title":["t"]`} {
			openStandard(t, strict).refused(t, "POST /Users", `{`+declared+fmt.Sprintf(body, sent), 400, "invalidValue", "")
		}
		d.create(t, "/Users", `{"userName":"ada","emails":{"value":"a@x.example"},"title":["t"]}`).
			wantJSON(t, d, view(`"userName":"ada","title":"t","active":true,"emails":[{"value":"a@x.example"}]`))
		want(t, "bare", d.create(t, "/Users", `{"userName":"bob","emails":"b@x.example"}`).get("emails/0/value"), any("b@x.example"))
	}},
	{name: "unknown attributes are ignored, in interop mode refused", run: func(t *testing.T, d *door) {
		for _, o := range []scim2.Options{{}, strict} {
			d := openStandard(t, o)
			d.create(t, "/Users", `{`+declared+`"userName":"ada","shoeSize":38,"name":{"short":"A"}}`).wantJSON(t, d, view(`"userName":"ada","active":true`))
		}
		for _, sent := range []string{`"shoeSize":38`, `"name":{"short":"A"}`} {
			openStandard(t, interop).refused(t, "POST /Users", `{`+declared+`"userName":"ada",`+sent+`}`, 400, "invalidSyntax", "")
		}
	}},
	{name: "scim:MV-03 two primary values", run: func(t *testing.T, d *door) {
		const emails = `"emails":[{"value":"a@x.example","primary":true},{"value":"b@x.example","primary":true}]`
		openStandard(t, strict).refused(t, "POST /Users", `{`+declared+`"userName":"ada",`+emails+`}`, 400, "invalidValue", "emails ...")
		d.create(t, "/Users", `{"userName":"ada",`+emails+`}`).wantJSON(t, d, view(`"userName":"ada","active":true,
			"emails":[{"value":"a@x.example","primary":false},{"value":"b@x.example","primary":true}]`))
	}},
	{name: "scim:MV-05 equal values are stored once", run: func(t *testing.T, d *door) {
		d.create(t, "/Users", `{"userName":"ada","emails":[{"value":"a@x.example","type":"work"},{"type":"work","value":"a@x.example"},{"value":"a@x.example","type":"home"}]}`).
			wantJSON(t, d, view(`"userName":"ada","active":true,"emails":[{"value":"a@x.example","type":"work"},{"value":"a@x.example","type":"home"}]`))
	}},
	{name: "scim:MV-09,scim:MV-10 what has no value is not shown", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada","title":null,"emails":[],"name":{"givenName":null},"phoneNumbers":[{},{"value":null},null,{"value":"1"}],"addresses":[{"region":null}],"`+
			enterpriseURN+`":{"manager":{"value":null}}}`)
		a.wantJSON(t, d, view(`"userName":"ada","active":true,"phoneNumbers":[{"value":"1"}]`))
		d.do("GET /Users/"+a.id(), "").wantJSON(t, d, view(`"userName":"ada","active":true,"phoneNumbers":[{"value":"1"}]`))
	}},
	{name: "scim:COM-01,scim:COM-02,scim:COM-03 schemas of a resource", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada","schemas":["`+enterpriseURN+`","`+userURN+`","`+userURN+`"]}`)
		want(t, "without data of the extension", a.get("schemas"), any([]any{userURN}))
		b := d.create(t, "/Users", `{"userName":"bob","`+enterpriseURN+`":{"department":"x"}}`)
		want(t, "with data of the extension", b.get("schemas"), any([]any{userURN, enterpriseURN}))
		want(t, "the extension", b.get(enterpriseURN), any(map[string]any{"department": "x"}))
		want(t, "department at the top", b.get("department"), nil)
	}},
	{name: "scim:COM-05,scim:COM-07,scim:TEN-04 ids are the server's, unique over users, groups and environments", run: func(t *testing.T, d *door) {
		seen := map[string]bool{}
		other := d.as(directorytest.OtherToken)
		for i := range 20 {
			for _, id := range []string{
				d.user(t, fmt.Sprintf(`{"id":"mine","userName":"u%d"}`, i)), other.user(t, fmt.Sprintf(`{"id":"mine","userName":"u%d"}`, i)),
				d.create(t, "/Groups", fmt.Sprintf(`{"id":"mine","displayName":"g%d"}`, i)).id(),
			} {
				if id == "" || id == "mine" || seen[id] || strings.Contains(strings.ToLower(id), "bulkid") {
					t.Errorf("id %q", id)
				}
				seen[id] = true
			}
		}
	}},
	{name: "scim:COM-10,scim:COM-11,scim:COM-12,scim:COM-13 meta", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada","meta":{"resourceType":"Device","created":"1999-01-01T00:00:00Z","location":"http://x","version":"9"}}`)
		g := d.create(t, "/Groups", `{"displayName":"g","meta":"nonsense"}`)
		for kind, a := range map[string]*answer{"User": a, "Group": g} {
			location := publicURL + "/scim/v2/" + kind + "s/" + a.id()
			for _, a := range []*answer{a, d.do("GET /"+kind+"s/"+a.id(), "")} {
				want(t, "meta", a.get("meta"), any(map[string]any{"resourceType": kind, "created": stamp, "lastModified": stamp, "location": location, "version": `W/"1"`}))
				a.wantHeader(t, "Location", location)
				a.wantHeader(t, "Content-Location", location)
				a.wantHeader(t, "ETag", `W/"1"`)
			}
		}
		caller := directorytest.Caller(t, d.dir, d.token)
		change := func(attributes string) *answer {
			d.clock.Advance(90e9)
			_, _, err := d.dir.Put(t.Context(), caller, caller.Home(), directory.Draft{Type: "User", ID: a.id(), Attributes: parse(t, attributes)}, directory.Precondition{})
			if err != nil {
				t.Fatal(err)
			}
			return d.do("GET /Users/"+a.id(), "")
		}
		want(t, "after no change", change(`{"userName":"ada"}`).get("meta/lastModified"), any(stamp))
		b := change(`{"userName":"ada","title":"x"}`)
		want(t, "created after a change", b.get("meta/created"), any(stamp))
		want(t, "lastModified after a change", b.get("meta/lastModified"), any("2026-03-01T08:18:30.120Z"))
		want(t, "version after a change", b.get("meta/version"), any(b.header.Get("ETag")))
		want(t, "ETag after a change", b.header.Get("ETag"), `W/"2"`)
	}},
	{name: "missing schemas are assumed or refused", run: func(t *testing.T, d *door) {
		for i, schemas := range []string{``, `"schemas":null,`, `"schemas":[],`, `"schemas":["urn:example:x"],`} {
			d.create(t, "/Users", fmt.Sprintf(`{%s"userName":"u%d"}`, schemas, i)).wantJSON(t, d, view(fmt.Sprintf(`"userName":"u%d","active":true`, i)))
			for _, o := range []scim2.Options{strict, interop} {
				openStandard(t, o).refused(t, "POST /Users", `{`+schemas+`"userName":"ada"}`, 400, "invalidSyntax", "schemas must contain "+userURN+"...")
			}
		}
	}},
	{name: "scim:COM-15,scim:COM-16,scim:COM-17 extensions that are not declared, URIs that are not known, URIs in other letter case", run: func(t *testing.T, d *door) {
		const undeclared = `{` + declared + `"userName":"a","` + enterpriseURN + `":{"department":"x"}}`
		want(t, "schemas", d.create(t, "/Users", undeclared).get("schemas"), any([]any{userURN, enterpriseURN}))
		s := openStandard(t, strict)
		s.refused(t, "POST /Users", undeclared, 400, "invalidSyntax", "")

		const unknown = `{"schemas":["` + userURN + `","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"],"userName":"b"}`
		want(t, "schemas", d.create(t, "/Users", unknown).get("schemas"), any([]any{userURN}))
		s.refused(t, "POST /Users", unknown, 400, "invalidValue", "schemas[1]...")

		folded := `{"schemas":["` + strings.ToUpper(userURN) + `","` + strings.ToLower(enterpriseURN) + `"],"userName":"c","` + strings.ToUpper(enterpriseURN) + `":{"department":"x"}}`
		for _, d := range []*door{d, s} {
			want(t, "schemas", d.create(t, "/Users", folded).get("schemas"), any([]any{userURN, enterpriseURN}))
		}
		r := openRSA(t, scim2.Options{})
		r.refused(t, "POST /Users", undeclared, 400, "invalidSyntax", mustIncluded+".")
		r.refused(t, "POST /Users", unknown, 400, "invalidSyntax", undefinedURI("http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User", 1)+".")
	}},
	{name: "scim:COM-19 common attributes under the URI of a schema", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","externalId":"7"}`)
		for _, filter := range []string{userURN + `:id eq "` + id + `"`, userURN + `:externalId eq "7"`, userURN + `:meta.lastModified ge "` + stamp + `"`, enterpriseURN + `:externalId eq "7"`} {
			want(t, filter, d.names(t, "/Users?filter="+escape(filter)), []string{"ada"})
		}
	}},
	{name: "scim:USR-01 userName is needed and unique in any letter case", run: func(t *testing.T, d *door) {
		for _, body := range []string{`{}`, `{"userName":""}`, `{"userName":null}`, `{"userName":" "}`} {
			d.refused(t, "POST /Users", body, 400, "invalidValue", "userName is required")
		}
		d.user(t, `{"userName":"BJensen@Example.com"}`)
		d.refused(t, "POST /Users", `{"userName":"bjensen@example.COM"}`, 409, "uniqueness", "")
		d.as(directorytest.OtherToken).user(t, `{"userName":"bjensen@example.com"}`)
	}},
	{name: "scim:USR-08 a password cannot be filtered on", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"ada","password":"2Federate"}`)
		for _, filter := range []string{`password eq "2Federate"`, `password pr`, `not (password eq "x")`, `userName pr and PASSWORD sw "2"`, userURN + `:password pr`} {
			d.refused(t, "GET /Users?filter="+escape(filter), "", 400, "invalidFilter", "Invalid filter: ...")
		}
	}},
	{name: "scim:USR-10 a country is a code of two letters, or in tolerant mode what the client says", run: func(t *testing.T, d *door) {
		const body = `"userName":"ada","addresses":[{"country":"Germany"}]}`
		openStandard(t, strict).refused(t, "POST /Users", `{`+declared+body, 400, "invalidValue", "addresses[0].country...")
		want(t, "country", d.create(t, "/Users", `{`+body).get("addresses/0/country"), any("Germany"))
	}},
	{name: "scim:USR-15,scim:USR-17 groups are computed, nested ones too", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","groups":[{"value":"1"}]}`)
		inner := d.create(t, "/Groups", `{"displayName":"inner","members":[{"value":"`+id+`"}]}`).id()
		outer := d.create(t, "/Groups", `{"displayName":"outer","members":[{"value":"`+inner+`"}]}`).id()
		group := func(id, name, kind string) map[string]any {
			return map[string]any{"value": id, "$ref": publicURL + "/scim/v2/Groups/" + id, "display": name, "type": kind}
		}
		groups := any([]any{group(inner, "inner", "direct"), group(outer, "outer", "indirect")})
		want(t, "groups", d.do("GET /Users/"+id, "").get("groups"), groups)
		want(t, "groups in a list", d.do("GET /Users", "").get("Resources/0/groups"), groups)
		want(t, "members", d.do("GET /Groups/"+outer, "").get("members"), any([]any{map[string]any{
			"value": inner, "$ref": publicURL + "/scim/v2/Groups/" + inner, "display": "inner", "type": "Group"}}))
	}},
	{name: "scim:GRP-01 displayName is needed", run: func(t *testing.T, d *door) {
		for _, body := range []string{`{}`, `{"displayName":""}`, `{"displayName":null}`} {
			d.refused(t, "POST /Groups", body, 400, "invalidValue", "displayName is required")
		}
	}},
	{name: "scim:GRP-04 of a member only its value counts", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","displayName":"Ada"}`)
		member := any([]any{map[string]any{"value": id, "$ref": publicURL + "/scim/v2/Users/" + id, "display": "Ada", "type": "User"}})
		for i, sent := range []string{
			`{"value":"` + id + `"}`, `{"value":"` + id + `","$ref":null,"display":"X"}`, `{"value":"` + id + `","$ref":"https://elsewhere/Users/1"}`,
			`{"$ref":"` + publicURL + `/scim/v2/Users/` + id + `"}`, `{"$ref":"../Users/` + id + `","type":"User"}`,
		} {
			a := d.create(t, "/Groups", fmt.Sprintf(`{"displayName":"g%d","members":[%s]}`, i, sent))
			want(t, sent, a.get("members"), member)
		}
		want(t, "a type that contradicts", d.create(t, "/Groups", `{"displayName":"t","members":[{"value":"`+id+`","type":"Group"}]}`).get("members"), member)
		s := openStandard(t, strict)
		other := s.user(t, `{`+declared+`"userName":"ada"}`)
		s.refused(t, "POST /Groups", `{"schemas":["`+groupURN+`"],"displayName":"t","members":[{"value":"`+other+`","type":"Group"}]}`, 400, "invalidValue", "")
		for _, sent := range []string{`{"display":"Ada"}`, `{"value":""}`, `{"$ref":"nowhere"}`} {
			d.refused(t, "POST /Groups", `{"displayName":"x","members":[`+sent+`]}`, 400, "invalidValue", "")
		}
	}},
	{name: "a member that does not exist, or is of another environment, is refused", run: func(t *testing.T, d *door) {
		foreign := d.as(directorytest.OtherToken).user(t, `{"userName":"bob"}`)
		for _, id := range []string{"none", foreign} {
			d.refused(t, "POST /Groups", `{"displayName":"x","members":[{"value":"`+id+`"}]}`, 400, "invalidValue", "members[0].value: there is nothing with the id "+id)
		}
		want(t, "groups", d.names(t, "/Groups"), []string{"Users"})
	}},
	{name: "scim:ENT-01,scim:ENT-02,scim:ENT-03,scim:ENT-04 the enterprise extension, its manager always an object", run: func(t *testing.T, d *door) {
		boss := d.user(t, `{"userName":"boss"}`)
		manager := any(map[string]any{"value": boss, "$ref": publicURL + "/scim/v2/Users/" + boss, "displayName": "boss"})
		for i, sent := range []string{`{"value":"` + boss + `","$ref":"http://elsewhere/1","displayName":"mine"}`, `"` + boss + `"`, `[{"value":"` + boss + `"}]`} {
			a := d.create(t, "/Users", fmt.Sprintf(`{"userName":"u%d","%s":{"employeeNumber":"1","costCenter":"2","organization":"3","division":"4","department":"5","manager":%s}}`, i, enterpriseURN, sent))
			for _, a := range []*answer{a, d.do("GET /Users/"+a.id(), "")} {
				want(t, sent, a.get(enterpriseURN), any(map[string]any{"employeeNumber": "1", "costCenter": "2", "organization": "3", "division": "4", "department": "5", "manager": manager}))
			}
		}
		want(t, "bare manager", d.names(t, "/Users?filter="+escape(`manager eq "`+boss+`"`)), []string{"u0", "u1", "u2"})
	}},
}

// standardCreate is section 8.
var standardCreate = []check{
	{name: "scim:CRE-01,scim:CRE-02,scim:CRE-07,scim:CRE-15 a creation is 201 with the resource as it is stored, Location and ETag", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"ada","password":"2Federate","unknown":1,"emails":[{"value":"a@x.example"}]}`)
		a.wantJSON(t, d, view(`"userName":"ada","active":true,"emails":[{"value":"a@x.example"}]`))
		location, _ := a.get("meta/location").(string)
		a.wantHeader(t, "Location", location)
		a.wantHeader(t, "ETag", `W/"1"`)
		want(t, "read", string(d.do("GET /Users/"+a.id(), "").body), string(a.body))
	}},
	{name: "scim:CRE-03,scim:CRE-06 read-only attributes are ignored", run: func(t *testing.T, d *door) {
		for i, id := range []string{`"mine"`, `""`, `7`, `null`} {
			a := d.create(t, "/Users", fmt.Sprintf(`{"id":%s,"meta":{"resourceType":"Group"},"groups":[],"userName":"u%d"}`, id, i))
			a.wantJSON(t, d, view(fmt.Sprintf(`"userName":"u%d","active":true`, i)))
		}
	}},
	{name: "scim:CRE-05 what is missing is invalidValue, what is no resource invalidSyntax", run: func(t *testing.T, d *door) {
		d.refused(t, "POST /Users", `{"displayName":"x"}`, 400, "invalidValue", "")
		d.refused(t, "POST /Groups", `{"members":[]}`, 400, "invalidValue", "")
		for _, body := range []string{``, `nonsense`, `{`, `[]`, `"x"`, `null`, `1`, `[{"userName":"x"}]`} {
			d.refused(t, "POST /Users", body, 400, "invalidSyntax", "")
		}
		openStandard(t, strict).refused(t, "POST /Users", `{"schemas":["`+groupURN+`"],"userName":"x"}`, 400, "invalidSyntax", "")
	}},
	{name: "scim:CRE-08 attributes and excludedAttributes", run: func(t *testing.T, d *door) {
		d.create(t, "/Users?attributes=userName", `{"userName":"a","title":"x"}`).wantJSON(t, d, `{"schemas":["`+userURN+`"],"id":"$ID","userName":"a"}`)
		d.create(t, "/Users?excludedAttributes=meta,title", `{"userName":"b","title":"x"}`).wantJSON(t, d, `{"schemas":["`+userURN+`"],"id":"$ID","userName":"b","active":true}`)
	}},
	{name: "scim:CRE-09,scim:CRE-10,scim:CRE-11 a conflict is 409, names the attribute and nothing of the other resource", run: func(t *testing.T, d *door) {
		a := d.create(t, "/Users", `{"userName":"Ada","displayName":"The Countess"}`)
		b := d.refused(t, "POST /Users", `{"userName":"ADA"}`, 409, "uniqueness", "userName is already in use")
		if body := string(b.body); strings.Contains(body, a.id()) || strings.Contains(body, "Countess") || strings.Contains(body, "Ada") {
			t.Errorf("body %s", body)
		}
		want(t, "answers to a race", d.race(`{"userName":"two"}`), map[int]int{201: 1, 409: 15})
	}},
	{name: "scim:CRE-12,scim:DEL-04 a deleted resource does not conflict", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.do("DELETE /Users/"+id, "").wantStatus(t, 204)
		if again := d.user(t, `{"userName":"ada"}`); again == id {
			t.Error("the id is used again")
		}
	}},
	{name: "scim:CRE-13 there is no POST to a resource", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		d.refused(t, "POST /Users/"+id, `{"userName":"bob"}`, 405, "", "")
	}},
	{name: "scim:CRE-14,scim:SEC-14 nobody registers without a credential", run: func(t *testing.T, d *door) {
		d.as("").refused(t, "POST /Users", `{"userName":"ada"}`, 401, "", "")
	}},
	{name: "scim:SCH-20,scim:USR-06 a password is kept as a hash and never shown", run: func(t *testing.T, d *door) {
		const secret = "2Federate-me"
		a := d.create(t, "/Users", `{"userName":"ada","password":"`+secret+`"}`)
		want(t, "sign-in", d.signIn(t, "ada", secret), true)
		for _, a := range []*answer{
			a, d.do("GET /Users/"+a.id(), ""), d.do("GET /Users/"+a.id()+"?attributes=password", ""), d.do("GET /Users?attributes=password", ""),
			d.do("POST /Users", `{"userName":"ada","password":"`+secret+`"}`), d.do("POST /Users", `{"userName":"ada","password":{"a":"`+secret+`"}}`),
			d.do("POST /Users", `{"userName":"bob","password":"`+secret+`\u0007"}`),
		} {
			if body := string(a.body); strings.Contains(body, secret) || strings.Contains(body, `"password"`) {
				t.Errorf("%s: %s", a.request, body)
			}
		}
		if d.contains(t, secret) || strings.Contains(d.log.String(), secret) {
			t.Error("the password is in the directory's files or in the log")
		}
	}},
	{name: "scim:USR-07,scim:PRE-03,scim:PRE-04 a password is prepared before it is checked, on set and on verify", run: func(t *testing.T, d *door) {
		d.refused(t, "POST /Users", `{"userName":"ada","password":"short"}`, 400, "invalidValue", "password: ...")
		d.refused(t, "POST /Users", `{"userName":"ada","password":"2Fed\u0007erate"}`, 400, "invalidValue", "password: ...")
		d.user(t, `{"userName":"ada","password":"Été\u3000A1\u00a0x"}`)
		for sent, ok := range map[string]bool{
			"Été A1 x": true, "E\u0301te\u0301 A1\u2003x": true, "Été\u3000A1\u00a0x": true, "été A1 x": false, "Été Ａ1 x": false,
		} {
			want(t, sent, d.signIn(t, "ada", sent), ok)
		}
	}},
	{name: "scim:PRE-05 a userName is shown as it was given and found by its key", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"Ａda@X.example"}`)
		want(t, "found", d.names(t, "/Users?filter="+escape(`userName eq "ada@x.EXAMPLE"`)), []string{"Ａda@X.example"})
		d.refused(t, "POST /Users", `{"userName":"ADA@x.example"}`, 409, "uniqueness", "")
	}},
	{name: "scim:FLT-25 a default is compared as it is shown", run: func(t *testing.T, d *door) {
		want(t, "active", d.create(t, "/Users", `{"userName":"ada"}`).get("active"), any(true))
		d.user(t, `{"userName":"bob","active":false}`)
		want(t, "active users", d.names(t, "/Users?filter="+escape(`active eq true`)), []string{"ada"})
	}},
}

// standardRead is section 9, and preconditions of section 20 on GET.
var standardRead = []check{
	{name: "scim:GET-01,scim:GET-02,scim:GET-03 one resource with its headers, or 404", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","password":"2Federate","name":{"givenName":"Ada"}}`)
		a := d.do("GET /Users/"+id, "")
		a.wantStatus(t, 200)
		a.wantJSON(t, d, view(`"userName":"ada","active":true,"name":{"givenName":"Ada"}`))
		a.wantHeader(t, "Location", publicURL+"/scim/v2/Users/"+id)
		a.wantHeader(t, "ETag", `W/"1"`)
		d.refused(t, "GET /Users/none", "", 404, "", "User none not found")
		d.refused(t, "GET /Groups/none", "", 404, "", "Group none not found")
	}},
	{name: "scim:GET-04 a filter on one resource", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		g := d.create(t, "/Groups", `{"displayName":"g","members":[{"value":"`+id+`"}]}`).id()
		for path, status := range map[string]int{
			"/Users/" + id + "?filter=" + escape(`userName eq "ADA"`):                                   200,
			"/Users/" + id + "?filter=" + escape(`userName eq "bob"`):                                   404,
			"/Users/" + id + "?filter=" + escape(`groups eq "`+g+`"`) + "&attributes=userName":          200,
			"/Groups/" + g + "?filter=" + escape(`members[value eq "`+id+`"]`):                          200,
			"/Groups/" + g + "?filter=" + escape(`members eq "`+id+`"`) + "&excludedAttributes=members": 200,
			"/Groups/" + g + "?filter=" + escape(`members eq "none"`) + "&excludedAttributes=members":   404,
		} {
			d.do("GET "+path, "").wantStatus(t, status)
		}
		d.do("GET /Users/"+id+"?filter=userName+pr", "").wantJSON(t, d, strings.TrimSuffix(view(`"userName":"ada","active":true`), "}")+
			`,"groups":[{"value":"`+g+`","$ref":"$BASE/Groups/`+g+`","display":"g","type":"direct"}]}`)
		d.refused(t, "GET /Users/"+id+"?filter=x", "", 400, "invalidFilter", "")
	}},
	{name: "scim:GET-05 users who are not active are there", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","active":false}`)
		d.do("GET /Users/"+id, "").wantJSON(t, d, view(`"userName":"ada","active":false`))
		want(t, "listed", d.names(t, "/Users?filter="+escape(`userName eq "ada"`)), []string{"ada"})
	}},
	{name: "scim:GET-06,scim:GET-07 ids of another environment and of another type are 404", run: func(t *testing.T, d *door) {
		user := d.user(t, `{"userName":"ada"}`)
		group := d.create(t, "/Groups", `{"displayName":"g"}`).id()
		for path, kind := range map[string]string{"/Users/": "User", "/Groups/": "Group"} {
			id := map[string]string{"User": user, "Group": group}[kind]
			foreign := d.as(directorytest.OtherToken).refused(t, "GET "+path+id, "", 404, "", kind+" "+id+" not found")
			missing := d.as(directorytest.OtherToken).refused(t, "GET "+path+"none", "", 404, "", kind+" none not found")
			want(t, "a foreign id beside a missing one", strings.Replace(string(foreign.body), id, "none", 1), string(missing.body))
			d.as(directorytest.OtherToken).refused(t, "DELETE "+path+id, "", 404, "", "")
			d.do("GET "+path+id, "").wantStatus(t, 200)
		}
		d.refused(t, "GET /Groups/"+user, "", 404, "", "")
		d.refused(t, "GET /Users/"+group, "", 404, "", "")
		d.refused(t, "DELETE /Groups/"+user, "", 404, "", "")
	}},
	{name: "scim:ETG-01,scim:ETG-02,scim:ETG-03 a weak ETag, equal to meta.version, and 304 to who has it", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		a := d.do("GET /Users/"+id, "")
		tag := a.header.Get("ETag")
		want(t, "version", a.get("meta/version"), any(tag))
		if !strings.HasPrefix(tag, `W/"`) {
			t.Errorf("ETag %s is not weak", tag)
		}
		for _, sent := range []string{tag, strings.TrimPrefix(tag, "W/"), `W/"7", ` + tag, `*`} {
			b := d.do("GET /Users/"+id, "", "If-None-Match: "+sent)
			b.wantStatus(t, 304)
			want(t, "body", string(b.body), "")
			b.wantHeader(t, "ETag", tag)
		}
		for _, sent := range []string{`W/"7"`, `""`, `nonsense`} {
			d.do("GET /Users/"+id, "", "If-None-Match: "+sent).wantStatus(t, 200)
		}
		d.do("GET /Users/none", "", "If-None-Match: *").wantStatus(t, 404)
	}},
	{name: "scim:ETG-08 If-None-Match on POST is ignored", run: func(t *testing.T, d *door) {
		d.do("POST /Users", `{"userName":"ada"}`, "If-None-Match: *").wantStatus(t, 201)
	}},
}

// standardList is sections 10 and 13.
var standardList = []check{
	{name: "scim:LST-01,scim:LST-02,scim:LST-03,scim:LST-04,scim:LST-08 the members of a list", run: func(t *testing.T, d *door) {
		d.do("GET /Users", "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`)
		id := d.user(t, `{"userName":"ada"}`)
		d.user(t, `{"userName":"bob"}`)
		one := string(d.do("GET /Users/"+id, "").body)
		d.do("GET /Users?count=1", "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,"startIndex":1,"itemsPerPage":1,"Resources":[`+one+`]}`)
		d.do("GET /Users?filter="+escape(`userName eq "nobody"`), "").
			wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`)
	}},
	{name: "scim:LST-10 a list has what is in the caller's environment and counts nothing else", run: func(t *testing.T, d *door) {
		d.user(t, `{"userName":"ada"}`)
		other := d.as(directorytest.OtherToken)
		other.user(t, `{"userName":"bob"}`)
		other.user(t, `{"userName":"cyd"}`)
		want(t, "users", d.names(t, "/Users"), []string{"ada"})
		want(t, "total", fmt.Sprint(d.do("GET /Users?count=0", "").get("totalResults")), "1")
		want(t, "found", d.names(t, "/Users?filter="+escape(`userName eq "bob"`)), []string{})
		want(t, "users", other.names(t, "/Users"), []string{"bob", "cyd"})
	}},
	{name: "scim:LST-11 the order is that of creation, page by page", run: func(t *testing.T, d *door) {
		var made, seen []string
		for i := range 25 {
			name := fmt.Sprintf("u%02d", (i*7)%25)
			made = append(made, name)
			d.user(t, `{"userName":"`+name+`"}`)
		}
		for start := 1; start <= 25; start += 4 {
			seen = append(seen, d.names(t, fmt.Sprintf("/Users?startIndex=%d&count=4", start))...)
		}
		want(t, "order", seen, made)
	}},
	{name: "scim:PAG-01,scim:PAG-02,scim:PAG-03,scim:PAG-04,scim:PAG-05,scim:PAG-06,scim:PAG-08,scim:DIS-08 startIndex and count, and that the configuration tells the truth", run: func(t *testing.T, d *door) {
		const n = 1003
		for i := range n {
			d.user(t, fmt.Sprintf(`{"userName":"u%04d"}`, i))
		}
		most, _ := d.do("GET /ServiceProviderConfig", "").get("filter/maxResults").(interface{ Int64() (int64, error) })
		if max, err := most.Int64(); err != nil || max != 1000 {
			t.Errorf("maxResults %d, %v", max, err)
		}
		config := d.do("GET /ServiceProviderConfig", "")
		id := fmt.Sprint(d.do("GET /Users", "").get("Resources/0/id"))
		for _, part := range []string{"patch", "bulk", "changePassword"} {
			want(t, part, config.get(part+"/supported"), any(true))
		}
		d.do("PATCH /Users/"+id, `{"Operations":[{"op":"add","path":"title","value":"x"},{"op":"add","path":"password","value":"Correct horse 1"}]}`).wantStatus(t, 200)
		want(t, "the password is changed", d.signIn(t, "u0000", "Correct horse 1"), true)
		operation := func(n int) string {
			return `{"Operations":[` + strings.TrimSuffix(strings.Repeat(`{"method":"DELETE","path":"/Users/none"},`, n), ",") + `]}`
		}
		want(t, "maxOperations", fmt.Sprint(config.get("bulk/maxOperations")), "1000")
		d.do("POST /Bulk", operation(1000)).wantStatus(t, 200)
		d.do("POST /Bulk", operation(1001)).wantError(t, 413, "", "The request has more than 1000 operations")
		want(t, "maxPayloadSize", fmt.Sprint(config.get("bulk/maxPayloadSize")), fmt.Sprint(10<<20))
		large := operation(1)
		d.do("POST /Bulk", large+strings.Repeat(" ", 10<<20-len(large))).wantStatus(t, 200)
		d.do("POST /Bulk", large+strings.Repeat(" ", 10<<20-len(large)+1)).wantError(t, 413, "", "The body is larger than 10485760 bytes")
		want(t, "sort", config.get("sort/supported"), any(true))
		want(t, "sorted", d.do("GET /Users?sortBy=userName&sortOrder=descending&count=1", "").get("Resources/0/userName"), any("u1002"))
		want(t, "etag", config.get("etag/supported"), any(true))
		d.do("GET /Users/"+id, "", `If-None-Match: W/"2"`).wantStatus(t, 304)
		want(t, "filter", config.get("filter/supported"), any(true))
		want(t, "filtered", d.names(t, "/Users?filter="+escape(`userName ew "7" and userName sw "u000"`)), []string{"u0007"})
		for query, w := range map[string]struct {
			start, n int
			first    any
		}{
			"": {1, 100, "u0000"}, "?startIndex=1": {1, 100, "u0000"}, "?startIndex=0&count=2": {1, 2, "u0000"}, "?startIndex=-5&count=2": {1, 2, "u0000"},
			"?count=0": {1, 0, nil}, "?count=-1": {1, 0, nil}, "?count=1000": {1, 1000, "u0000"}, "?count=1001": {1, 1000, "u0000"}, "?count=99999999999999999999": {1, 1000, "u0000"},
			"?startIndex=1003": {1003, 1, "u1002"}, "?startIndex=1004": {1004, 0, nil}, "?startIndex=99999999999999999999&count=5": {2147483647, 0, nil},
			"?startIndex=500&count=3": {500, 3, "u0499"},
		} {
			a := d.do("GET /Users"+query, "")
			a.wantStatus(t, 200)
			want(t, "totalResults of "+query, fmt.Sprint(a.get("totalResults")), fmt.Sprint(n))
			want(t, "startIndex of "+query, fmt.Sprint(a.get("startIndex")), fmt.Sprint(w.start))
			want(t, "itemsPerPage of "+query, fmt.Sprint(a.get("itemsPerPage")), fmt.Sprint(w.n))
			want(t, "resources of "+query, len(a.list()), w.n)
			want(t, "first of "+query, a.get("Resources/0/userName"), w.first)
		}
	}},
	{name: "startIndex and count that are no integers", run: func(t *testing.T, d *door) {
		for _, query := range []string{"?startIndex=x", "?count=x", "?count=1.0", "?count=", "?startIndex=+", "?count=1e3", "?count=-"} {
			d.refused(t, "GET /Users"+query, "", 400, "invalidValue", "")
		}
	}},
	{name: "scim:FLT-13 an empty filter is refused", run: func(t *testing.T, d *door) {
		for _, query := range []string{"?filter=", "?filter", "?filter=%20"} {
			d.refused(t, "GET /Users"+query, "", 400, "invalidFilter", "Invalid filter: ...")
		}
	}},
	{name: "scim:FLT-15 values are data", run: func(t *testing.T, d *door) {
		for _, name := range []string{`a%b`, `a_b`, `a\\b`, `a'b`, `a\"b`, `axb`, `a;b`} {
			d.user(t, `{"userName":"`+name+`","title":"`+name+`"}`)
		}
		for filter, n := range map[string]int{
			`userName co "%"`: 1, `userName co "_"`: 1, `userName co "\\"`: 1, `userName co "'"`: 1, `userName co "\""`: 1, `userName sw "a_"`: 1, `title ew "%b"`: 1,
			`userName eq "a%b"`: 1, `title eq "a_b"`: 1, `userName eq "' OR 1=1 --"`: 0, `title co "%' OR '1'='1"`: 0,
		} {
			want(t, filter, len(d.names(t, "/Users?filter="+escape(filter))), n)
		}
	}},
}

// standardProjection is section 14.
var standardProjection = []check{
	{name: "scim:ATT-03,scim:ATT-04,scim:ATT-05,scim:ATT-07,scim:ATT-09,scim:ATT-10,scim:ATT-12 what is shown", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","password":"2Federate","title":"t","name":{"givenName":"Ada","familyName":"L"},
			"emails":[{"value":"a@x.example","type":"work"},{"value":"b@x.example","type":"home"}],"`+enterpriseURN+`":{"department":"d","division":"v"}}`)
		always := `"schemas":["` + userURN + `","` + enterpriseURN + `"],"id":"` + id + `"`
		meta := `,"meta":{"resourceType":"User","created":"$T","lastModified":"$T","location":"$BASE/Users/` + id + `","version":"W/\"1\""}`
		name, emails := `,"name":{"givenName":"Ada","familyName":"L"}`, `,"emails":[{"value":"a@x.example","type":"work"},{"value":"b@x.example","type":"home"}]`
		extension := `,"` + enterpriseURN + `":{"department":"d","division":"v"}`
		whole := always + meta + `,"userName":"ada","title":"t","active":true` + name + emails + extension
		for query, rest := range map[string]string{
			"attributes=userName":                                             `,"userName":"ada"`,
			"attributes=USERNAME,%20Title%20":                                 `,"userName":"ada","title":"t"`,
			"attributes=name.givenName":                                       `,"name":{"givenName":"Ada"}`,
			"attributes=emails.value":                                         `,"emails":[{"value":"a@x.example"},{"value":"b@x.example"}]`,
			"attributes=" + userURN + ":title":                                `,"title":"t"`,
			"attributes=" + enterpriseURN:                                     extension,
			"attributes=" + enterpriseURN + ":division":                       `,"` + enterpriseURN + `":{"division":"v"}`,
			"attributes=password,nothing":                                     ``,
			"attributes=meta":                                                 meta,
			"attributes=meta.version":                                         `,"meta":{"version":"W/\"1\""}`,
			"attributes=emails[type+eq+%22work%22]":                           emails,
			"excludedAttributes=id,schemas,meta,name,emails," + enterpriseURN: `,"userName":"ada","title":"t","active":true`,
			"excludedAttributes=name.familyName,EMAILS,meta," + enterpriseURN + ":department": `,"userName":"ada","title":"t","active":true,"name":{"givenName":"Ada"},"` + enterpriseURN + `":{"division":"v"}`,
		} {
			d.do("GET /Users/"+id+"?"+query, "").wantJSON(t, d, `{`+always+rest+`}`)
			d.do("GET /Users?"+query, "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"itemsPerPage":1,
				"Resources":[{`+always+rest+`}]}`)
		}
		for _, query := range []string{"attributes=", "excludedAttributes=", "attributes=&excludedAttributes=", "excludedAttributes=nothing", ""} {
			d.do("GET /Users/"+id+"?"+query, "").wantJSON(t, d, `{`+whole+`}`)
		}
		s := openStandard(t, strict)
		s.refused(t, "GET /Users?attributes=emails[type+eq+%22work%22]", "", 400, "invalidValue", "")
	}},
	{name: "scim:ATT-06 both parameters", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","title":"t"}`)
		d.do("GET /Users/"+id+"?attributes=userName&excludedAttributes=userName", "").wantJSON(t, d, `{"schemas":["`+userURN+`"],"id":"$ID","userName":"ada"}`)
		openStandard(t, strict).refused(t, "GET /Users?attributes=userName&excludedAttributes=title", "", 400, "invalidValue", "")
	}},
	{name: "scim:ATT-13 the ETag is that of the resource whatever is shown", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","title":"t"}`)
		for _, query := range []string{"", "?attributes=userName", "?excludedAttributes=meta"} {
			d.do("GET /Users/"+id+query, "").wantHeader(t, "ETag", `W/"1"`)
		}
	}},
	{name: "groups without their members", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		g := d.create(t, "/Groups", `{"displayName":"g","members":[{"value":"`+id+`"}]}`).id()
		for _, path := range []string{"/Groups/" + g + "?excludedAttributes=members", "/Groups/" + g + "?attributes=displayName"} {
			want(t, path, d.do("GET "+path, "").get("members"), nil)
		}
		a := d.do("GET /Groups?excludedAttributes=members&filter="+escape(`members eq "`+id+`"`), "")
		want(t, "found", len(a.list()), 1)
		want(t, "members", a.get("Resources/0/members"), nil)
	}},
}

// standardDelete is section 17 and what section 20 says of deletion.
var standardDelete = []check{
	{name: "scim:DEL-01,scim:DEL-03,scim:DEL-07,scim:DEL-08 a deletion", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada","password":"2Federate"}`)
		want(t, "sign-in", d.signIn(t, "ada", "2Federate"), true)
		g := d.create(t, "/Groups", `{"displayName":"g","members":[{"value":"`+id+`"}]}`).id()
		h := d.create(t, "/Groups", `{"displayName":"h","members":[{"value":"`+id+`"}]}`).id()
		a := d.do("DELETE /Groups/"+h, "")
		a.wantStatus(t, 204)
		want(t, "body", string(a.body), "")
		want(t, "groups of the user", len(d.do("GET /Users/"+id, "").get("groups").([]any)), 1)
		d.do("DELETE /Users/"+id, "").wantStatus(t, 204)
		want(t, "sign-in of who was deleted", d.signIn(t, "ada", "2Federate"), false)
		want(t, "users", d.names(t, "/Users"), []string{})
		want(t, "found", d.names(t, "/Users?filter="+escape(`userName eq "ada"`)), []string{})
		want(t, "members", d.do("GET /Groups/"+g, "").get("members"), nil)
		d.refused(t, "DELETE /Users", "", 405, "", "")
	}},
	{name: "scim:DEL-06,scim:ETG-05,scim:ETG-06,scim:ETG-07,scim:ETG-11,scim:ETG-12 If-Match on DELETE", run: func(t *testing.T, d *door) {
		for _, sent := range []string{`W/"1"`, `"1"`, `1`, `W/"9", W/"1"`, `*`, ``} {
			id := d.user(t, `{"userName":"ada"}`)
			d.refused(t, "DELETE /Users/"+id, "", 412, "", "", `If-Match: W/"2"`)
			d.refused(t, "DELETE /Users/"+id, "", 412, "", "", `If-Match: "01", W/"nonsense"`)
			if sent == "" {
				d.do("DELETE /Users/"+id, "").wantStatus(t, 204)
			} else {
				d.do("DELETE /Users/"+id, "", "If-Match: "+sent).wantStatus(t, 204)
			}
			d.refused(t, "DELETE /Users/"+id, "", 404, "", "", "If-Match: *")
			d.refused(t, "DELETE /Users/"+id, "", 404, "", "", `If-Match: W/"1"`)
		}
		s := openStandard(t, strict)
		id := s.user(t, `{`+declared+`"userName":"ada"}`)
		s.refused(t, "DELETE /Users/"+id, "", 400, "invalidValue", "", "If-Match: 1")
		a := s.refused(t, "GET /Users/"+id, "", 400, "invalidValue", "", "If-None-Match: 1")
		a.wantHeader(t, "ETag", "")
		d.do("GET /Users/"+d.user(t, `{"userName":"bob"}`), "", "If-None-Match: 1").wantStatus(t, 304)
	}},
	{name: "scim:DEL-02 whatever is asked of what was deleted is 404", run: func(t *testing.T, d *door) {
		d.devices(t)
		for _, r := range []struct{ at, body string }{
			{"/Users", `{"userName":"ada"}`}, {"/Groups", `{"displayName":"g"}`}, {"/Devices", `{"serial":"1","` + badgeURN + `":{"number":"1"}}`},
		} {
			id := d.create(t, r.at, r.body).id()
			one := r.at + "/" + id
			d.do("DELETE "+one, "").wantStatus(t, 204)
			change := patch(`{"op":"add","path":"externalId","value":"x"}`)
			for _, request := range [][2]string{{"DELETE", ""}, {"GET", ""}, {"PUT", r.body}, {"PATCH", change}} {
				for _, match := range []string{"", "*", `W/"1"`} {
					d.refused(t, request[0]+" "+one, request[1], 404, "", "", "If-Match: "+match, "If-None-Match: "+match)
				}
			}
			d.do("HEAD "+one, "").wantStatus(t, 404)
			d.refused(t, "GET "+one+"?filter="+escape(`id eq "`+id+`"`), "", 404, "", "")
			for _, result := range d.bulk(t, `{"method":"DELETE","path":"`+one+`"}`, `{"method":"PUT","path":"`+one+`","data":`+r.body+`}`, `{"method":"PATCH","path":"`+one+`","data":`+change+`}`) {
				want(t, "in bulk", result["status"], any("404"))
			}
			want(t, "found", d.do("GET "+r.at+"?filter="+escape(`id eq "`+id+`"`), "").get("totalResults"), any(number("0")))
		}
	}},
	{name: "the group Users stays", run: func(t *testing.T, d *door) {
		id := fmt.Sprint(d.do("GET /Groups", "").get("Resources/0/id"))
		d.refused(t, "DELETE /Groups/"+id, "", 403, "", "Group "+id+" is built in and stays")
	}},
}

// standardErrors is section 21.
var standardErrors = []check{
	{name: "scim:ERR-01,scim:ERR-02,scim:ERR-04,scim:HTTP-07 the form of an error", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		reader := d.as(directorytest.ReaderToken)
		for _, e := range []struct {
			d             *door
			request, body string
			status        int
			scimType      string
		}{
			{d, "POST /Users", `{`, 400, "invalidSyntax"}, {d, "POST /Users", `{}`, 400, "invalidValue"}, {d, "GET /Users?filter=x", ``, 400, "invalidFilter"},
			{d.as(""), "GET /Users", ``, 401, ""}, {reader, "POST /Users", `{"userName":"x"}`, 403, ""}, {d, "GET /Schemas?filter=x", ``, 403, ""},
			{d, "GET /Users/none", ``, 404, ""}, {d, "GET /None", ``, 404, ""}, {d, "PUT /Users", `{}`, 405, ""}, {d, "POST /Users", `{"userName":"ada"}`, 409, "uniqueness"},
			{d, "POST /Users", strings.Repeat(" ", 1<<20+1), 413, ""}, {d, "POST /Me", `{}`, 501, ""},
		} {
			e.d.refused(t, e.request, e.body, e.status, e.scimType, "")
		}
		d.refused(t, "POST /Users", `{"userName":"x"}`, 415, "", "", "Content-Type: text/plain")
		d.refused(t, "DELETE /Users/"+id, "", 412, "", "", `If-Match: W/"7"`)
	}},
	{name: "scim:ERR-03 every error of the door has its form, whoever finds it", run: func(t *testing.T, d *door) {
		p := scim2.Standard(scim2.Options{})
		wordError(p, &scim.Error{Rule: scim.RuleRate, Allowed: []string{"1"}}).wantError(t, 429, "", "")
		wordError(p, &scim.Error{Rule: scim.RuleBusy, Allowed: []string{"1"}}).wantError(t, 503, "", "")
		wordError(p, io.ErrClosedPipe).wantError(t, 500, "", "Internal error")
		id := d.user(t, `{"userName":"ada"}`)
		d.refused(t, "GET /Nothing", "", 404, "", "")
		d.refused(t, "GET /Users/none/more", "", 404, "", "")
		d.at("/scim").refused(t, "GET /v9/Users", "", 404, "", "")
		d.as("wrong").refused(t, "GET /Users", "", 401, "", "")
		d.as(directorytest.ReaderToken).refused(t, "DELETE /Users/"+id, "", 403, "", "")
		d.refused(t, "PUT /Schemas", "{}", 405, "", "")
		d.refused(t, "POST /Users", strings.Repeat(" ", 1<<20+1), 413, "", "")
		d.refused(t, "POST /Users", "{}", 415, "", "", "Content-Type: text/plain")
		d.refused(t, "POST /Users", "{}", 415, "", "", "Content-Encoding: br")
		d.refused(t, "POST /Users", "{", 400, "invalidSyntax", "")
		d.refused(t, "POST /Me", "{}", 501, "", "")
	}},
	{name: "the first error in order wins", run: func(t *testing.T, d *door) {
		reader, nobody := d.as(directorytest.ReaderToken), d.as("")
		nobody.refused(t, "GET /Nothing", "", 401, "", "")
		nobody.refused(t, "PUT /Users", "{", 401, "", "", "Content-Type: text/plain")
		d.refused(t, "PUT /Nothing", "{", 404, "", "", "Content-Type: text/plain")
		d.refused(t, "PUT /Users", "{", 405, "", "", "Content-Type: text/plain")
		reader.refused(t, "PUT /Users", "{", 405, "", "")
		d.refused(t, "POST /Users?count=1&count=2&attributes=a&attributes=b", "{", 415, "", "", "Content-Type: text/plain")
		d.refused(t, "POST /Users", "{", 400, "invalidSyntax", "")
		reader.refused(t, "DELETE /Users/none", "", 403, "", "")
		d.refused(t, "DELETE /Users/none", "", 404, "", "", `If-Match: W/"7"`)
		d.user(t, `{"userName":"ada"}`)
		d.refused(t, "POST /Users", `{"userName":"ada","active":7}`, 400, "invalidValue", "")
	}},
	{name: "a fault of the server, a directory that is closed", run: func(t *testing.T, d *door) {
		d.fault(t, scim2.Standard(scim2.Options{}), http.MethodGet, 500, "Internal error")
		own := openStandard(t, scim2.Options{})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r := httptest.NewRequest("POST", publicURL+"/scim/v2/Users", strings.NewReader(`{"userName":"ada"}`)).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+d.token)
		w := httptest.NewRecorder()
		own.ServeHTTP(w, r)
		a := &answer{request: "POST /Users", status: w.Code, header: w.Header(), body: w.Body.Bytes()}
		a.wantError(t, 503, "", "")
		a.wantHeader(t, "Retry-After", "1")
		want(t, "users", own.users(t), 0)
	}},
}

// standardAccess is sections 22 and 23.
var standardAccess = []check{
	{name: "scim:SEC-02,scim:SEC-06,scim:SEC-07 schemes of authentication", run: func(t *testing.T, d *door) {
		basic := "Authorization: Basic ZGV2LWNsaWVudDpkZXYtc2VjcmV0"
		for _, scheme := range []string{"bearer", "Bearer", "BEARER"} {
			d.do("GET /Users", "", "Authorization: "+scheme+" "+directorytest.DevToken).wantStatus(t, 200)
		}
		d.as(d.accessToken(t)).do("GET /Users", "").wantStatus(t, 200)
		for _, sent := range []string{basic, "Authorization: non-token", "Authorization: Bearer", "Authorization: Bearer  ", "Authorization: Bearer a b", "Authorization: " + directorytest.DevToken} {
			a := d.refused(t, "GET /Users", "", 401, "", "", sent)
			if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
				t.Errorf("%s: WWW-Authenticate %q", sent, got)
			}
		}
		both := openStandard(t, scim2.Options{Basic: true})
		both.do("GET /Users", "", basic).wantStatus(t, 200)
		both.do("GET /Users", "").wantStatus(t, 200)
		a := both.refused(t, "GET /Users", "", 401, "", "", "Authorization: Basic eDp5")
		want(t, "WWW-Authenticate", a.header.Values("WWW-Authenticate"), []string{"Bearer", `Basic realm="rollcall"`})
	}},
	{name: "scim:SEC-03 a client does what its role and its doors allow", run: func(t *testing.T, d *door) {
		id := d.user(t, `{"userName":"ada"}`)
		reader := d.as(directorytest.ReaderToken)
		for _, request := range []string{"POST /Users", "PUT /Users/" + id, "PATCH /Users/" + id, "DELETE /Users/" + id, "POST /Groups"} {
			reader.refused(t, request, `{"userName":"x"}`, 403, "", "")
		}
		reader.do("GET /Users/"+id, "").wantStatus(t, 200)
		_, secret, err := d.dir.CreateClient(context.Background(), directory.ClientDraft{Environment: directorytest.Environment, Doors: []string{"rsa"}})
		if err != nil {
			t.Fatal(err)
		}
		d.as(secret).refused(t, "GET /Users", "", 403, "", "")
	}},
	{name: "what is asked for is not in the log", run: func(t *testing.T, d *door) {
		d.do("GET /Users?filter="+escape(`emails.value eq "private@x.example"`), "").wantStatus(t, 200)
		if strings.Contains(d.log.String(), "private") {
			t.Errorf("log %s", d.log)
		}
	}},
	{name: "scim:TEN-01,scim:TEN-02,scim:DIS-20 the environment in the path", run: func(t *testing.T, d *door) {
		here := d.at("/scim/" + directorytest.Environment + "/v2")
		a := here.create(t, "/Users", `{"userName":"ada"}`)
		a.wantHeader(t, "Location", publicURL+"/scim/"+directorytest.Environment+"/v2/Users/"+a.id())
		a.wantJSON(t, here, view(`"userName":"ada","active":true`))
		want(t, "the same user", d.names(t, "/Users"), []string{"ada"})
		want(t, "location", here.do("GET /ServiceProviderConfig", "").get("meta/location"), any(publicURL+here.base+"/ServiceProviderConfig"))
		want(t, "location", here.do("GET /Schemas", "").get("Resources/0/meta/location"), any(publicURL+here.base+"/Schemas/"+userURN))

		there := d.at("/scim/" + directorytest.Other + "/v2")
		for _, request := range []string{"GET /Users", "GET /Users/" + a.id(), "DELETE /Users/" + a.id(), "POST /Users"} {
			there.refused(t, request, `{"userName":"x"}`, 403, "", "")
			d.at("/scim/nowhere/v2").refused(t, request, `{"userName":"x"}`, 404, "", "")
		}
		p := openPingOne(t, scim2.Options{})
		p.do("GET /Users", "").wantStatus(t, 200)
		p.at("/environments/"+directorytest.Other+"/v2").refused(t, "GET /Users", "", 403, "", "")
	}},
}

// standardDiscovery is section 6.
var standardDiscovery = []check{
	{name: "scim:DIS-01,scim:DIS-02,scim:DIS-03,scim:DIS-04 the configuration", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"} {
			d.do("GET "+path, "").wantStatus(t, 200)
		}
		const want = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
			"meta":{"resourceType":"ServiceProviderConfig","location":"$BASE/ServiceProviderConfig"},
			"patch":{"supported":true},"bulk":{"supported":true,"maxOperations":1000,"maxPayloadSize":10485760},
			"filter":{"supported":true,"maxResults":1000},"changePassword":{"supported":true},"sort":{"supported":true},"etag":{"supported":true},
			"pagination":{"cursor":true,"index":true,"defaultPaginationMethod":"index","defaultPageSize":100,"maxPageSize":1000,"cursorTimeout":3600},
			"authenticationSchemes":[{"type":"oauthbearertoken","name":"OAuth 2.0 Bearer Token","description":"Access with an OAuth 2.0 bearer token (RFC 6750).",
				"specUri":"https://tools.ietf.org/html/rfc6750","documentationUri":"https://tools.ietf.org/html/rfc6750","primary":true}%s]}`
		d.do("GET /ServiceProviderConfig", "").wantJSON(t, d, fmt.Sprintf(want, ""))
		both := openStandard(t, scim2.Options{Basic: true})
		both.do("GET /ServiceProviderConfig", "").wantJSON(t, both, fmt.Sprintf(want, `,{"type":"httpbasic","name":"HTTP Basic",
			"description":"Access with the id and the secret of a client (RFC 7617).","specUri":"https://tools.ietf.org/html/rfc7617",
			"documentationUri":"https://tools.ietf.org/html/rfc7617","primary":false}`))
	}},
	{name: "scim:DIS-05 who has no credential may read it, unless switched off", run: func(t *testing.T, d *door) {
		private := openStandard(t, scim2.Options{PrivateSchemas: true})
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/Schemas/" + userURN, "/ResourceTypes", "/ResourceTypes/User"} {
			d.as("").do("GET "+path, "").wantStatus(t, 200)
			status := 401
			if path == "/ServiceProviderConfig" {
				status = 200
			}
			private.as("").do("GET "+path, "").wantStatus(t, status)
			private.do("GET "+path, "").wantStatus(t, 200)
		}
	}},
	{name: "scim:DIS-09,scim:DIS-13,scim:DIS-14 resource types", run: func(t *testing.T, d *door) {
		kind := func(name, description, schema, more string) string {
			return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"` + name + `","name":"` + name + `","description":"` + description + `",
				"endpoint":"/` + name + `s","schema":"` + schema + `","meta":{"resourceType":"ResourceType","location":"$BASE/ResourceTypes/` + name + `"}` + more + `}`
		}
		user := kind("User", "User Account", userURN, `,"schemaExtensions":[{"schema":"`+enterpriseURN+`","required":false}]`)
		group := kind("Group", "A group of users and groups", groupURN, ``)
		d.do("GET /ResourceTypes", "").wantJSON(t, d, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,"startIndex":1,"itemsPerPage":2,
			"Resources":[`+user+`,`+group+`]}`)
		d.do("GET /ResourceTypes/User", "").wantJSON(t, d, user)
		d.do("GET /ResourceTypes/Group", "").wantJSON(t, d, group)
		a := d.do("GET /Schemas", "")
		want(t, "schemas", a.get("schemas"), any([]any{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}))
		want(t, "totalResults", fmt.Sprint(a.get("totalResults")), fmt.Sprint(len(a.list())))
	}},
	{name: "scim:COM-18 common attributes of discovery documents", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes/User", "/Schemas/" + userURN} {
			a := d.do("GET "+path, "")
			kind := strings.Split(path, "/")[1]
			if a.get("schemas") == nil || a.get("meta/location") != any(publicURL+d.base+path) || a.get("meta/resourceType") != any(strings.TrimSuffix(kind, "s")) {
				t.Errorf("%s: %s", path, a.body)
			}
			want(t, path+" has an id", a.get("id") != nil, kind != "ServiceProviderConfig")
		}
		for _, kind := range []string{"Users", "Groups"} {
			body := `{"userName":"ada","displayName":"g","externalId":"7"}`
			a := d.do("GET /"+kind+"/"+d.create(t, "/"+kind, body).id(), "")
			for _, name := range []string{"schemas", "id", "externalId", "meta"} {
				if a.get(name) == nil {
					t.Errorf("%s: no %s in %s", kind, name, a.body)
				}
			}
		}
	}},
	{name: "scim:DIS-10 one schema, one resource type", run: func(t *testing.T, d *door) {
		for i, id := range []string{userURN, enterpriseURN, groupURN} {
			whole, one := d.do("GET /Schemas", "").list()[i], d.do("GET /Schemas/"+id, "")
			want(t, id, one.json(), whole)
			for _, path := range []string{strings.ToUpper(id), strings.ReplaceAll(id, ":", "%3A")} {
				want(t, path, string(d.do("GET /Schemas/"+path, "").body), string(one.body))
			}
		}
		for _, path := range []string{"/Schemas/urn:example:x", "/ResourceTypes/Device", "/ResourceTypes/USER"} {
			d.refused(t, "GET "+path, "", 404, "", "")
		}
	}},
	{name: "scim:DIS-11 a filter is 403, other parameters are ignored", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"} {
			d.refused(t, "GET "+path+"?filter=id+pr", "", 403, "", "")
			want(t, path, string(d.do("GET "+path+"?count=0&startIndex=9&sortBy=id&count=x&attributes=id", "").body), string(d.do("GET "+path, "").body))
		}
	}},
	{name: "scim:DIS-12 discovery is read-only", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/Schemas/" + userURN, "/ResourceTypes", "/ResourceTypes/User"} {
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
				a := d.refused(t, method+" "+path, "{}", 405, "", "")
				if allow := a.header.Get("Allow"); !strings.HasPrefix(allow, "GET") {
					t.Errorf("%s: Allow %q", a.request, allow)
				}
			}
		}
	}},
	{name: "scim:DIS-15,scim:DIS-16,scim:DIS-17 schemas say all of their attributes, in the RFC's words, and no nulls", run: func(t *testing.T, d *door) {
		a := d.do("GET /Schemas", "")
		if bytes.Contains(a.body, []byte("null")) {
			t.Error("there is a null")
		}
		var ids []string
		for _, s := range a.list() {
			ids = append(ids, fmt.Sprint(s["id"]))
			attributes, _ := s["attributes"].([]any)
			if len(attributes) == 0 {
				t.Errorf("%v has no attributes", s["id"])
			}
			for _, attribute := range attributes {
				wantAttribute(t, fmt.Sprint(s["id"]), attribute)
			}
		}
		const core = "urn:ietf:params:scim:schemas:core:2.0:"
		want(t, "ids", ids, []string{userURN, enterpriseURN, groupURN, core + "ServiceProviderConfig", core + "ResourceType", core + "Schema"})
	}},
	{name: "types of values have canonical values", run: func(t *testing.T, d *door) {
		listed, _ := d.do("GET /Schemas/"+userURN, "").get("attributes").([]any)
		found := 0
		for _, attribute := range listed {
			a, _ := attribute.(map[string]any)
			subs, _ := a["subAttributes"].([]any)
			for _, sub := range subs {
				s, _ := sub.(map[string]any)
				if s["name"] != "type" {
					continue
				}
				switch a["name"] {
				case "roles", "entitlements", "x509Certificates": // free (scim USR-20)
				default:
					if values, _ := s["canonicalValues"].([]any); len(values) == 0 {
						t.Errorf("%v.type has no canonical values", a["name"])
					}
					found++
				}
			}
		}
		want(t, "attributes with a type", found, 6)
	}},
	{name: "scim:DIS-19 discovery has ETags", run: func(t *testing.T, d *door) {
		for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/Schemas/" + userURN, "/ResourceTypes", "/ResourceTypes/User"} {
			tag := d.do("GET "+path, "").header.Get("ETag")
			a := d.do("GET "+path, "", "If-None-Match: "+tag)
			a.wantStatus(t, 304)
			want(t, "body", string(a.body), "")
			d.do("GET "+path, "", `If-None-Match: W/"other"`).wantStatus(t, 200)
		}
	}},
}

// wantAttribute checks that an attribute says all that RFC 7643 7 asks for,
// with keywords that it knows.
func wantAttribute(t *testing.T, path string, attribute any) {
	t.Helper()
	a, _ := attribute.(map[string]any)
	path += ":" + fmt.Sprint(a["name"])
	words := map[string]string{
		"type":       " string boolean decimal integer dateTime binary reference complex ",
		"mutability": " readOnly readWrite immutable writeOnly ",
		"returned":   " always never default request ",
		"uniqueness": " none server global ",
	}
	for name, known := range words {
		if word, _ := a[name].(string); !strings.Contains(known, " "+word+" ") {
			t.Errorf("%s: %s %q", path, name, word)
		}
	}
	for _, name := range []string{"multiValued", "required", "caseExact"} {
		if _, ok := a[name].(bool); !ok {
			t.Errorf("%s: no %s", path, name)
		}
	}
	if text, _ := a["description"].(string); text == "" {
		t.Errorf("%s: no description", path)
	}
	for name := range a {
		if !strings.Contains(" name type multiValued description required canonicalValues caseExact mutability returned uniqueness referenceTypes subAttributes indexed ", " "+name+" ") {
			t.Errorf("%s: undeclared member %s", path, name)
		}
	}
	subs, _ := a["subAttributes"].([]any)
	if (a["type"] == "complex") != (len(subs) > 0) || (a["type"] == "reference") != (a["referenceTypes"] != nil) {
		t.Errorf("%s: type %v, %d sub-attributes, referenceTypes %v", path, a["type"], len(subs), a["referenceTypes"])
	}
	for _, sub := range subs {
		wantAttribute(t, path, sub)
	}
}
