package crest_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/crest"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
)

// names returns the userName of each result.
func (a *answer) names() []string {
	a.Helper()
	names := []string{}
	for _, r := range a.must(200).object()["result"].([]any) {
		name, _ := r.(map[string]any)["userName"].(string)
		names = append(names, name)
	}
	return names
}

// found fails the test unless the filter selects the users of the names, in
// order of creation.
func (d *door) found(filter string, names ...string) {
	d.Helper()
	a := d.do("GET "+alphaUsers+"?_fields=userName&_queryFilter="+url.QueryEscape(filter), "")
	if diff := cmp.Diff(append([]string{}, names...), a.names()); diff != "" {
		d.Errorf("%s:\n%s", filter, diff)
	}
}

// unfound fails the test unless the filter is refused.
func (d *door) unfound(filter, message string) {
	d.Helper()
	d.do("GET "+alphaUsers+"?_queryFilter="+url.QueryEscape(filter), "").refused(400, message)
}

const badFilter = "A value could not be parsed as a valid query filter"

// TestConformanceFilter is the language of _queryFilter in section 5.8.
func TestConformanceFilter(t *testing.T) {
	w := open(t, crest.AIC)
	ann := w.create("ann", `{"_id":"ann","sn":"Lee","mail":"ann@test.example","description":"Größe","frIndexedInteger1":5,"preferences":{"marketing":true,"updates":false},
		"aliasList":["a","B"],"password":"Corr3ct-Horse","cn":"Ann","kbaInfo":[{"questionId":"q1","answer":"Rex"}],"custom_flag":true,"custom_text":"5","city":"Berlin"}`)
	w.create("bob", `{"_id":"bob","sn":"lee","accountStatus":"inactive","frIndexedInteger1":7,"custom_flag":false,"telephoneNumber":"555 (0100)"}`)
	w.create("cyd", `{"_id":"cyd","sn":"Smith","accountStatus":"locked","description":"","custom_text":"it's \"odd\" \\","frIndexedInteger2":-3,"manager":{"_ref":"managed/alpha_user/ann"}}`)
	w.elsewhere(`{"userName":"dan","name":{"familyName":"Lee"},"emails":[{"value":"second@x.example"},{"value":"first@x.example","primary":true}],
		"addresses":[{"type":"home","locality":"Rome"},{"type":"work","locality":"Oslo"}]}`)
	all := []string{"ann", "bob", "cyd", "dan"}

	t.Run("aic:AIC-136 the grammar and its precedence", func(t *testing.T) {
		d := w.in(t)
		d.found(`sn eq "Smith" or sn eq "Lee" and userName eq "bob"`, "bob", "cyd")
		d.found(`(sn eq "Smith" or sn eq "Lee") and userName eq "bob"`, "bob")
		d.found(`!sn eq "Lee"`) // a field named !sn
		d.found(`! sn eq "Lee" and userName co "c"`, "cyd")
		d.found(`!(sn eq "Lee" and userName eq "ann") and (true and !(false))`, "bob", "cyd", "dan")
		d.found(`userName co "n"`, "ann", "dan")
		d.found(`userName sw "b"`, "bob")
		d.found(`userName lt "bob"`, "ann")
		d.found(`userName le "bob"`, "ann", "bob")
		d.found(`userName gt "bob"`, "cyd", "dan")
		d.found(`userName ge "bob"`, "bob", "cyd", "dan")
		d.found(`frIndexedInteger1 ge 5 and frIndexedInteger1 lt 7`, "ann")
		d.found(`frIndexedInteger2 lt 0`, "cyd")
		d.found(`frIndexedInteger1 pr`, "ann", "bob")
	})
	t.Run("aic:AIC-137 words ignore letter case, pointers do not", func(t *testing.T) {
		d := w.in(t)
		d.found(`userName EQ "ann" Or userName Eq "bob" AND TRUE`, "ann", "bob")
		d.found(`description PR And custom_flag eq TRUE`, "ann")
		d.found(`username eq "ann"`)
		d.found(`Custom_flag eq true`)
		d.found(`_ID eq "ann"`)
	})
	t.Run("aic:AIC-138 only blanks separate, and ! stands before one or a parenthesis", func(t *testing.T) {
		d := w.in(t)
		d.found(`  userName   eq    "ann"  `, "ann")
		d.found(`!(userName eq "ann") and !(userName eq "bob")`, "cyd", "dan")
		d.unfound(`!(userName eq "ann")and!(userName eq "bob")`, badFilter) // and! is one word
		d.found(`! userName eq "ann"`, "bob", "cyd", "dan")
		d.found(`!mail pr`)
		d.unfound("userName\teq\t\"ann\"", badFilter)
		d.unfound("userName\neq \"ann\"", badFilter)
	})
	t.Run("aic:AIC-139 not is no operator", func(t *testing.T) {
		d := w.in(t)
		d.unfound(`not (userName eq "ann")`, badFilter)
		d.unfound(`not userName eq "ann"`, "")
	})
	t.Run("aic:AIC-140 strings in either quotes, with escapes, and empty ones", func(t *testing.T) {
		d := w.in(t)
		d.found(`userName eq 'ann'`, "ann")
		d.found(`custom_text eq "it's \"odd\" \\"`, "cyd")
		d.found(`custom_text eq 'it\'s "odd" \\'`, "cyd")
		d.found(`description eq ""`, "cyd")
		d.found(`\userName eq "ann"`)
		d.found(`userName eq "\a\n\n"`, "ann")
	})
	t.Run("aic:AIC-141 a value without quotes is a number, true or false", func(t *testing.T) {
		d := w.in(t)
		d.found(`frIndexedInteger1 eq 5`, "ann")
		d.found(`frIndexedInteger1 gt 4.5`, "ann", "bob")
		d.found(`custom_flag eq false`, "bob")
		for _, v := range []string{"ann", "null", "5x", "1e5", "9223372036854775808", "1.2.3", "--5"} {
			d.unfound(`userName eq `+v, badFilter)
		}
	})
	t.Run("aic:AIC-142 pointers", func(t *testing.T) {
		d := w.in(t)
		d.found(`/userName eq "ann"`, "ann")
		d.found(`preferences/marketing eq true`, "ann")
		d.found(`/preferences/updates eq false`, "ann")
		d.found(`kbaInfo/questionId eq "q1"`, "ann")
		d.found(`us%65rName eq "ann"`, "ann")
		d.unfound(`us%zzrName eq "ann"`, badFilter)
		deep := d.create("deep", `{"custom_a":{"b.c":{"d":["x",7]}},"custom.dot":"y","id":"mine","schemas":["s"],"urn:x:1.0":"z"}`)
		d.found(`custom_a/b.c/d eq 7 and custom_a/b.c/d eq "X"`, "deep")
		d.found(`custom_a/b/c pr`)
		d.found(`custom_a/b.c pr and custom.dot eq "y" and id eq "mine" and schemas co "s" and urn:x:1.0 sw "z"`, "deep")
		d.found(`id eq "` + deep.id() + `"`)
		d.do("DELETE "+alphaUsers+"/"+deep.id(), "").must(200)
	})
	t.Run("aic:AIC-143 strings are compared without regard to case", func(t *testing.T) {
		d := w.in(t)
		d.found(`sn eq "LEE"`, "ann", "bob", "dan")
		d.found(`description co "GRÖSSE"`)
		d.found(`description co "GRÖ"`, "ann")
		d.found(`mail sw "ANN@"`, "ann")
		d.found(`sn gt "LEE"`, "cyd")
		d.found(`aliasList eq "b"`, "ann")
		d.found(`custom_text co "ODD"`, "cyd")
	})
	t.Run("aic:AIC-144 other types never match; co and sw are eq on numbers and booleans", func(t *testing.T) {
		d := w.in(t)
		d.found(`userName eq 5`)
		d.found(`custom_text eq 5`)
		d.found(`frIndexedInteger1 eq "5"`)
		d.found(`custom_flag eq "true"`)
		d.found(`frIndexedInteger1 co 5`, "ann")
		d.found(`frIndexedInteger1 sw 7`, "bob")
		d.found(`custom_flag co true`, "ann")
		d.found(`custom_flag sw false`, "bob")
		d.found(`preferences eq "x"`)
	})
	t.Run("aic:AIC-145 one element of an array suffices", func(t *testing.T) {
		d := w.in(t)
		d.found(`aliasList eq "a"`, "ann")
		d.found(`aliasList co "b"`, "ann")
		d.found(`aliasList eq "c"`)
	})
	t.Run("aic:AIC-146 pr is what is there and not null", func(t *testing.T) {
		d := w.in(t)
		d.found(`description pr`, "ann", "cyd")
		d.found(`aliasList pr`, "ann")
		d.found(`mail pr`, all...)
		d.found(`telephoneNumber pr`, "bob")
		d.found(`accountStatus pr`, all...)
		d.found(`custom_flag pr`, "ann", "bob")
	})
	t.Run("aic:AIC-147 true is all, false is none", func(t *testing.T) {
		d := w.in(t)
		d.found(`true`, all...)
		d.found(`false`)
		d.found(`!(false)`, all...)
	})
	t.Run("aic:AIC-148 a comparison with what is missing is false", func(t *testing.T) {
		d := w.in(t)
		d.found(`city eq "Paris"`)
		d.found(`!(city eq "Berlin")`, "bob", "cyd", "dan")
		d.found(`!(description eq "Größe")`, "bob", "cyd", "dan")
		d.found(`!(frIndexedInteger1 lt 100)`, "cyd", "dan")
	})
	t.Run("aic:AIC-149 an unknown field matches nothing, and so does the target of a relationship", func(t *testing.T) {
		d := w.in(t)
		d.found(`nonsense eq "x"`)
		d.found(`nonsense pr`)
		d.found(`!(nonsense eq "x")`, all...)
		d.found(`_meta/lastChanged/date gt "2000-01-01"`)
		d.found(`manager/userName eq "ann"`)
		d.found(`userName/x eq "ann"`)
		d.found(`name eq "ann"`)
	})
	t.Run("aic:AIC-150 private fields are as if missing, in filters and sort keys", func(t *testing.T) {
		d := w.in(t)
		for _, field := range []string{"password", "cn", "kbaInfo/answer", "kbaInfo/0/answer", "lastSync"} {
			d.found(field + ` pr`)
			d.found(field + ` co ""`)
			d.found(`!(`+field+` pr)`, all...)
			for _, sign := range []string{"", "-"} {
				a := d.do("GET "+alphaUsers+"?_fields=userName&_queryFilter=true&_sortKeys="+sign+field, "")
				if diff := cmp.Diff(all, a.names()); diff != "" {
					t.Errorf("sorted by %s:\n%s", sign+field, diff)
				}
			}
		}
	})
	t.Run("aic:AIC-151 ne and other unknown operators are 400", func(t *testing.T) {
		d := w.in(t)
		d.unfound(`userName ne "ann"`, "unrecognized or unsupported filter operator 'ne'")
		d.unfound(`userName ew "ann"`, "unrecognized or unsupported filter operator 'ew'")
		d.unfound(`userName like.x_1 "ann"`, "unrecognized or unsupported filter operator 'like.x_1'")
	})
	t.Run("aic:AIC-152 in takes a JSON array in quotes", func(t *testing.T) {
		d := w.in(t)
		d.found(`userName in '["ann","BOB","x"]'`, "ann", "bob")
		d.found(`userName IN "[\"cyd\"]"`, "cyd")
		d.found(`userName in '[]'`)
		d.unfound(`userName in ["ann"]`, badFilter)
		d.unfound(`userName in '[1]'`, badFilter)
		d.unfound(`userName in 'ann'`, badFilter)
		d.unfound(`aliasList in '["a"]'`, badFilter)
		d.unfound(`frIndexedInteger1 in '["5"]'`, badFilter)
	})
	t.Run("aic:AIC-153 what cannot be parsed is 400, and so is what is too deep", func(t *testing.T) {
		d := w.in(t)
		for _, filter := range []string{"", "(", ")", "userName", "userName eq", `userName eq "ann`, `(userName eq "ann"`, `userName eq "ann")`, `userName eq "ann" and`, `or`, `a//b pr`, `!`} {
			d.unfound(filter, badFilter)
		}
		deep := func(n int) string { return strings.Repeat("(", n) + `userName eq "ann"` + strings.Repeat(")", n) }
		d.found(deep(256), "ann")
		d.unfound(deep(257), badFilter)
	})
	t.Run("aic:AIC-154 the parameter is form-decoded", func(t *testing.T) {
		d := w.in(t)
		plus := d.create("plus+one", `{}`)
		for filter, n := range map[string]int{
			"userName+eq+%22plus%2Bone%22": 1, "userName%20eq%20%22plus%2bone%22": 1, "userName+eq+%22plus+one%22": 0,
		} {
			d.do("GET "+alphaUsers+"?_queryFilter="+filter, "").must(200).has(fmt.Sprintf(`{"resultCount":%d}`, n))
		}
		d.do("DELETE "+alphaUsers+"/"+plus.id(), "").must(200)
	})
	t.Run("properties of users of other doors, and accountStatus", func(t *testing.T) {
		d := w.in(t)
		d.found(`mail eq "first@x.example"`, "dan")
		d.found(`mail eq "second@x.example"`)
		d.found(`city eq "Oslo"`, "dan")
		d.found(`city eq "Rome"`)
		d.found(`accountStatus eq "active"`, "ann", "dan")
		d.found(`accountStatus eq "inactive"`, "bob")
		d.found(`accountStatus eq "locked"`, "cyd")
		d.found(`accountStatus co "active"`, "ann", "bob", "dan")
		d.found(`!(accountStatus eq "active")`, "bob", "cyd")
		d.found(`_id eq "ann" or _id eq "cyd"`, "ann", "cyd")
		d.found(`_id in '["ann","nobody"]'`, "ann")
	})
	_ = ann
}

