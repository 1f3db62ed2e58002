package scim_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

func mustRead(tb testing.TB, text string) scim.Value {
	tb.Helper()
	v, err := scim.Read([]byte(text), scim.Limits{})
	if err != nil {
		tb.Fatalf("Read(%q) = %v", text, err)
	}
	return v
}

func readFault(tb testing.TB, text string, l scim.Limits) *scim.Error {
	tb.Helper()
	v, err := scim.Read([]byte(text), l)
	if err == nil {
		tb.Fatalf("Read(%.200q) = %.200s, want an error", text, v)
	}
	if !v.IsNull() {
		tb.Errorf("Read(%.200q) returned the value %.200s beside an error", text, v)
	}
	faults := scim.Faults(err)
	if len(faults) != 1 {
		tb.Fatalf("Read(%.200q) = %v, want one *scim.Error", text, err)
	}
	return faults[0]
}

func TestReadAccepts(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"null", `null`, `null`},
		{"literals", `[true, false]`, `[true,false]`},
		{"white space on all sides", " \t\r\n{ \"a\" : 1 , \"b\" : [ ] } \n", `{"a":1,"b":[]}`},
		{"order of members", `{"z":1,"a":2,"m":3}`, `{"z":1,"a":2,"m":3}`},
		{"digits of numbers", `[1.0,1e3,-0,-0.0,1E+2,0.10,123456789012345678901234567890]`, `[1.0,1e3,-0,-0.0,1E+2,0.10,123456789012345678901234567890]`},
		{"64-bit integers", `[9223372036854775807,18446744073709551616]`, `[9223372036854775807,18446744073709551616]`},
		{"smallest numbers are not out of range", `[1e-400,5e-324]`, `[1e-400,5e-324]`},
		{"escapes", `"\"\\\/\b\f\n\r\t\u0041\u00e9"`, "\"\\\"\\\\/\\b\\f\\n\\r\\tA\u00e9\""},
		{"surrogate pair", `"\ud83d\ude00"`, `"😀"`},
		{"not escaped for HTML", `"<a href='x'>&\u2028"`, "\"<a href='x'>&\u2028\""},
		{"control characters", `"\u0001\u001f\u007f"`, "\"\\u0001\\u001f\u007f\""},
		{"empty name", `{"":""}`, `{"":""}`},
		{"odd names", `{"__proto__":{"constructor":1}}`, `{"__proto__":{"constructor":1}}`},
		{"deep empty containers", `[[],{},[{}]]`, `[[],{},[{}]]`},
		{"a string at the top", `"x"`, `"x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := mustRead(t, c.text).String(); got != c.want {
				t.Errorf("Read(%q) = %s, want %s", c.text, got, c.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	at := func(rule scim.Rule, line, column, offset int) scim.Error {
		return scim.Error{Rule: rule, Line: line, Column: column, Offset: offset}
	}
	bad := func(detail string, column int) scim.Error {
		e := at(scim.RuleJSON, 1, column, column)
		e.Detail = detail
		return e
	}
	end := "unexpected end of the text"
	control := "unescaped control character in a string, or a quotation mark is missing"
	for _, c := range []struct {
		name, text string
		want       scim.Error
	}{
		{"nothing", "", at(scim.RuleEmptyBody, 1, 1, 1)},
		{"only white space", " \n ", at(scim.RuleEmptyBody, 1, 1, 1)},
		{"only a byte-order mark", "\ufeff", at(scim.RuleEmptyBody, 1, 1, 4)},
		{"second value", "{} {}", at(scim.RuleTrailingData, 1, 4, 4)},
		{"bracket too many", "{\n}\n}", at(scim.RuleTrailingData, 3, 1, 5)},
		{"leading zero", "01", at(scim.RuleTrailingData, 1, 2, 2)},
		{"word after", "{}x", at(scim.RuleTrailingData, 1, 3, 3)},
		{"NUL after", "{}\x00", at(scim.RuleTrailingData, 1, 3, 3)},
		{"cut in an object", `{"a":1`, bad(end, 7)},
		{"cut in a string", `{"a":"x`, bad(end, 8)},
		{"cut in a literal", `nul`, bad(end, 4)},
		{"cut in a number", `-`, bad("unexpected character '-'", 1)},
		{"cut after a colon", `{"a":`, bad(end, 6)},
		{"trailing comma in an object", `{"a":1,}`, bad("comma before a closing bracket", 7)},
		{"trailing comma in an array", "[1 , ]", bad("comma before a closing bracket", 4)},
		{"doubled comma", `[1,,2]`, bad("unexpected character ','", 4)},
		{"leading comma", `[,1]`, bad("unexpected character ','", 2)},
		{"comma and nothing", `[1,`, bad(end, 4)},
		{"no colon", `{"a" 1}`, bad("unexpected character '1'", 6)},
		{"no comma", `[1 2]`, bad("unexpected character '2'", 4)},
		{"wrong bracket", `{"a":1]`, bad("unexpected character ']'", 7)},
		{"closing bracket alone", `]`, bad("unexpected character ']'", 1)},
		{"name without quotes", `{a:1}`, bad("unexpected character 'a'", 2)},
		{"number for a name", `{1:1}`, bad("unexpected character '1'", 2)},
		{"single quotes", `'a'`, bad(`unexpected character '\''`, 1)},
		{"comment", `/* x */ {}`, bad("unexpected character '/'", 1)},
		{"NaN", `[NaN]`, bad("unexpected character 'N'", 2)},
		{"infinity", `[-Infinity]`, bad("unexpected character 'I'", 3)},
		{"plus sign", `[+1]`, bad("unexpected character '+'", 2)},
		{"no digit before the point", `[.5]`, bad("unexpected character '.'", 2)},
		{"no digit after the point", `[5.]`, bad("unexpected character ']'", 4)},
		{"hexadecimal", `[0x10]`, bad("unexpected character 'x'", 3)},
		{"capital literal", `[True]`, bad("unexpected character 'T'", 2)},
		{"unknown escape", `["\x41"]`, bad("invalid escape sequence in a string", 3)},
		{"short escape", `["\u00e"]`, bad("invalid escape sequence in a string", 3)},
		{"lone high surrogate", `["\ud800"]`, bad("invalid escape sequence in a string", 3)},
		{"lone low surrogate", `["x\udc00"]`, bad("invalid escape sequence in a string", 4)},
		{"surrogates in the wrong order", `["\ude00\ud83d"]`, bad("invalid escape sequence in a string", 3)},
		{"lone surrogate in a name", `{"\ud800":1}`, bad("invalid escape sequence in a string", 3)},
		{"escaped NUL", `["a\u0000b"]`, bad("NUL character in a string", 2)},
		{"escaped NUL in a name", `{"\u0000":1}`, bad("NUL character in a string", 2)},
		{"NUL byte in a string", "[\"\x00\"]", bad(control, 3)},
		{"NUL byte between tokens", "[\x00]", bad(control, 2)},
		{"tab in a string", "[\"\t\"]", bad(control, 3)},
		{"invalid byte", "[\"\xff\"]", bad("invalid UTF-8", 3)},
		{"overlong encoding", "[\"\xc0\xaf\"]", bad("invalid UTF-8", 3)},
		{"encoded surrogate", "[\"\xed\xa0\x80\"]", bad("invalid UTF-8", 3)},
		{"UTF-16", "\xff\xfe{\x00}\x00", bad("invalid UTF-8", 1)},
		{"Latin-1 name", "{\"\xe9\":1}", bad("invalid UTF-8", 3)},
		{"two byte-order marks", "\ufeff\ufeff{}", scim.Error{Rule: scim.RuleJSON, Detail: `unexpected character '\ufeff'`, Line: 1, Column: 1, Offset: 4}},
		{"out of range", `[1e999]`, bad("number out of range", 2)},
		{"out of range below", `[-1E+400]`, bad("number out of range", 2)},
		{"quotation mark missing", "{\n \"value\": \"ada@example.com }]\n}", scim.Error{Rule: scim.RuleJSON, Detail: control, Line: 2, Column: 30, Offset: 32}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readFault(t, c.text, scim.Limits{})
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("Read(%q) (-want +got):\n%s", c.text, diff)
			}
		})
	}
}

