package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
)

// secret is the password of all roles.
const secret = "PASSWORD=Scrt-1"

// operations returns docs/operations.md.
func operations(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block returns the commands of docs/operations.md whose first line, a comment,
// begins with the title.
func block(t *testing.T, title string) string {
	t.Helper()
	_, rest, found := strings.Cut(operations(t), "\n    # "+title)
	if !found {
		t.Fatalf("the page has no commands to %s", title)
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	return "# " + title + strings.ReplaceAll(rest, "\n    ", "\n")
}

// shell runs commands of the page that are not PostgreSQL's in the folder.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
	return string(out)
}

// urlOf returns what nodes get that use the servers as the page has it.
func urlOf(servers ...*postgrestest.Node) string {
	var hosts []string
	for _, n := range servers {
		hosts = append(hosts, n.Address())
	}
	return "postgres://rollcall:Scrt-1@" + strings.Join(hosts, ",") + "/rollcall?sslmode=disable&connect_timeout=2"
}

// at returns the variables by which PostgreSQL's programs, and the page, find the server.
func at(t *testing.T, n *postgrestest.Node) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(n.Address())
	if err != nil {
		t.Fatal(err)
	}
	return []string{secret, "PRIMARY=" + host, "PGPORT=" + port}
}

// mustCreate creates a user at the node and returns its id.
func mustCreate(t *testing.T, nd *node, name string) string {
	t.Helper()
	id, a, err := testDoors[0].create(nd.url, name)
	if err != nil || id == "" {
		t.Fatalf("%s: %d %s %v", name, a.status, a.body, err)
	}
	return id
}

