package main

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A work is one thing that bench measures.
type work struct {
	name  string
	limit string // name of the work that it is compared with; empty: it is a limit
	// request returns the nth request of a connection; no body is an empty one.
	request func(b *bench, n int) (method, path, body string)
	keep    func(b *bench, answer []byte) // nil: nothing of the answer is needed
	most    int                           // connections; 0 is any number
}

// The limits that works are compared with.
const (
	limitAppend = "limit: parse, render, append, flush"
	limitMemory = "limit: 1 KB from memory"
	limitPage   = "limit: render 100 of 1 KB"
	limitHash   = "limit: argon2id"
)

// works are measured in this order.
var works = []work{
	{name: "limit: parse and render 1 KB", request: limitRequest("POST", "/echo")},
	{name: limitAppend, request: limitRequest("POST", "/append")},
	{name: limitMemory, request: limitRequest("GET", "/memory")},
	{name: limitPage, request: limitRequest("GET", "/page")},
	{name: limitHash, request: limitRequest("GET", "/hash")},
	workCreate,
	{name: "create a user with a password", limit: limitHash, request: func(b *bench, _ int) (string, string, string) {
		return "POST", "/scim/v2/Users", strings.Replace(benchUser(b.created.Add(1)), `"active"`, `"password":"Correct-horse-1","active"`, 1)
	}},
	{name: "read a user by id", limit: limitMemory, request: func(b *bench, n int) (string, string, string) {
		return "GET", "/scim/v2/Users/" + b.ids[n*7919%len(b.ids)], ""
	}},
	{name: "find a user by name", limit: limitMemory, request: func(b *bench, n int) (string, string, string) {
		return search("userName eq %q", fmt.Sprintf("user%d@example.com", int64(n)*7919%int64(len(b.ids))+1))
	}},
	{name: "100 users whose names begin so", limit: limitPage, request: func(b *bench, n int) (string, string, string) {
		return search("userName sw %q", "user"+b.digits(n))
	}, most: 16},
	{name: "100 users whose names contain it", limit: limitPage, request: func(b *bench, n int) (string, string, string) {
		return search("userName co %q", b.digits(n)+"@")
	}, most: 16},
	{name: "change one attribute", limit: limitAppend, request: func(b *bench, n int) (string, string, string) {
		return patch("/Users/"+b.ids[n*7919%len(b.ids)], fmt.Sprintf(`{"op":"replace","path":"title","value":"Engineer %d"}`, n))
	}},
	{name: "add a member, remove it", limit: limitAppend, request: func(b *bench, n int) (string, string, string) {
		id := b.ids[len(b.ids)-1-n/2*7919%len(b.ids)]
		if n%2 == 0 {
			return patch("/Groups/"+b.group, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)
		}
		return patch("/Groups/"+b.group, `{"op":"remove","path":"members[value eq \"`+id+`\"]"}`)
	}},
}

var workCreate = work{name: "create a user", limit: limitAppend,
	request: func(b *bench, _ int) (string, string, string) {
		return "POST", "/scim/v2/Users", benchUser(b.created.Add(1))
	},
	keep: func(b *bench, answer []byte) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if most := 1_000_000; len(b.ids) < most {
			b.ids = append(b.ids, idOf(answer))
		}
	}}

// workGroup is not measured: it prepares others.
var workGroup = work{name: "create a group", limit: limitAppend,
	request: func(b *bench, _ int) (string, string, string) {
		members := make([]string, min(len(b.ids), 10_000))
		for i := range members {
			members[i] = `{"value":"` + b.ids[i] + `"}`
		}
		return "POST", "/scim/v2/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"bench","members":[` + strings.Join(members, ",") + `]}`
	},
	keep: func(b *bench, answer []byte) { b.group = idOf(answer) }}

func limitRequest(method, path string) func(*bench, int) (string, string, string) {
	return func(_ *bench, n int) (string, string, string) {
		if method == http.MethodGet {
			return method, path, ""
		}
		return method, path, benchUser(int64(n))
	}
}

func search(filter, value string) (method, path, body string) {
	return "GET", "/scim/v2/Users?count=100&filter=" + url.QueryEscape(fmt.Sprintf(filter, value)), ""
}

func patch(at, operation string) (method, path, body string) {
	return "PATCH", "/scim/v2" + at, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operation + `]}`
}

// digits returns digits that about a hundred of the users' names begin or end with.
func (b *bench) digits(n int) string {
	least := int(math.Pow10(max(0, len(strconv.FormatInt(b.created.Load(), 10))-4)))
	return strconv.Itoa(least + n*7919%(9*least))
}

// idOf returns the id of the resource that a body has.
func idOf(body []byte) string {
	_, rest, _ := bytes.Cut(body, []byte(`"id":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(id)
}

// benchUser returns a user of about 1.1 KB without a password.
func benchUser(n int64) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
		`"userName":"user%[1]d@example.com","externalId":"external-%[1]d","displayName":"Person Number %[1]d","nickName":"nick%[1]d","title":"Engineer",`+
		`"userType":"Employee","preferredLanguage":"en","locale":"en-GB","timezone":"Europe/London","active":true,`+
		`"name":{"formatted":"Person Number %[1]d","familyName":"Number%[1]d","givenName":"Person","middleName":"of"},`+
		`"emails":[{"value":"user%[1]d@example.com","type":"work","primary":true},{"value":"home%[1]d@example.org","type":"home"}],`+
		`"phoneNumbers":[{"value":"+44 20 7946 %[1]d","type":"work"},{"value":"+44 7700 90 %[1]d","type":"mobile"}],`+
		`"addresses":[{"type":"work","streetAddress":"%[1]d Main Street","locality":"London","region":"London","postalCode":"EC1A 1BB","country":"GB","primary":true}],`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%[1]d","costCenter":"4130","organization":"Example","division":"Products","department":"Research %[1]d"}}`, n)
}
