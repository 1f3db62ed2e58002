package scim_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// tree writes a filter so that every operand and operator can be told apart.
func tree(f *scim.Filter) string {
	switch f.Op {
	case scim.OpAnd, scim.OpOr, scim.OpNot:
		args := make([]string, len(f.Args))
		for i, arg := range f.Args {
			args[i] = tree(arg)
		}
		return f.Op.String() + "(" + strings.Join(args, ", ") + ")"
	case scim.OpHas:
		return f.Path.String() + "[" + tree(f.Args[0]) + "]"
	case scim.OpPr:
		return "pr(" + f.Path.String() + ")"
	case scim.OpTrue, scim.OpFalse:
		return f.Op.String()
	}
	return f.Op.String() + "(" + f.Path.String() + ", " + literal(f.Value) + ")"
}

func literal(v scim.Value) string {
	switch v.Kind() {
	case scim.Null:
		return "null"
	case scim.Bool:
		if v.Bool() {
			return "true"
		}
		return "false"
	case scim.Number:
		return v.Text()
	}
	return "'" + v.Text() + "'"
}

func mustParse(t testing.TB, text string, o scim.FilterOptions) *scim.Filter {
	t.Helper()
	f, err := scim.ParseFilter(text, o)
	if err != nil {
		t.Fatalf("ParseFilter(%q): %v", text, err)
	}
	return f
}

// oneFault returns the single fault that err carries.
func oneFault(t testing.TB, err error) *scim.Error {
	t.Helper()
	faults := scim.Faults(err)
	if len(faults) != 1 {
		t.Fatalf("error %v, want one fault", err)
	}
	return faults[0]
}

