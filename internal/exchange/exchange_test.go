package exchange_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/exchange"
)

// canned answers every request with the same status, header lines and body.
func canned(status int, header map[string]string, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

const get = "-- request --\nGET / HTTP/1.1\n-- response --\n"

func TestPlay(t *testing.T) {
	const id = "0b854f8d-a291-4e95-ad4b-68474a666e55"
	tests := []struct {
		name      string
		recording string // after the request
		status    int
		header    map[string]string
		body      string
		fault     string // part of the error; empty if the recording holds
	}{
		{"status", "HTTP/1.1 200 OK\n", 200, nil, "", ""},
		{"status differs", "HTTP/1.1 201\n", 200, nil, "", "status: want 201, got 200"},
		{"status line is nonsense", "200\n", 200, nil, "", `"200" is not HTTP/1.1 STATUS`},

		{"header", "HTTP/1.1 200\nX-A: b c\n", 200, map[string]string{"X-A": "b c"}, "", ""},
		{"header name in another case", "HTTP/1.1 200\nx-a: b\n", 200, map[string]string{"X-A": "b"}, "", ""},
		{"header differs", "HTTP/1.1 200\nX-A: b\n", 200, map[string]string{"X-A": "B"}, "", `header X-A: want "b", got "B"`},
		{"header missing", "HTTP/1.1 200\nX-A: b\n", 200, nil, "", `header X-A: want "b", got none`},
		{"header absent", "HTTP/1.1 200\n!X-A\n", 200, nil, "", ""},
		{"header not absent", "HTTP/1.1 200\n!X-A\n", 200, map[string]string{"X-A": "b"}, "", `header X-A: want none, got "b"`},
		{"header with a variable", "HTTP/1.1 200\nLocation: $BASE/u/$ID\n", 200, map[string]string{"Location": "https://dir.example/u/7"}, "", ""},
		{"header with another base", "HTTP/1.1 200\nLocation: $BASE/u/$ID\n", 200, map[string]string{"Location": "http://dir.example/u/7"}, "", "header Location"},

		{"no body", "HTTP/1.1 200\n", 200, nil, "\n", "body: want none"},
		{"text", "HTTP/1.1 200\n\nhello\n", 200, nil, "hello\n", ""},
		{"text differs", "HTTP/1.1 200\n\nhello\n", 200, nil, "hell", `body: want "hello", got "hell"`},
		{"any body", "HTTP/1.1 200\n\n$ANY\n", 200, nil, "<p>\n</p>", ""},
		{"not JSON", "HTTP/1.1 200\n\n{}\n", 200, nil, "hello", "body: invalid character"},
		{"cut off", "HTTP/1.1 200\n\n{}\n", 200, nil, "{", "body: "},
		{"trailing data", "HTTP/1.1 200\n\n{}\n", 200, nil, "{} {}", "body: more after the JSON value"},
		{"repeated member", "HTTP/1.1 200\n\n{\"a\":1}\n", 200, nil, `{"a":1,"a":1}`, `member "a" appears twice`},
		{"recorded body is not JSON", "HTTP/1.1 200\n\n{a}\n", 200, nil, `{}`, "recorded body"},

		{"members in another order", "HTTP/1.1 200\n\n{\"a\":1,\"b\":[true,null]}\n", 200, nil, `{ "b" : [true, null], "a" : 1 }`, ""},
		{"member missing", "HTTP/1.1 200\n\n{\"a\":{\"b\":1}}\n", 200, nil, `{"a":{}}`, "a.b: missing"},
		{"member missing is not null", "HTTP/1.1 200\n\n{\"a\":null}\n", 200, nil, `{}`, "a: missing"},
		{"member extra", "HTTP/1.1 200\n\n{\"a\":[{}]}\n", 200, nil, `{"a":[{"b":"c"}]}`, `a[0].b: not expected: "c"`},
		{"open object", "HTTP/1.1 200\n\n{\"a\":1,\"...\":\"$ANY\"}\n", 200, nil, `{"b":2,"a":1}`, ""},
		{"open object lacks a member", "HTTP/1.1 200\n\n{\"a\":1,\"...\":\"$ANY\"}\n", 200, nil, `{"b":2}`, "a: missing"},
		{"object within an open one", "HTTP/1.1 200\n\n{\"a\":{},\"...\":\"$ANY\"}\n", 200, nil, `{"a":{"b":1}}`, "a.b: not expected"},
		{"value differs", "HTTP/1.1 200\n\n{\"a\":[1]}\n", 200, nil, `{"a":[2]}`, "a[0]: want 1, got 2"},
		{"number is not a string", "HTTP/1.1 200\n\n{\"a\":1}\n", 200, nil, `{"a":"1"}`, `a: want 1, got "1"`},
		{"digits are kept", "HTTP/1.1 200\n\n{\"a\":1.0}\n", 200, nil, `{"a":1}`, "a: want 1.0, got 1"},
		{"items in another order", "HTTP/1.1 200\n\n[1,2]\n", 200, nil, `[2,1]`, "[0]: want 1, got 2"},
		{"number of items", "HTTP/1.1 200\n\n{\"a\":[1,2]}\n", 200, nil, `{"a":[1]}`, "a: want 2 items, got 1: [1]"},
		{"all faults at once", "HTTP/1.1 200\n\n{\"a\":1,\"b\":2}\n", 400, nil, `{"a":3,"b":4}`, "status: want 200, got 400\n\ta: want 1, got 3\n\tb: want 2, got 4"},

		{"variable binds once", "HTTP/1.1 200\n\n{\"a\":\"$X\",\"b\":\"<$X>\"}\n", 200, nil, `{"a":"x","b":"<x>"}`, ""},
		{"variable differs", "HTTP/1.1 200\n\n{\"a\":\"$X\",\"b\":\"$X\"}\n", 200, nil, `{"a":"x","b":"y"}`, `b: want "x", got "y"`},
		{"variable twice in one string", "HTTP/1.1 200\n\n[\"$ID/$ID\"]\n", 200, nil, `["a/b"]`, `$ID is both "a" and "b"`},
		{"variable is empty", "HTTP/1.1 200\n\n[\"$X\"]\n", 200, nil, `[""]`, "[0]: want"},
		{"variable is a number", "HTTP/1.1 200\n\n[\"$X\"]\n", 200, nil, `[1]`, `[0]: want "$X", got 1`},
		{"text around a variable is literal", "HTTP/1.1 200\n\n[\"a.$X\"]\n", 200, nil, `["abc"]`, "[0]: want"},
		{"lower case is no variable", "HTTP/1.1 200\n\n[\"$ref\"]\n", 200, nil, `["$ref"]`, ""},
		{"any", "HTTP/1.1 200\n\n[\"$ANY\",\"$ANY\",\"a$ANY\"]\n", 200, nil, `[{"b":1},null,"a"]`, ""},
		{"UUID", "HTTP/1.1 200\n\n[\"$UUID1\"]\n", 200, nil, `["` + id + `"]`, ""},
		{"UUID in capitals", "HTTP/1.1 200\n\n[\"$UUID1\"]\n", 200, nil, `["` + strings.ToUpper(id) + `"]`, "[0]: want"},
		{"id ends at a slash", "HTTP/1.1 200\n\n[\"/$ID\"]\n", 200, nil, `["/a/b"]`, "[0]: want"},

		{"instant", "HTTP/1.1 200\n\n[\"$T\"]\n", 200, nil, `["2026-03-01T08:15:30-05:00"]`, ""},
		{"instant without a zone", "HTTP/1.1 200\n\n[\"$T\"]\n", 200, nil, `["2026-03-01T08:15:30"]`, "[0]: want"},
		{"instant that never was", "HTTP/1.1 200\n\n[\"$T_A\"]\n", 200, nil, `["2026-02-30T08:15:30Z"]`, "$T_A: parsing time"},
		{"instant in UTC", "HTTP/1.1 200\n\n[\"$TZ1\"]\n", 200, nil, `["2026-03-01T08:15:30.120Z"]`, ""},
		{"instant in UTC without milliseconds", "HTTP/1.1 200\n\n[\"$TZ1\"]\n", 200, nil, `["2026-03-01T08:15:30Z"]`, "[0]: want"},
		{"instant with an offset", "HTTP/1.1 200\n\n[\"$TO1\"]\n", 200, nil, `["2026-03-01T08:15:30.120+00:00"]`, ""},
		{"instant with Z for an offset", "HTTP/1.1 200\n\n[\"$TO1\"]\n", 200, nil, `["2026-03-01T08:15:30.120Z"]`, "[0]: want"},
		{"a name that begins like an instant", "HTTP/1.1 200\n\n[\"$TOKEN\"]\n", 200, nil, `["abc"]`, ""},
		{"milliseconds", "HTTP/1.1 200\n\n[\"$MS\"]\n", 200, nil, `[1429123454227]`, ""},
		{"milliseconds as a string", "HTTP/1.1 200\n\n[\"$MS\"]\n", 200, nil, `["1429123454227"]`, "[0]: want a number"},

		{"same instant", "HTTP/1.1 200\n\n[\"$MS\",\"$TO\"]\n# $MS == $TO\n", 200, nil, `[1429123454227,"2015-04-15T18:44:14.227+00:00"]`, ""},
		{"not the same instant", "HTTP/1.1 200\n\n[\"$MS\",\"$TO\"]\n# $MS == $TO\n", 200, nil, `[1429123454228,"2015-04-15T18:44:14.227+00:00"]`, "$MS == $TO: does not hold"},
		{"same instant in two zones", "HTTP/1.1 200\n\n[\"$T1\",\"$T2\"]\n# $T1 == $T2\n", 200, nil, `["2015-04-15T18:44:14Z","2015-04-15T12:44:14.000-06:00"]`, ""},
		{"later", "HTTP/1.1 200\n\n[\"$T1\",\"$T2\"]\n# $T1 < $T2\n", 200, nil, `["2015-04-15T18:44:14Z","2015-04-15T12:44:15-06:00"]`, ""},
		{"not later", "HTTP/1.1 200\n\n[\"$T1\",\"$T2\"]\n# $T1 < $T2\n", 200, nil, `["2015-04-15T18:44:14Z","2015-04-15T18:44:14Z"]`, "does not hold"},
		{"not earlier", "HTTP/1.1 200\n\n[\"$T1\",\"$T2\"]\n# $T1 <= $T2\n", 200, nil, `["2015-04-15T18:44:14Z","2015-04-15T18:44:14Z"]`, ""},
		{"other text", "HTTP/1.1 200\n\n[\"$REV1\",\"$REV2\"]\n# $REV1 != $REV2\n", 200, nil, `["a","b"]`, ""},
		{"same text", "HTTP/1.1 200\n\n[\"$REV1\",\"$REV2\"]\n# $REV1 != $REV2\n", 200, nil, `["a","a"]`, "does not hold"},
		{"text has no order", "HTTP/1.1 200\n\n[\"$REV1\",\"$REV2\"]\n# $REV1 < $REV2\n", 200, nil, `["a","b"]`, "only instants have an order"},
		{"relation without a value", "HTTP/1.1 200\n# $REV1 != $REV2\n", 200, nil, "", "not bound"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := exchange.Target{
				Handler: canned(tt.status, tt.header, tt.body),
				Vars:    map[string]string{"BASE": "https://dir.example"},
			}
			err := exchange.Play([]byte(get+tt.recording), target)
			check(t, err, tt.fault)
		})
	}
}

