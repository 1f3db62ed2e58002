// Package exchange replays recorded HTTP conversations against a server and
// fails the test where an answer differs. It is the form of every example of a
// vendor's documentation and is called by the tests of the doors and of the
// server; it knows no dialect.
//
// A recording is a txtar file: a comment, then pairs of the sections request
// and response.
//
//	Minimal creation.
//	rules: rsa:RSA-011
//	-- request --
//	POST /rsa/v2/Users HTTP/1.1
//	Content-Type: application/scim+json
//
//	{"userName": "ada"}
//	-- response --
//	HTTP/1.1 201
//	Location: $BASE/rsa/v2/Users/$ID
//	!ETag
//
//	{"id": "$ID", "userName": "ada", "meta": {"created": "$T"}}
//
// These lines of the comment have a meaning:
//
//	rules: SHEET:ID, ...   rules that the file proves; the test's name begins with them
//	transcribed: PAGE      taken from a vendor's page; -update never rewrites the file
//	unordered: NAME, ...   arrays under members of these names are compared as sets
//
// # Responses
//
// The status is compared; a reason phrase is not. A header that is named is
// compared, "!Name" says that there is none, all others are ignored. Without a
// body in the file there must be none. A body that begins with { or [ is
// compared as JSON, member by member: a missing, an extra and a repeated member
// fail, the order of members does not matter, that of array items does. An
// object with the member "...": "$ANY" may have more members than are written.
// Any other body is compared as text.
//
// # Variables
//
// $NAME binds to what stands in its place where it first appears and must be
// the same from then on, in requests too. The letters of the name up to the
// first digit or underscore say which form the value must have:
//
//	T     an instant as RFC 3339 writes it
//	TZ    such an instant in UTC with three digits of milliseconds and Z
//	TO    the same with the offset +00:00 instead of Z
//	MS    a JSON number, milliseconds since 1970; written "$MS", with the quotes
//	UUID  a UUID in lower case
//	ID    letters, digits and any of . _ ~ -
//	ANY   anything, a whole JSON value too; binds nothing
//
// Every other name takes any text that is not empty. Target.Vars are bound
// before the first request.
//
// # Relations
//
// A line such as "# $MS1 == $TO1" in a response compares two bindings, after
// the response: with ==, !=, < or <=. Instants (T, TZ, TO, MS) are compared to
// the millisecond, everything else as text and only with == and !=.
package exchange

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the responses of recordings that are not transcribed")

// A Target is what a recording is played against: Handler if it is set, else
// the server at URL.
type Target struct {
	Handler http.Handler
	URL     string
	// Vars are bound before the first request. BASE, the public URL of the
	// server, is URL if it is not among them.
	Vars map[string]string
}

// Run plays every recording that matches the pattern of [filepath.Glob], each
// as a subtest and each against a target of its own that open returns. The
// subtest is named by the file's rules and its name.
func Run(t *testing.T, pattern string, open func(t testing.TB) Target) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no recording matches %s", pattern)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := parse(text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if len(rec.rules) > 0 {
			name = strings.Join(rec.rules, ",") + " " + name
		}
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if err := rec.replay(file, open(t)); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		})
	}
}

// replay plays the recording that the file holds and, with -update, rewrites
// the file where it may.
func (rec *recording) replay(file string, target Target) error {
	rewrite := *update && !rec.transcribed
	if err := rec.play(target, rewrite); err != nil {
		return err
	}
	if !rec.changed {
		return nil
	}
	return os.WriteFile(file, txtar.Format(rec.archive), 0o666)
}

// Play plays one recording and says where an answer differs from it. It stops
// after the first exchange that differs.
func Play(recording []byte, target Target) error {
	rec, err := parse(recording)
	if err != nil {
		return err
	}
	return rec.play(target, false)
}

// play sends the requests one after the other. With rewrite, a response that
// differs replaces the recorded one instead of ending the play.
func (rec *recording) play(target Target, rewrite bool) error {
	vars := bindings{}
	maps.Copy(vars, target.Vars)
	address := target.URL
	if target.Handler != nil {
		srv := httptest.NewServer(target.Handler)
		defer srv.Close()
		address = srv.URL
	}
	if _, ok := vars["BASE"]; !ok {
		vars["BASE"] = address
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	for i, ex := range rec.exchanges {
		req, err := ex.request.build(address, vars)
		if err != nil {
			return fmt.Errorf("request %d: %w", i+1, err)
		}
		got, err := send(transport, req)
		if err != nil {
			return fmt.Errorf("request %d, %s: %w", i+1, ex.request.line, err)
		}
		faults := ex.response.compare(got, vars, rec.unordered)
		if len(faults) == 0 {
			continue
		}
		if !rewrite {
			return fmt.Errorf("response %d, to %s:\n\t%s\ngot:\n%s", i+1, ex.request.line, strings.Join(faults, "\n\t"), got)
		}
		rec.archive.Files[2*i+1].Data = ex.response.rewritten(got, vars)
		rec.changed = true
	}
	return nil
}

// An answer is a response as it came.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func send(transport *http.Transport, req *http.Request) (*answer, error) {
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return &answer{resp.StatusCode, resp.Header, body}, nil
}

// String is the answer as HTTP writes it, for people.
func (a *answer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d\n", a.status)
	a.header.Write(&b)
	b.WriteString("\n")
	if tree, err := parseJSON(a.body); err == nil {
		tree.write(&b, "")
	} else {
		b.Write(a.body)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// build makes the request of a section, with its variables filled in. What the
// section does not name is not sent, but for Host and Content-Length.
func (m *message) build(address string, vars bindings) (*http.Request, error) {
	line, err := vars.expand(m.line)
	if err != nil {
		return nil, err
	}
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := cutLast(rest, " ")
	if method == "" || !strings.HasPrefix(target, "/") || version != "HTTP/1.1" {
		return nil, fmt.Errorf("%q is not METHOD /path HTTP/1.1", m.line)
	}
	body, err := vars.expand(m.body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, address+target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if base, err := url.Parse(vars["BASE"]); err == nil {
		req.Host = base.Host
	}
	req.Header.Set("User-Agent", "") // keeps net/http from adding its own
	for _, f := range m.fields {
		value, err := vars.expand(f.value)
		if err != nil {
			return nil, err
		}
		switch {
		case f.absent:
			return nil, fmt.Errorf("!%s has no meaning in a request", f.name)
		case strings.EqualFold(f.name, "Host"):
			req.Host = value
		case strings.EqualFold(f.name, "User-Agent"):
			req.Header.Set(f.name, value)
		default:
			req.Header.Add(f.name, value)
		}
	}
	return req, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