func TestParseFilter(t *testing.T) {
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	tests := []struct {
		name  string
		texts map[string]string // filter: tree
	}{
		{"scim:FLT-02 every operator, logic, parentheses, brackets", map[string]string{
			`userName eq "a"`: `eq(userName, 'a')`,
			`userName ne "a"`: `ne(userName, 'a')`,
			`userName co "a"`: `co(userName, 'a')`,
			`userName sw "a"`: `sw(userName, 'a')`,
			`userName ew "a"`: `ew(userName, 'a')`,
			`userName pr`:     `pr(userName)`,
			`userName gt "a"`: `gt(userName, 'a')`,
			`userName ge "a"`: `ge(userName, 'a')`,
			`userName lt "a"`: `lt(userName, 'a')`,
			`userName le "a"`: `le(userName, 'a')`,
			`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`: `and(eq(userType, 'Employee'), or(co(emails, 'example.com'), co(emails.value, 'example.org')))`,
			`not (title pr)`: `not(pr(title))`,
			`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`: `and(eq(userType, 'Employee'), emails[and(eq(type, 'work'), co(value, '@example.com'))])`,
			`emails[type eq "work"] or ims[type eq "xmpp"]`:                                 `or(emails[eq(type, 'work')], ims[eq(type, 'xmpp')])`,
		}},
		{"scim:FLT-03 operators in any letter case", map[string]string{
			`userName Eq "a"`:                         `eq(userName, 'a')`,
			`userName EQ "a" AND Title Pr`:            `and(eq(userName, 'a'), pr(Title))`,
			`NOT (title pR) Or active eQ true`:        `or(not(pr(title)), eq(active, true))`,
			`username Co "x" oR email sW "y"`:         `or(co(username, 'x'), sw(email, 'y'))`,
			`EMAILS[Type EQ "work" And Primary pr]`:   `EMAILS[and(eq(Type, 'work'), pr(Primary))]`,
			`meta.lastModified gE "2020-01-01T00:00"`: `ge(meta.lastModified, '2020-01-01T00:00')`,
		}},
		{"scim:FLT-04 not before and before or", map[string]string{
			`a eq 1 or b eq 2 and c eq 3`:            `or(eq(a, 1), and(eq(b, 2), eq(c, 3)))`,
			`a eq 1 and b eq 2 or c eq 3`:            `or(and(eq(a, 1), eq(b, 2)), eq(c, 3))`,
			`(a eq 1 or b eq 2) and c eq 3`:          `and(or(eq(a, 1), eq(b, 2)), eq(c, 3))`,
			`not (a eq 1) and b eq 2`:                `and(not(eq(a, 1)), eq(b, 2))`,
			`a pr and b pr and c pr or d pr`:         `or(and(pr(a), pr(b), pr(c)), pr(d))`,
			`x[a eq 1 or b eq 2 and c eq 3]`:         `x[or(eq(a, 1), and(eq(b, 2), eq(c, 3)))]`,
			`not (a pr or b pr) or not (not (c pr))`: `or(not(or(pr(a), pr(b))), not(not(pr(c))))`,
		}},
		{"scim:FLT-05 not with and without a blank", map[string]string{
			`not (a pr)`:                   `not(pr(a))`,
			`not(a pr)`:                    `not(pr(a))`,
			`x[not(a pr) and not  (b pr)]`: `x[and(not(pr(a)), not(pr(b)))]`,
		}},
		{"scim:FLT-06 JSON values with their escapes", map[string]string{
			`a eq "\"q\" \\ \/ \b\f\n\r\t"`: "eq(a, '\"q\" \\ / \b\f\n\r\t')",
			`a eq "caf\u00e9 \ud83d\ude00"`: "eq(a, 'caf\u00e9 \U0001f600')",
			`a eq "café 😀"`:                 "eq(a, 'café 😀')",
			`a eq ""`:                       `eq(a, '')`,
			`a eq true`:                     `eq(a, true)`,
			`a eq false`:                    `eq(a, false)`,
			`a eq null`:                     `eq(a, null)`,
			`a eq 0`:                        `eq(a, 0)`,
			`a eq -12.5e+3`:                 `eq(a, -12.5e+3)`,
			`a eq 12345678901234567890`:     `eq(a, 12345678901234567890)`,
			`(a eq 1)`:                      `eq(a, 1)`,
			`x[a eq null]`:                  `x[eq(a, null)]`,
		}},
		{"scim:FLT-15 the value is data", map[string]string{
			`a eq "' or 1=1 --"`:  `eq(a, '' or 1=1 --')`,
			`a co "%_\\*"`:        `co(a, '%_\*')`,
			`a eq "x\" or a pr"`:  `eq(a, 'x" or a pr')`,
			`a eq "(]) and not "`: `eq(a, '(]) and not ')`,
		}},
		{"names with their URI", map[string]string{
			enterprise + `:manager.value eq "x"`:            `eq(` + enterprise + `:manager.value, 'x')`,
			enterprise + `:emails[type eq "x"]`:             enterprise + `:emails[eq(type, 'x')]`,
			`urn:x:1.0 pr`:                                  `pr(urn:x:1.0)`,
			`members.$ref eq "Users/1"`:                     `eq(members.$ref, 'Users/1')`,
			`x-y_z9$ pr`:                                    `pr(x-y_z9$)`,
			`http://x.example/s:a.b pr`:                     `pr(http://x.example/s:a.b)`,
			`rsa:RSA pr and   ( meta.created    pr  ) `:     `and(pr(rsa:RSA), pr(meta.created))`,
			` userName eq "leading and trailing blanks"   `: `eq(userName, 'leading and trailing blanks')`,
			`x[ value pr ]`:                                 `x[pr(value)]`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for text, want := range test.texts {
				if got := tree(mustParse(t, text, scim.FilterOptions{})); got != want {
					t.Errorf("%s\n got %s\nwant %s", text, got, want)
				}
			}
		})
	}
}

