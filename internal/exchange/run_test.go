package exchange

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stamps is a server that answers with a new id and time at each request.
type stamps struct{ requests int }

func (s *stamps) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests++
	id := fmt.Sprintf("0b854f8d-a291-4e95-ad4b-%012d", s.requests)
	w.Header().Set("Location", "https://dir.example/u/"+id)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q,"at":"2026-03-01T08:15:30.%03dZ","stamp":%d,"path":%q}`, id, s.requests, 1772352930000+s.requests, r.URL.Path)
}

func open(testing.TB) Target {
	return Target{Handler: &stamps{}, Vars: map[string]string{"BASE": "https://dir.example"}}
}

// rewriteDuring turns -update on for the length of a test.
func rewriteDuring(t *testing.T) {
	t.Helper()
	before := *update
	if err := flag.Set("update", "true"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { *update = before })
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const fresh = `A new recording.
-- request --
POST /a HTTP/1.1
-- response --
-- request --
POST /b HTTP/1.1
-- response --
HTTP/1.1 200
!ETag
# $T1 < $T2
`

const recorded = `A new recording.
-- request --
POST /a HTTP/1.1
-- response --
HTTP/1.1 201
Content-Type: text/plain; charset=utf-8
Location: $BASE/u/$UUID1

{
  "id": "$UUID1",
  "at": "$T1",
  "stamp": "$MS1",
  "path": "/a"
}
-- request --
POST /b HTTP/1.1
-- response --
HTTP/1.1 201
!ETag

{
  "id": "$UUID2",
  "at": "$T2",
  "stamp": "$MS2",
  "path": "/b"
}
# $T1 < $T2
`

func TestUpdateWritesARecordingThatHolds(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "new.txtar", fresh)
	t.Run("update", func(t *testing.T) {
		rewriteDuring(t)
		Run(t, file, open)
	})
	if got := read(t, file); got != recorded {
		t.Errorf("got\n%s\nwant\n%s", got, recorded)
	}
	Run(t, file, open)
}

func TestUpdateLeavesWhatHolds(t *testing.T) {
	text := strings.ReplaceAll(recorded, "$UUID", "$ID_")
	file := write(t, t.TempDir(), "kept.txtar", text)
	rewriteDuring(t)
	Run(t, file, open)
	if got := read(t, file); got != text {
		t.Errorf("got\n%s\nwant it unchanged", got)
	}
}

func TestUpdateNeverRewritesATranscription(t *testing.T) {
	text := "transcribed: Creating a Resource\n" + fresh
	file := write(t, t.TempDir(), "page.txtar", text)
	rec, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	rewriteDuring(t)
	if err := rec.replay(file, open(t)); err == nil {
		t.Error("got no error, want one that says what differs")
	}
	if got := read(t, file); got != text {
		t.Errorf("got\n%s\nwant it unchanged", got)
	}
}

func TestRunNamesTestsByRulesAndOpensATargetForEach(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.txtar", "First.\nrules: rsa:RSA-010, rsa:RSA-011\nrules: rsa:RSA-013\n"+strings.TrimPrefix(recorded, "A new recording.\n"))
	write(t, dir, "b.txtar", recorded)
	var names []string
	Run(t, filepath.Join(dir, "*.txtar"), func(t testing.TB) Target {
		names = append(names, t.Name())
		return open(t)
	})
	want := t.Name() + "/rsa:RSA-010,rsa:RSA-011,rsa:RSA-013_a " + t.Name() + "/b"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got the tests %s, want %s", got, want)
	}
}
