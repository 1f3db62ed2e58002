package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
)

// A ledger is what the nodes have acknowledged.
type ledger struct {
	mu      sync.Mutex
	acked   map[string]string // display name last acknowledged, by userName
	maybe   map[string]string // display name of a PATCH whose answer did not come
	ids     map[string]string // by userName
	unknown map[string]bool   // created, or not: no answer came
	writes  int
	latest  time.Time // of the last acknowledgement
}

func newLedger() *ledger {
	return &ledger{acked: map[string]string{}, maybe: map[string]string{}, ids: map[string]string{}, unknown: map[string]bool{}}
}

func (j *ledger) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.writes
}

// load writes at all doors of the nodes until stop is closed: it creates users,
// changes some and reads them again. What it is told is in the ledger.
func load(nodes []*node, j *ledger, round int, stop <-chan struct{}) (wait func()) {
	var wg sync.WaitGroup
	for i := range 2 * len(testDoors) {
		d := testDoors[i%len(testDoors)]
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("%s-%d-%d-%d", d.name, round, i, n)
				if !j.write(d, nodes[(i+n)%len(nodes)].url, nodes[(i+n+1)%len(nodes)].url, name) {
					time.Sleep(20 * time.Millisecond) // clients do not hammer on a server that is down
				}
			}
		})
	}
	return wg.Wait
}

