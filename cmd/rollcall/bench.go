package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
)

// benchCommand drives a server of its own, a child process on a real file, and
// beside it in the same run another child that does only what no server can do
// without: see limit.go. Only the ratios say something about the program; the
// rest is the machine's.
type benchCommand struct {
	Connections []int         `default:"1,16,64" help:"Connections at a time (${default})."`
	For         time.Duration `name:"for" default:"3s" help:"How long each figure is taken (${default})."`
	Users       int64         `default:"10000" placeholder:"N" help:"Create so many users first (${default})."`
	Database    string        `placeholder:"URL" help:"Measure servers on this PostgreSQL database too; it is left with what was created."`
	Nodes       int           `default:"1" placeholder:"N" help:"Measure one to so many servers on the database (${default})."`
	Dir         string        `placeholder:"DIR" help:"Keep the data below this directory while it runs (a temporary one)."`
	Limit       string        `hidden:"" help:"Serve the limits and keep their file here."`
}

// A figure is one row of the result.
type figure struct {
	Work        string  `json:"work"`
	Nodes       int     `json:"nodes,omitempty"` // servers on the database; 0 for one on a file
	Connections int     `json:"connections"`
	Rate        float64 `json:"requests_per_second"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	// CPU is the processor time that the server used for one request, in
	// microseconds: on a machine with other work it is what can be compared.
	// Absent where the system does not tell.
	CPU float64 `json:"cpu_us,omitempty"`
	// Refused is how many requests were refused because there was too much to
	// do; the other figures are without them.
	Refused int64 `json:"refused,omitempty"`
	// Ratio is the rate over that of the limit named; absent for the limits themselves.
	Limit string  `json:"limit,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
}

// A footprint is what the server takes up in the end.
type footprint struct {
	Users    int64   `json:"users"`
	Resident int64   `json:"resident_bytes,omitempty"` // absent where the system does not tell
	Disk     int64   `json:"disk_bytes,omitempty"`     // absent in PostgreSQL
	Start    float64 `json:"start_ms"`                 // from the start of the process to the answer that it is ready
}

// A result is all that was measured.
type result struct {
	Figures []figure  `json:"figures"`
	Server  footprint `json:"server"` // on a file
}