func check(t *testing.T, err error, fault string) {
	t.Helper()
	switch {
	case fault == "" && err != nil:
		t.Errorf("got the error %v, want none", err)
	case fault != "" && err == nil:
		t.Errorf("got no error, want one with %q", fault)
	case fault != "" && !strings.Contains(err.Error(), fault):
		t.Errorf("got the error %v, want one with %q", err, fault)
	}
}

func TestUnordered(t *testing.T) {
	const recording = "A set.\nunordered: emails, phoneNumbers\n" + get + `HTTP/1.1 200

{"emails": [{"type": "work", "value": "$X"}, {"type": "home", "value": "$Y"}], "phoneNumbers": [1, 1, 2], "other": [1, 2]}
`
	tests := []struct{ name, body, fault string }{
		{"same order", `{"emails":[{"type":"work","value":"a"},{"type":"home","value":"b"}],"phoneNumbers":[1,1,2],"other":[1,2]}`, ""},
		{"another order", `{"emails":[{"type":"home","value":"b"},{"type":"work","value":"a"}],"phoneNumbers":[1,2,1],"other":[1,2]}`, ""},
		{"an item is missing", `{"emails":[{"type":"home","value":"b"},{"type":"home","value":"a"}],"phoneNumbers":[1,1,2],"other":[1,2]}`, "emails[0]: no item matches"},
		{"another count of one item", `{"emails":[{"type":"work","value":"a"},{"type":"home","value":"b"}],"phoneNumbers":[1,2,2],"other":[1,2]}`, "phoneNumbers[1]: no item matches 1"},
		{"another array", `{"emails":[{"type":"work","value":"a"},{"type":"home","value":"b"}],"phoneNumbers":[1,1,2],"other":[2,1]}`, "other[0]: want 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, exchange.Play([]byte(recording), exchange.Target{Handler: canned(200, nil, tt.body)}), tt.fault)
		})
	}
}

