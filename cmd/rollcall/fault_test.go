package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/postgrestest"
	"github.com/rollcall-directory/rollcall/internal/server"
)

// TestDatabaseFaults: while the database cannot be used every door says so in its
// own words, and soon after it can again everything is as it was.
func TestDatabaseFaults(t *testing.T) {
	server := postgrestest.Start(t, "n")
	proxy := postgrestest.NewProxy(t, server.Address())
	nd := startNodes(t, "postgres://postgres@"+proxy.Address()+"/postgres?sslmode=disable&connect_timeout=2&pool_max_conns=4", 1)[0]
	j := newLedger()
	var locker *pgx.Conn
	for _, fault := range []struct {
		name        string
		begin, over func()
	}{
		{"the network is cut", proxy.Cut, proxy.Restore},
		{"the database is started anew", server.Stop, server.Start},
		{"the connections are all in use", func() {
			var err error
			if locker, err = pgx.Connect(t.Context(), server.URL("postgres")); err != nil {
				t.Fatal(err)
			}
			if _, err := locker.Exec(t.Context(), "BEGIN; LOCK TABLE resource, audit, api_client IN ACCESS EXCLUSIVE MODE"); err != nil {
				t.Fatal(err)
			}
			for i := range 8 { // these wait
				go func() {
					_, _, _ = testDoors[0].create(nd.url, fmt.Sprintf("waiting-%d", i))
				}()
			}
			server.Await("SELECT count(*) >= 3 FROM pg_locks WHERE NOT granted")
		}, func() { locker.Close(context.Background()) }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			for _, d := range testDoors {
				if !j.write(d, nd.url, nd.url, "before "+fault.name+" "+d.name) {
					t.Errorf("%s does not write before", d.name)
				}
			}
			fault.begin()
			var wg sync.WaitGroup
			for _, d := range testDoors {
				wg.Go(func() {
					name := "meanwhile " + fault.name + " " + d.name
					_, a, err := d.create(nd.url, name)
					switch {
					case err != nil:
						t.Errorf("%s: %v", d.name, err)
					case a.status != 503 || a.header.Get("Retry-After") == "" || !strings.Contains(a.header.Get("Content-Type"), "json") || len(a.body) == 0:
						t.Errorf("%s: %d %v %s", d.name, a.status, a.header, a.body)
					}
					j.mu.Lock()
					j.unknown[name] = true
					j.mu.Unlock()
				})
			}
			wg.Wait()
			for path, want := range map[string]int{"/livez": 200, "/readyz": 503} {
				if a, err := (testDoor{credential: func(*http.Request) {}}).send("GET", nd.url+path, ""); err != nil || a.status != want {
					t.Errorf("%s: %d %v", path, a.status, err)
				}
			}
			fault.over()
			begin := time.Now()
			for i, d := range testDoors {
				n := 0
				await(t, d.name+" to write again", func() bool {
					n++
					return j.write(d, nd.url, nd.url, fmt.Sprintf("after %s %d %d", fault.name, i, n))
				})
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it takes %v to recover", took)
			}
		})
	}
	for i := range 8 {
		j.unknown[fmt.Sprintf("waiting-%d", i)] = true
	}
	if lost, doubled := j.lost(t, nd.url); len(lost)+len(doubled) > 0 {
		t.Errorf("lost %v, doubled %v", lost, doubled)
	}
}

