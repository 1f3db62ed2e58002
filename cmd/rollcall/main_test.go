package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rollcall-directory/rollcall/internal/postgrestest"
)

// TestMain lets the scripts call this program, and where there is no curl,
// what of it the printed commands use.
func TestMain(m *testing.M) {
	programs := map[string]func(){"rollcall": main}
	if _, err := exec.LookPath("curl"); err != nil {
		programs["curl"] = curl
	}
	testscript.Main(m, programs)
}

// TestScript runs the scripts of testdata/script against the real program. Beside
// the usual commands they have:
//
//	start NAME ARGUMENT...     runs rollcall serve; its output is in the file NAME.out, the URL of the address it listens on in $NAME
//	stop NAME [SIGNAL]         signals it, waits until it has ended and fails unless that went well
//	fails CODE PROGRAM...      runs a program that must end with this exit code
//	paste FILE DOOR            runs in a shell the command that JSON output names for the door
//	get VARIABLE FILE MEMBER   sets the variable to a member of a JSON file, by its path as a.b
//	same FILE JSON             compares as JSON; a string "*" stands for any string
func TestScript(t *testing.T) { runScripts(t, "testdata/script", "") }

// TestPostgresScript does the same with what ROLLCALL_DATABASE names: a database
// that is empty at first.
func TestPostgresScript(t *testing.T) {
	url := strings.Replace(postgrestest.Database(t), "postgres@", "postgres:tell-nobody@", 1)
	runScripts(t, "testdata/postgres", url)
}

func runScripts(t *testing.T, dir, database string) {
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Values[servers{}] = map[string]*process{}
			for _, e := range env.Vars { // the scripts say what they set
				if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "ROLLCALL_") {
					env.Setenv(name, "")
				}
			}
			env.Setenv("ROLLCALL_DATABASE", database)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": start, "stop": stop, "fails": fails, "paste": paste, "get": get, "same": same,
		},
	})
}

type servers struct{}

// A process is rollcall serve in the background.
type process struct {
	cmd  *exec.Cmd
	done chan error
}

// launch runs rollcall serve until its output tells that it is ready, and returns that output.
func launch(dir string, env []string, args ...string) (*process, string, error) {
	p := &process{cmd: exec.Command("rollcall", append([]string{"serve"}, args...)...), done: make(chan error, 1)}
	p.cmd.Dir, p.cmd.Env = dir, env
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	log, err := os.Create(filepath.Join(dir, "serve.log"))
	if err != nil {
		return nil, "", err
	}
	defer log.Close()
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	var text strings.Builder
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for want := readyLines(args); want > 0 && lines.Scan(); want-- {
		text.WriteString(lines.Text() + "\n")
	}
	if text.Len() == 0 {
		err := p.cmd.Wait()
		complaint, _ := os.ReadFile(log.Name())
		return nil, "", fmt.Errorf("rollcall serve did not start: %w: %s", err, complaint)
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		p.done <- p.cmd.Wait()
	}()
	return p, text.String(), nil
}

// readyLines is how many lines serve prints when it is ready.
func readyLines(args []string) int {
	text := strings.Join(args, " ")
	switch {
	case strings.Contains(text, "--json"):
		return 1
	case strings.Contains(text, "--dev"):
		return 1 + 3*len(doorNames)
	}
	return 2
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	name := args[0]
	env := append(os.Environ(), "PATH="+ts.Getenv("PATH"), "TMPDIR="+ts.Getenv("TMPDIR"), "ROLLCALL_DATABASE="+ts.Getenv("ROLLCALL_DATABASE"))
	p, text, err := launch(ts.MkAbs("."), env, args[1:]...)
	ts.Check(err)
	ts.Value(servers{}).(map[string]*process)[name] = p
	ts.Defer(func() { _ = p.cmd.Process.Kill() })
	ts.Check(os.WriteFile(ts.MkAbs(name+".out"), []byte(text), 0o644))
	var ready struct{ Listen string }
	if json.Unmarshal([]byte(text), &ready) != nil {
		_, address, _ := strings.Cut(text, "http://")
		ready.Listen = strings.Fields(address)[0]
	}
	ts.Setenv(name, "http://"+ready.Listen)
}

func stop(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value(servers{}).(map[string]*process)[args[0]]
	var sig os.Signal = syscall.SIGTERM
	if len(args) > 1 && args[1] == "INT" {
		sig = os.Interrupt
	}
	ts.Check(p.cmd.Process.Signal(sig))
	ts.Check(<-p.done)
}

func fails(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("ended with %v, want exit code %s", err, args[0])
	}
}

func paste(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(ts.Exec("sh", "-c", member(ts, args[0], "curl."+args[1])))
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], member(ts, args[1], args[2]))
}

// member returns the string at the path in a JSON file.
func member(ts *testscript.TestScript, file, path string) string {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &v))
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			i, err := strconv.Atoi(name)
			ts.Check(err)
			v = at[i]
		}
	}
	text, ok := v.(string)
	if !ok {
		ts.Fatalf("%s of %s is %v", path, file, v)
	}
	return text
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	var got, want any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &got))
	ts.Check(json.Unmarshal([]byte(args[1]), &want))
	if !matches(got, want) {
		ts.Fatalf("got  %s\nwant %s", ts.ReadFile(args[0]), args[1])
	}
}

func matches(got, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for name := range w {
			if _, ok := g[name]; !ok || !matches(g[name], w[name]) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !matches(g[i], w[i]) {
				return false
			}
		}
		return true
	case string:
		g, ok := got.(string)
		return ok && (w == "*" || g == w)
	}
	return got == want
}

