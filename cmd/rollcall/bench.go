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
	Database    string        `placeholder:"URL" help:"Keep the data in this PostgreSQL database, which is left with what was created."`
	Dir         string        `placeholder:"DIR" help:"Keep the data below this directory while it runs (a temporary one)."`
	Limit       string        `hidden:"" help:"Serve the limits and keep their file here."`
}

// A figure is one row of the result.
type figure struct {
	Work        string  `json:"work"`
	Connections int     `json:"connections"`
	Rate        float64 `json:"requests_per_second"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	// CPU is the processor time that the server used for one request, in
	// microseconds: on a machine with other work it is what can be compared.
	// Absent where the system does not tell.
	CPU float64 `json:"cpu_us,omitempty"`
	// Ratio is the rate over that of the limit named; absent for the limits themselves.
	Limit string  `json:"limit,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
}

// The works: what is measured, in the order of a round. The limits come first.
const (
	workEcho   = "limit: parse and render 1 KB"
	workAppend = "limit: the same, appended and flushed"
	workMemory = "limit: 1 KB from memory"
	workCreate = "create a user"
	workRead   = "read a user by id"
)

// limitsOf says which limits a work is compared with.
func limitsOf(work string) []string {
	switch work {
	case workCreate:
		return []string{workEcho, workAppend}
	case workRead:
		return []string{workMemory}
	}
	return nil
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
	b := &bench{duration: c.For}
	if err := b.start(dir, c.Database); err != nil {
		return errors.Join(err, b.stop())
	}
	var figures []figure
	for _, n := range c.Connections {
		round, err := b.round(n)
		if err != nil {
			return errors.Join(err, b.stop())
		}
		figures = append(figures, round...)
	}
	if err := b.stop(); err != nil {
		return err
	}
	return t.print(figures, func(w io.Writer) {
		table(w, "WORK\tCONNECTIONS\tREQ/S\tP50 MS\tP99 MS\tCPU µS\tRATIO", figures, func(f figure) string {
			ratio := ""
			if f.Limit != "" {
				ratio = fmt.Sprintf("%.2f of %s", f.Ratio, strings.TrimPrefix(f.Limit, "limit: "))
			}
			return fmt.Sprintf("%s\t%d\t%.0f\t%.2f\t%.2f\t%.0f\t%s", f.Work, f.Connections, f.Rate, f.P50, f.P99, f.CPU, ratio)
		})
	})
}

// A bench is the two children and what is known of them.
type bench struct {
	duration      time.Duration
	server, limit *child
	secret        string
	created       atomic.Int64 // users so far
	mu            sync.Mutex
	ids           []string // of the users, as many as are worth keeping
}

func (b *bench) start(dir, database string) (err error) {
	data := dataFlag{Data: filepath.Join(dir, "data"), Database: database}
	where := []string{"--data", data.Data}
	if database != "" {
		where = []string{"--database", database}
	}
	if b.server, err = startChild(filepath.Join(dir, "serve.txt"), append([]string{"serve", "--json", "--listen", "127.0.0.1:0", "--rate", "0"}, where...)...); err != nil {
		return err
	}
	if b.limit, err = startChild(filepath.Join(dir, "limit.txt"), "bench", "--json", "--limit", filepath.Join(dir, "limit.log")); err != nil {
		return err
	}
	return data.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, defaultEnvironment)
		if err != nil {
			return err
		}
		_, b.secret, err = d.CreateClient(ctx, directory.ClientDraft{Environment: e.ID, Name: "bench"})
		return err
	})
}

func (b *bench) stop() error { return errors.Join(b.server.stop(), b.limit.stop()) }

// round measures every work with n connections.
func (b *bench) round(n int) ([]figure, error) {
	rates := map[string]float64{}
	var figures []figure
	for _, work := range []string{workEcho, workAppend, workMemory, workCreate, workRead} {
		f, err := b.measure(work, n)
		if err != nil {
			return nil, fmt.Errorf("%s with %d connections: %w", work, n, err)
		}
		rates[work] = f.Rate
		limits := limitsOf(work)
		if limits == nil {
			figures = append(figures, f)
		}
		for _, limit := range limits {
			f.Limit, f.Ratio = limit, f.Rate/rates[limit]
			figures = append(figures, f)
		}
	}
	return figures, nil
}