// TestStalledNetwork: while nothing comes from the database, and nothing says that it
// is gone, every request is answered in its time, and afterwards all is as it was.
func TestStalledNetwork(t *testing.T) {
	const most = 2 * time.Second // for a request
	proxy := postgrestest.NewProxy(t, postgrestest.Start(t, "n").Address())
	d, err := directory.Open(t.Context(), directory.Config{Database: "postgres://postgres@" + proxy.Address() + "/postgres?sslmode=disable&connect_timeout=2&pool_max_conns=4"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := provisionDev(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	all, gate := allDoors(t, d, auth.Config{})
	s, err := server.New(server.Config{Doors: all, Gate: gate, Limits: server.Limits{Handle: most}})
	if err != nil {
		t.Fatal(err)
	}
	node := httptest.NewServer(s)
	defer node.Close()
	j := newLedger()
	writes := func(when string) {
		t.Helper()
		for _, d := range testDoors {
			if name := when + " " + d.name; !j.write(d, node.URL, node.URL, name) {
				t.Errorf("%s is not written", name)
			}
		}
	}
	writes("before")
	proxy.Stall()
	var wg sync.WaitGroup
	for _, d := range testDoors {
		wg.Go(func() {
			begin, name := time.Now(), "meanwhile "+d.name
			_, a, err := d.create(node.URL, name)
			if took := time.Since(begin); err != nil || a.status != 503 || a.header.Get("Retry-After") == "" || took > most+2*time.Second {
				t.Errorf("%s: %d %v %s after %v: %v", d.name, a.status, a.header, a.body, took, err)
			}
			j.mu.Lock()
			j.unknown[name] = true
			j.mu.Unlock()
		})
	}
	wg.Wait()
	proxy.Restore()
	begin := time.Now()
	writes("after")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it takes %v to recover", took)
	}
	if lost, doubled := j.lost(t, node.URL); len(lost)+len(doubled) > 0 {
		t.Errorf("lost %v, doubled %v", lost, doubled)
	}
}

// TestLostAnswers: the connection to the database breaks within a transaction. What
// certainly was not stored is done again unseen; of a commit whose answer is lost
// the client is told 503, and what docs/operations.md says of retries finds out.
func TestLostAnswers(t *testing.T) {
	server := postgrestest.Start(t, "n")
	proxy := postgrestest.NewProxy(t, server.Address())
	// Statements are sent as text each time, so that the proxy sees them, after they
	// were described once on the connection, of which there is one.
	nd := startNodes(t, "postgres://postgres@"+proxy.Address()+"/postgres?sslmode=disable&default_query_exec_mode=cache_describe&pool_max_conns=1", 1)[0]
	found := func(name string) (ids []string) {
		body, err := call("GET", nd.url+"/scim/v2/Users?filter="+url.QueryEscape(`userName eq "`+name+`"`), "")
		if err != nil {
			t.Fatal(err)
		}
		var page struct{ Resources []struct{ ID string } }
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, u := range page.Resources {
			ids = append(ids, u.ID)
		}
		return ids
	}
	warmed := 0
	warm := func(d testDoor) {
		warmed++
		if _, a, err := d.create(nd.url, fmt.Sprintf("warm-%d", warmed)); err != nil || a.status/100 != 2 {
			t.Fatalf("%s: %d %s %v", d.name, a.status, a.body, err)
		}
	}
	for _, d := range testDoors {
		warm(d)
		t.Run(d.name+" before the commit", func(t *testing.T) {
			name := "early " + d.name
			cut := proxy.CutAfter("INSERT INTO resource")
			id, a, err := d.create(nd.url, name)
			if err != nil || a.status/100 != 2 {
				t.Errorf("%d %s %v", a.status, a.body, err)
			}
			<-cut
			if ids := found(name); len(ids) != 1 || ids[0] != id {
				t.Errorf("%v, not %s", ids, id)
			}
		})
		t.Run(d.name+" at the commit", func(t *testing.T) {
			warm(d)
			name := "late " + d.name
			cut := proxy.CutAfter("INSERT INTO resource", "COMMIT")
			_, a, err := d.create(nd.url, name)
			if err != nil || a.status != 503 || a.header.Get("Retry-After") == "" {
				t.Errorf("%d %v %s %v", a.status, a.header, a.body, err)
			}
			<-cut
			ids := found(name)
			if len(ids) != 1 {
				t.Fatalf("%s is there %d times", name, len(ids))
			}
			// The retry says that the name is taken, and then it is read.
			if _, a, err := d.create(nd.url, name); err != nil || a.status < 400 || a.status >= 500 {
				t.Errorf("again: %d %s %v", a.status, a.body, err)
			}
			if again := found(name); len(again) != 1 || again[0] != ids[0] {
				t.Errorf("after the retry: %v, not %v", again, ids)
			}
		})
	}
	t.Run("an externalId that is updated where it is", func(t *testing.T) {
		d := testDoors[2]
		d.user = strings.Replace(d.user, `"active"`, `"externalId":"external-1","active"`, 1)
		warm(testDoors[2])
		cut := proxy.CutAfter("INSERT INTO resource", "COMMIT")
		if _, a, err := d.create(nd.url, "external"); err != nil || a.status != 503 {
			t.Errorf("%d %s %v", a.status, a.body, err)
		}
		<-cut
		ids := found("external")
		id, a, err := d.create(nd.url, "external")
		if err != nil || a.status != 200 || len(ids) != 1 || id != ids[0] {
			t.Errorf("again: %d %s %v, not %v", a.status, a.body, err, ids)
		}
	})
	t.Run("an id that the client chose", func(t *testing.T) {
		put := func() reply {
			r, err := http.NewRequest("PUT", nd.url+"/users/chosen", strings.NewReader(fmt.Sprintf(testDoors[3].user, "chosen")))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+devToken)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("If-None-Match", "*")
			w, err := quickly.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Body.Close()
			return reply{status: w.StatusCode, header: w.Header}
		}
		warm(testDoors[3])
		cut := proxy.CutAfter("INSERT INTO resource", "COMMIT")
		if a := put(); a.status != 503 {
			t.Errorf("%d", a.status)
		}
		<-cut
		if a := put(); a.status != 412 {
			t.Errorf("again: %d", a.status)
		}
		if a, err := testDoors[3].send("GET", nd.url+"/users/chosen", ""); err != nil || a.status != 200 {
			t.Errorf("%d %s %v", a.status, a.body, err)
		}
	})
}