// Run measures, or is the child that serves the limits.
func (c *benchCommand) Run(t *terminal) error {
	if c.Limit != "" {
		return serveLimits(t, c.Limit)
	}
	dir, err := os.MkdirTemp(c.Dir, "rollcall-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out, err := c.measure(dir)
	if err != nil {
		return err
	}
	return t.print(out, func(w io.Writer) {
		table(w, "WORK\tSTORE\tCONNECTIONS\tREQ/S\tP50 MS\tP99 MS\tCPU µS\tRATIO", out.Figures, func(f figure) string {
			on := ""
			switch {
			case f.Nodes == 1:
				on = "PostgreSQL, 1 node"
			case f.Nodes > 1:
				on = fmt.Sprintf("PostgreSQL, %d nodes", f.Nodes)
			case f.Limit != "":
				on = "SQLite"
			}
			ratio := ""
			if f.Limit != "" {
				ratio = fmt.Sprintf("%.2f of %s", f.Ratio, strings.TrimPrefix(f.Limit, "limit: "))
			}
			if f.Refused > 0 {
				ratio += fmt.Sprintf(", %d refused", f.Refused)
			}
			return fmt.Sprintf("%s\t%s\t%d\t%.0f\t%.2f\t%.2f\t%.0f\t%s", f.Work, on, f.Connections, f.Rate, f.P50, f.P99, f.CPU, ratio)
		})
		at := out.Server
		fmt.Fprintf(w, "server with %d users: %d MiB resident, %d bytes on disk for a user, ready %.0f ms after its start\n",
			at.Users, at.Resident>>20, at.Disk/at.Users, at.Start)
	})
}

// measure measures everything: at each number of connections the limits, then
// the server on a file, then one to so many nodes as there are to be on the database.
func (c *benchCommand) measure(dir string) (out *result, err error) {
	if c.Nodes > 1 && c.Database == "" {
		return nil, usageError("--nodes needs a --database that they share")
	}
	limit, err := startChild(filepath.Join(dir, "limit.txt"), "bench", "--json", "--limit", filepath.Join(dir, "limit.log"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, limit.stop()) }()
	benches := []*bench{{dir: filepath.Join(dir, "file")}}
	if c.Database != "" {
		benches = append(benches, &bench{dir: filepath.Join(dir, "nodes"), database: c.Database})
	}
	for _, b := range benches {
		b.limit, b.duration = limit, c.For
		defer func() { err = errors.Join(err, b.stop()) }()
		if err := b.start(c.Nodes); err != nil {
			return nil, err
		}
		if err := b.fill(max(c.Users, 1)); err != nil {
			return nil, fmt.Errorf("create users: %w", err)
		}
	}
	out = &result{}
	for _, n := range c.Connections {
		limits := map[string]float64{}
		for i, b := range benches {
			for b.nodes = 1; b.nodes <= len(b.servers); b.nodes++ {
				round, err := b.round(n, limits, i == 0)
				if err != nil {
					return nil, err
				}
				out.Figures = append(out.Figures, round...)
			}
		}
	}
	out.Server, err = benches[0].footprint()
	return out, err
}

// A bench is servers, the child that serves the limits, and what is known of them.
type bench struct {
	duration time.Duration
	dir      string
	database string   // empty for a file
	serve    []string // the arguments of servers
	servers  []*child
	nodes    int // so many of servers are measured
	limit    *child
	secret   string
	group    string       // id of one with many members
	created  atomic.Int64 // users so far
	refused  atomic.Int64 // requests of the work at hand
	mu       sync.Mutex
	ids      []string // of the users, as many as are worth keeping
}

// start starts the servers: nodes of them on a database, one on a file.
func (b *bench) start(nodes int) error {
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return err
	}
	data := dataFlag{Data: filepath.Join(b.dir, "data"), Database: b.database}
	b.serve = []string{"serve", "--json", "--listen", "127.0.0.1:0", "--rate", "0"}
	if b.database != "" {
		b.serve = append(b.serve, "--database", b.database)
	} else {
		b.serve, nodes = append(b.serve, "--data", data.Data), 1
	}
	for range nodes {
		k, err := startChild(b.log(), b.serve...)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, k)
	}
	b.nodes = nodes
	return data.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, defaultEnvironment)
		if err != nil {
			return err
		}
		_, b.secret, err = d.CreateClient(ctx, directory.ClientDraft{Environment: e.ID, Name: "bench"})
		return err
	})
}

// log is the file for the log of the next server.
func (b *bench) log() string {
	return filepath.Join(b.dir, fmt.Sprintf("serve-%d.txt", len(b.servers)))
}

func (b *bench) stop() (err error) {
	for _, k := range b.servers {
		err = errors.Join(err, k.stop())
	}
	b.servers = nil
	return err
}

// fill creates users, and a group that 10,000 of them are members of, or all if
// there are fewer.
func (b *bench) fill(users int64) error {
	const connections = 64
	more := func() bool { return b.created.Load() < users }
	if _, err := b.together(workCreate, connections, more); err != nil {
		return err
	}
	once := true
	_, err := b.drive(workGroup, 0, func() bool { defer func() { once = false }(); return once })
	return err
}

// footprint returns what the server takes up, and starts it once more to see how long that takes.
func (b *bench) footprint() (f footprint, err error) {
	f = footprint{Users: b.created.Load(), Resident: b.servers[0].resident()}
	if err := b.stop(); err != nil {
		return f, err
	}
	err = filepath.WalkDir(filepath.Join(b.dir, "data"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			f.Disk += info.Size()
		}
		return err
	})
	if err != nil {
		return f, err
	}
	begin := time.Now()
	k, err := startChild(b.log(), b.serve...)
	f.Start = float64(time.Since(begin).Microseconds()) / 1000
	if err == nil {
		b.servers = append(b.servers, k)
	}
	return f, err
}

