package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Node is one PostgreSQL server on 127.0.0.1, where everybody is trusted. The
// superuser is postgres. A Node made by Start or Standby fails its test where
// something goes wrong; its methods are called from the goroutine of the test.
type Node struct {
	Name string // under which it is a standby of others

	t        testing.TB
	port     int
	bin, dir string
	settings []string             // name=value, of the command line
	owner    *syscall.SysProcAttr // who runs the programs
	guardian *exec.Cmd            // of the running server, or nil
	leash    io.WriteCloser       // the guardian's input
}

// Start returns a running primary of its own with the settings, name=value each
// (they win over what ALTER SYSTEM sets). By default it flushes nothing to disk:
// give fsync=on where that matters.
func Start(t testing.TB, name string, settings ...string) *Node {
	t.Helper()
	n, err := newNode(name, settings)
	if err != nil {
		t.Fatal(err)
	}
	n.own(t)
	n.Start()
	return n
}

// Prepare returns a node that has no data yet: Shell makes them, then Start runs it.
func Prepare(t testing.TB, name string, settings ...string) *Node {
	t.Helper()
	n, err := prepareNode(name, settings)
	if err != nil {
		t.Fatal(err)
	}
	n.own(t)
	return n
}

// own makes the node one of the test's.
func (n *Node) own(t testing.TB) {
	n.t = t
	t.Cleanup(func() {
		if n.leash != nil {
			n.leash.Close()
			n.guardian.Wait()
		}
		os.RemoveAll(n.dir)
	})
}

// Standby returns a running copy of the node that follows it. It gets the
// changes through the address, host:port, perhaps a Proxy's; "" is the node's own.
func (n *Node) Standby(name, through string) *Node {
	n.t.Helper()
	s := Prepare(n.t, name, n.settings...)
	s.Rejoin(n, through)
	return s
}

// newNode initializes a node, which does not run yet.
func newNode(name string, settings []string) (*Node, error) {
	n, err := prepareNode(name, settings)
	if err != nil {
		return nil, err
	}
	if err := n.run("initdb", "-D", n.data(), "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync"); err != nil {
		os.RemoveAll(n.dir)
		return nil, err
	}
	return n, nil
}

// prepareNode finds the programs, who may run them, a folder and a port.
func prepareNode(name string, settings []string) (*Node, error) {
	n := &Node{Name: name, settings: settings, owner: &syscall.SysProcAttr{Setpgid: true}} // Ctrl-C is for the test, which ends the server
	var err error
	if n.bin, err = programs(); err != nil {
		return nil, err
	}
	if n.port, err = freePort(); err != nil {
		return nil, err
	}
	if n.dir, err = os.MkdirTemp("", "rollcall-postgres-"); err != nil {
		return nil, err
	}
	if os.Getuid() != 0 {
		return n, nil
	}
	// PostgreSQL refuses to run as root.
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	n.owner.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return n, os.Chown(n.dir, uid, gid)
}

