package crest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/crest"
)

const (
	roles         = "/openidm/managed/alpha_role"
	organizations = "/openidm/managed/alpha_organization"
)

// make makes an object with a name and returns its path and a reference to it.
func (d *door) make(collection, body string) (path, ref string) {
	d.Helper()
	id := d.do("POST "+collection+"?_action=create", body).must(201).id()
	return collection + "/" + id, fmt.Sprintf(`{"_ref":"%s/%s"}`, strings.TrimPrefix(collection, "/openidm/"), id)
}

// refs returns the ids that a relationship of an object refers to.
func (d *door) refs(path, name string) []string {
	d.Helper()
	ids := []string{}
	switch v := d.do("GET "+path+"?_fields="+name, "").must(200).object()[name].(type) {
	case map[string]any:
		ids = append(ids, v["_refResourceId"].(string))
	case []any:
		for _, item := range v {
			ids = append(ids, item.(map[string]any)["_refResourceId"].(string))
		}
	}
	return ids
}

// holds fails the test unless the relationship refers to the objects of the paths.
func (d *door) holds(path, name string, paths ...string) {
	d.Helper()
	want := []string{}
	for _, p := range paths {
		want = append(want, p[strings.LastIndexByte(p, '/')+1:])
	}
	if diff := cmp.Diff(want, d.refs(path, name)); diff != "" {
		d.Errorf("%s of %s:\n%s", name, path, diff)
	}
}

