package crest

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// TestWriteError is the words for faults that few requests come to.
func TestWriteError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string // status and body
	}{
		{errors.New("disk on fire at /var/lib"), `500 {"code":500,"reason":"Internal Server Error","message":"Internal Server Error"}`},
		{fmt.Errorf("wrapped: %w", &scim.Error{Rule: scim.RuleBusy, Allowed: []string{"7"}}), `503 {"code":503,"reason":"Service Unavailable","message":"The server is busy, try again later"}`},
		{&scim.Error{Rule: scim.RuleTooMany, Path: "title"}, `400 {"code":400,"reason":"Bad Request","message":"The query would look at too many objects: filter on title with eq or sw"}`},
		{&scim.Error{Rule: scim.RuleTooMany}, `400 {"code":400,"reason":"Bad Request","message":"The query would look at too many objects: filter on an indexed property with eq or sw"}`},
		{&scim.Error{Rule: scim.RuleUnsupported, Path: "X"}, `501 {"code":501,"reason":"Not Implemented","message":"X is not supported"}`},
		{&scim.Error{Rule: scim.RuleUnique, Path: "externalId"}, `409 {"code":409,"reason":"Conflict","message":"The value of externalId is in use"}`},
		{&scim.Error{Rule: scim.RuleVersion}, `412 {"code":412,"reason":"Precondition Failed","message":"The object has changed since retrieval."}`},
		{&scim.Error{Rule: scim.RuleExists, Value: "x"}, `412 {"code":412,"reason":"Precondition Failed","message":"Create rejected as Object with same ID already exists and was detected."}`},
		{&scim.Error{Rule: scim.RuleNotFound, Schema: "Environment", Value: "e"}, `404 {"code":404,"reason":"Not Found","message":"Object e not found"}`},
		{&scim.Error{Rule: scim.RuleProtected, Value: "g"}, `409 {"code":409,"reason":"Conflict","message":"Object g is built in and cannot be changed so"}`},
		{&scim.Error{Rule: scim.RuleDangling, Path: "members[0].value", Value: "x"}, `400 {"code":400,"reason":"Bad Request","message":"The value of members[0].value refers to an object that does not exist: x"}`},
		{&scim.Error{Rule: scim.RulePrimary, Path: "emails"}, `400 {"code":400,"reason":"Bad Request","message":"The value of emails is not valid"}`},
		{&scim.Error{Rule: scim.RulePattern, Path: "id", Detail: "no slash"}, `400 {"code":400,"reason":"Bad Request","message":"The value of id is not valid (no slash)"}`},
		{scim.Errors{{Rule: scim.RuleLimit, Detail: "depth", Allowed: []string{"32"}, Line: 1, Column: 9}},
			`400 {"code":400,"reason":"Bad Request","message":"The request could not be processed because the provided content is not valid JSON","detail":"limit exceeded: depth, at most 32 at line 1, column 9"}`},
		{&scim.Error{Rule: scim.RuleDuplicateMember, Path: "a", Line: 2, Column: 1},
			`400 {"code":400,"reason":"Bad Request","message":"The request could not be processed because the provided content is not valid JSON","detail":"two members named \"a\" at line 2, column 1"}`},
	} {
		w := httptest.NewRecorder()
		writeError(w, httptest.NewRequest("GET", "/users", nil), tt.err)
		if got := fmt.Sprint(w.Code, " ", w.Body); got != tt.want {
			t.Errorf("%v:\ngot  %s\nwant %s", tt.err, got, tt.want)
		}
		if w.Code == 503 && w.Header().Get("Retry-After") != "7" {
			t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
		}
	}
}

// TestRequirements is what the faults that directory finds are in the vendor's codes.
func TestRequirements(t *testing.T) {
	c := &collection{kind: users}
	for _, tt := range []struct {
		fault scim.Error
		want  string // empty: no matter of policy
	}{
		{scim.Error{Rule: scim.RuleLength, Path: "name.givenName", Allowed: []string{"9"}}, `givenName MAX_LENGTH {"maxLength":9}`},
		{scim.Error{Rule: scim.RuleLimit, Path: scim.ManagedSchema + ":description", Detail: "bytes of a string", Allowed: []string{"65536"}}, `description MAX_LENGTH {"maxLength":65536}`},
		{scim.Error{Rule: scim.RuleRequired, Path: "userName"}, `userName REQUIRED {}`},
		{scim.Error{Rule: scim.RuleType, Path: "emails[0].value", Allowed: []string{"string"}}, `mail VALID_TYPE {"validTypes":["string"]}`},
		{scim.Error{Rule: scim.RuleURI, Path: "photos[1].value"}, `profileImage MATCH_REGEXP {}`},
		{scim.Error{Rule: scim.RuleCanonical, Path: "addresses[0].type", Allowed: []string{"work"}}, `postalAddress VALID_ENUM_VALUE {"enumValues":["work"]}`},
		{scim.Error{Rule: scim.RuleUnique, Path: "userName"}, `userName VALID_USERNAME {}`},
		{scim.Error{Rule: scim.RulePassword, Path: "password"}, `password LENGTH_BASED {}`},
		{scim.Error{Rule: scim.RulePassword, Path: "password", Allowed: []string{"special", "2"}}, `password AT_LEAST_X_SPECIAL_CHARACTERS {"numSpecials":2}`},
		{scim.Error{Rule: scim.RuleLength, Path: "nickName", Allowed: []string{"9"}}, `nickName MAX_LENGTH {"maxLength":9}`},
		{scim.Error{Rule: scim.RuleLength, Path: "id", Allowed: []string{"255"}}, ``},
		{scim.Error{Rule: scim.RuleDangling, Path: "members[0].value"}, ``},
		{scim.Error{Rule: scim.RuleForbidden}, ``},
	} {
		failed, ok := c.requirements(scim.Errors{&tt.fault})
		got := ""
		if ok {
			got = failed[0].property + " " + failed[0].code + " " + string(failed[0].params.AppendJSON(nil))
		}
		if got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.fault, got, tt.want)
		}
	}
	if _, ok := c.requirements(nil); ok {
		t.Error("no fault is a matter of policy")
	}
}

// TestAbandon: a part of an answer is never taken for the whole.
func TestAbandon(t *testing.T) {
	fault := errors.New("fault")
	a := &envelope{w: httptest.NewRecorder()}
	if err := a.abandon(fault); !errors.Is(err, fault) {
		t.Errorf("before the first byte: %v", err)
	}
	a.add(scim.NewObject())
	a.flush()
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, fault) {
			t.Errorf("after it: %v", err)
		}
	}()
	_ = a.abandon(fault)
	t.Error("the answer goes on")
}