// programs returns the folder of the programs: that of PATH, else the newest of Debian's.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("these tests need PostgreSQL's programs: apt-get install postgresql, or put initdb into PATH")
	}
	version := func(path string) int {
		v, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return v
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// freePort returns one below those that the system gives to clients, so that
// nobody takes it while the server is down.
func freePort() (int, error) {
	var l net.Listener
	var err error
	for range 50 {
		port := 20000 + rand.IntN(12000)
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}

// Address returns host:port.
func (n *Node) Address() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

// URL returns that of one of the node's databases.
func (n *Node) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", n.Address(), database)
}

// MultiURL returns a URL that leads to whichever of the addresses, host:port,
// takes writes.
func MultiURL(database string, addresses ...string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable&target_session_attrs=read-write", strings.Join(addresses, ","), database)
}

func (n *Node) data() string { return filepath.Join(n.dir, "data") }
func (n *Node) log() string  { return filepath.Join(n.dir, "log") }

// command returns one that runs as the node's owner, in its folder.
func (n *Node) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr, cmd.Dir, cmd.Env = n.owner, n.dir, []string{"PATH=" + n.bin + ":" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	return cmd
}

// run runs one of the programs to its end.
func (n *Node) run(program string, args ...string) error {
	if out, err := n.command(filepath.Join(n.bin, program), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// Shell runs the script as an administrator of the node does: PGDATA is its data,
// and the programs connect to it. env, NAME=value each, wins. It returns what
// they print, trimmed, and fails where one does or the server refuses something.
func (n *Node) Shell(script string, env ...string) string {
	n.t.Helper()
	cmd := n.command("sh", "-euc", script)
	cmd.Env = append(cmd.Env, "PGDATA="+n.data(), "PGHOST=127.0.0.1", fmt.Sprintf("PGPORT=%d", n.port), "PGUSER=postgres")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("ERROR: ")) {
		n.t.Fatalf("%s: %s: %v: %s", n.Name, script, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// guard runs the server until its input ends, which the system sees to if the
// test dies, and then removes the folder; or until it is given a line.
const guard = `folder=$1; shift
"$@" >>"$folder/log" 2>&1 &
read -r word
kill -QUIT $! 2>/dev/null
wait $!
[ "$word" = keep ] || rm -rf "$folder"`

// start runs the server and waits until it takes connections.
func (n *Node) start() error {
	args := []string{"-c", guard, "sh", n.dir, filepath.Join(n.bin, "postgres"), "-D", n.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(n.port), "-k", ""}
	for _, setting := range slices.Concat([]string{
		"fsync=off", "full_page_writes=off", "max_connections=300", "wal_keep_size=256MB", "wal_retrieve_retry_interval=100ms",
		"wal_receiver_status_interval=1s", "wal_log_hints=on", "log_checkpoints=off",
	}, n.settings) {
		args = append(args, "-c", setting)
	}
	cmd := n.command("sh", args...)
	leash, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.guardian, n.leash = cmd, leash
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, n.URL("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(n.log())
			return fmt.Errorf("the server does not start: %w: %s", err, log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends the server at once, without a checkpoint.
func (n *Node) stop() error {
	if n.leash == nil {
		return nil
	}
	fmt.Fprintln(n.leash, "keep")
	err := n.guardian.Wait()
	n.leash, n.guardian = nil, nil
	return err
}

func (n *Node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatalf("%s: %v", n.Name, err)
	}
}

// Start runs the node again after Stop or Kill and waits until it takes connections.
func (n *Node) Start() {
	n.t.Helper()
	n.must(n.start())
}

// Configure replaces the settings that Start was given, from the next start on.
func (n *Node) Configure(settings ...string) { n.settings = settings }

// Stop ends the node at once, unless it has ended: connections are told, nothing is finished.
func (n *Node) Stop() {
	n.t.Helper()
	n.must(n.stop())
}

// Kill is as if the machine lost its power: SIGKILL for the server and all its
// processes. Nobody is told, and what was received and not yet read is lost.
func (n *Node) Kill() {
	n.t.Helper()
	n.signal(syscall.SIGKILL, n.postmaster())
	n.must(n.stop())
}

// Freeze stops the node's processes whose titles begin with one of the
// prefixes ("walreceiver"), until Thaw. No prefixes are all processes.
func (n *Node) Freeze(prefixes ...string) {
	n.t.Helper()
	n.signal(syscall.SIGSTOP, n.postmaster(), prefixes...)
}

// Thaw ends a Freeze.
func (n *Node) Thaw() {
	n.t.Helper()
	n.signal(syscall.SIGCONT, n.postmaster())
}

// postmaster returns the number of the server's first process.
func (n *Node) postmaster() int {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.data(), "postmaster.pid"))
	n.must(err)
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	n.must(err)
	return pid
}

// signal sends it to the process, first, and its children, or to those of the
// children whose titles begin with one of the prefixes.
func (n *Node) signal(sig syscall.Signal, parent int, prefixes ...string) {
	n.t.Helper()
	met := 0
	send := func(pid int) {
		met++
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			n.must(err)
		}
	}
	if sig == syscall.SIGKILL {
		n.must(syscall.Kill(parent, syscall.SIGSTOP)) // it makes no more of them
	}
	children := childrenOf(parent) // they are not to be found when it is gone
	if len(prefixes) == 0 {
		send(parent)
	}
	for _, pid := range children {
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool { return bytes.HasPrefix(title, []byte("postgres: "+p)) }) {
			send(pid)
		}
	}
	if met == 0 {
		n.must(fmt.Errorf("no process is a %s", strings.Join(prefixes, ", ")))
	}
}

// childrenOf returns the numbers of a process's children.
func childrenOf(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ") // behind the name
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// Promote makes the standby a primary and waits until it takes writes.
func (n *Node) Promote() {
	n.t.Helper()
	if !Query[bool](n, "SELECT pg_promote(true, 60)") {
		n.t.Fatalf("%s is not promoted", n.Name)
	}
}

// Rejoin makes the node, which does not run, a standby of the primary, forgets
// what it had, and starts it. It gets the changes through the address, as for Standby.
func (n *Node) Rejoin(primary *Node, through string) {
	n.t.Helper()
	if through == "" {
		through = primary.Address()
	}
	host, port, err := net.SplitHostPort(through)
	n.must(err)
	n.must(os.RemoveAll(n.data()))
	n.must(n.run("pg_basebackup", "-D", n.data(), "--no-sync", "--checkpoint=fast", "--write-recovery-conf", "--wal-method=stream",
		"-d", fmt.Sprintf("host=%s port=%s user=postgres application_name=%s", host, port, n.Name)))
	n.Start()
}

// Set changes a setting of the running server; empty is back to the default.
// It returns when new connections and the server's own processes know it.
func (n *Node) Set(name, value string) {
	n.t.Helper()
	sql := fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, strings.ReplaceAll(value, "'", "''"))
	if value == "" {
		sql = "ALTER SYSTEM RESET " + name
	}
	n.must(n.exec(sql))
	n.must(n.exec("SELECT pg_reload_conf()"))
}

// Await waits until the condition, SQL, holds in the database postgres.
func (n *Node) Await(condition string) {
	n.t.Helper()
	for end := time.Now().Add(patience); !Query[bool](n, "SELECT coalesce(("+condition+"), false)"); {
		if time.Now().After(end) {
			n.t.Fatalf("%s: it does not come to be that %s", n.Name, condition)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// AwaitSync waits until commits on the node wait for the standby of this name.
func (n *Node) AwaitSync(name string) {
	n.t.Helper()
	n.Await("SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication WHERE application_name = '" + name + "'")
}

// Query returns the one value that the SQL gives in the node's database postgres.
func Query[T any](n *Node, sql string) (value T) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, n.URL("postgres"))
	n.must(err)
	defer c.Close(ctx)
	n.must(c.QueryRow(ctx, sql).Scan(&value))
	return value
}
