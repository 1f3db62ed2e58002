package rollcall_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	recordingName = regexp.MustCompile(`[a-z0-9]+/[a-z0-9_]+\.txtar`)
	testName      = regexp.MustCompile(`\bTest[A-Z][A-Za-z0-9]*`)
	link          = regexp.MustCompile(`\]\(([^):]+)\)`)
)

// TestDivergencesAreShown: the tests that docs/divergences.md names exist, and
// every row names one.
func TestDivergencesAreShown(t *testing.T) {
	rows := 0
	for line := range strings.Lines(read(t, "docs/divergences.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.HasPrefix(cells[0], "-") || strings.TrimSpace(cells[2]) == "shown by" {
			continue
		}
		rows++
		recordings, tests := recordingName.FindAllString(cells[2], -1), testName.FindAllString(cells[2], -1)
		if len(recordings)+len(tests) == 0 {
			t.Errorf("no test shows: %s", cells[1])
		}
		for _, name := range recordings {
			if found, _ := filepath.Glob("internal/*/testdata/" + name); len(found) == 0 {
				t.Errorf("there is no recording %s", name)
			}
		}
		for _, name := range tests {
			if !strings.Contains(goTests(t), "func "+name+"(") {
				t.Errorf("there is no test %s", name)
			}
		}
	}
	if rows < 40 {
		t.Errorf("found %d rows only", rows)
	}
}

// TestLinks: the pages link to files that are there.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, to := range link.FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), to[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, to[1], err)
			}
		}
	}
}

// goTests returns the text of all Go tests.
func goTests(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, pattern := range []string{"*_test.go", "internal/*/*_test.go", "internal/*/*/*_test.go", "cmd/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b.WriteString(read(t, file))
		}
	}
	return b.String()
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
