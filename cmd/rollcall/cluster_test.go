package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
)

// A node is one server of several on the same database.
type node struct {
	*process
	url string
	dir string // its log is here
}

// startNodes starts so many servers in development mode on the database, all at
// once, which end with the test.
func startNodes(t *testing.T, database string, n int, args ...string) []*node {
	t.Helper()
	nodes, errs := make([]*node, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range nodes {
		dir := t.TempDir()
		wg.Go(func() {
			p, text, err := launch(dir, os.Environ(), append([]string{"--json", "--dev", "--listen", "127.0.0.1:0", "--rate", "0", "--database", database}, args...)...)
			if err != nil {
				errs[i] = err
				return
			}
			var ready struct{ URL string }
			errs[i] = json.Unmarshal([]byte(text), &ready)
			nodes[i] = &node{process: p, url: ready.URL, dir: dir}
		})
	}
	wg.Wait()
	for _, nd := range nodes {
		if nd != nil {
			t.Cleanup(func() {
				_ = nd.cmd.Process.Signal(syscall.SIGTERM)
				select {
				case <-nd.done:
				case <-time.After(20 * time.Second):
					_ = nd.cmd.Process.Kill()
				}
				if t.Failed() {
					log, _ := os.ReadFile(filepath.Join(nd.dir, "serve.log"))
					t.Logf("the end of the log of %s: %s", nd.url, log[max(0, len(log)-20000):])
				}
			})
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return nodes
}

// A door is what a test needs to create and read users at one.
type testDoor struct {
	name, collection, query, media string
	user                           string // %s is the userName
	credential                     func(*http.Request)
}

func bearer(secret string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

var testDoors = []testDoor{
	{"scim2", "/scim/v2/Users", "", "application/scim+json", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q}`, bearer(devToken)},
	{"pingone", "/environments/" + devEnvironment + "/v2/Users", "", "application/json",
		`{"userName":%q,"name":{"familyName":"Castile","givenName":"Isabella"},"emails":[{"value":"a@example.com","primary":true}],"urn:pingidentity:schemas:extension:2.0:PingOneUser":{"population":{"id":"` + devPopulation + `"}}}`, bearer(devToken)},
	{"p14e", "/api/directory/user", "", "application/json",
		`{"schemas":["urn:scim:schemas:core:1.0"],"userName":%q,"active":true,"name":{"familyName":"Archer","givenName":"Meredith"},"emails":[{"type":"work","value":"m@example.com"}]}`,
		func(r *http.Request) { r.SetBasicAuth(devP14EClient, devP14EKey) }},
	{"aic", "/users", "?_action=create", "application/json", `{"userName":%q,"givenName":"Barbara","sn":"Jensen","mail":"bjensen@example.com"}`, bearer(devToken)},
	{"rsa", "/rsa/v2/Users", "", "application/scim+json", `{"userName":%q,"emails":[{"type":"work","value":"user.one@example.com"}]}`, bearer(devRSASecret)},
	{"scim1", "/scim/v1/Users", "", "application/json", `{"schemas":["urn:scim:schemas:core:1.0"],"userName":%q}`, bearer(devToken)},
}

// A reply is what came of a request.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// quickly is how long a client of these tests waits.
var quickly = &http.Client{Timeout: 15 * time.Second}

func (d testDoor) send(method, url, body string) (reply, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	d.credential(r)
	r.Header.Set("Content-Type", d.media)
	w, err := quickly.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	return reply{w.StatusCode, w.Header, text}, err
}

// create creates a user at a node and returns its id.
func (d testDoor) create(url, name string) (id string, a reply, err error) {
	a, err = d.send("POST", url+d.collection+d.query, fmt.Sprintf(d.user, name))
	if err != nil || a.status != 200 && a.status != 201 {
		return "", a, err
	}
	var user struct {
		ID    string
		AICID string `json:"_id"`
	}
	err = json.Unmarshal(a.body, &user)
	return user.ID + user.AICID, a, err
}

// TestNodesStartTogether: servers that start at once on a database that is empty, or
// of the first program, make its schema and the first environment once.
func TestNodesStartTogether(t *testing.T) {
	first, err := os.ReadFile("../../internal/store/migrations/postgres/0001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"empty": "", "upgrade": string(first) + "; INSERT INTO schema_version(v, applied) VALUES (1, 1)"} {
		t.Run(name, func(t *testing.T) {
			database := postgrestest.Database(t)
			postgrestest.Exec(t, database, text)
			nodes := startNodes(t, database, 3)
			for _, nd := range nodes {
				for _, d := range testDoors {
					if _, a, err := d.create(nd.url, "user-"+d.name+nd.url[len(nd.url)-5:]); err != nil || a.status/100 != 2 {
						t.Errorf("%s: %d %s %v", d.name, a.status, a.body, err)
					}
				}
			}
			text, err := call("GET", nodes[0].url+"/scim/v2/Users?count=0", "")
			if err != nil || !bytes.Contains(text, []byte(fmt.Sprintf(`"totalResults":%d`, len(nodes)*len(testDoors)))) {
				t.Errorf("%s %v", text, err)
			}
		})
	}
}

// TestConflictingCreates: of creates of one userName at all nodes and doors
// exactly one succeeds, and the others are told that it is taken.
func TestConflictingCreates(t *testing.T) {
	const names, clients = 100, 6
	nodes := startNodes(t, postgrestest.Database(t), 3)
	doors := testDoors[:2] // p14e updates whom it finds
	doors = append(doors[:2:2], testDoors[3:]...)
	for n := range names {
		name := fmt.Sprintf("user-%d", n)
		won := make([]bool, clients)
		var wg sync.WaitGroup
		for i := range clients {
			d := doors[(n+i)%len(doors)]
			wg.Go(func() {
				_, a, err := d.create(nodes[i%len(nodes)].url, name)
				switch {
				case err != nil:
					t.Error(err)
				case a.status == 201:
					won[i] = true
				case a.status != 409 && !(d.name == "pingone" && a.status == 400) && !(d.name == "aic" && a.status == 403):
					t.Errorf("%s: %d %s", d.name, a.status, a.body)
				}
			})
		}
		wg.Wait()
		winners := 0
		for _, w := range won {
			if w {
				winners++
			}
		}
		if winners != 1 {
			t.Errorf("%s was created %d times", name, winners)
		}
	}
}

// TestChangesAreSeenAtOnce: what is changed at one node is in force for the next
// request at another.
func TestChangesAreSeenAtOnce(t *testing.T) {
	database := postgrestest.Database(t)
	nodes := startNodes(t, database, 2)
	admin := func(args ...string) string {
		t.Helper()
		text, err := rollcall(append(args, "--database", database)...)
		if err != nil {
			t.Fatalf("%s: %v", strings.Join(args, " "), err)
		}
		return text
	}
	as := func(nd *node, secret, method, path, body string) reply {
		t.Helper()
		a, err := testDoor{media: "application/scim+json", credential: bearer(secret)}.send(method, nd.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for round := range 5 {
		var made struct {
			ID     string `json:"client_id"`
			Secret string `json:"secret"`
		}
		if err := json.Unmarshal([]byte(admin("client", "create", "--json", "--role", "admin", "--name", fmt.Sprintf("client-%d", round))), &made); err != nil {
			t.Fatal(err)
		}
		here, there := nodes[round%2], nodes[(round+1)%2]
		for _, nd := range nodes {
			if a := as(nd, made.Secret, "GET", "/scim/v2/Users", ""); a.status != 200 {
				t.Fatalf("a new client: %d %s", a.status, a.body)
			}
		}

		urn := fmt.Sprintf("urn:example:extension:%d", round)
		if a := as(here, made.Secret, "POST", "/scim/v2/Schemas", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"`+urn+`","name":"Extension","attributes":[{"name":"badge","type":"string","multiValued":false}]}`); a.status != 201 {
			t.Fatalf("a schema: %d %s", a.status, a.body)
		}
		if a := as(there, made.Secret, "GET", "/scim/v2/Schemas/"+urn, ""); a.status != 200 {
			t.Errorf("the schema at the other node: %d %s", a.status, a.body)
		}

		user := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"user-%d"}`, round)
		a := as(here, made.Secret, "POST", "/scim/v2/Users", user)
		if a.status != 201 {
			t.Fatalf("a user: %d %s", a.status, a.body)
		}
		var created struct{ ID string }
		if err := json.Unmarshal(a.body, &created); err != nil {
			t.Fatal(err)
		}
		if a := as(there, made.Secret, "GET", "/scim/v2/Users/"+created.ID, ""); a.status != 200 {
			t.Errorf("the user at the other node: %d %s", a.status, a.body)
		}

		admin("client", "revoke", made.ID)
		for _, nd := range nodes {
			if a := as(nd, made.Secret, "GET", "/scim/v2/Users", ""); a.status != 401 {
				t.Errorf("a client that is revoked: %d %s", a.status, a.body)
			}
		}
	}
}

// TestMisconfiguredStandby: where the standby that somebody has named is not waited
// for, because the command line of the server says otherwise, readiness and
// doctor do not believe the name.
func TestMisconfiguredStandby(t *testing.T) {
	server := postgrestest.Start(t, "n1", "fsync=on", "synchronous_standby_names=")
	server.Standby("n2", "")
	server.Set("synchronous_standby_names", "n2") // in vain
	server.Await("SELECT bool_or(state = 'streaming') FROM pg_stat_replication")
	database := server.URL("postgres")
	ready := func(nd *node) string {
		a, err := (testDoor{credential: func(*http.Request) {}}).send("GET", nd.url+"/readyz", "")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %s", a.status, a.body)
	}
	if got, want := ready(startNodes(t, database, 1)[0]), "200 ok\ndurability: disk\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	careful := startNodes(t, database, 1, "--require-synchronous")[0]
	if got, want := ready(careful), "503 unavailable\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, test := range []struct {
		args []string
		ok   bool
		want string
	}{
		{nil, true, "ok      durability: on disk when it is answered: synchronous_commit=on, n2 is streaming and async"},
		{[]string{"--require-synchronous"}, false, "WRONG   durability: on disk when it is answered: synchronous_commit=on, n2 is streaming and async; commits wait for no standby, though that is required; see"},
	} {
		text, err := rollcall(append([]string{"doctor", "--database", database}, test.args...)...)
		if (err == nil) != test.ok || !strings.Contains(text, test.want) || !strings.Contains(text, "ok      store: PostgreSQL ") || !strings.Contains(text, "ok      schema: version ") {
			t.Errorf("%v %v: %s", test.args, err, text)
		}
	}

	// As it should be.
	server.Stop()
	server.Configure("fsync=on")
	server.Start()
	server.AwaitSync("n2")
	await(t, "answers that it is ready", func() bool { return ready(careful) == "200 ok\ndurability: standby\n" })
	text, err := rollcall("doctor", "--database", database, "--require-synchronous")
	if err != nil || !strings.Contains(text, "ok      durability: on disk and on that of a standby when it is answered: synchronous_commit=on, n2 is streaming and sync") {
		t.Errorf("%v: %s", err, text)
	}
	if text, err := rollcall("doctor", "--database", "postgres://postgres:Scrt9@127.0.0.1:1/postgres"); err == nil || !strings.Contains(text, "WRONG   store: ") || strings.Contains(text, "Scrt9") {
		t.Errorf("%v: %s", err, text)
	}
}

// TestOneDelivers: events are sent by one of the nodes, each once; when it is
// killed another goes on.
func TestOneDelivers(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := io.ReadAll(r.Body)
		mu.Lock()
		got[string(token)]++
		mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	defer receiver.Close()
	received := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		return len(got)
	}
	database := postgrestest.Database(t)
	nodes := startNodes(t, database, 3, "--private-receivers")
	if text, err := rollcall("stream", "create", "--database", database, "--push", receiver.URL); err != nil {
		t.Fatal(err, text)
	}
	create := func(nodes []*node, from, to int) {
		for i := from; i < to; i++ {
			if _, a, err := testDoors[0].create(nodes[i%len(nodes)].url, fmt.Sprintf("user-%d", i)); err != nil || a.status != 201 {
				t.Fatal(err, a.status)
			}
		}
	}
	create(nodes, 0, 60)
	await(t, "events", func() bool { return received() >= 60 })
	mu.Lock()
	for token, n := range got {
		if n > 1 {
			t.Errorf("sent %d times: %.40s", n, token)
		}
	}
	mu.Unlock()
	for len(nodes) > 1 { // among them is the one that delivers
		if err := nodes[0].cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-nodes[0].done
		nodes[0].done <- nil // for the cleanup
		nodes = nodes[1:]
		want := received() + 30
		create(nodes, want*10, want*10+30)
		await(t, "events after a kill", func() bool { return received() >= want })
	}
}

// TestOneGroup: clients that change the same members of one group at two nodes wait
// for one another and never in a circle, which the database would have to break.
func TestOneGroup(t *testing.T) {
	server := postgrestest.Start(t, "n")
	nodes := startNodes(t, server.URL("postgres"), 2)
	scim := testDoors[0]
	var users []string
	for i := range 4 {
		id, _, err := scim.create(nodes[0].url, fmt.Sprintf("user-%d", i))
		if err != nil || id == "" {
			t.Fatal(err)
		}
		users = append(users, id)
	}
	a, err := scim.send("POST", nodes[0].url+"/scim/v2/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Tour Guides"}`)
	var group struct{ ID string }
	if err != nil || json.Unmarshal(a.body, &group) != nil || group.ID == "" {
		t.Fatalf("%d %s %v", a.status, a.body, err)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for n := range 10 {
				user := users[(i+n)%len(users)]
				for _, op := range []string{
					`{"op":"add","path":"members","value":[{"value":"` + user + `"}]}`,
					`{"op":"remove","path":"members[value eq \"` + user + `\"]"}`,
				} {
					a, err := scim.send("PATCH", nodes[i%2].url+"/scim/v2/Groups/"+group.ID, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+op+`]}`)
					if err != nil || a.status/100 != 2 {
						t.Errorf("%d %s %v", a.status, a.body, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := postgrestest.Query[int](server, "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'"); n > 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// rollcall runs a command and returns what it prints.
func rollcall(args ...string) (string, error) {
	var out, complaint bytes.Buffer
	if code := run(args, &out, &complaint); code != 0 {
		return out.String(), errors.New(complaint.String())
	}
	return out.String(), nil
}