func TestReadDuplicates(t *testing.T) {
	many := func(last string) string {
		var b strings.Builder
		b.WriteString(`{`)
		for i := range 500 {
			b.WriteString(`"n` + strings.Repeat("x", i) + `":1,`)
		}
		return b.String() + `"` + last + `":1}`
	}
	for _, c := range []struct{ name, text, path, value string }{
		{"scim:SCH-24 equal names", `{"a":1,"b":2,"a":1}`, "a", "a"},
		{"scim:SCH-24 names equal but for case", `{"active":true,"Active":false}`, "Active", "Active"},
		{"equal after unescaping", `{"a":1,"\u0041":2}`, "A", "A"},
		{"in a complex attribute", `{"name":{"givenName":"A","GIVENNAME":"B"}}`, "name.GIVENNAME", "GIVENNAME"},
		{"in an element", `{"emails":[{},{"type":"a","Type":"b"}]}`, "emails[1].Type", "Type"},
		{"in an extension", `{"urn:x:User":{"manager":{"value":"1","value":"2"}}}`, "urn:x:User:manager.value", "value"},
		{"in nested arrays", `[[{"a":1,"a":1}]]`, "[0][0].a", "a"},
		{"letters beyond ASCII", `{"É":1,"é":2}`, "é", "é"},
		{"Kelvin sign", `{"k":1,"K":2}`, "K", "K"},
		{"equal among many", many("nxxx"), "nxxx", "nxxx"},
		{"equal but for case among many", many("NXXX"), "NXXX", "NXXX"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readFault(t, c.text, scim.Limits{})
			want := &scim.Error{Rule: scim.RuleDuplicateMember, Path: c.path, Value: c.value, Line: 1, Column: got.Column, Offset: got.Column}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if second := strings.LastIndexByte(c.text[:got.Column], '"') + 1; second != got.Column {
				t.Errorf("column %d is not the start of a name", got.Column)
			}
		})
	}
	t.Run("different names are kept", func(t *testing.T) {
		for _, text := range []string{`{"a":1,"b":{"a":1}}`, `[{"a":1},{"a":2}]`, many("other"), `{"é":1,"e\u0301":2}`} {
			mustRead(t, text)
		}
	})
}

func TestReadLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"a` + itoa(i) + `":0`)
		}
		return "{" + b.String()[1:] + "}"
	}
	text := func(n int) string { return `{"photos":[{"value":"` + strings.Repeat("é", n/2) + `"}]}` }
	name := func(n int) string { return `{"` + strings.Repeat("n", n) + `":0}` }
	values := func(n int) string { return "[" + strings.Repeat("0,", n-2) + "0]" } // the array counts
	number := func(n int) string { return "[" + strings.Repeat("9", n) + "]" }
	for _, c := range []struct {
		what  string
		make  func(int) string
		limit int
		l     scim.Limits
		path  string
	}{
		{"depth", nested, 32, scim.Limits{}, strings.Repeat("[0]", 32)},
		{"depth", nested, 3, scim.Limits{Depth: 3}, "[0][0][0]"},
		{"members of an object", members, 1000, scim.Limits{}, ""},
		{"members of an object", members, 2, scim.Limits{Members: 2}, ""},
		{"bytes of a string", text, 256 << 10, scim.Limits{}, "photos[0].value"},
		{"bytes of a string", text, 10, scim.Limits{String: 10}, "photos[0].value"},
		{"bytes of a name", name, 1 << 10, scim.Limits{}, ""},
		{"bytes of a name", name, 5, scim.Limits{Name: 5}, ""},
		{"values", values, 250_000, scim.Limits{}, "[249999]"},
		{"values", values, 7, scim.Limits{Values: 7}, "[6]"},
		{"characters of a number", number, 64, scim.Limits{}, "[0]"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if _, err := scim.Read([]byte(c.make(c.limit)), c.l); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			for _, n := range []int{c.limit + 2, 1000 * c.limit} {
				if n > 1<<22 {
					n = 1 << 22
				}
				got := readFault(t, c.make(n), c.l)
				want := &scim.Error{Rule: scim.RuleLimit, Detail: c.what, Allowed: []string{itoa(c.limit)}, Path: c.path,
					Line: 1, Column: got.Column, Offset: got.Column}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("beyond the limit, %d (-want +got):\n%s", n, diff)
				}
			}
		})
	}
	t.Run("a million brackets", func(t *testing.T) {
		for _, text := range []string{strings.Repeat("[", 1e6), strings.Repeat(`{"a":`, 1e6), "{" + strings.Repeat("[", 1e6)} {
			readFault(t, text, scim.Limits{})
		}
	})
}

func itoa(n int) string { return scim.IntValue(int64(n)).Text() }

func TestReadByteOrderMark(t *testing.T) {
	v, err := scim.Read([]byte("\ufeff{\"a\":[1]}"), scim.Limits{})
	if err != nil || v.String() != `{"a":[1]}` {
		t.Fatalf("Read = %s, %v", v, err)
	}
	item := v.Object().Get("a").List()[0]
	if line, column := scim.Place([]byte("\ufeff{\"a\":[1]}"), item.Offset()); line != 1 || column != 7 {
		t.Errorf("place of the item is %d, %d; want 1, 7", line, column)
	}
}

func TestReadTrailingCommas(t *testing.T) {
	lenient := scim.Limits{TrailingCommas: true}
	for _, c := range []struct{ name, text, want string }{
		{"in an object", `{"a":1,}`, `{"a":1}`},
		{"in an array", `["a",]`, `["a"]`},
		{"with white space", "{\"a\": {\"b\": [1,\n]\t,\r\n } , \n}", `{"a":{"b":[1]}}`},
		{"not in strings", `{"a":",}","b":"\",]",}`, `{"a":",}","b":"\",]"}`},
		{"after each kind of value", `[[{},],"",true,null,1,]`, `[[{}],"",true,null,1]`},
		{"nothing to do", `{"a":[1,2]}`, `{"a":[1,2]}`},
	} {
		t.Run("rsa RSA-045 accepted "+c.name, func(t *testing.T) {
			data := []byte(c.text)
			v, err := scim.Read(data, lenient)
			if err != nil || v.String() != c.want {
				t.Errorf("Read(%q) = %s, %v; want %s", c.text, v, err, c.want)
			}
			if string(data) != c.text {
				t.Errorf("the input became %q", data)
			}
		})
	}
	for _, c := range []struct {
		name, text   string
		line, column int
	}{
		{"doubled comma", `[1,,]`, 1, 4},
		{"doubled comma in an object", "{\"a\":1,\n,}", 2, 1},
		{"leading comma", `[,]`, 1, 2},
		{"leading comma in an object", `{,}`, 1, 2},
		{"leading comma before a value", `{,"a":1}`, 1, 2},
		{"no value", `{"a":,}`, 1, 6},
		{"comma at the end", `{"a":1},`, 1, 8},
		{"comma alone", `,`, 1, 1},
		{"comment", `{"a":1, // x` + "\n}", 1, 9},
		{"single quotes", `{'a':1,}`, 1, 2},
		{"unquoted name", `{a:1,}`, 1, 2},
		{"place after a blanked comma", "[1,\n],\n]", 3, 1},
	} {
		t.Run("rsa RSA-045 refused "+c.name, func(t *testing.T) {
			got := readFault(t, c.text, lenient)
			if got.Line != c.line || got.Column != c.column {
				t.Errorf("Read(%q) fails at %d, %d; want %d, %d", c.text, got.Line, got.Column, c.line, c.column)
			}
		})
	}
	t.Run("refused without the limit's permission", func(t *testing.T) {
		if got := readFault(t, `{"a":1,}`, scim.Limits{}); got.Rule != scim.RuleJSON || got.Column != 7 {
			t.Errorf("got %v", got)
		}
	})
}