// echo answers with what it got, as text.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s %s %d\n", r.Method, r.Host, r.RequestURI, r.ContentLength)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name != "Content-Length" {
			fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
		}
	}
	w.Write(body)
}

func TestRequestIsSentAsWritten(t *testing.T) {
	const recording = `
-- request --
PURGE /a%2Fb/?q=x+y%20z& HTTP/1.1
Authorization: Bearer $TOKEN

{"a": 1,}
-- response --
HTTP/1.1 200

PURGE dir.example /a%2Fb/?q=x+y%20z& 9
Authorization: Bearer s3cret
{"a": 1,}
-- request --
GET / HTTP/1.1
Host: other.example
-- response --
HTTP/1.1 200

GET other.example / 0
`
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	vars := map[string]string{"BASE": "https://dir.example", "TOKEN": "s3cret"}
	for name, target := range map[string]exchange.Target{
		"handler": {Handler: http.HandlerFunc(echo), Vars: vars},
		"URL":     {URL: srv.URL, Vars: vars},
	} {
		t.Run(name, func(t *testing.T) {
			if err := exchange.Play([]byte(recording), target); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVariablesOfResponsesFillRequests(t *testing.T) {
	const recording = `
-- request --
POST /first HTTP/1.1

x
-- response --
HTTP/1.1 200

POST $HOST /first 1
$ANY
-- request --
GET /second/$HOST HTTP/1.1
-- response --
HTTP/1.1 200

GET $HOST /second/$HOST 0
`
	if err := exchange.Play([]byte(recording), exchange.Target{Handler: http.HandlerFunc(echo)}); err != nil {
		t.Error(err)
	}
}

func TestPlayStopsAtTheFirstDifference(t *testing.T) {
	calls := 0
	count := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls++ })
	err := exchange.Play([]byte(get+"HTTP/1.1 201\n"+get+"HTTP/1.1 200\n"), exchange.Target{Handler: count})
	check(t, err, "response 1, to GET / HTTP/1.1:\n\tstatus: want 201, got 200\ngot:\nHTTP/1.1 200\n")
	if calls != 1 {
		t.Errorf("got %d requests, want 1", calls)
	}
}

func TestMalformedRecordings(t *testing.T) {
	tests := []struct{ name, recording, fault string }{
		{"empty", "", "sections must be pairs"},
		{"request alone", "-- request --\nGET / HTTP/1.1\n", "sections must be pairs"},
		{"two requests", "-- request --\nGET / HTTP/1.1\n-- request --\nGET / HTTP/1.1\n", "are not a request and a response"},
		{"body without an empty line", "-- request --\nPOST / HTTP/1.1\n{\"a\": 1}\n-- response --\nHTTP/1.1 200\n", "request 1: \"{\\\"a\\\": 1}\" is not a header field"},
		{"relation in a request", "-- request --\nGET / HTTP/1.1\n# $A == $B\n-- response --\nHTTP/1.1 200\n", "a relation belongs into a response"},
		{"unbound variable", "-- request --\nGET /$ID HTTP/1.1\n-- response --\nHTTP/1.1 200\n", "$ID is not bound"},
		{"unbound variable in a header", "-- request --\nGET / HTTP/1.1\nA: $B\n-- response --\nHTTP/1.1 200\n", "$B is not bound"},
		{"unbound variable in a body", "-- request --\nPOST / HTTP/1.1\n\n$B\n-- response --\nHTTP/1.1 200\n", "$B is not bound"},
		{"absent header in a request", "-- request --\nGET / HTTP/1.1\n!A\n-- response --\nHTTP/1.1 200\n", "!A has no meaning"},
		{"no version", "-- request --\nGET /\n-- response --\nHTTP/1.1 200\n", "is not METHOD /path HTTP/1.1"},
		{"no path", "-- request --\nGET HTTP/1.1\n-- response --\nHTTP/1.1 200\n", "is not METHOD /path HTTP/1.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, exchange.Play([]byte(tt.recording), exchange.Target{Handler: http.HandlerFunc(echo)}), tt.fault)
		})
	}
}
