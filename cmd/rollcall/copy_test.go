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

// TestCopyKilled kills a copy again and again. In between nobody can take what is
// there for the whole; the same command goes on and ends with what was to be copied.
func TestCopyKilled(t *testing.T) {
	dir := t.TempDir()
	source, target := filepath.Join(dir, "source"), filepath.Join(dir, "target")
	populate(t, source, 2000)
	killed := 0
	for wait := 20 * time.Millisecond; ; wait += 20 * time.Millisecond {
		cmd := exec.Command("rollcall", "copy", "--json", "--from", "sqlite:"+source, "--to", "sqlite:"+target)
		var out, complaint strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &complaint
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		if kill.Stop() || err == nil {
			if err != nil {
				t.Fatalf("%v: %s", err, complaint.String())
			}
			var done struct{ Rows, Resumed int64 }
			if err := json.Unmarshal([]byte(out.String()), &done); err != nil {
				t.Fatal(err)
			}
			if done.Rows < 10_000 || done.Resumed == 0 || done.Resumed > done.Rows {
				t.Errorf("%d rows, of which %d were there", done.Rows, done.Resumed)
			}
			break
		}
		text, err := exec.Command("rollcall", "client", "list", "--data", target).CombinedOutput()
		if err == nil && strings.Count(string(text), "\n") > 1 { // a head, and clients where nothing is to be yet
			t.Fatalf("half a copy is a directory: %s", text)
		}
		if strings.Contains(string(text), "was not finished") {
			killed++
		}
	}
	if killed < 2 {
		t.Errorf("it was killed %d times in its work", killed)
	}
	for _, data := range []string{source, target} {
		text, err := exec.Command("rollcall", "audit", "--data", data, "--json").Output()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), `"create"`); n < 2000 {
			t.Errorf("%s knows of %d creations", data, n)
		}
	}
}
