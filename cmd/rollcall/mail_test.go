package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/mail"
	"github.com/rollcall-directory/rollcall/internal/mail/mailtest"
	"github.com/rollcall-directory/rollcall/internal/postgrestest"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// TestServeMail has the real program hand an invitation over to an SMTP server.
func TestServeMail(t *testing.T) {
	post := mailtest.Start(t, mailtest.Options{Username: "rollcall", Password: "word of many"})
	dir := t.TempDir()
	password, authority := filepath.Join(dir, "password"), filepath.Join(dir, "ca.pem")
	for name, text := range map[string][]byte{password: []byte("word of many\n"), authority: post.Authority()} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, text, err := launch(dir, os.Environ(), "--dev", "--json", "--listen", "127.0.0.1:0", "--smtp", post.Address, "--smtp-from", "Staff <staff@example.com>",
		"--smtp-user", "rollcall", "--smtp-password-file", password, "--smtp-ca", authority)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	var ready struct{ URL string }
	if err := json.Unmarshal([]byte(text), &ready); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", ready.URL+"/api/directory/useractions/invite", strings.NewReader(`{"email":"ada@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(devP14EClient, devP14EKey)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var link struct{ Value string }
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || json.Unmarshal(body, &link) != nil {
		t.Fatalf("%d %s %v", res.StatusCode, body, err)
	}
	// What was accepted is delivered, also when the server is told to stop at once.
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Errorf("stop: %v", err)
	}
	got := post.Next(t)
	if got.To != "ada@example.com" || got.From != "staff@example.com" || got.User != "rollcall" || !got.TLS || !strings.Contains(got.Text, link.Value) || link.Value == "" {
		t.Errorf("%+v", got)
	}
	post.None(t)
}

// TestRemind has reminders of passwords sent when a server starts, each once,
// however many servers there are and whatever their clocks say.
func TestRemind(t *testing.T) {
	for _, tt := range []struct {
		name    string
		config  directory.Config
		servers int
	}{
		{"one server", directory.Config{Path: t.TempDir()}, 1},
		{"servers of one database", directory.Config{Database: postgrestest.Database(t)}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const day = 24 * time.Hour
			tt.config.Policy = &directory.Policy{MaxAge: 30 * day, Reminders: [2]time.Duration{7 * day}}
			post := mailtest.Start(t, mailtest.Options{NoTLS: true})
			sender, err := mail.New(mail.Config{Address: post.Address, Security: mail.Plain, From: "staff@example.com"})
			if err != nil {
				t.Fatal(err)
			}
			var servers []*directory.Directory
			var clocks []*directorytest.Clock
			for i := range tt.servers {
				clock := directorytest.NewClock()
				clock.Advance(-time.Duration(i) * time.Minute)
				tt.config.Now = clock.Now
				d, err := directory.Open(t.Context(), tt.config)
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				servers, clocks = append(servers, d), append(clocks, clock)
			}
			createAda(t, servers[0])
			log := slog.New(slog.DiscardHandler)
			remind(t.Context(), servers[0], sender, log)() // from here on they are due
			for _, clock := range clocks {
				clock.Advance(23*day + 30*time.Second) // the reminder is due by the first clock only
			}
			for range 2 {
				for _, d := range servers {
					remind(t.Context(), d, sender, log)()
				}
			}
			for _, clock := range clocks {
				clock.Advance(day)
			}
			var all sync.WaitGroup
			for _, d := range servers {
				all.Go(func() { remind(t.Context(), d, sender, log)() })
			}
			all.Wait()
			if got := post.Next(t); got.To != "ada@example.com" {
				t.Errorf("%+v", got)
			}
			if err := sender.Close(); err != nil {
				t.Error(err)
			}
			post.None(t)
		})
	}
}

// createAda creates in a new environment a user who has a password and an address.
func createAda(t *testing.T, d *directory.Directory) {
	t.Helper()
	e, err := d.CreateEnvironment(t.Context(), directory.EnvironmentDraft{Name: "default"})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := d.CreateClient(t.Context(), directory.ClientDraft{Environment: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	c := directorytest.Caller(t, d, secret)
	_, err = d.Create(t.Context(), c, c.Home(), directory.Draft{Type: "User", Attributes: scim.NewObject(
		scim.Member{Name: "userName", Value: scim.StringValue("ada")}, scim.Member{Name: "password", Value: scim.StringValue("2Federate")},
		scim.Member{Name: "emails", Value: scim.ListValue(scim.ObjectValue(scim.NewObject(scim.Member{Name: "value", Value: scim.StringValue("ada@example.com")})))})})
	if err != nil {
		t.Fatal(err)
	}
}