// TestConformanceRelationships is section 5.7.
func TestConformanceRelationships(t *testing.T) {
	w := open(t, crest.AIC)
	n := 0
	user := func(d *door, more string) (path, ref string) {
		n++
		return d.make(alphaUsers, full(d, fmt.Sprintf("user%d", n), more))
	}
	role := func(d *door) (path, ref string) {
		n++
		return d.make(roles, fmt.Sprintf(`{"name":"role%d"}`, n))
	}
	t.Run("aic:AIC-078 a relationship that is absent is left alone, one that is there replaces the set, null clears", func(t *testing.T) {
		d := w.in(t)
		boss, bossRef := user(d, `{}`)
		one, oneRef := role(d)
		two, twoRef := role(d)
		mina, _ := user(d, `{"manager":`+bossRef+`,"roles":[`+oneRef+`],"groups":[{"_ref":"managed/alpha_group/Users"}]}`)
		name := d.do("GET "+mina, "").text("userName")
		d.do("PUT "+mina, full(t, name, `{"city":"Rome"}`)).must(200)
		d.holds(mina, "roles", one)
		d.holds(mina, "manager", boss)
		d.holds(mina, "groups", groups+"/Users")
		a := d.do("PUT "+mina+"?_fields=*,roles,groups", full(t, name, `{"city":"Rome","roles":[`+twoRef+`],"groups":[]}`)).must(200).has(`{"groups":[],"effectiveGroups":[]}`)
		if got := a.object()["roles"].([]any); len(got) != 1 || got[0].(map[string]any)["_refResourceId"] != strings.TrimPrefix(two, roles+"/") {
			t.Errorf("roles are %v", got)
		}
		d.holds(mina, "roles", two)
		d.holds(mina, "groups")
		if b := d.do("PUT "+mina, full(t, name, `{"city":"Rome","roles":[`+twoRef+`],"groups":[]}`)).must(200); b.rev() != a.rev() {
			t.Errorf("the same once more: _rev was %s, is %s", a.rev(), b.rev())
		}
		d.do("PUT "+mina, full(t, name, `{"city":"Rome","manager":null,"roles":null}`)).must(200)
		d.holds(mina, "manager")
		d.holds(mina, "roles")
		d.do("PUT "+mina, full(t, name, `{"roles":"x"}`)).refused(403, "Policy validation failed")
	})
	t.Run("aic:AIC-122 add one, replace all", func(t *testing.T) {
		d := w.in(t)
		one, oneRef := role(d)
		two, twoRef := role(d)
		three, threeRef := role(d)
		mina, _ := user(d, `{}`)
		rev := d.do("GET "+mina, "").rev()
		a := d.do("PATCH "+mina, `[{"operation":"add","field":"/roles/-","value":`+oneRef+`},{"operation":"replace","field":"/city","value":"Rome"}]`).must(200).has(`{"city":"Rome"}`)
		if d.holds(mina, "roles", one); a.rev() == rev {
			t.Error("the _rev is the same")
		}
		d.do("PATCH "+mina, `[{"operation":"add","field":"/roles/-","value":`+oneRef+`}]`).must(200).has(`{"_rev":"` + a.rev() + `"}`)
		d.do("PATCH "+mina, `[{"operation":"add","field":"roles","value":[`+oneRef+`,`+twoRef+`]}]`).must(200)
		d.holds(mina, "roles", one, two)
		d.do("PATCH "+mina, `[{"operation":"replace","field":"/roles","value":[`+threeRef+`]}]`).must(200)
		d.holds(mina, "roles", three)
		d.do("PATCH "+mina, `[{"operation":"replace","field":"/roles","value":[]},{"operation":"add","field":"/roles","value":`+twoRef+`}]`).must(200)
		d.holds(mina, "roles", two)
		boss, bossRef := user(d, `{}`)
		_, otherRef := user(d, `{}`)
		d.do("PATCH "+mina, `[{"operation":"add","field":"/manager","value":`+otherRef+`},{"operation":"replace","field":"/manager","value":`+bossRef+`}]`).must(200)
		d.holds(mina, "manager", boss)
		before := d.do("GET "+mina, "").body
		for _, patch := range []string{
			`[{"operation":"replace","field":"/city","value":"Oslo"},{"operation":"add","field":"/roles/-","value":{"_ref":"managed/alpha_role/nothing"}}]`,
			`[{"operation":"replace","field":"/city","value":"Oslo"},{"operation":"add","field":"/groups/-","value":{"_ref":"managed/alpha_group/nothing"}}]`,
			`[{"operation":"replace","field":"/city","value":"Oslo"},{"operation":"replace","field":"/manager","value":{"_ref":"managed/alpha_user/nobody"}}]`,
			`[{"operation":"add","field":"/roles/-","value":"x"}]`, `[{"operation":"increment","field":"/roles","value":1}]`, `[{"operation":"copy","field":"/roles","from":"/groups"}]`,
			`[{"operation":"add","field":"/roles/0","value":` + oneRef + `}]`, `[{"operation":"replace","field":"/manager/_ref","value":"x"}]`,
		} {
			d.do("PATCH "+mina, patch).refused(400, "")
		}
		d.do("GET "+mina, "").is(before)
		d.holds(mina, "roles", two)
	})
	t.Run("aic:AIC-123 remove one, by _ref", func(t *testing.T) {
		d := w.in(t)
		one, oneRef := role(d)
		_, twoRef := role(d)
		_, bossRef := user(d, `{}`)
		mina, _ := user(d, `{"roles":[`+oneRef+`,`+twoRef+`],"manager":`+bossRef+`}`)
		other := strings.Replace(twoRef, "}", `,"_refProperties":{"_id":"x","_rev":"y"},"_refResourceId":"z"}`, 1)
		d.do("PATCH "+mina, `[{"operation":"remove","field":"/roles","value":`+other+`}]`).must(200)
		d.holds(mina, "roles", one)
		rev := d.do("GET "+mina, "").rev()
		d.do("PATCH "+mina, `[{"operation":"remove","field":"/roles","value":`+twoRef+`},{"operation":"remove","field":"/groups","value":{"_ref":"managed/alpha_group/nothing"}},
			{"operation":"remove","field":"/manager","value":`+strings.Replace(bossRef, "_user/", "_user/x", 1)+`}]`).must(200).has(`{"_rev":"` + rev + `"}`)
		d.do("PATCH "+mina, `[{"operation":"remove","field":"/manager","value":`+bossRef+`}]`).must(200)
		d.holds(mina, "manager")
	})
	t.Run("aic:AIC-124 remove of an array of references without a value is 400", func(t *testing.T) {
		d := w.in(t)
		one, oneRef := role(d)
		boss, bossRef := user(d, `{}`)
		mina, _ := user(d, `{"roles":[`+oneRef+`],"manager":`+bossRef+`}`)
		for _, name := range []string{"roles", "groups", "reports"} {
			d.do("PATCH "+mina, `[{"operation":"remove","field":"/`+name+`"}]`).refused(400, "Cannot delete collection: /"+name)
		}
		d.holds(mina, "roles", one)
		d.holds(mina, "manager", boss)
		d.do("PATCH "+mina, `[{"operation":"remove","field":"/manager"}]`).must(200)
		d.holds(mina, "manager")
	})
	t.Run("aic:AIC-127 writing one side shows on the other", func(t *testing.T) {
		d := w.in(t)
		one, oneRef := role(d)
		mina, minaRef := user(d, `{}`)
		org, orgRef := d.make(organizations, `{"name":"org"}`)
		group, groupRef := d.make(groups, `{"name":"staff"}`)
		boss, bossRef := user(d, `{}`)
		for _, tt := range []struct{ name, end, ref, reverse string }{
			{"roles", one, oneRef, "members"}, {"memberOfOrg", org, orgRef, "members"}, {"adminOfOrg", org, orgRef, "admins"}, {"ownerOfOrg", org, orgRef, "owners"},
			{"groups", group, groupRef, "members"}, {"manager", boss, bossRef, "reports"},
		} {
			d.do("PATCH "+mina, `[{"operation":"add","field":"/`+tt.name+`","value":`+tt.ref+`}]`).must(200)
			d.holds(tt.end, tt.reverse, mina)
			d.do("PATCH "+mina, `[{"operation":"remove","field":"/`+tt.name+`","value":`+tt.ref+`}]`).must(200)
			d.holds(tt.end, tt.reverse)
			d.do("PATCH "+tt.end, `[{"operation":"add","field":"/`+tt.reverse+`/-","value":`+minaRef+`}]`).must(200)
			d.holds(mina, tt.name, tt.end)
			d.do("PATCH "+tt.end, `[{"operation":"replace","field":"/`+tt.reverse+`","value":[]}]`).must(200)
			d.holds(mina, tt.name)
		}
	})
	t.Run("aic:AIC-128 the references below an object", func(t *testing.T) {
		d := w.in(t)
		one, oneRef := role(d)
		_, twoRef := role(d)
		mina, minaRef := user(d, `{}`)
		empty := `{"result":[],"resultCount":0,"pagedResultsCookie":null,"totalPagedResultsPolicy":"NONE","totalPagedResults":-1,"remainingPagedResults":-1}`
		for _, name := range []string{"roles", "groups", "manager", "reports", "authzRoles", "memberOfOrg"} {
			d.do("GET "+mina+"/"+name+"?_queryFilter=true", "").must(200).is(empty)
		}
		for _, name := range []string{"nonsense", "userName", "_meta", "effectiveRoles"} {
			d.do("GET "+mina+"/"+name+"?_queryFilter=true", "").refused(404, "")
			d.do("POST "+mina+"/"+name+"?_action=create", oneRef).refused(404, "")
		}
		d.do("GET "+alphaUsers+"/none/roles?_queryFilter=true", "").refused(404, "")
		id := strings.TrimPrefix(one, roles+"/")
		want := `{"_id":"ID","_rev":"0","_ref":"managed/alpha_role/ID","_refResourceCollection":"managed/alpha_role","_refResourceId":"ID","_refProperties":{"_id":"ID","_rev":"0"}}`
		want = strings.ReplaceAll(want, "ID", id)
		a := d.do("POST "+mina+"/roles?_action=create", oneRef).must(201).is(want)
		if got := a.header.Get("Location"); got != publicURL+mina+"/roles/"+id {
			t.Errorf("Location is %s", got)
		}
		d.do("POST "+mina+"/roles", oneRef).refused(412, "Duplicate relationship specified in relationship collection.")
		d.do("POST "+mina+"/roles?_action=create", twoRef).must(201)
		d.do("GET "+mina+"/roles?_queryFilter=true", "").must(200).has(`{"resultCount":2}`)
		d.do("GET "+mina+"/roles?_queryFilter=false", "").must(200).is(empty)
		d.do("GET "+mina+"/roles?_queryId=query-all&_totalPagedResultsPolicy=EXACT&_pageSize=1", "").must(200).has(`{"resultCount":1,"totalPagedResults":2}`)
		d.do("GET "+mina+"/roles?_queryFilter=true&_countOnly=true", "", "Accept-API-Version: protocol=2.2").must(200).has(`{"result":[],"resultCount":2}`)
		cookie := d.do("GET "+mina+"/roles?_queryFilter=true&_pageSize=1", "").must(200).text("pagedResultsCookie")
		d.do("GET "+mina+"/roles?_queryFilter=true&_pageSize=1&_pagedResultsCookie="+cookie, "").must(200).has(`{"resultCount":1,"pagedResultsCookie":null}`)
		d.do("GET "+mina+"/roles?_queryFilter=true&_pagedResultsOffset=5", "").must(200).is(empty)
		d.do("GET "+mina+"/groups?_queryFilter=true&_pageSize=1&_pagedResultsCookie="+cookie, "").refused(400, "")
		d.do("GET "+mina+"/roles?_queryFilter=name eq %22x%22", "").refused(400, "")
		d.do("GET "+mina+"/roles?_queryFilter=true&_sortKeys=name", "").refused(400, "")
		d.do("GET "+mina+"/roles", "").refused(400, "")
		d.do("GET "+mina+"/roles/"+id, "").must(200).is(want)
		d.do("GET "+mina+"/roles/"+id+"?_fields=name", "").must(200).has(`{"_id":"` + id + `","name":"` + d.do("GET "+one, "").text("name") + `"}`)
		if d.do("GET "+one+"/members?_queryFilter=true&_fields=userName", "").must(200).object()["result"].([]any)[0].(map[string]any)["userName"] == nil {
			t.Error("the fields of the members are not shown")
		}
		d.do("DELETE "+mina+"/roles/"+id, "", "If-None-Match: *").refused(412, "")
		d.do("DELETE "+mina+"/roles/"+id, "", "If-Match: x").refused(412, "")
		d.do("DELETE "+mina+"/roles/"+id, "", "If-Match: 0").must(200).is(want)
		d.do("DELETE "+mina+"/roles/"+id, "").refused(404, "")
		d.do("GET "+mina+"/roles/"+id, "").refused(404, "")
		d.do("GET "+mina+"/roles?_queryFilter=true&_pageSize=1&_pagedResultsCookie="+cookie, "").refused(400, "")
		d.holds(one, "members")
		d.do("POST "+mina+"/roles?_action=nonsense", oneRef).refused(400, "Action nonsense is not supported.")
		for _, body := range []string{`{}`, `{"_ref":"managed/alpha_role/nothing"}`, `{"_ref":7}`, minaRef} {
			d.do("POST "+mina+"/roles?_action=create", body).refused(400, "")
		}
		boss, bossRef := user(d, `{}`)
		d.do("POST "+mina+"/manager?_action=create", bossRef).must(201)
		d.holds(boss, "reports", mina)
		d.do("DELETE "+boss+"/reports/"+mina[len(alphaUsers)+1:], "").must(200)
		d.holds(mina, "manager")
		d.do("PUT "+mina+"/roles/"+id, oneRef).refused(405, "Method PUT not supported")
		d.as("reader-token").do("POST "+mina+"/roles?_action=create", oneRef).refused(403, "Access denied")
	})
	t.Run("aic:AIC-171 a role that is granted is not deleted", func(t *testing.T) {
		d := w.in(t)
		one, oneRef := role(d)
		mina, _ := user(d, `{"roles":[`+oneRef+`]}`)
		d.do("DELETE "+one, "").refused(409, "Cannot delete a role that is currently granted")
		d.do("GET "+one, "").must(200)
		d.do("PATCH "+mina, `[{"operation":"remove","field":"/roles","value":`+oneRef+`}]`).must(200)
		d.do("DELETE "+one, "").must(200)
		d.do("GET "+one, "").must(404)
	})
}