func TestParseFilterErrors(t *testing.T) {
	type fault struct {
		detail string
		column int
		value  string
	}
	tests := []struct {
		name  string
		texts map[string]fault
	}{
		{"scim:FLT-12 position and reason, an unknown operator by its name", map[string]fault{
			`userName like "x"`:            {`unknown operator "like"`, 10, "like"},
			`a pr and b xx 1`:              {`unknown operator "xx"`, 12, "xx"},
			`userName`:                     {`the filter ends where an operator is expected`, 9, ""},
			`userName `:                    {`the filter ends where an operator is expected`, 10, ""},
			`userName eq`:                  {`the filter ends where a value is expected`, 12, ""},
			`userName eq `:                 {`the filter ends where a value is expected`, 13, ""},
			`userName eq "x`:               {`the string has no closing quote`, 13, ""},
			`userName eq "x\"`:             {`the string has no closing quote`, 13, ""},
			`userName eq "x" an active pr`: {`"an" where and, or or the end is expected`, 17, ""},
			`userName eq "x" active pr`:    {`"active" where and, or or the end is expected`, 17, ""},
			`userName eq "x" and`:          {`the filter ends where an attribute name is expected`, 20, ""},
			`userName eq "x"and a pr`:      {`"and" where a blank is expected`, 16, ""},
			`userName eq "x" and(a pr)`:    {`"and" where and, or or the end is expected`, 17, ""},
			`and a pr`:                     {`unknown operator "a"`, 5, "a"},
			`(userName eq "x"`:             {`the filter ends where and, or or ) is expected`, 17, ""},
			`userName eq "x")`:             {`")" where and, or or the end is expected`, 16, ""},
			`emails[type eq "x"`:           {`the filter ends where and, or or ] is expected`, 19, ""},
			`emails[type eq "x")`:          {`")" where and, or or ] is expected`, 19, ""},
			`emails []`:                    {`"[" where an operator is expected`, 8, ""},
			`emails[]`:                     {`"]" where an attribute name is expected`, 8, ""},
			`()`:                           {`")" where an attribute name is expected`, 2, ""},
			`not userName pr`:              {`"userName" where a parenthesis after not is expected`, 5, ""},
			`not`:                          {`the filter ends where a parenthesis after not is expected`, 4, ""},
			`"userName" eq "x"`:            {`"\"" where an attribute name is expected`, 1, ""},
			`1a eq "x"`:                    {`"1a" where an attribute name is expected`, 1, ""},
			`user..name eq "x"`:            {`"user..name" where an attribute name is expected`, 1, ""},
			`user. eq "x"`:                 {`"user." where an attribute name is expected`, 1, ""},
			`.x eq "x"`:                    {`".x" where an attribute name is expected`, 1, ""},
			`a.b.c eq "x"`:                 {`"a.b.c" where an attribute name is expected`, 1, ""},
			`:x eq "x"`:                    {`":x" where an attribute name is expected`, 1, ""},
			`é eq "x"`:                     {`"é" where an attribute name is expected`, 1, ""},
			`urn:é:x eq "x"`:               {`"urn:é:x" where an attribute name is expected`, 1, ""},
			"a\teq 1":                      {`"a\teq" where an attribute name is expected`, 1, ""},
			`é[x eq 1] and`:                {`"é" where an attribute name is expected`, 1, ""},
			`x eq "é" and 1 pr`:            {`"1" where an attribute name is expected`, 14, ""},
			`a eq 01`:                      {`"01" where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq 1.`:                      {`"1." where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq .5`:                      {`".5" where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq +5`:                      {`"+5" where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq 1e`:                      {`"1e" where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq -`:                       {`"-" where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq NaN`:                     {`"NaN" where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq NULL`:                    {`"NULL" where a value (a JSON string, number, true, false or null) is expected`, 6, ""},
			`a eq [1]`:                     {`"[" where a value is expected`, 6, ""},
			`a eq (1)`:                     {`"(" where a value is expected`, 6, ""},
			`a eq "\u0000"`:                {`a NUL character`, 6, ""},
		}},
		{"scim:FLT-08 no value path within a value path", map[string]fault{
			`a[b[c eq 1]]`:            {`a value path within a value path`, 4, ""},
			`a[x eq 1 and b[c eq 1]]`: {`a value path within a value path`, 15, ""},
		}},
		{"scim:FLT-13 an empty filter", map[string]fault{
			``:   {`the filter ends where an attribute name is expected`, 1, ""},
			`  `: {`the filter ends where an attribute name is expected`, 3, ""},
		}},
		{"what only loose takes", map[string]fault{
			`meta.resourceType eq User`:           {`"User" where a value (a JSON string, number, true, false or null) is expected`, 22, ""},
			`userName eq 'x'`:                     {`"'" where a value (a JSON string, number, true, false or null) is expected`, 13, ""},
			`userName eq"x"`:                      {`"\"" where a blank is expected`, 12, ""},
			`active eq True`:                      {`"True" where a value (a JSON string, number, true, false or null) is expected`, 11, ""},
			`emails[type eq "work"].value eq "x"`: {`".value" where a blank is expected`, 23, ""},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for text, want := range test.texts {
				f, err := scim.ParseFilter(text, scim.FilterOptions{})
				if f != nil || err == nil {
					t.Errorf("%s: parsed as %v", text, f)
					continue
				}
				e := oneFault(t, err)
				if got := (fault{e.Detail, e.Column, e.Value}); got != want || e.Rule != scim.RuleFilter {
					t.Errorf("%s: rule %d\n got %+v\nwant %+v", text, e.Rule, got, want)
				}
			}
		})
	}
	t.Run("strings that are not JSON", func(t *testing.T) {
		for _, text := range []string{`a eq "\x"`, `a eq "\u12"`, `a eq "\ud800"`, "a eq \"\x01\"", "a eq \"\n\"", "a eq \"\xff\""} {
			f, err := scim.ParseFilter(text, scim.FilterOptions{Loose: true})
			if f != nil || err == nil {
				t.Errorf("%q: parsed as %v", text, f)
				continue
			}
			if e := oneFault(t, err); e.Rule != scim.RuleFilter || e.Column != 6 || !strings.HasPrefix(e.Detail, "not a JSON string: ") {
				t.Errorf("%q: %v", text, e)
			}
		}
	})
}

func TestParseFilterLoose(t *testing.T) {
	tests := []struct {
		name  string
		text  string
		want  string
		fired int
	}{
		{"scim:FLT-07 unquoted word", `meta.resourceType eq User`, `eq(meta.resourceType, 'User')`, 1},
		{"scim:FLT-07 unquoted word with signs", `userName eq o'brien@x.example#EXT# and active eq true`, `and(eq(userName, 'o'brien@x.example#EXT#'), eq(active, true))`, 1},
		{"scim:FLT-07 unquoted words in groups", `(a eq x) and b[c eq y]`, `and(eq(a, 'x'), b[eq(c, 'y')])`, 2},
		{"scim:FLT-07 single quotes", `userName eq 'it\'s "x" \u00e9'`, `eq(userName, 'it's "x" é')`, 1},
		{"scim:FLT-07 no blank before the quote", `value eq"x"`, `eq(value, 'x')`, 1},
		{"scim:FLT-07 no blank before a single quote", `value eq'x'`, `eq(value, 'x')`, 2},
		{"scim:FLT-07 capitalised literals", `a eq True and b ne FALSE and c eq Null`, `and(eq(a, true), ne(b, false), eq(c, null))`, 3},
		{"scim:FLT-31 value path with a sub-attribute", `emails[type eq "work"].value eq "x"`, `emails[and(eq(type, 'work'), eq(value, 'x'))]`, 1},
		{"scim:FLT-31 value path of several terms", `emails[type eq "work" and primary eq true].value pr or a pr`, `or(emails[and(eq(type, 'work'), eq(primary, true), pr(value))], pr(a))`, 1},
		{"scim:FLT-31 value path of alternatives", `emails[type eq "work" or type eq "home"].value co "x"`, `emails[and(or(eq(type, 'work'), eq(type, 'home')), co(value, 'x'))]`, 1},
		{"a strict filter fires nothing", `a eq "x" and not (b pr) or c[d eq null]`, `or(and(eq(a, 'x'), not(pr(b))), c[eq(d, null)])`, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fired := 0
			f := mustParse(t, test.text, scim.FilterOptions{Loose: true, Fired: func(rewrite string) {
				if rewrite != "filter-loose" {
					t.Errorf("rewrite %q fired", rewrite)
				}
				fired++
			}})
			if got := tree(f); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if fired != test.fired {
				t.Errorf("fired %d times, want %d", fired, test.fired)
			}
			again := mustParse(t, f.String(), scim.FilterOptions{})
			if !f.Equal(again) {
				t.Errorf("printed as %s, which is %s", f, tree(again))
			}
			if test.fired > 0 {
				if f, err := scim.ParseFilter(test.text, scim.FilterOptions{}); err == nil {
					t.Errorf("strict: parsed as %s", f)
				}
			}
		})
	}
}

func TestParseFilterSCIM11(t *testing.T) {
	o := scim.FilterOptions{SCIM11: true}
	t.Run("operators of SCIM 1.1 and the three tolerated ones", func(t *testing.T) {
		for text, want := range map[string]string{
			`username eq "marcher"`: `eq(username, 'marcher')`,
			`a co "x" or b sw "y" and c pr or d gt 1 and e ge 2 and f lt 3 and g le 4`: `or(co(a, 'x'), and(sw(b, 'y'), pr(c)), and(gt(d, 1), ge(e, 2), lt(f, 3), le(g, 4)))`,
			`(a Eq "x" OR b pr) AND c PR`:          `and(or(eq(a, 'x'), pr(b)), pr(c))`,
			`a ne "x" and b ew "y" and not (c pr)`: `and(ne(a, 'x'), ew(b, 'y'), not(pr(c)))`,
			`name.familyName eq "x" and emails eq "y" and meta.lastModified gt "2020-01-01T00:00:00Z"`: `and(eq(name.familyName, 'x'), eq(emails, 'y'), gt(meta.lastModified, '2020-01-01T00:00:00Z'))`,
			`urn:scim:schemas:com_pingone:1.0:createTimeStamp gt 1420084800000`:                        `gt(urn:scim:schemas:com_pingone:1.0:createTimeStamp, 1420084800000)`,
		} {
			if got := tree(mustParse(t, text, o)); got != want {
				t.Errorf("%s\n got %s\nwant %s", text, got, want)
			}
		}
	})
	t.Run("no value paths", func(t *testing.T) {
		f, err := scim.ParseFilter(`emails[type eq "work"]`, o)
		if f != nil || err == nil {
			t.Fatalf("parsed as %v", f)
		}
		if e := oneFault(t, err); e.Rule != scim.RuleFilter || e.Column != 7 {
			t.Errorf("error %v", e)
		}
	})
}

func TestParseFilterLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("(", n) + "a pr" + strings.Repeat(")", n) }
	negated := func(n int) string { return strings.Repeat("not (", n) + "a pr" + strings.Repeat(")", n) }
	terms := func(n int) string { return strings.Repeat("a pr and ", n-1) + "a pr" }
	long := func(n int) string { return `a eq "` + strings.Repeat("x", n-len(`a eq ""`)) + `"` }

	t.Run("scim:FLT-14 8 KiB of text, 50 comparisons, depth 20", func(t *testing.T) {
		for _, text := range []string{nested(20), negated(20), terms(50), long(8192), strings.Repeat("(", 19) + "a[b pr]" + strings.Repeat(")", 19)} {
			mustParse(t, text, scim.FilterOptions{})
		}
		for text, limit := range map[string]string{
			nested(21): "20", negated(21): "20", terms(51): "50", long(8193): "8192",
			strings.Repeat("(", 20) + "a[b pr]" + strings.Repeat(")", 20): "20",
			terms(49) + " and x[a pr and b pr]":                           "50",
		} {
			_, err := scim.ParseFilter(text, scim.FilterOptions{})
			e := oneFault(t, err)
			if e.Rule != scim.RuleFilter || !strings.HasPrefix(e.Detail, "too complex: more than "+limit) || e.Allowed[0] != limit || e.Column == 0 {
				t.Errorf("%.40s...: %v", text, e)
			}
		}
	})
	t.Run("limits can be set", func(t *testing.T) {
		o := scim.FilterOptions{MaxLength: 20, MaxDepth: 1, MaxTerms: 2}
		mustParse(t, "(a pr or b pr)", o)
		for _, text := range []string{"((a pr))", "a pr or a pr or a pr", long(21)} {
			if f, err := scim.ParseFilter(text, o); err == nil {
				t.Errorf("%s: parsed as %s", text, f)
			}
		}
	})
	t.Run("bombs are refused at once", func(t *testing.T) {
		const million = 1_000_000
		big := scim.FilterOptions{MaxLength: 1 << 30}
		for name, bomb := range map[string]string{
			"parentheses": strings.Repeat("(", million), "not": strings.Repeat("not(", million),
			"brackets": strings.Repeat("a[", million), "or": strings.Repeat("a pr or ", million),
			"closed": nested(million),
		} {
			for _, o := range []scim.FilterOptions{{}, big} {
				best := time.Hour
				for range 3 { // the best of three, because the machine has other work
					start := time.Now()
					f, err := scim.ParseFilter(bomb, o)
					if err == nil {
						t.Fatalf("%s: parsed as %v", name, f)
					}
					best = min(best, time.Since(start))
				}
				if best > 5*time.Millisecond {
					t.Errorf("%s: refused after %v", name, best)
				}
			}
		}
	})
}

func TestParsePath(t *testing.T) {
	for text, want := range map[string]scim.Path{
		"userName":        {Attr: "userName"},
		"name.givenName":  {Attr: "name", Sub: "givenName"},
		"$ref":            {Attr: "$ref"},
		"members.$ref":    {Attr: "members", Sub: "$ref"},
		"urn:a:b:2.0:U:x": {Schema: "urn:a:b:2.0:U", Attr: "x"},
		"urn:a:2.0:x.y":   {Schema: "urn:a:2.0", Attr: "x", Sub: "y"},
	} {
		got, err := scim.ParsePath(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v, printed %q", text, got, err, got)
		}
	}
	for _, text := range []string{"", " ", "a b", "a.", ".a", "a.b.c", "1a", "é", ":", "urn:", ":a", "urn:a b:c", "a[b eq 1]", "a[0]", "urn:x:a.", "a/b", `a"`} {
		p, err := scim.ParsePath(text)
		if err == nil {
			t.Errorf("%q: parsed as %+v", text, p)
			continue
		}
		if e := oneFault(t, err); e.Rule != scim.RulePath || e.Path != text {
			t.Errorf("%q: %v", text, e)
		}
	}
}

// trees generates filters that the grammar can say.
func trees() *rapid.Generator[*scim.Filter] {
	names := rapid.SampledFrom([]string{"userName", "active", "a", "$ref", "x-y_z9"})
	paths := rapid.Custom(func(t *rapid.T) scim.Path {
		return scim.Path{
			Schema: rapid.SampledFrom([]string{"", "", "urn:ietf:params:scim:schemas:core:2.0:User", "urn:x:1.0"}).Draw(t, "schema"),
			Attr:   names.Draw(t, "attr"),
			Sub:    rapid.SampledFrom([]string{"", "value", "$ref"}).Draw(t, "sub"),
		}
	})
	values := rapid.OneOf(
		rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune(`ab"\'()[]%_é😀 `+"\n\t"))), scim.StringValue),
		rapid.Map(rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }), scim.StringValue),
		rapid.Map(rapid.Int64(), scim.IntValue),
		rapid.Map(rapid.SampledFrom([]string{"0.5", "-1.25e-7", "12345678901234567890"}), scim.NumberValue),
		rapid.Map(rapid.Bool(), scim.BoolValue),
		rapid.Just(scim.Value{}),
	)
	var filter func(t *rapid.T, depth int, inside bool) *scim.Filter
	filter = func(t *rapid.T, depth int, inside bool) *scim.Filter {
		kind := 0
		if depth > 0 {
			kind = rapid.IntRange(0, 7).Draw(t, "kind")
		}
		switch {
		case kind == 1 || kind == 2:
			n := rapid.IntRange(2, 3).Draw(t, "args")
			f := &scim.Filter{Op: []scim.Op{scim.OpAnd, scim.OpOr}[kind-1]}
			for range n {
				f.Args = append(f.Args, filter(t, depth-1, inside))
			}
			return f
		case kind == 3:
			return &scim.Filter{Op: scim.OpNot, Args: []*scim.Filter{filter(t, depth-1, inside)}}
		case kind == 4 && !inside:
			return &scim.Filter{Op: scim.OpHas, Path: paths.Draw(t, "path"), Args: []*scim.Filter{filter(t, depth-1, true)}}
		case kind == 5:
			return &scim.Filter{Op: scim.OpPr, Path: paths.Draw(t, "path")}
		}
		op := scim.Op(rapid.IntRange(int(scim.OpEq), int(scim.OpLe)).Draw(t, "op"))
		return &scim.Filter{Op: op, Path: paths.Draw(t, "path"), Value: values.Draw(t, "value")}
	}
	return rapid.Custom(func(t *rapid.T) *scim.Filter { return filter(t, 4, false) })
}

