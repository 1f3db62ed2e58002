package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// populate makes a data directory with so many users.
func populate(t *testing.T, data string, users int) {
	t.Helper()
	p, text, err := launch(filepath.Dir(data), os.Environ(), "--json", "--dev", "--listen", "127.0.0.1:0", "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ URL string }
	if err := json.Unmarshal([]byte(text), &ready); err != nil {
		t.Fatal(err)
	}
	const clients = 16
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := i; n < users; n += clients {
				if _, err := createUser(ready.URL, fmt.Sprintf("user-%d", n)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Fatal(err)
	}
}

// TestCopyKilled kills copies again and again. In between nobody can take what is
// there for the whole; the same command goes on and ends with what was to be copied.
func TestCopyKilled(t *testing.T) {
	dir := t.TempDir()
	data, back := filepath.Join(dir, "data"), filepath.Join(dir, "back")
	populate(t, data, 2000)
	database := postgrestest.Database(t)
	there := copyKilled(t, "sqlite:"+data, database)
	if again := copyKilled(t, database, "sqlite:"+back); again != there {
		t.Errorf("there it had the digest %s, and back %s", there, again)
	}
	for _, data := range []string{data, back} {
		text, err := exec.Command("rollcall", "audit", "--data", data, "--json").Output()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), `"action":"create","type":"User"`); n < 2000 {
			t.Errorf("%s knows of %d creations", data, n)
		}
	}
}

// copyKilled runs the copy until it has ended by itself, and returns its digest.
func copyKilled(t *testing.T, from, to string) string {
	t.Helper()
	killed := 0
	for wait := 20 * time.Millisecond; ; wait += 20 * time.Millisecond {
		cmd := exec.Command("rollcall", "copy", "--json", "--from", from, "--to", to)
		var out, complaint strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &complaint
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		if !kill.Stop() && err != nil && out.Len() == 0 { // one that has told its result was killed at its end
			db, err := store.Open(t.Context(), must(storeConfig(to)))
			switch {
			case err == nil: // killed before it began
				db.Close()
			case strings.Contains(err.Error(), "was not finished"):
				killed++
			}
			continue
		}
		if err != nil && out.Len() == 0 {
			t.Fatalf("%v: %s", err, complaint.String())
		}
		var done store.Copied
		if err := json.Unmarshal([]byte(out.String()), &done); err != nil {
			t.Fatal(err)
		}
		if done.Rows < 10_000 || done.Resumed == 0 || done.Resumed > done.Rows || killed < 2 {
			t.Errorf("%d rows, of which %d were there after it was killed %d times in its work", done.Rows, done.Resumed, killed)
		}
		return done.Digest
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