// round measures every work with n connections. It compares with the rates of the
// limits, which it measures too if it is the first.
func (b *bench) round(n int, limits map[string]float64, first bool) ([]figure, error) {
	var figures []figure
	for _, w := range works {
		if w.most > 0 && n > w.most || w.limit == "" && !first {
			continue
		}
		f, err := b.measure(w, n)
		if err != nil {
			return nil, fmt.Errorf("%s with %d connections: %w", w.name, n, err)
		}
		if w.limit == "" {
			limits[w.name] = f.Rate
		} else {
			f.Limit, f.Ratio = w.limit, f.Rate/limits[w.limit]
			if b.database != "" {
				f.Nodes = b.nodes
			}
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// measure drives one work until its time is over.
func (b *bench) measure(w work, n int) (figure, error) {
	b.refused.Store(0)
	used := b.cpu(w)
	begin := time.Now()
	all, err := b.together(w, n, func() bool { return time.Since(begin) < b.duration })
	elapsed := time.Since(begin)
	used = b.cpu(w) - used
	if err != nil || len(all) == 0 {
		return figure{}, cmp.Or(err, errors.New("not one request was answered"))
	}
	slices.Sort(all)
	ms := func(share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))]) / float64(time.Millisecond)
	}
	return figure{Work: w.name, Connections: n, Rate: float64(len(all)) / elapsed.Seconds(), P50: ms(0.5), P99: ms(0.99),
		Refused: b.refused.Load(), CPU: float64(used.Microseconds()) / float64(len(all))}, nil
}

// together drives a work on n connections and returns how long its requests took.
func (b *bench) together(w work, n int, more func() bool) ([]time.Duration, error) {
	var wg sync.WaitGroup
	took, errs := make([][]time.Duration, n), make([]error, n)
	for i := range n {
		wg.Go(func() { took[i], errs[i] = b.drive(w, i, more) })
	}
	wg.Wait()
	return slices.Concat(took...), errors.Join(errs...)
}

// to returns the children that do the work.
func (b *bench) to(w work) []*child {
	if w.limit == "" {
		return []*child{b.limit}
	}
	return b.servers[:b.nodes]
}

// cpu returns the processor time that those have used who do the work.
func (b *bench) cpu(w work) (used time.Duration) {
	for _, k := range b.to(w) {
		used += k.cpu()
	}
	return used
}

// drive sends requests on one connection, each when the one before is
// answered, and returns how long they took.
func (b *bench) drive(w work, seed int, more func() bool) (took []time.Duration, err error) {
	to := b.to(w)
	conn, err := net.Dial("tcp", to[seed%len(to)].address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 16<<10)
	var out bytes.Buffer
	for n := seed; more(); n++ {
		out.Reset()
		method, path, body := w.request(b, n)
		fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n", method, path, b.secret)
		if body != "" {
			fmt.Fprintf(&out, "Content-Type: application/scim+json\r\nContent-Length: %d\r\n", len(body))
		}
		fmt.Fprintf(&out, "\r\n%s", body)
		begin := time.Now()
		if _, err := conn.Write(out.Bytes()); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		switch {
		case res.StatusCode/100 == 2:
			took = append(took, time.Since(begin))
		case res.StatusCode == http.StatusServiceUnavailable, bytes.Contains(answer, []byte(`"tooMany"`)):
			b.refused.Add(1)
			continue
		default:
			return nil, fmt.Errorf("status %s: %.200s", res.Status, answer)
		}
		if w.keep != nil {
			w.keep(b, answer)
		}
	}
	return took, nil
}

// A child is this program, run as a server.
type child struct {
	cmd     *exec.Cmd
	address string
}

// startChild runs this program with the arguments and waits for the line in
// which it tells its URL. Its log goes to the file: to read it would cost the
// processor time that is measured.
func startChild(log string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	k := &child{cmd: exec.Command(self, args...)}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	k.cmd.Stderr = file
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	var ready struct{ URL string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		_ = k.cmd.Wait()
		complaint, _ := os.ReadFile(log)
		return nil, fmt.Errorf("the child %s did not start: %s", args[0], bytes.TrimSpace(complaint))
	}
	k.address = strings.TrimPrefix(ready.URL, "http://")
	return k, nil
}

// cpu returns the processor time that the child has used so far, to a hundredth
// of a second, 0 where the system has no /proc.
func (k *child) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", k.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// Behind the name of the program, which may hold anything: utime and stime are the 12th and 13th.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += time.Duration(n)
	}
	return ticks * (time.Second / 100)
}

// resident returns the memory of the child in bytes, 0 where the system has no /proc.
func (k *child) resident() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", k.cmd.Process.Pid))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func (k *child) stop() error {
	if k == nil {
		return nil
	}
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return k.cmd.Wait()
}