func TestReadObject(t *testing.T) {
	o, err := scim.ReadObject([]byte(` {"a":1}`), scim.Limits{})
	if err != nil || o.Get("a").Text() != "1" {
		t.Errorf("ReadObject = %v, %v", o, err)
	}
	for _, text := range []string{` [1]`, ` "x"`, ` null`, ` 1`} {
		_, err := scim.ReadObject([]byte(text), scim.Limits{})
		want := scim.Errors{{Rule: scim.RuleNotObject, Line: 1, Column: 2, Offset: 2}}
		if diff := cmp.Diff(want, scim.Faults(err)); diff != "" {
			t.Errorf("ReadObject(%q) (-want +got):\n%s", text, diff)
		}
	}
	if _, err := scim.ReadObject([]byte(`{`), scim.Limits{}); scim.Faults(err)[0].Rule != scim.RuleJSON {
		t.Errorf("broken text: %v", err)
	}
}

func TestPlace(t *testing.T) {
	data := []byte("ab\ncé\r\n\nx")
	for _, c := range []struct{ offset, line, column int }{
		{-1, 0, 0}, {0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {6, 2, 4}, {8, 3, 1}, {9, 4, 1}, {10, 4, 2}, {99, 4, 2},
	} {
		if line, column := scim.Place(data, c.offset); line != c.line || column != c.column {
			t.Errorf("Place(%d) = %d, %d; want %d, %d", c.offset, line, column, c.line, c.column)
		}
	}
}

func TestOffsets(t *testing.T) {
	text := ` {"a" : "x" , "b":[ true,{"c":-1 } ] }`
	v := mustRead(t, text)
	b := v.Object().Get("b")
	for _, c := range []struct {
		v    scim.Value
		want string
	}{
		{v, `{"a"`}, {v.Object().Get("a"), `"x"`}, {b, `[ `}, {b.List()[0], `true`},
		{b.List()[1], `{"c"`}, {b.List()[1].Object().Get("c"), `-1 `},
	} {
		if !strings.HasPrefix(text[c.v.Offset():], c.want) {
			t.Errorf("offset of %s is at %q", c.v, text[c.v.Offset():])
		}
	}
	if got := scim.StringValue("x").Offset(); got != -1 {
		t.Errorf("a made value has offset %d", got)
	}
}

// An object that is changed does not touch the others of its text.
func TestReadObjectsAreApart(t *testing.T) {
	v := mustRead(t, `[{"a":1},{"b":2},[3],[4]]`)
	list := v.List()
	list[0].Object().Set("x", scim.BoolValue(true))
	if got, want := v.String(), `[{"a":1,"x":true},{"b":2},[3],[4]]`; got != want {
		t.Errorf("after Set: %s, want %s", got, want)
	}
}

func TestAppendIndent(t *testing.T) {
	got := string(mustRead(t, `{"a":1,"b":[true,{"c":"\n"},[]],"d":{}}`).AppendIndent([]byte("> "), "\t"))
	want := "> {\n\t  \"a\": 1,\n\t  \"b\": [\n\t    true,\n\t    {\n\t      \"c\": \"\\n\"\n\t    },\n\t    []\n\t  ],\n\t  \"d\": {}\n\t}"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(scim.StringValue("x").AppendIndent(nil, "")); got != `"x"` {
		t.Errorf("a string: %s", got)
	}
}

func TestAppendJSON(t *testing.T) {
	v := scim.ObjectValue(scim.NewObject(
		scim.Member{Name: "é\"", Value: scim.Strings("a\x00b", "\xff", "")},
		scim.Member{Name: "n", Value: scim.Value{}},
		scim.Member{Name: "i", Value: scim.IntValue(-7)},
	))
	if got, want := v.String(), "{\"é\\\"\":[\"a\\u0000b\",\"\ufffd\",\"\"],\"n\":null,\"i\":-7}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string((*scim.Object)(nil).AppendJSON(nil)); got != "{}" {
		t.Errorf("nil object: %s", got)
	}
}

