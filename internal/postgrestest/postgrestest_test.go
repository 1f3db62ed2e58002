package postgrestest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
)

// connect returns a connection that is closed with the test.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func exec1(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, c *pgx.Conn, sql string) (n int) {
	t.Helper()
	if err := c.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDatabase(t *testing.T) {
	a, b := connect(t, postgrestest.Database(t)), connect(t, postgrestest.Database(t))
	exec1(t, a, "CREATE TABLE t(x int)")
	exec1(t, b, "CREATE TABLE t(x text)")
	var encoding, order string
	if err := a.QueryRow(t.Context(), "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()").Scan(&encoding, &order); err != nil {
		t.Fatal(err)
	}
	if encoding != "UTF8" || order != "C" {
		t.Errorf("it is encoded as %s and sorted as %s", encoding, order)
	}
}

func TestCopy(t *testing.T) {
	calls := 0
	prepare := func(url string) error {
		calls++
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		defer c.Close(t.Context())
		_, err = c.Exec(t.Context(), "CREATE TABLE t(x int); INSERT INTO t VALUES (1)")
		return err
	}
	for range 3 {
		c := connect(t, postgrestest.Copy(t, "one row", prepare))
		exec1(t, c, "INSERT INTO t VALUES (2)")
		if n := count(t, c, "SELECT count(*) FROM t"); n != 2 {
			t.Errorf("it has %d rows", n)
		}
	}
	if calls > 1 { // none with -count above 1: it is made for the whole binary
		t.Errorf("prepared %d times", calls)
	}
}

// TestFailover: what the primary acknowledged with a synchronous standby is on
// the standby when the primary is gone; the old primary comes back as a standby.
// Without one, and with a receiver that hears nothing, it is lost.
func TestFailover(t *testing.T) {
	n1 := postgrestest.Start(t, "n1")
	n2 := n1.Standby("n2", "")
	c := connect(t, n1.URL("postgres"))
	exec1(t, c, "CREATE TABLE t(x int)")
	n1.Set("synchronous_standby_names", "n2")
	n1.AwaitSync("n2")
	exec1(t, c, "INSERT INTO t VALUES (1)")
	n1.Kill()
	n2.Set("synchronous_standby_names", "")
	n2.Promote()
	if n := postgrestest.Query[int](n2, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("the standby has %d rows", n)
	}
	n1.Rejoin(n2, "")
	n2.Await("SELECT bool_or(state = 'streaming') FROM pg_stat_replication WHERE application_name = 'n1'")

	n1.Freeze("walreceiver")
	c = connect(t, postgrestest.MultiURL("postgres", n1.Address(), n2.Address()))
	exec1(t, c, "INSERT INTO t VALUES (2)") // not synchronous
	n2.Kill()
	n1.Kill()
	n1.Start()
	n1.Promote()
	if n := postgrestest.Query[int](n1, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("the frozen standby has %d rows", n)
	}
}

func TestProxy(t *testing.T) {
	n := postgrestest.Start(t, "n")
	p := postgrestest.NewProxy(t, n.Address())
	url := "postgres://postgres@" + p.Address() + "/postgres?sslmode=disable"
	c := connect(t, url)
	exec1(t, c, "CREATE TABLE t(x int)")

	happened := p.CutAfter("INSERT INTO t")
	if _, err := c.Exec(t.Context(), "INSERT INTO t VALUES (1)", pgx.QueryExecModeSimpleProtocol); err == nil {
		t.Error("the answer came")
	}
	<-happened
	c = connect(t, url)
	if n := count(t, c, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("%d rows", n)
	}

	p.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Exec(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stalled: %v", err)
	}
	p.Cut()
	if _, err := pgx.Connect(t.Context(), url); err == nil {
		t.Error("it connects through a cut")
	}
	p.Restore()
	count(t, connect(t, url), "SELECT count(*) FROM t")
}

// TestKilledTest: the server of a test that is killed ends, and its folder is removed.
func TestKilledTest(t *testing.T) {
	if os.Getenv("POSTGRESTEST_DIE") != "" {
		n := postgrestest.Start(t, "n")
		fmt.Println("at", n.Address())
		os.Stdin.Read(make([]byte, 1)) // until it is killed
		return
	}
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKilledTest$")
	cmd.Env = append(os.Environ(), "POSTGRESTEST_DIE=1", "TMPDIR="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var address string
	if _, err := fmt.Sscanf(line, "at %s", &address); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%v are left", entries)
		}
	}
	if c, err := pgx.Connect(t.Context(), "postgres://postgres@"+address+"/postgres?sslmode=disable"); err == nil {
		c.Close(t.Context())
		t.Error("the server still runs")
	}
}
