package crest

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestParseFilter(t *testing.T) {
	const ext = scim.ManagedSchema + ":"
	for _, tt := range []struct {
		text string
		want string // in the grammar of SCIM
	}{
		{`userName eq "mlee"`, `userName eq "mlee"`},
		{`/userName eq 'mlee'`, `userName eq "mlee"`},
		{`  userName   EQ   "mlee"  `, `userName eq "mlee"`},
		{`givenName sw "M" and sn co "e" or userName pr`, `name.givenName sw "M" and name.familyName co "e" or (userName pr or userName eq "")`},
		{`a eq 1 or b eq 2 and c eq 3`, ext + `a eq 1 or ` + ext + `b eq 2 and ` + ext + `c eq 3`},
		{`(a eq 1 or b eq 2) and c eq 3`, `(` + ext + `a eq 1 or ` + ext + `b eq 2) and ` + ext + `c eq 3`},
		{`!(a eq 1)`, `not (` + ext + `a eq 1)`},
		{`! a eq 1 and b eq 2`, `not (` + ext + `a eq 1) and ` + ext + `b eq 2`},
		{`!mail eq 1`, ext + `!mail eq 1`},
		{`TRUE`, `true`},
		{`false or true`, `false or true`},
		{`userName eq "a\"b\\c"`, `userName eq "a\"b\\c"`},
		{`userName eq 'it\'s'`, `userName eq "it's"`},
		{`userName eq ""`, `userName eq ""`},
		{`userName eq "(and) or"`, `userName eq "(and) or"`},
		{`frIndexedInteger1 ge -5`, ext + `frIndexedInteger1 ge -5`},
		{`frIndexedInteger1 lt 1.5`, ext + `frIndexedInteger1 lt 1.5`},
		{`frIndexedInteger1 eq 007`, ext + `frIndexedInteger1 eq 7`},
		{`x eq 9223372036854775807`, ext + `x eq 9223372036854775807`},
		{`preferences/marketing eq TRUE`, ext + `preferences.marketing eq true`},
		{`preferences%2Fmarketing eq true`, ext + `preferences/marketing eq true`},
		{`custom_%61ge co 7`, ext + `custom_age eq 7`},
		{`frIndexedString1 in '["a","b"]'`, ext + `frIndexedString1 eq "a" or ` + ext + `frIndexedString1 eq "b"`},
		{`userName in '[]'`, `false`},
		// Values of another type than the property's never match.
		{`userName eq 5`, `false`},
		{`frIndexedInteger1 eq "5"`, `false`},
		{`frIndexedInteger1 co 5`, ext + `frIndexedInteger1 eq 5`},
		{`x sw true`, ext + `x eq true`},
		{`x lt true`, ext + `x eq false`},
		{`x gt true`, `false`},
		{`x gt false`, ext + `x eq true`},
		{`x ge false`, ext + `x eq true or ` + ext + `x eq false`},
		{`x le true`, ext + `x eq true or ` + ext + `x eq false`},
		{`x ge true`, ext + `x eq true`},
		{`x lt false`, `false`},
		// What is private, computed, unknown by letter case or at another object.
		{`password eq "x"`, `false`},
		{`cn pr`, `false`},
		{`kbaInfo/answer co "x"`, `false`},
		{`kbaInfo/questionId eq "1"`, ext + `kbaInfo.questionId eq "1"`},
		{`effectiveGroups pr`, `false`},
		{`_meta/lastChanged/date gt "2020"`, `false`},
		{`manager/userName eq "x"`, `false`},
		{`USERNAME eq "x"`, `false`},
		{`_rev eq "x"`, `false`},
		{`id eq "x"`, ext + `id eq "x"`},
		{`custom.x eq "x"`, ext + `custom.x eq "x"`},
		{`userName/x eq "x"`, `false`},
		{`_id eq "4cf6"`, `id eq "4cf6"`},
		{`accountStatus eq "ACTIVE"`, `active eq true`},
		{`accountStatus co "ACTIVE"`, `active eq false and ` + ext + `accountStatus co "ACTIVE" or active eq true or active eq false and not (` + ext + `accountStatus pr)`},
		{`accountStatus eq "inactive"`, `active eq false and ` + ext + `accountStatus eq "inactive" or active eq false and not (` + ext + `accountStatus pr)`},
		{`accountStatus eq "locked"`, `active eq false and ` + ext + `accountStatus eq "locked"`},
		{`accountStatus pr`, `true`},
		{`accountStatus sw "inact"`, `active eq false and ` + ext + `accountStatus sw "inact" or active eq false and not (` + ext + `accountStatus pr)`},
		{`accountStatus lt "b"`, `active eq false and ` + ext + `accountStatus lt "b" or active eq true`},
		{`accountStatus le "active"`, `active eq false and ` + ext + `accountStatus le "active" or active eq true`},
		{`accountStatus gt "inactive"`, `active eq false and ` + ext + `accountStatus gt "inactive"`},
		{`accountStatus ge "inactive"`, `active eq false and ` + ext + `accountStatus ge "inactive" or active eq false and not (` + ext + `accountStatus pr)`},
		{`accountStatus eq true`, `false`},
		{`mail eq "a@b.c"`, `emails.value eq "a@b.c" and (emails[primary eq true and value eq "a@b.c"] or not (emails[primary eq true]) and emails.value eq "a@b.c")`},
		{`city sw "B"`, `addresses.locality sw "B" and (addresses[primary eq true and locality sw "B"] or not (addresses[primary eq true]) and ` +
			`(addresses[type eq "work" and locality sw "B"] or not (addresses[type eq "work"]) and addresses.locality sw "B"))`},
	} {
		t.Run(tt.text, func(t *testing.T) {
			f, err := users.parseFilter(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.String(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if _, err := users.canonicalType().Resolve(f, exact()); err != nil {
				t.Errorf("it does not resolve: %v", err)
			}
		})
	}
	t.Run("groups", func(t *testing.T) {
		f, err := groups.parseFilter(`_id eq "staff" and condition pr`)
		if err != nil {
			t.Fatal(err)
		}
		want := `(displayName eq "staff" or id eq "staff") and (` + scim.ManagedGroupSchema + `:condition pr or ` + scim.ManagedGroupSchema + `:condition eq "")`
		if got := f.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestParseFilterRefuses(t *testing.T) {
	const unparsable = "A value could not be parsed as a valid query filter"
	deep := strings.Repeat("(", maxDepth+1) + "true" + strings.Repeat(")", maxDepth+1)
	for _, tt := range []struct{ text, message string }{
		{``, unparsable},
		{` `, unparsable},
		{`userName`, unparsable},
		{`userName eq`, unparsable},
		{`userName eq mlee`, unparsable},
		{`userName eq "mlee`, unparsable},
		{`userName eq "mlee\`, unparsable},
		{`userName eq "a" and`, unparsable},
		{`and (userName eq "a")`, unparsable},
		{`(userName eq "a"`, unparsable},
		{`userName eq "a")`, unparsable},
		{`()`, unparsable},
		{`!`, unparsable},
		{`"userName" eq "a"`, unparsable},
		{`userName "eq" "a"`, unparsable},
		{`userName eq 1e5`, unparsable},
		{`userName eq 1.`, unparsable},
		{`userName eq 9223372036854775808`, unparsable},
		{`userName eq null`, unparsable},
		{"userName\teq \"a\"", unparsable},
		{`not (userName eq "a")`, unparsable},
		{`user%zzName eq "a"`, unparsable},
		{`a//b eq "a"`, unparsable},
		{`userName in ["a"]`, unparsable},
		{`userName in '["a",1]'`, unparsable},
		{`userName in 'a'`, unparsable},
		{`aliasList in '["a"]'`, unparsable},
		{`userName ne "a"`, "unrecognized or unsupported filter operator 'ne'"},
		{`userName NE "a"`, "unrecognized or unsupported filter operator 'NE'"},
		{`userName ew "a"`, "unrecognized or unsupported filter operator 'ew'"},
		{`not userName pr`, "unrecognized or unsupported filter operator 'userName'"},
		{deep, unparsable},
		{strings.TrimSuffix(strings.Repeat("a pr or ", maxTerms+1), " or "), unparsable},
		{`userName eq "` + strings.Repeat("a", maxFilter) + `"`, unparsable},
	} {
		t.Run(tt.text[:min(len(tt.text), 40)], func(t *testing.T) {
			_, err := users.parseFilter(tt.text)
			var f *refusal
			if !errors.As(err, &f) || f.status != 400 || f.message != tt.message {
				t.Errorf("got %v, want 400 %s", err, tt.message)
			}
		})
	}
	t.Run("as deep as may be", func(t *testing.T) {
		if _, err := users.parseFilter(deep[1 : len(deep)-1]); err != nil {
			t.Error(err)
		}
	})
}

// FuzzParseFilter holds that what is parsed can be asked of the directory, and
// that what is not parsed is the client's fault.
func FuzzParseFilter(f *testing.F) {
	for _, text := range []string{
		`userName eq "mlee" and !(mail co 'test') or accountStatus pr`, `a/b/c gt 1.5`, `x in '["a"]'`, `((true))`, `city sw "B\"`,
		`_id eq "x" and name le "y"`, `!mail pr`, `externalId eq "1"`, `id pr`, `meta eq 1`, `kbaInfo/answer eq 'x'`,
		`custom.x/y.z/w eq "1"`, `schemas pr`, `urn:x:y eq "z"`,
	} {
		f.Add(text)
	}
	resource := scim.NewResource([]byte(`{"userName":"mlee","active":false,"emails":[{"value":"a@b.c"}],"` + scim.ManagedSchema + `":{"x":[1,{"y":null}],"accountStatus":"locked"}}`))
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range []*kind{users, groups} {
			parsed, err := k.parseFilter(text)
			if err != nil {
				var r *refusal
				if !errors.As(err, &r) || r.status != 400 {
					t.Fatalf("%v", err)
				}
				continue
			}
			resolved, err := k.canonicalType().Resolve(parsed, exact())
			if err != nil {
				t.Fatalf("%s does not resolve: %v", parsed, err)
			}
			resolved.Match(resource)
		}
	})
}