// users returns the names of all users, sorted.
func users(t *testing.T, nd *node) (names []string) {
	t.Helper()
	text, err := call("GET", nd.url+"/scim/v2/Users?count=1000&sortBy=userName", "")
	var page struct{ Resources []struct{ UserName string } }
	if err == nil {
		err = json.Unmarshal(text, &page)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, u := range page.Resources {
		names = append(names, u.UserName)
	}
	return names
}

// TestBlocksAreRun: the page has no commands that these tests do not run.
func TestBlocksAreRun(t *testing.T) {
	tests, err := os.ReadFile("operations_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(operations(t), "\n    # ")[1:]
	for _, text := range blocks {
		title := text[:strings.IndexAny(text, ":,\n")]
		if !strings.Contains(string(tests), `block(t, "`+title+`")`) {
			t.Errorf("nothing runs %q", title)
		}
	}
	if len(blocks) < 14 {
		t.Errorf("found %d blocks only", len(blocks))
	}
}

// TestFileBackup backs up a directory that is written to meanwhile, and restores it.
func TestFileBackup(t *testing.T) {
	dir := t.TempDir()
	serve := func() (*process, *node) {
		p, text, err := launch(dir, os.Environ(), "--json", "--dev", "--listen", "127.0.0.1:0", "--data", "rollcall-data")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.cmd.Process.Kill() })
		var ready struct{ URL string }
		if err := json.Unmarshal([]byte(text), &ready); err != nil {
			t.Fatal(err)
		}
		return p, &node{process: p, url: ready.URL}
	}
	p, nd := serve()
	var before []string
	for i := range 50 {
		before = append(before, fmt.Sprintf("before-%02d", i))
		mustCreate(t, nd, before[i])
	}
	stop, written := make(chan struct{}), 0
	var writer sync.WaitGroup
	writer.Go(func() {
		for ; ; written++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := createUser(nd.url, fmt.Sprintf("during-%d", written)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	shell(t, dir, block(t, "back up the directory"))
	close(stop)
	writer.Wait()
	mustCreate(t, nd, "late")
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Fatal(err)
	}
	shell(t, dir, block(t, "restore the directory"))
	_, nd = serve()
	got := users(t, nd)
	if len(got) < 50 || !slices.Equal(got[:50], before) || len(got) > 50+written || slices.Contains(got, "late") {
		t.Errorf("of %v and %d that were written meanwhile it has %v", before, written, got)
	}
	mustCreate(t, nd, "late")
}

// events returns whose creation the receiver of the stream is told, in order, and
// acknowledges it.
func events(t *testing.T, nd *node, stream string, most int) (ids []string) {
	t.Helper()
	poll := func(body string) map[string]string {
		a, err := testDoor{media: "application/json", credential: bearer(devToken)}.send("POST", nd.url+"/events/streams/"+stream+"/poll", body)
		var told struct{ Sets map[string]string }
		if err == nil {
			err = json.Unmarshal(a.body, &told)
		}
		if err != nil || a.status != 200 {
			t.Fatalf("%d %s %v", a.status, a.body, err)
		}
		return told.Sets
	}
	type event struct {
		Sub struct{ ID string } `json:"sub_id"`
	}
	for len(ids) < most {
		sets := poll(`{"maxEvents":1}`)
		if len(sets) == 0 { // though it waits
			t.Fatalf("told %v and no more", ids)
		}
		for jti, token := range sets {
			text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			var e event
			if err == nil {
				err = json.Unmarshal(text, &e)
			}
			if err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			ids = append(ids, e.Sub.ID)
			poll(`{"maxEvents":0,"returnImmediately":true,"ack":["` + jti + `"]}`)
		}
	}
	return ids
}

// TestDump restores a database on a server whose transactions have lower numbers
// than the changes in it. At the nodes there, receivers are told what they were not
// told before, and then what comes after it, in order.
func TestDump(t *testing.T) {
	old, new := postgrestest.Start(t, "old"), postgrestest.Start(t, "new")
	old.Shell(`psql -c "DO 'BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END'"`)
	old.Shell(block(t, "make the database"), secret)
	first := startNodes(t, urlOf(old), 1)[0]
	text, err := rollcall("stream", "create", "--database", urlOf(old), "--client", devClient, "--public-url", first.url, "--json")
	var stream struct {
		ID string `json:"stream_id"`
	}
	if err != nil || json.Unmarshal([]byte(text), &stream) != nil {
		t.Fatal(err, text)
	}
	var pending []string
	for i := range 5 {
		pending = append(pending, mustCreate(t, first, fmt.Sprintf("user-%d", i)))
	}
	if got := events(t, first, stream.ID, 2); !slices.Equal(got, pending[:2]) {
		t.Fatalf("told %v of %v", got, pending)
	}
	pending = pending[2:]
	old.Shell(block(t, "back up the database"), "URL="+urlOf(old))
	new.Shell(block(t, "make the database"), secret)
	new.Shell(`psql -c "CREATE DATABASE copied OWNER rollcall ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0"`)
	copied := strings.Replace(urlOf(new), "/rollcall?", "/copied?", 1)
	for _, way := range []struct {
		name, url string
		bring     func()
	}{
		{"pg_restore", urlOf(new), func() {
			old.Shell(block(t, "restore the database"), "URL="+urlOf(new))
		}},
		{"rollcall copy", copied, func() {
			shell(t, t.TempDir(), `rollcall copy --from "$FROM" --to "$URL"`, "FROM="+urlOf(old), "URL="+copied)
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			way.bring()
			if ahead := new.Shell(`psql -At -c "SELECT max(seq) >> 20 > pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM change" ` + way.url); ahead != "t" {
				t.Fatal("the server is ahead of the changes: this proves nothing")
			}
			nodes := startNodes(t, way.url, 2)
			want := slices.Clone(pending)
			for i := range 6 {
				if i == 3 { // one that finds changes of the others
					nodes = append(nodes, startNodes(t, way.url, 1)...)
				}
				want = append(want, mustCreate(t, nodes[i%len(nodes)], fmt.Sprintf("restored-%d", i)))
			}
			if got := events(t, nodes[0], stream.ID, len(want)); !slices.Equal(got, want) {
				t.Errorf("told  %v\nnot   %v", got, want)
			}
		})
	}
}

// TestPointInTime goes back to before a mistake.
func TestPointInTime(t *testing.T) {
	server := postgrestest.Start(t, "n")
	dir := server.Shell("mkdir archive; pwd")
	env := []string{secret, "ARCHIVE=" + dir + "/archive", "BASE=" + dir + "/base"}
	server.Shell(block(t, "archive"), env...)
	server.Stop()
	server.Start()
	server.Shell(block(t, "make the database"), env...)
	nd := startNodes(t, urlOf(server), 1)[0]
	mustCreate(t, nd, "a-before-the-copy")
	server.Set("synchronous_standby_names", "n2") // which the new server does not have
	server.Shell(block(t, "copy the data"), env...)
	server.Set("synchronous_standby_names", "")
	mustCreate(t, nd, "b-before-the-mistake")
	moment := postgrestest.Query[string](server, "SELECT now()::text")
	mustCreate(t, nd, "mistake")
	segment := postgrestest.Query[string](server, "SELECT pg_walfile_name(pg_switch_wal())")
	server.Await("SELECT last_archived_wal >= '" + segment + "' FROM pg_stat_archiver")

	again := postgrestest.Prepare(t, "again")
	again.Shell(block(t, "go back"), append(env, "TIME="+moment)...)
	again.Start()
	again.Await("SELECT NOT pg_is_in_recovery()")
	nd = startNodes(t, urlOf(again), 1)[0]
	mustCreate(t, nd, "c-after-it")
	if got, want := users(t, nd), []string{"a-before-the-copy", "b-before-the-mistake", "c-after-it"}; !slices.Equal(got, want) {
		t.Errorf("it has %v, not %v", got, want)
	}
}

// TestReplacePrimary makes a standby, promotes it when the primary was stopped, and
// the other one when that was killed; each time the old primary comes back.
func TestReplacePrimary(t *testing.T) {
	settings := []string{"fsync=on", "full_page_writes=on"}
	n1 := postgrestest.Start(t, "n1", settings...)
	n1.Shell(`echo "host all postgres 127.0.0.1/32 trust" >"$PGDATA/pg_hba.conf"`) // all others show passwords
	n1.Shell(block(t, "prepare the primary"), secret, "NETWORK=127.0.0.1/32")
	n1.Stop()
	n1.Start()
	n1.Shell(block(t, "make the database"), secret)
	n2 := postgrestest.Prepare(t, "n2", settings...)
	n2.Shell(block(t, "make a standby"), at(t, n1)...)
	n2.Start()
	wait := block(t, "wait for the standby")
	n1.Shell(wait)
	n1.AwaitSync("n2")
	nodes := startNodes(t, urlOf(n1, n2), 2, "--require-synchronous")
	if told, want := shell(t, t.TempDir(), block(t, "see what is in force"), "URL="+urlOf(n1, n2)), "n2 is streaming and sync"; !strings.Contains(told, want) {
		t.Errorf("the doctor does not say that %s: %s", want, told)
	}
	j := newLedger()
	write := func(where string) {
		t.Helper()
		n := 0
		await(t, "writes "+where, func() bool {
			n++
			return j.write(testDoors[0], nodes[0].url, nodes[1].url, fmt.Sprintf("%s-%d", where, n))
		})
	}
	back := block(t, "come back")
	write("at n1")

	n1.Shell("pg_ctl stop")
	n1.Stop() // what is left of it
	n2.Shell(block(t, "promote"))
	write("at n2 alone")
	n1.Shell(back, at(t, n2)...)
	n1.Start()
	n2.Shell(strings.Replace(wait, "'n2'", "'n1'", 1))
	n2.AwaitSync("n1")
	write("at n2")

	n1.Stop()
	unheard := make(chan struct{})
	go func() { // no answer comes: n2 has it, and waits for n1
		defer close(unheard)
		if _, a, err := testDoors[0].create(nodes[0].url, "unheard"); err == nil && a.status < 500 {
			t.Errorf("it is acknowledged: %d %s", a.status, a.body)
		}
	}()
	n2.Await("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
	n2.Kill()
	n1.Start()
	n1.Shell(block(t, "promote"))
	<-unheard
	write("at n1 again")
	n2.Shell(strings.Replace(back, "application_name=n1", "application_name=n2", 1), at(t, n1)...)
	n2.Start()
	n1.Shell(wait)
	n1.AwaitSync("n2")
	write("at n1, both")

	if got := users(t, nodes[0]); slices.Contains(got, "unheard") {
		t.Errorf("there is what the standby did not have: %v", got)
	}
	all := `psql -At -d rollcall -c "SELECT rid, name, version FROM resource ORDER BY rid"`
	n2.Await("SELECT pg_last_wal_replay_lsn() >= '" + postgrestest.Query[string](n1, "SELECT pg_current_wal_lsn()::text") + "'")
	if d := cmp.Diff(n1.Shell(all), n2.Shell(all)); d != "" {
		t.Errorf("the one that came back has something else: %s", d)
	}
	if lost, doubled := j.lost(t, nodes[0].url); len(lost)+len(doubled) > 0 {
		t.Errorf("lost %v, doubled %v", lost, doubled)
	}
}