// curl is what the printed commands use of the program of that name.
func curl() {
	method, body, header := "GET", "", http.Header{}
	var url, user string
	for args := os.Args[1:]; len(args) > 0; args = args[1:] {
		if !strings.HasPrefix(args[0], "-") {
			url = args[0]
			continue
		}
		if args[0] == "-s" || args[0] == "-i" {
			continue
		}
		if len(args) < 2 {
			break
		}
		switch value := args[1]; args[0] {
		case "-X":
			method = value
		case "-d":
			body = value
		case "--user":
			user = value
		case "-H":
			name, v, _ := strings.Cut(value, ":")
			header.Set(name, strings.TrimSpace(v))
		}
		args = args[1:]
	}
	if body != "" && method == "GET" {
		method = "POST"
	}
	if body != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err == nil {
		r.Header = header
		if name, password, ok := strings.Cut(user, ":"); ok {
			r.SetBasicAuth(name, password)
		}
		var res *http.Response
		if res, err = http.DefaultClient.Do(r); err == nil {
			fmt.Printf("HTTP/1.1 %s\r\n", res.Status)
			_, err = io.Copy(os.Stdout, res.Body)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(7)
	}
}

// TestSecondSignal: the first signal waits for who is being served, the second for nobody.
func TestSecondSignal(t *testing.T) {
	dir := t.TempDir()
	p, text, err := launch(dir, os.Environ(), "--json", "--dev", "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	var ready struct{ URL, Data string }
	if err := json.Unmarshal([]byte(text), &ready); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(ready.Data) })
	address := strings.TrimPrefix(ready.URL, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server answers 100 when it has begun to read the body, which does not come.
	fmt.Fprintf(conn, "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/scim+json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", devToken)
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("got %q, %v", line, err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it takes nobody any more
		c, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		c.Close()
	}
	select {
	case err := <-p.done:
		t.Fatalf("it ended while a request ran: %v", err)
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := <-p.done; !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", err)
	}
}

// TestKill kills the server again and again while users are created. Every one
// that it acknowledged is there afterwards; of the others each is whole or absent.
func TestKill(t *testing.T) {
	const rounds, creators, enough = 3, 8, 200
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	acknowledged := map[string]string{} // userName to id
	sent := 0
	for round := range rounds {
		p, text, err := launch(dir, os.Environ(), "--json", "--dev", "--listen", "127.0.0.1:0", "--data", data)
		if err != nil {
			t.Fatal(err)
		}
		var ready struct{ URL string }
		if err := json.Unmarshal([]byte(text), &ready); err != nil {
			t.Fatal(err)
		}
		compare(t, ready.URL, acknowledged, sent)
		type ack struct{ name, id string }
		acks := make(chan ack)
		var wg sync.WaitGroup
		for i := range creators {
			wg.Go(func() {
				for n := 0; ; n++ {
					name := fmt.Sprintf("user-%d-%d-%d", round, i, n)
					id, err := createUser(ready.URL, name)
					if err != nil {
						return // killed
					}
					acks <- ack{name, id}
				}
			})
		}
		go func() { wg.Wait(); close(acks) }()
		taken := 0
		for a := range acks {
			acknowledged[a.name] = a.id
			if taken++; taken == enough {
				if err := p.cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		<-p.done
		sent += taken + creators // each creator may have one on its way
	}
	p, text, err := launch(dir, os.Environ(), "--json", "--dev", "--listen", "127.0.0.1:0", "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ URL string }
	if err := json.Unmarshal([]byte(text), &ready); err != nil {
		t.Fatal(err)
	}
	compare(t, ready.URL, acknowledged, sent)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Error(err)
	}
}

func userBody(name string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `","displayName":"The ` + name +
		`","emails":[{"type":"work","value":"` + name + `@example.com","primary":true}]}`
}

// createUser returns the id of the user, or an error if no answer came.
func createUser(url, name string) (string, error) {
	res, err := call("POST", url+"/scim/v2/Users", userBody(name))
	if err != nil {
		return "", err
	}
	var user struct{ ID string }
	if err := json.Unmarshal(res, &user); err != nil || user.ID == "" {
		return "", fmt.Errorf("not a user: %s", res)
	}
	return user.ID, nil
}

func call(method, url, body string) ([]byte, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+devToken)
	r.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// compare reads all users and holds them against what was acknowledged and sent.
func compare(t *testing.T, url string, acknowledged map[string]string, sent int) {
	t.Helper()
	type user struct {
		ID, UserName, DisplayName string
		Emails                    []struct{ Value, Type string }
	}
	found := map[string]user{}
	for from := 1; ; {
		body, err := call("GET", fmt.Sprintf("%s/scim/v2/Users?startIndex=%d&count=100", url, from), "")
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			TotalResults int
			Resources    []user
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, u := range page.Resources {
			found[u.UserName] = u
		}
		from += len(page.Resources)
		if len(page.Resources) == 0 {
			if len(found) != page.TotalResults {
				t.Errorf("%d users are listed, the total says %d", len(found), page.TotalResults)
			}
			break
		}
	}
	for name, id := range acknowledged {
		if found[name].ID != id {
			t.Errorf("%s was acknowledged as %s and is %q", name, id, found[name].ID)
		}
	}
	for name, u := range found {
		if u.DisplayName != "The "+name || len(u.Emails) != 1 || u.Emails[0].Value != name+"@example.com" || u.Emails[0].Type != "work" {
			t.Errorf("%s is not whole: %+v", name, u)
		}
	}
	if len(found) > sent {
		t.Errorf("%d users, but no more than %d were sent", len(found), sent)
	}
}
