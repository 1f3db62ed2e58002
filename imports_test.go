// Package rollcall_test holds what no package can test of itself: every
// recording against all doors at once, who imports whom, that names are
// explained and that the pages name tests and files that are there.
package rollcall_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollcall-directory/rollcall/"

// mayImport says which packages of ours a package may import outside its tests.
// docs/architecture.md has the reasons.
var mayImport = map[string][]string{
	"internal/scim":        nil,
	"internal/exchange":    nil,
	"internal/conformance": nil,

	"internal/mail":          nil,
	"internal/mail/mailtest": nil,

	"internal/postgrestest": nil,

	"internal/store":           {"scim"},
	"internal/store/storetest": {"store", "scim", "postgrestest"},

	"internal/directory":               {"store", "scim"},
	"internal/directory/directorytest": {"directory", "scim", "store/storetest"},

	"internal/route":    {"directory", "scim"},
	"internal/scim1":    {"directory", "mail", "route", "scim"},
	"internal/scim2":    {"directory", "route", "scim"},
	"internal/crest":    {"directory", "route", "scim"},
	"internal/admin":    {"directory", "route", "scim"},
	"internal/transfer": {"directory", "scim"},

	"internal/auth":   {"directory", "route", "scim"},
	"internal/feed":   {"directory", "route", "scim"},
	"internal/server": {"directory", "route", "scim", "auth", "feed", "scim1", "scim2", "crest", "admin"},
}

// only says which packages of ours may import a package from elsewhere.
var only = map[string][]string{
	"net/http": {"internal/route", "internal/scim1", "internal/scim2", "internal/crest", "internal/admin",
		"internal/auth", "internal/feed", "internal/server", "internal/exchange", "cmd/rollcall"},
	"database/sql":                                {"internal/store", "internal/store/storetest"},
	"github.com/jackc/pgx/v5":                     {"internal/store", "internal/postgrestest"},
	"modernc.org/libc":                            {"internal/store"},
	"modernc.org/sqlite":                          {"internal/store"},
	"modernc.org/sqlite/lib":                      {"internal/store"},
	"github.com/go-json-experiment/json/jsontext": {"internal/scim"},
}

// testKits may be imported by tests, and by each other, alone.
var testKits = []string{"internal/exchange", "internal/directory/directorytest", "internal/store/storetest", "internal/mail/mailtest", "internal/postgrestest"}

// A listed package is one as go list shows it.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string // tests aside
	Imports    []string // tests aside
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	all := packages(t)
	if len(all) < 5 {
		t.Fatalf("go list shows %d packages only", len(all))
	}
	for _, p := range all {
		name, inside := strings.CutPrefix(p.ImportPath, module)
		if !inside { // the root, which has no code
			name = "."
		}
		t.Run(name, func(t *testing.T) {
			allowed, known := mayImport[name]
			command := strings.HasPrefix(name, "cmd/")
			if !known && !command && name != "." {
				t.Fatalf("%s is not in the table of imports: add it here and to docs/architecture.md", name)
			}
			for _, path := range p.Imports {
				ours, isOurs := strings.CutPrefix(path, module)
				switch {
				case isOurs && slices.Contains(testKits, ours) && !slices.Contains(testKits, name):
					t.Errorf("%s imports %s, which is for tests", name, ours)
				case isOurs && !command && !slices.Contains(allowed, strings.TrimPrefix(ours, "internal/")):
					t.Errorf("%s may not import %s", name, ours)
				}
				if users, limited := only[path]; limited && !slices.Contains(users, name) {
					t.Errorf("%s may not import %s", name, path)
				}
			}
		})
	}
}