// write creates a user at one node, patches it at another and reads it back.
func (j *ledger) write(d testDoor, here, there, name string) (ok bool) {
	j.mu.Lock()
	j.unknown[name] = true
	j.mu.Unlock()
	id, _, err := d.create(here, name)
	if err != nil || id == "" {
		return false // it may be stored, or not
	}
	j.mu.Lock()
	delete(j.unknown, name)
	j.acked[name], j.ids[name] = "", id
	j.writes++
	j.latest = time.Now()
	j.maybe[name] = "Display " + name
	j.mu.Unlock()
	scim := testDoors[0]
	p, err := scim.send("PATCH", there+"/scim/v2/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":"Display `+name+`"}]}`)
	if err != nil || p.status/100 != 2 {
		return false
	}
	j.mu.Lock()
	delete(j.maybe, name)
	j.acked[name] = "Display " + name
	j.writes++
	j.latest = time.Now()
	j.mu.Unlock()
	return true
}

// lost reads everything through the node and returns what was acknowledged and
// is not there, and what is there and was never asked for.
func (j *ledger) lost(t *testing.T, url string) (lost, doubled []string) {
	t.Helper()
	type user struct{ ID, UserName, DisplayName string }
	found := map[string][]user{}
	for next := "/scim/v2/Users?cursor&count=1000"; next != ""; {
		body, err := call("GET", url+next, "")
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Resources  []user
			NextCursor string
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, u := range page.Resources {
			found[u.UserName] = append(found[u.UserName], u)
		}
		next = ""
		if page.NextCursor != "" {
			next = "/scim/v2/Users?count=1000&cursor=" + page.NextCursor
		}
	}
	for name, display := range j.acked {
		switch u := found[name]; {
		case len(u) == 0:
			lost = append(lost, name)
		case u[0].ID != j.ids[name], u[0].DisplayName != display && u[0].DisplayName != j.maybe[name]:
			lost = append(lost, fmt.Sprintf("%s is %+v and should be %s %q", name, u[0], j.ids[name], display))
		}
	}
	for name, u := range found {
		if _, asked := j.acked[name]; len(u) > 1 || !asked && !j.unknown[name] {
			doubled = append(doubled, fmt.Sprintf("%s: %d", name, len(u)))
		}
	}
	return lost, doubled
}

// readiness asks a node again and again whether it is ready, until stop is closed.
func readiness(url string, stop <-chan struct{}) (answers func() map[string]int) {
	seen := map[string]int{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			a, err := testDoor{credential: func(*http.Request) {}}.send("GET", url+"/readyz", "")
			if err == nil {
				seen[fmt.Sprintf("%d %s", a.status, strings.ReplaceAll(strings.TrimSpace(string(a.body)), "\n", ", "))]++
			}
		}
	}()
	return func() map[string]int { <-ended; return seen }
}

// failovers is how often the primary is killed: 3 times, or as ROLLCALL_FAILOVERS says (make failover).
func failovers(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ROLLCALL_FAILOVERS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFailover kills the primary again and again while three nodes write on all
// doors. The synchronous standby takes over, the nodes find it by themselves, and
// everything that was acknowledged is there, once.
func TestFailover(t *testing.T) {
	primary := postgrestest.Start(t, "n1", "fsync=on")
	standby := primary.Standby("n2", "")
	primary.Set("synchronous_standby_names", "n2")
	primary.AwaitSync("n2")
	nodes := startNodes(t, postgrestest.MultiURL("postgres", primary.Address(), standby.Address())+"&connect_timeout=2", 3)
	j := newLedger()
	var longest time.Duration
	for round := range failovers(t) {
		stop := make(chan struct{})
		wait := load(nodes, j, round, stop)
		ready := readiness(nodes[round%len(nodes)].url, stop)
		await(t, "writes before the kill", func() bool { return j.count() >= (round+1)*200 })
		killed := time.Now()
		primary.Kill()
		standby.Set("synchronous_standby_names", "") // until the other one follows, nobody could be waited for
		standby.Promote()
		promoted, before := time.Since(killed), j.count() // what comes now was written to the other server
		await(t, "writes after the kill", func() bool { return j.count() > before })
		j.mu.Lock()
		gap := j.latest.Sub(killed)
		j.mu.Unlock()
		longest = max(longest, gap)
		for i, nd := range nodes {
			n := 0
			await(t, nd.url+" to write again", func() bool {
				n++
				return j.write(testDoors[0], nd.url, nd.url, fmt.Sprintf("probe-%d-%d-%d", round, i, n))
			})
		}
		all := time.Since(killed)
		primary.Rejoin(standby, "")
		standby.Set("synchronous_standby_names", primary.Name)
		standby.AwaitSync(primary.Name)
		primary, standby = standby, primary
		synced := j.count()
		await(t, "writes with the new standby", func() bool { return j.count() >= synced+50 })
		close(stop)
		wait()
		states := ready()
		for _, want := range []string{"200 ok, durability: standby", "503 unavailable"} {
			if states[want] == 0 {
				t.Errorf("it was never %s", want)
			}
		}
		t.Logf("kill %d: promoted after %v, first write after %v, all nodes write after %v; ready: %v", round+1,
			promoted.Round(time.Millisecond), gap.Round(time.Millisecond), all.Round(time.Millisecond), states)
		for i, nd := range nodes {
			if lost, doubled := j.lost(t, nd.url); len(lost)+len(doubled) > 0 {
				t.Fatalf("after kill %d node %d lacks %d of %d: %v; and has %v", round+1, i, len(lost), len(j.acked), first(lost, 10), first(doubled, 10))
			}
		}
	}
	t.Logf("%d kills, %d acknowledged writes, 0 lost, the longest gap %v; %d creations without an answer", failovers(t), j.writes, longest.Round(time.Millisecond), len(j.unknown))
}

// TestAsynchronousFailover is the control: the same without a synchronous standby
// loses what was acknowledged. If it did not, TestFailover would prove nothing.
func TestAsynchronousFailover(t *testing.T) {
	primary := postgrestest.Start(t, "n1")
	standby := primary.Standby("n2", "")
	nodes := startNodes(t, postgrestest.MultiURL("postgres", primary.Address(), standby.Address())+"&connect_timeout=2", 2)
	primary.Await("SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication")
	j := newLedger()
	standby.Freeze("walreceiver")
	stop := make(chan struct{})
	wait := load(nodes, j, 0, stop)
	await(t, "writes", func() bool { return j.count() >= 100 })
	primary.Kill()
	standby.Kill() // and with it what has arrived and was not read
	close(stop)
	wait()
	standby.Start()
	standby.Promote()
	for _, nd := range nodes {
		await(t, nd.url+" to read", func() bool {
			body, err := call("GET", nd.url+"/scim/v2/Users?count=0", "")
			return err == nil && strings.Contains(string(body), `"totalResults"`)
		})
	}
	lost, _ := j.lost(t, nodes[0].url)
	t.Logf("%d acknowledged writes, %d users lost", j.writes, len(lost))
	if len(lost) == 0 {
		t.Error("nothing is lost without a synchronous standby: the test does not see losses")
	}
}

// await waits until the condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there are no %s", what)
		}
	}
}

func first(list []string, n int) []string { return list[:min(n, len(list))] }
