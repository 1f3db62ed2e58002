package scim_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func sortKeyOf(t *testing.T, typ *scim.ResourceType, k scim.SortKey, path string, o scim.FilterOptions) scim.SortKey {
	t.Helper()
	var err error
	if k.Path, err = scim.ParsePath(path); err == nil {
		k, err = typ.ResolveSort(k, o)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return k
}

func TestSortKey(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	user := func(doc string) *scim.Resource {
		r := scim.NewResource([]byte(doc))
		r.Type, r.ID, r.Created, r.Modified = "User", "u-1", at, at.Add(time.Hour)
		return r
	}
	for _, test := range []struct {
		name  string
		path  string
		crest bool
		low   string // a document that comes before high
		high  string
		same  bool // they are equal
	}{
		{"scim:SRT-06 case-insensitive strings are folded", "title", false, `{"title":"a"}`, `{"title":"B"}`, false},
		{"scim:SRT-06 folded strings that differ in case only are equal", "title", false, `{"title":"a"}`, `{"title":"A"}`, true},
		{"scim:SRT-06 case-exact strings are in order of code points", "externalId", false, `{"externalId":"B"}`, `{"externalId":"a"}`, false},
		{"aic:AIC-167 strings sort ignoring case", "externalId", true, `{"externalId":"a"}`, `{"externalId":"B"}`, false},
		{"scim:SRT-06 booleans", "active", false, `{"active":false}`, `{"active":true}`, false},
		{"scim:SRT-03 the primary value counts", "emails.value", false,
			`{"emails":[{"value":"z"},{"value":"a","primary":true}]}`, `{"emails":[{"value":"b","primary":true},{"value":"a"}]}`, false},
		{"scim:SRT-03 the first value counts without a primary one", "emails.value", false,
			`{"emails":[{"value":"a"},{"value":"z"}]}`, `{"emails":[{"value":"b"},{"value":"a"}]}`, false},
		{"aic:AIC-167 arrays sort by their smallest value", "emails.value", true,
			`{"emails":[{"value":"z","primary":true},{"value":"a"}]}`, `{"emails":[{"value":"b"}]}`, false},
		{"scim:SRT-04 a sub-attribute", "name.givenName", false, `{"name":{"givenName":"A"}}`, `{"name":{"givenName":"b"}}`, false},
		{"scim:SRT-04 a complex attribute stands for its value", "emails", false, `{"emails":[{"value":"a"}]}`, `{"emails":[{"value":"b"}]}`, false},
		{"scim:SRT-04 a name with its URN", scim.EnterpriseSchema + ":department", false,
			`{"` + scim.EnterpriseSchema + `":{"department":"a"}}`, `{"` + scim.EnterpriseSchema + `":{"department":"B"}}`, false},
		{"open attributes sort by kind: booleans", scim.ManagedSchema + ":x", false,
			`{"` + scim.ManagedSchema + `":{"x":true}}`, `{"` + scim.ManagedSchema + `":{"x":-1}}`, false},
		{"open attributes sort by kind: numbers", scim.ManagedSchema + ":x", false,
			`{"` + scim.ManagedSchema + `":{"x":9}}`, `{"` + scim.ManagedSchema + `":{"x":10}}`, false},
		{"open attributes sort by kind: strings", scim.ManagedSchema + ":x", false,
			`{"` + scim.ManagedSchema + `":{"x":["b","a"]}}`, `{"` + scim.ManagedSchema + `":{"x":"C"}}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := sortKeyOf(t, scim.UserType(), scim.SortKey{CREST: test.crest}, test.path, scim.FilterOptions{})
			low, ok1 := k.Key(user(test.low))
			high, ok2 := k.Key(user(test.high))
			if !ok1 || !ok2 || test.same != (low == high) || low > high {
				t.Errorf("%q %v, %q %v", low, ok1, high, ok2)
			}
			for _, doc := range []string{`{}`, `{"title":"","emails":[],"externalId":"","name":{},"emails":[{"type":"work"}]}`} {
				if key, ok := k.Key(user(doc)); ok {
					t.Errorf("%s has the key %q", doc, key)
				}
			}
		})
	}
}

func TestSortKeyOutsideTheDocument(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := scim.NewResource([]byte(`{"userName":"b"}`))
	a.Type, a.ID, a.Created, a.Modified = "User", "a", at, at.Add(time.Hour)
	a.Groups = []scim.Reference{{ID: "g-1", Display: "Boat"}}
	b := scim.NewResource([]byte(`{"userName":"C"}`))
	b.Type, b.ID, b.Created, b.Modified = "User", "b", at.Add(time.Millisecond), at.Add(time.Hour+time.Millisecond)
	b.Groups = []scim.Reference{{ID: "g-2", Display: "car"}, {ID: "g-0", Display: "A"}}
	for _, path := range []string{"id", "meta.created", "meta.lastModified", "userName", "groups", "groups.display", "meta.location"} {
		k := sortKeyOf(t, scim.UserType(), scim.SortKey{}, path, scim.FilterOptions{})
		low, ok1 := k.Key(a)
		high, ok2 := k.Key(b)
		if !ok1 || !ok2 || low >= high {
			t.Errorf("%s: %q %v, %q %v", path, low, ok1, high, ok2)
		}
	}
	k := sortKeyOf(t, scim.UserType(), scim.SortKey{}, "groups.value", scim.FilterOptions{})
	if !k.Uses("groups") || k.Uses("members") || !k.MultiValued() {
		t.Error("groups.value reads groups, of which there are many")
	}
}

func TestResolveSort(t *testing.T) {
	for _, test := range []struct {
		path    string
		unknown bool
		want    string // in canonical names; empty for a fault
		indexed bool
		multi   bool
	}{
		{path: "USERNAME", want: "userName", indexed: true},
		{path: "emails", want: "emails.value", indexed: true, multi: true},
		{path: "emails.primary", want: "emails.primary", multi: true},
		{path: "name"},
		{path: "nothing"},
		{path: "nothing", unknown: true, want: "nothing"},
		{path: "password"},
		{path: "password", unknown: true, want: "password"},
		{path: "meta.location", want: "meta.location"},
		{path: scim.EnterpriseSchema + ":MANAGER", want: scim.EnterpriseSchema + ":manager.value", indexed: true},
		{path: scim.ManagedSchema + ":x", want: scim.ManagedSchema + ":x"},
	} {
		path, err := scim.ParsePath(test.path)
		if err != nil {
			t.Fatal(err)
		}
		k, err := scim.UserType().ResolveSort(scim.SortKey{Path: path}, scim.FilterOptions{Unknown: test.unknown})
		if test.want == "" {
			var fault *scim.Error
			if !errors.As(err, &fault) || fault.Rule != scim.RulePath || fault.Path != test.path {
				t.Errorf("%s: %v", test.path, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}
		if k.Path.String() != test.want || k.Indexed() != test.indexed || k.MultiValued() != test.multi {
			t.Errorf("%s: %s, indexed %v, multi-valued %v", test.path, k.Path, k.Indexed(), k.MultiValued())
		}
		if test.unknown {
			if key, ok := k.Key(scim.NewResource([]byte(`{"nothing":"x","password":"x"}`))); ok {
				t.Errorf("%s has the key %q", test.path, key)
			}
		}
	}
}

// The order of keys is that of values, whatever they are.
func TestSortKeysAreInTheOrderOfNumbers(t *testing.T) {
	numbers := strings.Fields("-1e3 -999 -1.5 -0.01 0 1e-9 0.5 1 1.01 9 10 1e2 12345678901234567890 12345678901234567891")
	k := sortKeyOf(t, scim.UserType(), scim.SortKey{}, scim.ManagedSchema+":x", scim.FilterOptions{})
	var keys []string
	for _, n := range numbers {
		key, _ := k.Key(scim.NewResource([]byte(`{"` + scim.ManagedSchema + `":{"x":` + n + `}}`)))
		keys = append(keys, key)
	}
	if !slices.IsSorted(keys) || len(slices.Compact(keys)) != len(numbers) {
		t.Errorf("%q", keys)
	}
}

func TestSortBySingleElement(t *testing.T) {
	for doc, want := range map[string]string{
		`[{"value":"c","type":"home"},{"value":"a"}]`:                                                "c",
		`[{"value":"c","type":"home"},{"value":"a","type":"work"}]`:                                  "a",
		`[{"value":"c","type":"home"},{"value":"a","type":"work"},{"value":"b","primary":true}]`:     "b",
		`[{"type":"work","display":"x"},{"value":"a","type":"home"}]`:                                "",
		`[{"value":"c","primary":false},{"value":"a","type":"work"},{"value":"b","type":"work"}]`:    "a",
		`[{"value":"c","type":"home","primary":true},{"value":"a","type":"work","primary":"other"}]`: "c",
	} {
		k := sortKeyOf(t, scim.UserType(), scim.SortKey{CREST: true, Single: true, Prefer: "work"}, "phoneNumbers.value", scim.FilterOptions{})
		if key, ok := k.Key(scim.NewResource([]byte(`{"phoneNumbers":` + doc + `}`))); key != want || ok != (want != "") {
			t.Errorf("%s: %q %v", doc, key, ok)
		}
	}
}