// measure drives one work until its time is over.
func (b *bench) measure(work string, n int) (figure, error) {
	var wg sync.WaitGroup
	took, errs := make([][]time.Duration, n), make([]error, n)
	used := b.to(work).cpu()
	begin := time.Now()
	for i := range n {
		wg.Go(func() { took[i], errs[i] = b.drive(work, i, begin.Add(b.duration)) })
	}
	wg.Wait()
	elapsed := time.Since(begin)
	used = b.to(work).cpu() - used
	all := slices.Concat(took...)
	if err := errors.Join(errs...); err != nil || len(all) == 0 {
		return figure{}, cmp.Or(err, errors.New("not one request was answered"))
	}
	slices.Sort(all)
	ms := func(share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))]) / float64(time.Millisecond)
	}
	return figure{Work: work, Connections: n, Rate: float64(len(all)) / elapsed.Seconds(), P50: ms(0.5), P99: ms(0.99),
		CPU: float64(used.Microseconds()) / float64(len(all))}, nil
}

// to returns the child that does the work.
func (b *bench) to(work string) *child {
	if limitsOf(work) == nil {
		return b.limit
	}
	return b.server
}

// drive sends requests on one connection, each when the one before is
// answered, and returns how long they took.
func (b *bench) drive(work string, seed int, end time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", b.to(work).address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 16<<10)
	var out bytes.Buffer
	for n := seed; time.Now().Before(end); n++ {
		out.Reset()
		status := b.request(&out, work, n)
		begin := time.Now()
		if _, err := conn.Write(out.Bytes()); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
		if res.StatusCode != status {
			return nil, fmt.Errorf("status %s, want %d: %.200s", res.Status, status, body)
		}
		if work == workCreate {
			b.remember(body)
		}
	}
	return took, nil
}

// request writes the request and returns the status that it must get.
func (b *bench) request(w *bytes.Buffer, work string, n int) (status int) {
	method, path, body, status := "POST", "/echo", "", http.StatusOK
	switch work {
	case workEcho:
		body = benchUser(int64(n))
	case workAppend:
		path, body = "/append", benchUser(int64(n))
	case workMemory:
		method, path = "GET", "/memory"
	case workCreate:
		path, body, status = "/scim/v2/Users", benchUser(b.created.Add(1)), http.StatusCreated
	case workRead:
		method, path = "GET", "/scim/v2/Users/"+b.ids[n%len(b.ids)]
	}
	fmt.Fprintf(w, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n", method, path, b.secret)
	if body != "" {
		fmt.Fprintf(w, "Content-Type: application/scim+json\r\nContent-Length: %d\r\n", len(body))
	}
	fmt.Fprintf(w, "\r\n%s", body)
	return status
}

// remember keeps the id of a user that was created.
func (b *bench) remember(body []byte) {
	const most = 100_000
	_, rest, _ := bytes.Cut(body, []byte(`"id":"`))
	id, _, ok := bytes.Cut(rest, []byte(`"`))
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok && len(b.ids) < most {
		b.ids = append(b.ids, string(id))
	}
}

// benchUser returns a user of about 1.1 KB without a password.
func benchUser(n int64) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
		`"userName":"user%[1]d@example.com","externalId":"external-%[1]d","displayName":"Person Number %[1]d","nickName":"nick%[1]d","title":"Engineer",`+
		`"userType":"Employee","preferredLanguage":"en","locale":"en-GB","timezone":"Europe/London","active":true,`+
		`"name":{"formatted":"Person Number %[1]d","familyName":"Number%[1]d","givenName":"Person","middleName":"of"},`+
		`"emails":[{"value":"user%[1]d@example.com","type":"work","primary":true},{"value":"home%[1]d@example.org","type":"home"}],`+
		`"phoneNumbers":[{"value":"+44 20 7946 %[1]d","type":"work"},{"value":"+44 7700 90 %[1]d","type":"mobile"}],`+
		`"addresses":[{"type":"work","streetAddress":"%[1]d Main Street","locality":"London","region":"London","postalCode":"EC1A 1BB","country":"GB","primary":true}],`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%[1]d","costCenter":"4130","organization":"Example","division":"Products","department":"Research %[1]d"}}`, n)
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

func (k *child) stop() error {
	if k == nil {
		return nil
	}
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return k.cmd.Wait()
}
