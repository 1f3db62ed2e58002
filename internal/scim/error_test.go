package scim_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// TestFill: a door's words get the data of an error, and data is never taken for words.
func TestFill(t *testing.T) {
	e := &scim.Error{Path: "a", Value: `"{path}"`, Schema: "User", Detail: "{value}", Allowed: []string{"x", "y"}, Line: 3, Column: 7}
	for words, want := range map[string]string{
		"{path} is not {value}":             `a is not "{path}"`,
		`{"path"} {"value"}`:                `"a" "\"{path}\""`,
		"{schema}: {detail}":                "User: {value}",
		"one of {allowed}, best {first}":    "one of x, y, best x",
		"not JSON{place} (column {column})": "not JSON at line 3, column 7 (column 7)",
		"{other} words":                     "{other} words",
	} {
		if got := e.Fill(words); got != want {
			t.Errorf("%s: got %s, want %s", words, got, want)
		}
	}
	if got := new(scim.Error).Fill("{first}{place}."); got != "." {
		t.Errorf("without data: %s", got)
	}
}