// TestConformanceQuery is the rest of section 5.8.
func TestConformanceQuery(t *testing.T) {
	w := open(t, crest.AIC)
	const count = 10
	var every []string
	for i := range count {
		name := fmt.Sprintf("u%d", i)
		w.create(name, `{"_id":"`+name+`"}`)
		every = append(every, name)
	}
	const all = alphaUsers + "?_queryFilter=true&_fields=userName"

	t.Run("aic:AIC-130 each of the three parameters makes a query", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+alphaUsers+"?_queryFilter=true", "").must(200).has(`{"resultCount":10}`)
		d.do("GET "+alphaUsers+"?_queryId=query-all", "").must(200).has(`{"resultCount":10}`)
		d.do("GET "+alphaUsers+"?_queryExpression=x", "").refused(400, "The parameter _queryExpression is not supported")
		for _, c := range []string{seedUsers, plainUsers} {
			d.do("GET "+c+"?_queryFilter=userName eq %22u3%22", "").must(200).has(`{"resultCount":1}`)
		}
	})
	t.Run("aic:AIC-131 two of them are 400", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+alphaUsers+"?_queryFilter=true&_queryId=query-all", "").refused(400, "The parameters _queryId and _queryFilter are mutually exclusive")
		d.do("GET "+alphaUsers+"?_queryExpression=x&_queryId=query-all", "").refused(400, "The parameters _queryId and _queryExpression are mutually exclusive")
		d.do("GET "+alphaUsers+"?_queryExpression=x&_queryFilter=true", "").refused(400, "The parameters _queryFilter and _queryExpression are mutually exclusive")
	})
	t.Run("aic:AIC-132 _queryExpression is 400", func(t *testing.T) {
		w.in(t).do("GET "+alphaUsers+"?_queryExpression=select+1", "").refused(400, "")
	})
	t.Run("aic:AIC-133 the envelope", func(t *testing.T) {
		d := w.in(t)
		rev := d.do("GET "+alphaUsers+"/u3", "").rev()
		d.do("GET "+alphaUsers+"?_queryFilter=userName eq %22u3%22&_fields=userName", "").must(200).
			is(`{"result":[{"_id":"u3","_rev":"` + rev + `","userName":"u3"}],"resultCount":1,"pagedResultsCookie":null,"totalPagedResultsPolicy":"NONE","totalPagedResults":-1,"remainingPagedResults":-1}`)
		whole := d.do("GET "+alphaUsers+"?_queryFilter=userName eq %22u3%22", "").must(200).object()["result"].([]any)[0]
		if diff := cmp.Diff(value(t, d.do("GET "+alphaUsers+"/u3", "").body), whole); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("aic:AIC-134 resultCount is the length of result", func(t *testing.T) {
		d := w.in(t)
		for size, n := range map[int]int{0: 10, 1: 1, 3: 3, 10: 10, 50: 10} {
			a := d.do(fmt.Sprintf("GET %s&_pageSize=%d", all, size), "").must(200).has(fmt.Sprintf(`{"resultCount":%d}`, n))
			if got := len(a.names()); got != n {
				t.Errorf("%d results", got)
			}
		}
	})
	t.Run("aic:AIC-135 no match is 200 with an empty result", func(t *testing.T) {
		d := w.in(t)
		for _, query := range []string{"_queryFilter=false", "_queryFilter=userName eq %22nobody%22", "_queryId=for-userName&uid=nobody"} {
			d.do("GET "+alphaUsers+"?"+query, "").must(200).
				is(`{"result":[],"resultCount":0,"pagedResultsCookie":null,"totalPagedResultsPolicy":"NONE","totalPagedResults":-1,"remainingPagedResults":-1}`)
		}
	})
	t.Run("aic:AIC-155 without a positive _pageSize there is no paging", func(t *testing.T) {
		d := w.in(t)
		for _, size := range []string{"", "&_pageSize=0"} {
			a := d.do("GET "+all+size, "").must(200).has(`{"pagedResultsCookie":null,"totalPagedResults":-1}`)
			if diff := cmp.Diff(every, a.names()); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("aic:AIC-156 _pageSize bounds the results, and there is a cookie while more remain", func(t *testing.T) {
		d := w.in(t)
		for _, size := range []int{1, 9} {
			a := d.do(fmt.Sprintf("GET %s&_pageSize=%d", all, size), "").must(200)
			if a.text("pagedResultsCookie") == "" || len(a.names()) != size {
				t.Errorf("page of %d: %s", size, a.body)
			}
		}
		for _, size := range []int{10, 11, 100_000} {
			d.do(fmt.Sprintf("GET %s&_pageSize=%d", all, size), "").must(200).has(`{"pagedResultsCookie":null,"resultCount":10}`)
		}
	})
	t.Run("aic:AIC-157 a walk sees every object once, whatever is created and deleted meanwhile", func(t *testing.T) {
		for _, size := range []int{1, 2, 3, 7} {
			d := open(t, crest.AIC)
			var names []string
			for i := range 20 {
				names = append(names, fmt.Sprintf("w%02d", i))
				d.create(names[i], `{"_id":"`+names[i]+`"}`)
			}
			seen := walk(d, size, func(page int, last []string) {
				if page < 5 {
					d.create(fmt.Sprintf("new%d", page), fmt.Sprintf(`{"_id":"new%d"}`, page))
				}
				if page > 0 && page < 4 { // the walker deletes what it saw, and somebody else what it is about to see
					for _, name := range last {
						d.do("DELETE "+alphaUsers+"/"+name, "").must(200)
					}
				}
				if at := slices.Index(names, last[len(last)-1]); page == 1 && at >= 0 {
					d.do("DELETE "+alphaUsers+"/"+names[at+2], "").must(200)
					names = slices.Delete(names, at+2, at+3)
				}
			})
			seen = slices.DeleteFunc(seen, func(name string) bool { return strings.HasPrefix(name, "new") })
			if diff := cmp.Diff(names, seen); diff != "" {
				t.Errorf("pages of %d:\n%s", size, diff)
			}
		}
		d := w.in(t)
		if diff := cmp.Diff(every, walk(d, 4, func(int, []string) {})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a cookie survives the deletion of all around it, and belongs to its query", func(t *testing.T) {
		d := open(t, crest.AIC)
		for i := range 8 {
			d.create(fmt.Sprintf("w%d", i), fmt.Sprintf(`{"_id":"w%d"}`, i))
		}
		cookie := d.do("GET "+all+"&_pageSize=3", "").must(200).text("pagedResultsCookie")
		for _, name := range []string{"w0", "w2", "w3"} {
			d.do("DELETE "+alphaUsers+"/"+name, "").must(200)
		}
		next := "&_pageSize=3&_pagedResultsCookie=" + cookie
		if diff := cmp.Diff([]string{"w4", "w5", "w6"}, d.do("GET "+all+next, "").names()); diff != "" {
			t.Error(diff)
		}
		d.do("GET "+all+"&_sortKeys=userName"+next, "").refused(400, "")
		d.do("GET "+alphaUsers+"?_queryFilter=userName pr"+next, "").refused(400, "")
		d.do("GET "+groups+"?_queryFilter=true"+next, "").refused(400, "")
	})
	t.Run("a cookie is sealed, and good for the client it was made for", func(t *testing.T) {
		d := w.in(t)
		cookie := d.do("GET "+all+"&_pageSize=3", "").must(200).text("pagedResultsCookie")
		plain, err := base64.RawURLEncoding.DecodeString(cookie)
		if err != nil || strings.Contains(string(plain), "RID") {
			t.Errorf("%q, %v", plain, err)
		}
		next := "GET " + all + "&_pageSize=3&_pagedResultsCookie="
		for _, token := range []string{directorytest.AdminToken, directorytest.ReaderToken, directorytest.OtherToken} {
			d.as(token).do(next+cookie, "").refused(400, "")
		}
		for _, forged := range []string{cookie[1:], cookie[:len(cookie)-4], cookie + "AAAA", strings.ToUpper(cookie)} {
			d.do(next+forged, "").refused(400, "")
		}
		if diff := cmp.Diff([]string{"u3", "u4", "u5"}, d.do(next+cookie, "").names()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("aic:AIC-158 a cookie together with an offset is 400", func(t *testing.T) {
		d := w.in(t)
		cookie := d.do("GET "+all+"&_pageSize=2", "").must(200).text("pagedResultsCookie")
		d.do("GET "+all+"&_pageSize=2&_pagedResultsOffset=1&_pagedResultsCookie="+cookie, "").refused(400, "The parameters _pagedResultsOffset and _pagedResultsCookie are mutually exclusive")
		d.do("GET "+all+"&_pageSize=2&_pagedResultsOffset=0&_pagedResultsCookie="+cookie, "").must(200).has(`{"resultCount":2}`)
	})
	t.Run("aic:AIC-159 _pagedResultsOffset skips records", func(t *testing.T) {
		d := w.in(t)
		for offset, want := range map[int][]string{0: {"u0", "u1"}, 6: {"u6", "u7"}, 9: {"u9"}, 10: {}, 1000: {}} {
			if diff := cmp.Diff(want, d.do(fmt.Sprintf("GET %s&_pageSize=2&_pagedResultsOffset=%d", all, offset), "").names()); diff != "" {
				t.Errorf("offset %d:\n%s", offset, diff)
			}
		}
		if got := d.do("GET "+all+"&_pagedResultsOffset=8", "").names(); len(got) != 2 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("aic:AIC-160 a cookie that cannot be decoded is 400", func(t *testing.T) {
		d := w.in(t)
		enc := base64.RawURLEncoding.EncodeToString
		for _, cookie := range []string{"", "x", "%3D%3D%3D", enc([]byte("3")), enc([]byte("x/u3/u2")), enc([]byte("0/u3/u2")), enc([]byte("-1/u3/u2")), enc([]byte("03/u3/u2")), enc([]byte("3//")), enc([]byte(`{"Keys":null,"RID":3}`)), "Mw%0A"} {
			d.do("GET "+all+"&_pageSize=2&_pagedResultsCookie="+cookie, "").refused(400, "")
		}
	})
	t.Run("aic:AIC-161 _pageSize and _pagedResultsOffset are integers, not negative", func(t *testing.T) {
		d := w.in(t)
		for _, name := range []string{"_pageSize", "_pagedResultsOffset"} {
			for _, v := range []string{"x", "", "1.5", "99999999999", "1e3"} {
				d.do("GET "+all+"&"+name+"="+v, "").refused(400, "The value '"+v+"' for parameter '"+name+"' could not be parsed as a valid integer")
			}
			d.do("GET "+all+"&"+name+"=-1", "").refused(400, "")
		}
	})
	t.Run("aic:AIC-162 _totalPagedResultsPolicy", func(t *testing.T) {
		d := w.in(t)
		for _, policy := range []string{"", "&_totalPagedResultsPolicy=NONE", "&_totalPagedResultsPolicy=none"} {
			d.do("GET "+all+"&_pageSize=2"+policy, "").must(200).has(`{"totalPagedResultsPolicy":"NONE","totalPagedResults":-1}`)
		}
		d.do("GET "+all+"&_pageSize=2&_totalPagedResultsPolicy=exact", "").must(200).has(`{"totalPagedResultsPolicy":"EXACT"}`)
		for _, policy := range []string{"x", ""} {
			d.do("GET "+all+"&_totalPagedResultsPolicy="+policy, "").refused(400, "The value '"+policy+"' for parameter '_totalPagedResultsPolicy' could not be parsed as a valid count policy")
		}
	})
	t.Run("aic:AIC-163 EXACT gives the total, and ESTIMATE is EXACT", func(t *testing.T) {
		d := w.in(t)
		for _, policy := range []string{"EXACT", "ESTIMATE", "Estimate"} {
			d.do("GET "+all+"&_pageSize=3&_totalPagedResultsPolicy="+policy, "").must(200).has(`{"totalPagedResultsPolicy":"EXACT","totalPagedResults":10,"resultCount":3,"remainingPagedResults":-1}`)
		}
		d.do("GET "+alphaUsers+"?_queryFilter=userName sw %22u1%22&_pageSize=3&_totalPagedResultsPolicy=EXACT", "").must(200).has(`{"totalPagedResults":1}`)
		d.do("GET "+alphaUsers+"?_queryFilter=false&_pageSize=3&_totalPagedResultsPolicy=EXACT", "").must(200).has(`{"totalPagedResults":0}`)
	})
	t.Run("aic:AIC-164 _pageSize=0 with EXACT gives the total", func(t *testing.T) {
		w.in(t).do("GET "+all+"&_pageSize=0&_totalPagedResultsPolicy=EXACT", "").must(200).has(`{"totalPagedResults":10}`)
	})
	t.Run("aic:AIC-165 _countOnly needs protocol 2.2 and gives the count", func(t *testing.T) {
		d := w.in(t)
		for _, header := range []string{"X: y", "Accept-API-Version: protocol=2.1,resource=1.0"} {
			d.do("GET "+all+"&_countOnly=true", "", header).refused(400, "countOnly is only supported with protocolVersion 2.2 or higher")
		}
		d.do("GET "+all+"&_countOnly=true", "", "Accept-API-Version: protocol=2.2,resource=1.0").must(200).has(`{"result":[],"resultCount":10,"totalPagedResults":10}`)
		d.do("GET "+all+"&_countOnly=true&_pageSize=3", "", "Accept-API-Version: protocol=2.2").must(200).has(`{"result":[],"resultCount":10,"totalPagedResults":10,"pagedResultsCookie":null}`)
		d.do("GET "+all+"&_countOnly=false", "").must(200).has(`{"resultCount":10}`)
	})
	t.Run("aic:AIC-166 _sortKeys: signs, several keys, and what is malformed", func(t *testing.T) {
		d := open(t, crest.AIC)
		for i, sn := range []string{"Lee", "Adams", "Lee", "Zorn"} {
			name := string(rune('a' + i))
			d.create(name, `{"_id":"`+name+`","sn":"`+sn+`","preferences":{"updates":`+strconv.FormatBool(i%2 == 0)+`}}`)
		}
		for keys, want := range map[string]string{
			"userName": "abcd", "%2BuserName": "abcd", "+userName": "abcd", "-userName": "dcba", "sn,userName": "bacd", "sn,-userName": "bcad",
			"-sn,%2BuserName": "dacb", "sn&_sortKeys=-userName": "bcad", "/preferences/updates,userName": "bdac", "-preferences/updates/,-userName": "cadb",
			"_id": "abcd", "-_id": "dcba", "unknown,-userName": "dcba", "_rev,-userName": "dcba",
		} {
			if got := strings.Join(d.do("GET "+all+"&_sortKeys="+keys, "").names(), ""); got != want {
				t.Errorf("%s: %s, want %s", keys, got, want)
			}
		}
		for _, keys := range []string{"", ",", "-", "userName,", "%2B,sn", "a//b", "%25zz", strings.Repeat("a,", 20) + "a"} {
			text, err := url.QueryUnescape(keys)
			if err != nil {
				t.Fatal(err)
			}
			d.do("GET "+all+"&_sortKeys="+keys, "").refused(400, "The value '"+text+"' for parameter '_sortKeys' could not be parsed as a comma separated list of sort keys")
		}
	})
	t.Run("aic:AIC-167 missing ones last, letter case ignored, arrays by their smallest value", func(t *testing.T) {
		d := open(t, crest.AIC)
		d.create("a", `{"_id":"a","city":"berlin","aliasList":["x","B"],"frIndexedInteger1":10}`)
		d.create("b", `{"_id":"b","city":"Aachen","aliasList":["c"],"frIndexedInteger1":9,"accountStatus":"inactive"}`)
		d.create("c", `{"_id":"c"}`)
		d.create("d", `{"_id":"d","city":"Cologne","aliasList":["Z","a"],"frIndexedInteger1":-1,"accountStatus":"inactive"}`)
		d.elsewhere(`{"userName":"e","emails":[{"value":"a@x.example"},{"value":"z@x.example","primary":true}],"phoneNumbers":[{"value":"1","type":"home"},{"value":"9","type":"work"}]}`)
		for keys, want := range map[string]string{
			"city": "badce", "-city": "dabec", "aliasList": "dabce", "-aliasList": "bad" + "ec", "frIndexedInteger1": "dbace", "-frIndexedInteger1": "abdec",
			"mail": "abcde", "-mail": "edcba", "telephoneNumber": "eabcd", "accountStatus,userName": "acebd", "-accountStatus,userName": "bdace",
		} {
			if got := strings.Join(d.do("GET "+all+"&_sortKeys="+keys, "").names(), ""); got != want {
				t.Errorf("%s: %s, want %s", keys, got, want)
			}
			cookie, got := "", ""
			for range 5 {
				a := d.do("GET "+all+"&_pageSize=2&_sortKeys="+keys+cookie, "")
				got += strings.Join(a.names(), "")
				if cookie = "&_pagedResultsCookie=" + a.text("pagedResultsCookie"); a.text("pagedResultsCookie") == "" {
					break
				}
			}
			if got != want {
				t.Errorf("%s in pages: %s, want %s", keys, got, want)
			}
		}
	})
	t.Run("aic:AIC-168 _sortKeys with _queryId is 400", func(t *testing.T) {
		w.in(t).do("GET "+alphaUsers+"?_queryId=query-all&_sortKeys=userName", "").refused(400, "")
	})
	t.Run("aic:AIC-169 the queries of _queryId", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+alphaUsers+"?_queryId=query-all&_pageSize=2", "").must(200).has(`{"resultCount":2}`)
		for _, r := range d.do("GET "+alphaUsers+"?_queryId=query-all-ids", "").must(200).has(`{"resultCount":10}`).object()["result"].([]any) {
			if o := r.(map[string]any); len(o) != 2 || o["_id"] == "" || o["_rev"] == "" {
				t.Errorf("got %v", o)
			}
		}
		if got := d.do("GET "+alphaUsers+"?_queryId=for-userName&uid=U3&_fields=userName", "").names(); len(got) != 1 || got[0] != "u3" {
			t.Errorf("got %v", got)
		}
		d.do("GET "+alphaUsers+"?_queryId=for-userName", "").refused(400, "")
		for _, id := range []string{"", "nonsense", "QUERY-ALL"} {
			d.do("GET "+alphaUsers+"?_queryId="+id, "").refused(400, "")
		}
	})
	t.Run("aic:AIC-170 the order is the same on all pages of a walk", func(t *testing.T) {
		d := w.in(t)
		for _, size := range []int{1, 3} {
			if diff := cmp.Diff(every, walk(d, size, func(int, []string) {})); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("an answer of many chunks", func(t *testing.T) {
		d := open(t, crest.AIC)
		const many = 1203
		for i := range many {
			d.elsewhere(fmt.Sprintf(`{"userName":"m%d"}`, i))
		}
		a := d.do("GET /users?_queryFilter=true&_fields=userName&_totalPagedResultsPolicy=EXACT", "").must(200).has(`{"resultCount":1203,"totalPagedResults":1203}`)
		got := a.names()
		slices.Sort(got)
		if got = slices.Compact(got); len(got) != many {
			t.Errorf("%d results", len(got))
		}
	})
	t.Run("headers of a condition are 412", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+all, "", "If-Match: *").refused(412, "")
		d.do("GET "+all, "", "If-None-Match: x").refused(412, "")
	})
}

// walk reads the users page by page and returns their names in the order in
// which they came. between is called after each page.
func walk(d *door, size int, between func(page int, last []string)) []string {
	d.Helper()
	var seen []string
	cookie := ""
	for page := range 100 {
		a := d.do(fmt.Sprintf("GET %s?_queryFilter=true&_fields=userName&_pageSize=%d%s", alphaUsers, size, cookie), "")
		names := a.names()
		seen = append(seen, names...)
		next := a.text("pagedResultsCookie")
		if next == "" {
			return seen
		}
		cookie = "&_pagedResultsCookie=" + next
		between(page, names)
	}
	d.Fatal("the walk does not end")
	return nil
}

// TestConformanceFields is section 5.9.
func TestConformanceFields(t *testing.T) {
	w := open(t, crest.AIC)
	boss := w.create("boss", `{"_id":"boss"}`)
	mina := w.create("mina", `{"_id":"mina","manager":{"_ref":"managed/alpha_user/boss"},"groups":[{"_ref":"managed/alpha_group/Users"}],
		"preferences":{"marketing":true},"parent":{"child":"value"},"aliasList":["a","b"]}`)
	one := "GET " + alphaUsers + "/mina"
	head := `"_id":"mina","_rev":"` + mina.rev() + `"`

	t.Run("aic:AIC-180 pointers separated by commas; blank or absent is the default fields", func(t *testing.T) {
		d := w.in(t)
		d.do(one+"?_fields=userName,/sn,aliasList", "").must(200).is(`{` + head + `,"userName":"mina","sn":"Lee","aliasList":["a","b"]}`)
		for _, fields := range []string{"", "?_fields=", "?_fields=,", "?_fields=+"} {
			d.do(one+fields, "").must(200).is(mina.body).lacks("manager", "groups", "cn", "password")
		}
		d.do(one+"?_fields=a%zz", "").refused(400, "")
		d.do(one+"?_fields=userName,a%25zz", "").refused(400, "The value 'userName,a%zz' for parameter '_fields' could not be parsed as a comma separated list of JSON pointers")
	})
	t.Run("aic:AIC-181 _id and _rev are always there", func(t *testing.T) {
		d := w.in(t)
		for _, fields := range []string{"sn", "_id", "_rev", "nonsense", "password"} {
			d.do(one+"?_fields="+fields, "").must(200).has(`{` + head + `}`)
		}
		d.do(one+"?_fields=nonsense", "").must(200).is(`{` + head + `}`)
	})
	ref := func(kind, id, key string) string {
		return fmt.Sprintf(`"_ref":"managed/alpha_%[1]s/%[2]s","_refResourceCollection":"managed/alpha_%[1]s","_refResourceId":"%[2]s","_refProperties":{"_id":"%[3]s","_rev":"0"}`, kind, id, key)
	}
	users := w.stored("mina").Groups[0].ID
	t.Run("aic:AIC-182 the stars", func(t *testing.T) {
		d := w.in(t)
		d.do(one+"?_fields=*", "").must(200).is(mina.body)
		d.do(one+"?_fields=*,manager", "").must(200).has(`{"sn":"Lee","manager":{` + ref("user", "boss", "boss") + `}}`)
		a := d.do(one+"?_fields=*_ref", "").must(200).has(`{"manager":{` + ref("user", "boss", "boss") + `},"groups":[{` + ref("group", "Users", users) + `}],"roles":[]}`).lacks("sn")
		if _, ok := a.object()["_meta"].(map[string]any); !ok {
			t.Errorf("_meta is %v", a.object()["_meta"])
		}
		b := d.do(one+"?_fields=*_ref/*", "").must(200).lacks("sn")
		manager := b.object()["manager"].(map[string]any)
		group := b.object()["groups"].([]any)[0].(map[string]any)
		for name, want := range value(t, boss.body).(map[string]any) {
			if got := manager[name]; !cmp.Equal(want, got) {
				t.Errorf("the manager's %s is %v", name, got)
			}
		}
		if group["name"] != "Users" || group["_refResourceId"] != "Users" || group["description"] != nil {
			t.Errorf("the group is %v", group)
		}
	})
	t.Run("aic:AIC-183 a property without a value is null when named, a name outside the schema is left out", func(t *testing.T) {
		d := w.in(t)
		d.do(one+"?_fields=city,description,frIndexedInteger1,custom_none,nonsense", "").must(200).is(`{` + head + `,"city":null,"description":null,"frIndexedInteger1":null}`)
		d.do("GET "+alphaUsers+"/boss?_fields=manager", "").must(200).is(`{"_id":"boss","_rev":"` + boss.rev() + `","manager":null}`)
	})
	t.Run("aic:AIC-184 relationships: references, and fields of the targets beside them", func(t *testing.T) {
		d := w.in(t)
		target := `,"_refResourceRev":"` + boss.rev() + `","_id":"boss","_rev":"` + boss.rev() + `"`
		d.do(one+"?_fields=manager/userName", "").must(200).is(`{` + head + `,"manager":{` + ref("user", "boss", "boss") + target + `,"userName":"boss"}}`)
		d.do(one+"?_fields=manager/userName,manager/sn", "").must(200).is(`{` + head + `,"manager":{` + ref("user", "boss", "boss") + target + `,"userName":"boss","sn":"Lee"}}`)
		d.do(one+"?_fields=groups", "").must(200).is(`{` + head + `,"groups":[{` + ref("group", "Users", users) + `}]}`)
		d.do(one+"?_fields=roles", "").must(200).is(`{` + head + `,"roles":[]}`)
		a := d.do(one+"?_fields=manager/*", "").must(200).object()["manager"].(map[string]any)
		for name, want := range value(t, boss.body).(map[string]any) {
			if !cmp.Equal(want, a[name]) {
				t.Errorf("the manager's %s is %v", name, a[name])
			}
		}
		g := d.do(one+"?_fields=groups/name", "").must(200).object()["groups"].([]any)[0].(map[string]any)
		if g["name"] != "Users" || g["_id"] != "Users" || g["_rev"] != g["_refResourceRev"] || g["description"] != nil {
			t.Errorf("the group is %v", g)
		}
		d.do(one+"?_fields=manager/password,manager/manager/cn", "").must(200).is(`{` + head + `,"manager":{` + ref("user", "boss", "boss") + target + `,"manager":null}}`)
	})
	t.Run("aic:AIC-185 inside a plain object the leaf is at the top", func(t *testing.T) {
		d := w.in(t)
		d.do(one+"?_fields=preferences/marketing", "").must(200).is(`{` + head + `,"marketing":true}`)
		d.do(one+"?_fields=parent/child", "").must(200).is(`{` + head + `,"child":"value"}`)
		d.do(one+"?_fields=parent/none,parent/child/x", "").must(200).is(`{` + head + `}`)
	})
	t.Run("_fields applies to create, read, update, delete and query", func(t *testing.T) {
		d := w.in(t)
		only := func(a *answer, status int) {
			t.Helper()
			if o := a.must(status).object(); len(o) != 3 || o["userName"] != "fields" {
				t.Errorf("%s: %v", a.request, o)
			}
		}
		at := alphaUsers + "/fields?_fields=userName"
		only(d.do("PUT "+at, full(t, "fields", `{}`), "If-None-Match: *"), 201)
		only(d.do("GET "+at, ""), 200)
		only(d.do("PUT "+at, full(t, "fields", `{"city":"B"}`)), 200)
		list := d.do("GET "+alphaUsers+"?_queryFilter=userName eq %22fields%22&_fields=userName", "").must(200).object()["result"].([]any)
		if o := list[0].(map[string]any); len(o) != 3 {
			t.Errorf("query: %v", o)
		}
		only(d.do("DELETE "+at, ""), 200)
		only(d.do("POST "+alphaUsers+"?_action=create&_fields=userName", full(t, "fields", `{}`)), 201)
	})
	t.Run("_meta says when the object was made and changed", func(t *testing.T) {
		d := w.in(t)
		m := d.do(one+"?_fields=_meta/*", "").must(200).object()["_meta"].(map[string]any)
		if m["_ref"] != "managed/alpha_usermeta/mina" || m["createDate"] != "2026-03-01T08:15:30.120Z" || !cmp.Equal(m["lastChanged"], map[string]any{"date": "2026-03-01T08:15:30.120Z"}) {
			t.Errorf("_meta is %v", m)
		}
	})
}
