package rollcall_test

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/exchange"
	"github.com/rollcall-directory/rollcall/internal/scim1"
	"github.com/rollcall-directory/rollcall/internal/scim2"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// TestRecordings replays every recording of every door against a server that
// has all doors, token endpoints too: as the program does, and as the vendors'
// pages are printed.
func TestRecordings(t *testing.T) {
	var dirs []string
	err := filepath.WalkDir("internal", func(path string, _ fs.DirEntry, err error) error {
		if dir := filepath.Dir(path); filepath.Ext(path) == ".txtar" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, vendor := range []string{"p14e", "pingone", "rsa", "standard", "aic"} {
		if !slices.ContainsFunc(dirs, func(dir string) bool { return filepath.Base(dir) == vendor }) {
			t.Errorf("there are no recordings of %s", vendor)
		}
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			exchange.Run(t, filepath.Join(dir, "*.txtar"), func(t testing.TB) exchange.Target {
				return allDoors(t, scim2.Options{Groups: filepath.Base(dir) == "groups"})
			})
		})
	}
}

// allDoors returns a server with an empty directory behind all doors, whose
// clock moves on with every request. vendors are the options of PingOne and RSA.
func allDoors(t testing.TB, vendors scim2.Options) exchange.Target {
	t.Helper()
	const publicURL = "https://rollcall.example"
	dir, clock := directorytest.Open(t)
	gate, err := auth.New(context.Background(), dir, auth.Config{PublicURL: publicURL, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	doors := slices.Concat(
		gate.Doors(),
		scim1.New(dir, scim1.PingOneEnterprise(), publicURL),
		scim1.New(dir, scim1.Standard(), publicURL),
		scim2.New(dir, scim2.Standard(scim2.Options{}), publicURL),
		scim2.New(dir, scim2.PingOne(vendors), publicURL),
		scim2.New(dir, scim2.RSA(vendors), publicURL),
		crest.New(dir, crest.AIC, publicURL),
	)
	srv, err := server.New(server.Config{Doors: doors, Gate: gate, Log: slog.New(slog.DiscardHandler),
		Limits: server.Limits{Handle: time.Minute}}) // machines that run tests have other work
	if err != nil {
		t.Fatal(err)
	}
	return exchange.Target{
		Vars: map[string]string{"BASE": publicURL},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			clock.Advance(time.Second)
			srv.ServeHTTP(w, r)
		}),
	}
}
