package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const run = `{"Action":"run","Test":"TestA"}
# a line of a build
{"Action":"pass","Test":"TestA/scim:AA-01,scim:AA-02_two_at_once"}
{"Action":"pass","Test":"TestB/deep/scim:AA-01_once_more"}
{"Action":"pass","Test":"TestC/scim:AA-01_a_third|one"}
{"Action":"pass","Test":"TestD/scim:AA-01_a_fourth"}
{"Action":"fail","Test":"TestB/scim:AA-02_not_always"}
{"Action":"skip","Test":"TestB/scim:AA-03_never"}
{"Action":"pass","Test":"TestA/p14e:R7_upsert"}
{"Action":"pass","Test":"TestA/p14e:R7_upsert"}
{"Action":"pass","Test":"TestA"}
`

func TestWrite(t *testing.T) {
	const rules = `// comment
# scim: SCIM
## First
AA-01 MUST
AA-02 MUST NOT
AA-03 MAY
## Second
BB-01 MAY: not offered
BB-02 MAY

# p14e: PingOne
R7
R8
`
	res, err := readResults(strings.NewReader(run))
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	if err := write(&page, readSheets(rules), res); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(page.String(), "\n## ")
	const want = `SCIM

1 of 5 rules are proved by tests.

### First

| rule | level | tests |
|---|---|---|
| AA-01 | MUST | TestA: two at once; TestB: once more; TestC: a third\|one; and 1 more |
| AA-02 | MUST NOT | **a test of it fails** |
| AA-03 | MAY | **a test of it fails** |

### Second

| rule | level | tests |
|---|---|---|
| BB-01 | MAY | none: not offered |
| BB-02 | MAY | **none yet** |

## PingOne

1 of 2 rules are proved by tests.

| rule | level | tests |
|---|---|---|
| R7 |  | TestA: upsert |
| R8 |  | **none yet** |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("page (-want +got)\n%s", diff)
	}
}

// TestRules: the list is whole, and names nothing twice.
func TestRules(t *testing.T) {
	want := map[string]int{"scim": 423, "p14e": 99, "pingone": 80, "aic": 162, "rsa": 96}
	for _, s := range readSheets(rulesText) {
		seen := map[string]bool{}
		for _, r := range s.rules {
			if seen[r.id] || !token.MatchString(s.name+":"+r.id) || (s.name == "scim") != (r.level != "" && r.group != "") {
				t.Errorf("%s: %+v", s.name, r)
			}
			seen[r.id] = true
		}
		if len(seen) != want[s.name] {
			t.Errorf("%s has %d rules, want %d", s.name, len(seen), want[s.name])
		}
		delete(want, s.name)
	}
	if len(want) > 0 {
		t.Errorf("sheets are missing: %v", want)
	}
}