func TestFilterPrintsWhatItParses(t *testing.T) {
	generous := scim.FilterOptions{MaxLength: 1 << 20, MaxTerms: 1000, MaxDepth: 100}
	rapid.Check(t, func(t *rapid.T) {
		f := trees().Draw(t, "filter")
		text := f.String()
		got, err := scim.ParseFilter(text, generous)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !got.Equal(f) {
			t.Fatalf("%s\n got %s\nwant %s", text, tree(got), tree(f))
		}
		if again := got.String(); again != text {
			t.Fatalf("printed %s, then %s", text, again)
		}
	})
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{
		`userName eq "bjensen"`, `not(a pr) and (b[c eq 1.5e3 or d ne null].e sw 'x' or f lt"y")`,
		`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName co "O'Malley"`, `meta.lastModified ge "0001-01-01T00:00:00.0000000Z"`,
		`a eq "\ud83d\ude00\"\\"`, `a eq True`, `emails[type eq "work"].value eq "x"`, `(((`, `a eq "`, "\x00", `é`,
	} {
		f.Add(seed, false, false)
		f.Add(seed, true, false)
		f.Add(seed, false, true)
	}
	f.Fuzz(func(t *testing.T, text string, loose, scim11 bool) {
		o := scim.FilterOptions{Loose: loose, SCIM11: scim11, MaxLength: 1 << 20}
		filter, err := scim.ParseFilter(text, o)
		if err != nil {
			if e := oneFault(t, err); e.Rule != scim.RuleFilter || e.Detail == "" || e.Column < 1 || e.Column > len(text)+1 {
				t.Fatalf("%q: error %+v", text, e)
			}
			return
		}
		printed := filter.String()
		again, err := scim.ParseFilter(printed, scim.FilterOptions{SCIM11: scim11, MaxLength: 1 << 22, MaxDepth: 40})
		if err != nil {
			t.Fatalf("%q printed as %q: %v", text, printed, err)
		}
		if !again.Equal(filter) {
			t.Fatalf("%q printed as %q, which is %s instead of %s", text, printed, tree(again), tree(filter))
		}
		for _, r := range []*scim.Resource{ada(), engines()} {
			resolved, err := typeOf(r).Resolve(filter, o)
			if err != nil {
				if e := oneFault(t, err); e.Rule != scim.RuleFilter && e.Rule != scim.RuleFilterAttribute {
					t.Fatalf("%q: error %+v", text, e)
				}
				continue
			}
			strict, err := typeOf(r).Resolve(resolved, scim.FilterOptions{SCIM11: scim11})
			if err != nil || !strict.Equal(resolved) || strict.Match(r) != resolved.Match(r) {
				t.Fatalf("%q resolved to %s, and that to %s, %v", text, resolved, strict, err)
			}
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"userName", "name.givenName", "urn:ietf:params:scim:schemas:core:2.0:User:emails.$ref", "a..b", "urn::", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := scim.ParsePath(text)
		if err == nil && p.String() != text {
			t.Fatalf("%q printed as %q", text, p)
		}
	})
}
