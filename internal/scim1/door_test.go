package scim1_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/exchange"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim1"
)

const (
	publicURL = "https://dir.example"

	// What the Authorization header of the clients of directorytest says.
	writer = "Basic MTIzNC1hYWFhLWJiYmItNTY3ODplWEp6Ym1WaGEza2g=" // the one of the vendor's pages
	reader = "Basic cmVhZGVyLWNsaWVudDpyZWFkZXItdG9rZW4="
	other  = "Basic b3RoZXItY2xpZW50Om90aGVyLXRva2Vu"
)

// A server is a directory on SQLite behind one profile, the router and the
// gate. Its clock moves on with every request.
type server struct {
	mux       *route.Mux
	dir       *directory.Directory
	clock     *directorytest.Clock
	path      string // of the data
	users     string // id of the group Users
	publicURL string
}

func open(t testing.TB, p scim1.Profile) *server { return openAt(t, p, publicURL) }

// openAt starts a server that takes publicURL for its own address.
func openAt(t testing.TB, p scim1.Profile, publicURL string) *server {
	t.Helper()
	s := &server{path: t.TempDir()}
	s.dir, s.clock = directorytest.OpenAt(t, s.path)
	env, err := s.dir.FindEnvironment(context.Background(), directorytest.Environment)
	if err != nil {
		t.Fatal(err)
	}
	s.users, s.publicURL = env.DefaultGroup, publicURL
	s.mount(t, p)
	return s
}

// mount puts a profile into the place of the one that is there.
func (s *server) mount(t testing.TB, p scim1.Profile) {
	t.Helper()
	gate, err := auth.New(context.Background(), s.dir, auth.Config{PublicURL: s.publicURL, Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.mux, err = route.New(scim1.New(s.dir, p, s.publicURL), gate)
	if err != nil {
		t.Fatal(err)
	}
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.clock.Advance(time.Second)
	s.mux.ServeHTTP(w, r)
}

// target is what a recording is played against.
func (s *server) target() exchange.Target {
	return exchange.Target{Handler: s, Vars: map[string]string{
		"BASE":        publicURL,
		"ENVIRONMENT": directorytest.Environment,
		"POPULATION":  directorytest.Population,
		"USERS":       s.users,
	}}
}

// play plays a conversation and fails where an answer differs.
func (s *server) play(t testing.TB, text string) {
	t.Helper()
	if err := exchange.Play([]byte(conversation(text)), s.target()); err != nil {
		t.Fatal(err)
	}
}

var (
	requestLine  = regexp.MustCompile(`^((?:GET|POST|PUT|PATCH|DELETE|HEAD) /\S*)(?: (.*))?$`)
	responseLine = regexp.MustCompile(`^([1-5]\d\d)(?: (.*))?$`)
	headerLine   = regexp.MustCompile(`^!?[A-Z][A-Za-z-]*(:|$)`)
)

// conversation makes a recording of a shorter form, in which a request begins
// with a method and a path and an answer with a status. The body stands behind
// that, or header lines follow and then the body. "..." at the end of an object
// stands for any other members, and words instead of a body for an error in
// these words. Requests without Authorization are those of the client of the
// vendor's pages; "!Authorization" sends none. Answers without a Content-Type
// have that of p14e A5.
func conversation(text string) string {
	var b strings.Builder
	b.WriteString("A conversation.\nunordered: groups, members\n")
	headers := map[string]bool{}
	inHead, request := false, false
	end := func() {
		if !inHead {
			return
		}
		switch {
		case request && !headers["Authorization"]:
			b.WriteString("Authorization: " + writer + "\n")
		case !request && !headers["Content-Type"]:
			b.WriteString("Content-Type: application/json;charset=UTF-8\n")
		}
		b.WriteString("\n")
		inHead = false
	}
	begin := func(line, body string, isRequest bool) {
		end()
		b.WriteString(line)
		inHead, request, headers = true, isRequest, map[string]bool{}
		if body != "" {
			end()
			b.WriteString(body + "\n")
		}
	}
	text = strings.ReplaceAll(text, "...}", `"...": "$ANY"}`)
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line = strings.TrimSpace(line)
		if m := requestLine.FindStringSubmatch(line); m != nil {
			begin("-- request --\n"+m[1]+" HTTP/1.1\n", m[2], true)
		} else if m := responseLine.FindStringSubmatch(line); m != nil {
			if words := m[2]; words != "" && !strings.ContainsAny(words[:1], `{["`) {
				m[2] = `{"Errors": [{"description": "` + words + `", "code": "` + m[1] + `"}]}`
			}
			begin("-- response --\nHTTP/1.1 "+m[1]+"\n", m[2], false)
		} else if inHead && headerLine.MatchString(line) {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "!"), ":")
			headers[http.CanonicalHeaderKey(name)] = true
			if !request || !strings.HasPrefix(line, "!") {
				b.WriteString(line + "\n")
			}
		} else {
			end()
			b.WriteString(line + "\n")
		}
	}
	end()
	return b.String()
}