// TestRolesAndOrganizations: they are managed objects as users are.
func TestRolesAndOrganizations(t *testing.T) {
	w := open(t, crest.AIC)
	t.Run("a role", func(t *testing.T) {
		d := w.in(t)
		a := d.do("POST "+roles+"?_action=create", `{"name":"Clerk","description":"d","condition":"/city eq \"Rome\"","custom_x":1}`).must(201)
		one := roles + "/" + a.id()
		a.is(`{"_id":"` + a.id() + `","_rev":"` + a.rev() + `","name":"Clerk","description":"d","condition":"/city eq \"Rome\"","temporalConstraints":[],"custom_x":1}`)
		for _, path := range []string{one, "/openidm/managed/role/" + a.id()} {
			d.do("GET "+path, "").must(200).is(a.body)
		}
		d.do("GET "+roles+`?_queryFilter=name eq "clerk" and description eq "d"&_sortKeys=-name`, "").must(200).has(`{"resultCount":1}`)
		d.do("GET "+roles+"?_queryFilter=true&_sortKeys=description,name,_id", "").must(200).has(`{"resultCount":1}`)
		d.do("POST "+roles+"?_action=create", `{"name":"CLERK"}`).unmet(`[{"property":"name","policyRequirements":[{"policyRequirement":"UNIQUE"}]}]`)
		d.do("POST "+roles+"?_action=create", `{"description":"x"}`).unmet(`[{"property":"name","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
		b := d.do("PATCH "+one, `[{"operation":"replace","field":"/description","value":"e"}]`, "If-Match: "+a.rev()).must(200).has(`{"description":"e"}`)
		d.do("PUT "+one, `{"name":"Baker"}`, "If-Match: "+a.rev()).refused(412, "")
		d.do("PUT "+one, `{"name":"Baker"}`, "If-Match: "+b.rev()).must(200).has(`{"name":"Baker","description":null}`).lacks("custom_x")
		d.do("PUT "+roles+"/chosen", `{"name":"Chosen"}`, "If-None-Match: *").must(201).has(`{"_id":"chosen"}`)
		d.do("DELETE "+one, "").must(200).has(`{"name":"Baker"}`)
	})
	t.Run("effective roles and groups", func(t *testing.T) {
		d := w.in(t)
		_, ref := d.make(roles, `{"name":"effective"}`)
		mina := d.create("mina", `{"roles":[`+ref+`]}`)
		id := strings.TrimSuffix(ref[strings.LastIndexByte(ref, '/')+1:], `"}`)
		want := `{"effectiveRoles":[{"_ref":"managed/alpha_role/` + id + `","_refResourceCollection":"managed/alpha_role","_refResourceId":"` + id + `"}]}`
		mina.has(want)
		d.do("GET "+alphaUsers+"/"+mina.id(), "").has(want)
		d.do("DELETE "+alphaUsers+"/"+mina.id(), "").has(want)
	})
	t.Run("organizations and their parts", func(t *testing.T) {
		d := w.in(t)
		whole, wholeRef := d.make(organizations, `{"name":"whole"}`)
		part, partRef := d.make(organizations, `{"name":"part","parent":`+wholeRef+`}`)
		mina := d.create("member", `{"memberOfOrg":[`+partRef+`]}`)
		boss := d.create("admin", `{"adminOfOrg":[`+wholeRef+`]}`)
		id := func(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
		mina.has(fmt.Sprintf(`{"memberOfOrgIDs":[%q,%q]}`, id(whole), id(part)))
		d.holds(alphaUsers+"/"+mina.id(), "memberOfOrg", part)
		d.holds(whole, "children", part)
		d.do("GET "+part, "").has(fmt.Sprintf(`{"parentIDs":[%q],"adminIDs":[],"ownerIDs":[]}`, id(whole))).lacks("members", "parent")
		d.do("GET "+whole, "").has(fmt.Sprintf(`{"parentIDs":[],"adminIDs":[%q]}`, boss.id()))
		d.do("PATCH "+whole, `[{"operation":"add","field":"/parent","value":`+partRef+`}]`).refused(400, "")
		d.do("PATCH "+whole, `[{"operation":"add","field":"/children/-","value":`+wholeRef+`}]`).refused(400, "")
		d.do("DELETE "+whole, "").must(200)
		d.holds(part, "parent")
		d.do("GET "+alphaUsers+"/"+boss.id()+"?_fields=adminOfOrg", "").has(`{"adminOfOrg":[]}`)
	})
	t.Run("another environment's are not there", func(t *testing.T) {
		d := w.in(t)
		one, ref := d.make(roles, `{"name":"sealed"}`)
		other := d.as("other-token")
		other.do("GET "+one, "").refused(404, "")
		stranger := other.do("POST "+alphaUsers+"?_action=create", full(t, "stranger", `{}`)).must(201)
		other.do("PATCH "+alphaUsers+"/"+stranger.id(), `[{"operation":"add","field":"/roles/-","value":`+ref+`}]`).refused(400, "")
	})
}

// TestConformanceFieldsEverywhere is AIC-186.
func TestConformanceFieldsEverywhere(t *testing.T) {
	d := open(t, crest.AIC)
	t.Run("aic:AIC-186 _fields applies to create, read, update, patch, delete and queries", func(t *testing.T) {
		d := d.in(t)
		const fields = "_fields=sn,roles"
		only := func(a *answer) *answer {
			o := a.object()
			if len(o) != 4 || o["_id"] == nil || o["_rev"] == nil || o["sn"] != "Lee" || len(o["roles"].([]any)) != 1 {
				t.Errorf("%s: %s", a.request, a.body)
			}
			return a
		}
		_, ref := d.make(roles, `{"name":"r"}`)
		one := alphaUsers + "/" + only(d.do("POST "+alphaUsers+"?_action=create&"+fields, full(t, "mina", `{"roles":[`+ref+`]}`)).must(201)).id()
		only(d.do("GET "+one+"?"+fields, "").must(200))
		only(d.do("PUT "+one+"?"+fields, full(t, "mina", `{}`)).must(200))
		only(d.do("PATCH "+one+"?"+fields, `[{"operation":"add","field":"/city","value":"Rome"}]`).must(200))
		only(d.do("POST "+one+"?_action=patch&"+fields, `[]`).must(200))
		for _, item := range d.do("GET "+alphaUsers+"?_queryFilter=true&"+fields, "").must(200).object()["result"].([]any) {
			if o := item.(map[string]any); len(o) != 4 || o["sn"] != "Lee" {
				t.Errorf("got %v", o)
			}
		}
		only(d.do("DELETE "+one+"?"+fields, "").must(200))
		only(d.do("PUT "+alphaUsers+"/chosen?"+fields, full(t, "mina", `{"roles":[`+ref+`]}`), "If-None-Match: *").must(201))
	})
}