func TestResourceAttributes(t *testing.T) {
	doc := `{"userName":"ada","name":{"givenName":"\"A\"\u0000\\"},"emails":[{"value":"a@b"},{}],"n":[-1.50e+3,true,false,null,[],[[]]],"":""}`
	r := scim.NewResource([]byte(doc))
	if got := scim.ObjectValue(r.Attributes()).String(); got != doc {
		t.Errorf("Attributes = %s, want %s", got, doc)
	}
	if first := r.Attributes(); first != r.Attributes() {
		t.Error("read twice")
	}
	if got := string(r.Doc()); got != doc {
		t.Errorf("Doc = %s", got)
	}
	at := r.Attributes().Get("emails").Offset()
	if !strings.HasPrefix(doc[at:], `[{"value"`) {
		t.Errorf("offset of emails is %d", at)
	}
}

// Documents that somebody has laid out by hand read too; others are not documents.
func TestResourceAttributesByHand(t *testing.T) {
	for _, doc := range []string{" {}", "{ }", "{\"a\" :1}", "{\"a\":\n1}", `{"a":[ 1]}`, `{"a":[1 ]}`, `{"a":1 }`, "{}\n", `{"a":[1, 2]}`, `{"a":1, "b":2}`} {
		if got, want := scim.ObjectValue(scim.NewResource([]byte(doc)).Attributes()), mustRead(t, doc); !scim.Equal(got, want) {
			t.Errorf("%q reads %s", doc, got)
		}
	}
	for _, doc := range []string{"", "[]", "null", "{", `{"a`, `{"a":`, `{"a":"`, `{"a":"\`, `{"a":[`, `{"a":[1`, `{"a":1`, `{"a":x}`, `{"a":1,}`, `{}}`, `{"a":"\x"}`} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q reads", doc)
				}
			}()
			scim.NewResource([]byte(doc)).Attributes()
		}()
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		``, `null`, `{"a":[1,2.50,-0,1e9],"b":{"c":"\ud83d\ude00\n"}}`, `{"a":1,"A":2}`, `{"a":1,}`, `[[[[`,
		"\ufeff{}", "\"\xff\"", `"\u0000"`, `1e999`, `{"":{"":{}}}`, `[1,,2]`, "{}{}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := scim.Read(data, scim.Limits{})
		lenient, lenientErr := scim.Read(data, scim.Limits{TrailingCommas: true})
		if err != nil {
			if len(scim.Faults(err)) != 1 || scim.Faults(err)[0].Line < 1 || scim.Faults(err)[0].Column < 1 {
				t.Fatalf("fault without a place: %#v", err)
			}
			return
		}
		if !json.Valid(bytes.TrimPrefix(data, []byte("\ufeff"))) {
			t.Fatalf("accepted %q, which is not JSON", data)
		}
		if lenientErr != nil || !scim.Equal(v, lenient) {
			t.Fatalf("with trailing commas: %s, %v", lenient, lenientErr)
		}
		for _, text := range [][]byte{v.AppendJSON(nil), v.AppendIndent(nil, " ")} {
			again, err := scim.Read(text, scim.Limits{})
			if err != nil || !scim.Equal(v, again) {
				t.Fatalf("%s read again is %s, %v", text, again, err)
			}
		}
		if v.Kind() == scim.ObjectKind {
			stored := scim.NewResource(v.AppendJSON(nil)).Attributes()
			if !scim.Equal(v, scim.ObjectValue(stored)) {
				t.Fatalf("%s stored is %s", v, scim.ObjectValue(stored))
			}
		}
	})
}

const user = `{
  "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
  "externalId": "00ujl29u0le5T6Aj10h7",
  "userName": "ana.osei@contoso.example",
  "name": {"formatted": "Ms. Ana M Osei", "familyName": "Osei", "givenName": "Ana", "middleName": "M", "honorificPrefix": "Ms."},
  "displayName": "Ana Osei", "nickName": "Ana", "title": "Principal Engineer", "userType": "Employee",
  "preferredLanguage": "en-US", "locale": "en-US", "timezone": "Europe/Berlin", "active": true,
  "emails": [{"value": "ana.osei@contoso.example", "type": "work", "primary": true}, {"value": "ana@osei.example", "type": "home"}],
  "phoneNumbers": [{"value": "+49 30 123456", "type": "work"}, {"value": "+49 170 123456", "type": "mobile"}],
  "addresses": [{"streetAddress": "Am Ring 1", "locality": "Berlin", "region": "BE", "postalCode": "10115", "country": "DE", "type": "work"}],
  "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "20311", "department": "Sales", "organization": "Contoso",
    "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d"}}
}`

func BenchmarkRead(b *testing.B) {
	b.ReportAllocs()
	data := []byte(user)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := scim.Read(data, scim.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	doc := mustRead(b, user).AppendJSON(nil)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		scim.NewResource(doc).Attributes()
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	b.ReportAllocs()
	v := mustRead(b, user)
	var buf []byte
	for b.Loop() {
		buf = v.AppendJSON(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}
