// Command rollcall is the directory server and the tool that administers it.
//
// main.go reads the command line and says how a command ended, terminal.go is
// what commands print on; each command has a file of its own. doors.go wires the
// doors, dev.go knows the identities of development mode.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The exit codes.
const (
	exitFailure = 1 // the command could not do what it was asked
	exitUsage   = 2 // the command line makes no sense
)

// commands is the command line. The fields of a command are its flags; every
// flag has an environment variable where a server is configured by it.
type commands struct {
	JSON bool `name:"json" help:"Print JSON instead of text."`

	Serve       serveCommand       `cmd:"" help:"Start the server."`
	Environment environmentCommand `cmd:"" help:"Administer environments: the tenants."`
	Population  populationCommand  `cmd:"" help:"Administer populations: the parts of an environment, and password policies."`
	Entitle     entitleCommand     `cmd:"" help:"Say what the members of a group may do in the directory in person."`
	Client      clientCommand      `cmd:"" help:"Administer clients: the callers of the API."`
	Audit       auditCommand       `cmd:"" help:"Print the audit log of an environment: who did what, and what was put right."`
	Schema      schemaCommand      `cmd:"" help:"Administer schemas and resource types that an environment defines itself."`
	Stream      streamCommand      `cmd:"" help:"Administer event streams: who is told what changes."`
	Copy        copyCommand        `cmd:"" help:"Copy all data into another store: from SQLite to PostgreSQL, or back."`
	Doctor      doctorCommand      `cmd:"" help:"Look whether everything is as it should be."`
	Bench       benchCommand       `cmd:"" help:"Measure what clients do most beside the limits of the machine."`
	Completion  completionCommand  `cmd:"" help:"Print what makes a shell complete this command."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// usageError is a command line that can be read and makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }

func main() {
	// Little of what a request allocates lives longer than it, so the heap is
	// small, and at Go's default much of the work would be to collect it.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run does what the arguments ask for and returns the exit code.
func run(args []string, out, errOut io.Writer) int {
	var cmd commands
	t := &terminal{out: out, err: errOut}
	parser := kong.Must(&cmd,
		kong.Name("rollcall"),
		kong.Description("One directory, four front doors: users and groups for clients of PingOne, PingOne for Enterprise, Advanced Identity Cloud, RSA and standard SCIM."),
		kong.Writers(out, errOut),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Vars{"data": defaultData, "listen": defaultListen, "policies": strings.Join(directory.PolicyNames(), ",")},
		kong.Bind(t),
	)
	ctx, err := parser.Parse(args)
	t.json = cmd.JSON
	if err != nil {
		return t.fail(fmt.Errorf("%w; see rollcall --help", err), exitUsage)
	}
	if err := ctx.Run(parser); err != nil {
		if _, ok := errors.AsType[usageError](err); ok {
			return t.fail(err, exitUsage)
		}
		return t.fail(err, exitFailure)
	}
	return 0
}

// explain words what the directory refuses, for people who administer it.
func explain(err error) string {
	faults := scim.Faults(err)
	if faults == nil {
		return err.Error()
	}
	texts := make([]string, len(faults))
	for i, e := range faults {
		texts[i] = explainFault(e)
	}
	return strings.Join(texts, "; ")
}

// words are those for what the directory refuses; {noun} is what it is about.
var words = map[scim.Rule]string{
	scim.RuleNotFound:  `there is no {noun} {"value"}; see rollcall {noun} list`,
	scim.RuleUnique:    `the {path} {"value"} is taken; choose another {path}`,
	scim.RuleExists:    `the id {"value"} is taken; choose another`,
	scim.RuleProtected: `the {noun} {"value"} cannot be changed: {detail}`,
	scim.RuleDangling:  `there is no {noun} {"value"}`,
	scim.RulePath:      `{path}: {detail}`,
	scim.RuleURI:       `{"value"} is not a URL to use here; give one as https://host/path`,
	scim.RuleCanonical: `{"value"} is not a {path} to use here; give one of {allowed}`,
	scim.RuleBusy:      `the data is busy; try again in a moment`,
}

func explainFault(e *scim.Error) string {
	text, known := words[e.Rule]
	if !known {
		return cmp.Or(explainDefinition(e), e.Error())
	}
	noun := strings.ToLower(e.Schema)
	if e.Schema == "ResourceType" {
		noun, text = "resource type", strings.Replace(text, "rollcall {noun} list", "rollcall schema list", 1)
	}
	return e.Fill(strings.ReplaceAll(text, "{noun}", noun))
}
