package crest_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/crest"
)

// TestConformanceRead is section 5.3.
func TestConformanceRead(t *testing.T) {
	w := open(t, crest.AIC)
	mina := w.create("mina", `{"password":"Corr3ct-Horse","telephoneNumber":"555-0100","description":"d","preferences":{"updates":true},"kbaInfo":[{"questionId":"1","answer":"Rex"}]}`)
	one := alphaUsers + "/" + mina.id()

	t.Run("aic:AIC-060 GET of an object answers 200 with ETag", func(t *testing.T) {
		d := w.in(t)
		for _, c := range []string{alphaUsers, plainUsers, seedUsers} {
			a := d.do("GET "+c+"/"+mina.id(), "").must(200).is(mina.body)
			if got := a.header.Get("ETag"); got != `"`+mina.rev()+`"` {
				t.Errorf("ETag is %s", got)
			}
		}
	})
	t.Run("aic:AIC-061 an unknown id is 404", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+alphaUsers+"/none", "").refused(404, "Object managed/alpha_user/none not found in managed/alpha_user")
		d.do("GET "+plainUsers+"/none", "").refused(404, "Object managed/user/none not found in managed/user")
		d.do("GET "+seedUsers+"/none", "").refused(404, "Object managed/alpha_user/none not found in managed/alpha_user")
	})
	t.Run("aic:AIC-062 If-None-Match with the current _rev is 304 without a body", func(t *testing.T) {
		d := w.in(t)
		for _, sent := range []string{mina.rev(), `"` + mina.rev() + `"`} {
			if a := d.do("GET "+one, "", "If-None-Match: "+sent).must(304); a.body != "" {
				t.Errorf("there is a body: %s", a.body)
			}
		}
		for _, sent := range []string{"x", `"` + mina.rev() + `0"`} {
			d.do("GET "+one, "", "If-None-Match: "+sent).must(200).is(mina.body)
		}
	})
	t.Run("aic:AIC-063 If-None-Match: * and If-Match on GET are 412", func(t *testing.T) {
		d := w.in(t)
		d.do("GET "+one, "", "If-None-Match: *").refused(412, "If-None-Match * not appropriate for GET requests")
		d.do("GET "+one, "", "If-Match: *").refused(412, "If-Match not supported for GET requests")
		d.do("GET "+one, "", "If-Match: "+mina.rev()).refused(412, "If-Match not supported for GET requests")
	})
	t.Run("aic:AIC-064 unset scalars are null, unset arrays [], unset relationships absent", func(t *testing.T) {
		d := w.in(t)
		a := d.do("POST /users", `{"userName":"bare"}`).must(201).whole(`{"userName":"bare"}`)
		d.do("GET /users/"+a.id(), "").must(200).whole(`{"userName":"bare"}`).
			lacks("manager", "reports", "roles", "groups", "authzRoles", "assignments", "applications", "memberOfOrg", "_meta")
	})
	t.Run("aic:AIC-065 private properties never appear, not even when named", func(t *testing.T) {
		d := w.in(t)
		for _, fields := range []string{"", "*", "password,cn,lastSync", "*,password,/password/", "kbaInfo/0/answer,kbaInfo/answer", "%2570assword", "*_ref,*,cn", "kbaInfo"} {
			a := d.do("GET "+one+"?_fields="+fields, "").must(200).lacks("password", "cn", "lastSync", "answer")
			if strings.Contains(a.body, "Rex") || strings.Contains(a.body, "pbkdf2") || strings.Contains(a.body, "argon") || strings.Contains(a.body, "answer") {
				t.Errorf("%s: %s", fields, a.body)
			}
		}
		d.do("GET "+one+"?_fields=password&_mimeType=text/plain", "").refused(404, "")
	})
	t.Run("aic:AIC-066 relationships are returned only when named", func(t *testing.T) {
		d := w.in(t)
		report := d.create("report", `{"manager":{"_ref":"managed/alpha_user/`+mina.id()+`"}}`).lacks("manager", "groups", "reports")
		d.do("GET "+alphaUsers+"/"+report.id()+"?_fields=*", "").must(200).lacks("manager", "groups")
		ref := `{"_ref":"managed/alpha_user/ID","_refResourceCollection":"managed/alpha_user","_refResourceId":"ID","_refProperties":{"_id":"ID","_rev":"0"}}`
		d.do("GET "+alphaUsers+"/"+report.id()+"?_fields=manager,groups,roles", "").must(200).
			has(`{"manager":` + strings.ReplaceAll(ref, "ID", mina.id()) + `,"groups":[],"roles":[]}`)
		d.do("GET "+one+"?_fields=reports,manager", "").must(200).has(`{"reports":[` + strings.ReplaceAll(ref, "ID", report.id()) + `],"manager":null}`)
		d.do("GET "+plainUsers+"/"+report.id()+"?_fields=manager", "").must(200).
			has(`{"manager":` + strings.ReplaceAll(strings.ReplaceAll(ref, "ID", mina.id()), "alpha_", "") + `}`)
	})
	t.Run("aic:AIC-067 _mimeType with one field answers with the value as it is", func(t *testing.T) {
		d := w.in(t)
		pixel := d.create("pixel", `{"profileImage":"iVBORw0KGgo_-w","frIndexedInteger1":42}`)
		at := "GET " + alphaUsers + "/" + pixel.id() + "?_fields="
		a := d.do(at+"userName&_mimeType=text/plain", "").must(200)
		if a.body != "pixel" || a.header.Get("Content-Type") != "text/plain;charset=UTF-8" {
			t.Errorf("%q, %v", a.body, a.header)
		}
		if a := d.do(at+"frIndexedInteger1&_mimeType=text/plain", "").must(200); a.body != "42" {
			t.Errorf("%q", a.body)
		}
		a = d.do(at+"profileImage&_mimeType=image/png", "").must(200)
		if a.body != "\x89PNG\r\n\x1a\n?\xfb" || a.header.Get("Content-Type") != "image/png" || a.header.Get("Content-Disposition") != "attachment" {
			t.Errorf("%q, %v", a.body, a.header)
		}
		for _, fields := range []string{"", "userName,mail", "*", "*_ref", "userName&_fields=mail"} {
			d.do(at+fields+"&_mimeType=text/plain", "").refused(400, "")
		}
		d.do(at+"userName&_mimeType=nonsense", "").refused(400, "")
		d.do(at+"mail&_mimeType=image/png", "").refused(400, "")
		d.do(at+"city&_mimeType=text/plain", "").refused(404, "")
	})
	t.Run("aic:AIC-068 GET of a collection without a query is 400", func(t *testing.T) {
		d := w.in(t)
		for _, c := range []string{alphaUsers, seedUsers, plainUsers, groups} {
			d.do("GET "+c, "").refused(400, "The resource collection "+c+" cannot be read")
			d.do("GET "+c+"?_fields=mail&_pageSize=1", "").refused(400, "")
		}
		d.do("GET "+one+"?_queryFilter=true", "").refused(400, "The resource instance "+one+" cannot be queried")
	})
}

// TestConformanceUpdate is section 5.4.
func TestConformanceUpdate(t *testing.T) {
	w := open(t, crest.AIC)
	n := 0
	// user makes a user and returns it with its path.
	user := func(d *door, more string) (*answer, string) {
		n++
		a := d.create(fmt.Sprintf("user%d", n), more)
		return a, alphaUsers + "/" + a.id()
	}

	t.Run("aic:AIC-070 If-Match with the revision replaces and makes a new one, with another is 412", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{"description":"old"}`)
		body := full(t, a.text("userName"), `{"description":"new"}`)
		b := d.do("PUT "+one, body, "If-Match: "+a.rev()).must(200).has(`{"description":"new"}`)
		if b.rev() == a.rev() || b.header.Get("ETag") != `"`+b.rev()+`"` {
			t.Errorf("_rev was %s, is %s, ETag %s", a.rev(), b.rev(), b.header.Get("ETag"))
		}
		for _, rev := range []string{a.rev(), "x", "0", "-1"} {
			d.do("PUT "+one, full(t, a.text("userName"), `{}`), "If-Match: "+rev).refused(412,
				"Update rejected as current Object revision "+b.rev()+" is different than expected by caller ("+rev+"), the object has changed since retrieval.")
		}
		d.do("GET "+one, "").must(200).is(b.body)
		var updated, stale atomic.Int32
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				switch c := d.do("PUT "+one, full(t, a.text("userName"), fmt.Sprintf(`{"description":"%d"}`, i)), "If-Match: "+b.rev()); c.status {
				case 200:
					updated.Add(1)
				case 412:
					stale.Add(1)
				default:
					t.Errorf("%d %s", c.status, c.body)
				}
			})
		}
		group.Wait()
		if updated.Load() != 1 || stale.Load() != 15 {
			t.Errorf("%d updated, %d stale", updated.Load(), stale.Load())
		}
	})
	t.Run("aic:AIC-071 the revision is taken bare, quoted or weak", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		rev := a.rev()
		for i, form := range []string{`%s`, `"%s"`, `W/"%s"`} {
			b := d.do("PUT "+one, full(t, a.text("userName"), fmt.Sprintf(`{"description":"%d"}`, i)), "If-Match: "+fmt.Sprintf(form, rev)).must(200)
			rev = b.rev()
		}
	})
	t.Run("aic:AIC-072 If-Match: * replaces whatever the revision", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				d.do("PUT "+one, full(t, a.text("userName"), fmt.Sprintf(`{"description":"%d"}`, i)), "If-Match: *").must(200)
			})
		}
		group.Wait()
		if got := d.stored(a.id()).Version; got != 17 {
			t.Errorf("version is %d", got)
		}
	})
	t.Run("aic:AIC-073 If-Match on a missing object is 404 and creates nothing", func(t *testing.T) {
		d := w.in(t)
		for _, sent := range []string{"*", "19ca8778148-1", `"x"`} {
			d.do("PUT "+alphaUsers+"/missing", full(t, "missing", `{}`), "If-Match: "+sent).refused(404, "")
		}
		d.do("GET "+alphaUsers+"/missing", "").must(404)
	})
	t.Run("aic:AIC-074 the body replaces: what it leaves out is removed, but for what is exempt", func(t *testing.T) {
		d := w.in(t)
		boss, _ := user(d, `{}`)
		a, one := user(d, `{"password":"Corr3ct-Horse","cn":"The Mina","manager":{"_ref":"managed/alpha_user/`+boss.id()+`"},"groups":[{"_ref":"managed/alpha_group/Users"}],
			"description":"d","telephoneNumber":"1","city":"Berlin","displayName":"D","accountStatus":"locked","preferences":{"updates":true},"aliasList":["a"],
			"frIndexedInteger1":1,"custom_x":"y","profileImage":"https://example.com/x.png"}`)
		name := a.text("userName")
		b := d.do("PUT "+one+"?_fields=*,manager,groups", full(t, name, `{"description":"e"}`)).must(200)
		got := b.object()
		if manager, _ := got["manager"].(map[string]any); manager["_refResourceId"] != boss.id() || len(got["groups"].([]any)) != 1 {
			t.Errorf("manager is %v, groups %v", got["manager"], got["groups"])
		}
		d.do("GET "+one+"?_fields=*", "").must(200).whole(fmt.Sprintf(`{"userName":%q,"givenName":"Mina","sn":"Lee","mail":"%s@example.com","description":"e",
			"passwordLastChangedTime":"2026-03-01T08:15:30.120Z","effectiveGroups":[{"_ref":"managed/alpha_group/Users","_refResourceCollection":"managed/alpha_group","_refResourceId":"Users"}]}`, name, name))
		if cn := d.stored(a.id()).Attributes().Get("name").Object().Get("formatted").Text(); cn != "The Mina" || !d.signsIn(name, "Corr3ct-Horse") {
			t.Errorf("cn is %q", cn)
		}
	})
	t.Run("aic:AIC-075 _id in the body must be the path's, _rev is ignored", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		name := a.text("userName")
		b := d.do("PUT "+one, full(t, name, `{"_id":"`+a.id()+`","_rev":"0","description":"1"}`)).must(200)
		d.do("PUT "+one, full(t, name, `{"_rev":"`+a.rev()+`","description":"2"}`), "If-Match: "+b.rev()).must(200)
		d.do("PUT "+one, full(t, name, `{"_rev":"`+b.rev()+`"}`), "If-Match: "+b.rev()).refused(412, "")
		d.do("PUT "+one, full(t, name, `{"_id":"other"}`)).refused(400, "")
	})
	t.Run("aic:AIC-076 what was read can be written back with one change", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{"telephoneNumber":"555-0100","preferences":{"updates":true},"kbaInfo":[{"questionId":"1","answer":"Rex"}],"custom_x":{"y":[1]}}`)
		before := d.stored(a.id())
		same := d.do("PUT "+one, a.body, "If-Match: "+a.rev()).must(200).is(a.body)
		d.do("PUT "+one, strings.Replace(same.body, `"city":null`, `"city":"Berlin"`, 1), "If-Match: "+same.rev()).must(200).has(`{"city":"Berlin","telephoneNumber":"555-0100"}`)
		d.do("PUT "+one, same.body).must(200).has(`{"city":null}`)
		if got := string(d.stored(a.id()).Doc()); got != string(before.Doc()) {
			t.Errorf("stored is\n%s\nwas\n%s", got, before.Doc())
		}
		// What other doors take this one need not.
		id := d.elsewhere(`{"userName":"elsewhere","externalId":"7","name":{"givenName":"E","familyName":"W","honorificPrefix":"Dr."},"nickName":"ew","title":"t",
			"emails":[{"value":"home@localhost","type":"home"},{"value":"work@localhost","type":"work","primary":true,"display":"W"}],
			"phoneNumbers":[{"value":"tel:+1-201-555-0123;ext=5","type":"mobile"},{"value":"(201) 555-0100 x7","type":"work"}],
			"addresses":[{"formatted":"F","streetAddress":"S","country":"Germany","type":"home"}],"photos":[{"value":"https://example.com/p","type":"thumbnail"}]}`)
		doc := string(d.stored(id).Doc())
		read := d.do("GET /users/"+id, "").must(200).has(`{"mail":"work@localhost","telephoneNumber":"(201) 555-0100 x7","postalAddress":"S","country":"Germany","profileImage":"https://example.com/p"}`)
		for _, c := range []string{seedUsers, alphaUsers} {
			d.do("PUT "+c+"/"+id, read.body).must(200).is(read.body)
		}
		if got := string(d.stored(id).Doc()); got != doc {
			t.Errorf("stored is\n%s\nwas\n%s", got, doc)
		}
		d.do("PUT /users/"+id, strings.Replace(read.body, `"mail":"work@localhost"`, `"mail":"new@example.com"`, 1)).must(200).has(`{"mail":"new@example.com"}`)
		want := strings.Replace(doc, `{"value":"work@localhost","display":"W","type":"work","primary":true}`, `{"value":"new@example.com","type":"work","primary":true}`, 1)
		if got := string(d.stored(id).Doc()); got != want || got == doc {
			t.Errorf("stored is\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("aic:AIC-077 null or absent for a required property is a policy failure", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		for _, name := range []string{"userName", "givenName", "sn", "mail"} {
			want := `[{"property":"` + name + `","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`
			d.do("PUT "+one, full(t, a.text("userName"), `{"`+name+`":null}`)).unmet(want)
			d.do("PUT "+one, strings.Replace(full(t, a.text("userName"), `{}`), `"`+name+`":`, `"x`+name+`":`, 1), "If-Match: "+a.rev()).unmet(want)
		}
		d.do("GET "+one, "").must(200).is(a.body)
	})
	t.Run("aic:AIC-079 optimistic locking never answers 409", func(t *testing.T) {
		d := w.in(t)
		a, one := user(d, `{}`)
		d.do("PUT "+one, full(t, a.text("userName"), `{}`), "If-Match: 0").refused(412, "")
		d.do("DELETE "+one, "", "If-Match: 0").refused(412, "")
		d.do("PUT "+one, full(t, a.text("userName"), `{}`), "If-None-Match: *").refused(412, "")
	})
	t.Run("a manager is replaced and cleared", func(t *testing.T) {
		d := w.in(t)
		first, _ := user(d, `{}`)
		second, _ := user(d, `{}`)
		a, one := user(d, `{"manager":{"_ref":"managed/alpha_user/`+first.id()+`"}}`)
		name := a.text("userName")
		shown := d.do("PUT "+one+"?_fields=manager/userName", full(t, name, `{"manager":{"_ref":"managed/user/`+second.id()+`","_refProperties":{}}}`)).must(200).object()["manager"].(map[string]any)
		if shown["userName"] != second.text("userName") || shown["_ref"] != "managed/alpha_user/"+second.id() || shown["_refResourceRev"] != second.rev() {
			t.Errorf("manager is %v", shown)
		}
		d.do("PUT "+one+"?_fields=manager", full(t, name, `{"manager":null}`)).must(200).has(`{"manager":null}`)
		d.do("PUT "+one, full(t, name, `{"manager":{"_ref":"managed/alpha_user/nobody"}}`)).refused(400, "")
	})
	t.Run("a taken userName and a refused password", func(t *testing.T) {
		d := w.in(t)
		a, _ := user(d, `{}`)
		b, one := user(d, `{}`)
		d.do("PUT "+one, full(t, a.text("userName"), `{}`)).unmet(`[{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`)
		d.do("PUT "+one, full(t, strings.ToUpper(a.text("userName")), `{"password":"Sh0rt"}`)).unmet(`[
			{"property":"password","policyRequirements":[{"policyRequirement":"LENGTH_BASED","params":{"min-password-length":8}}]},
			{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`)
		d.do("PUT "+one, full(t, strings.ToUpper(b.text("userName")), `{"password":"An0ther-Horse"}`)).must(200)
		if !d.signsIn(b.text("userName"), "An0ther-Horse") {
			t.Error("the new password does not work")
		}
	})
}

// TestConformanceDelete is section 5.5.
func TestConformanceDelete(t *testing.T) {
	w := open(t, crest.AIC)
	t.Run("aic:AIC-080 DELETE answers 200 with the deleted object", func(t *testing.T) {
		d := w.in(t)
		for i, c := range []string{alphaUsers, seedUsers, plainUsers} {
			a := d.create(fmt.Sprintf("gone%d", i), `{"description":"d","password":"Corr3ct-Horse"}`)
			b := d.do("DELETE "+c+"/"+a.id(), "").must(200).is(a.body)
			if got := b.header.Get("ETag"); got != `"`+a.rev()+`"` {
				t.Errorf("ETag is %s", got)
			}
			d.create(fmt.Sprintf("gone%d", i), `{"_id":"`+a.id()+`"}`)
		}
		a := d.create("field", `{"groups":[{"_ref":"managed/alpha_group/Users"}]}`)
		b := d.do("DELETE "+alphaUsers+"/"+a.id()+"?_fields=sn,groups", "").must(200).has(`{"sn":"Lee"}`).lacks("mail")
		if got := b.object()["groups"].([]any); len(got) != 1 {
			t.Errorf("groups are %v", got)
		}
	})
	t.Run("aic:AIC-081 If-Match as in PUT, If-None-Match is 412", func(t *testing.T) {
		d := w.in(t)
		a := d.create("conditional", `{}`)
		one := alphaUsers + "/" + a.id()
		for _, sent := range []string{"x", `"0-0"`} {
			rev := strings.Trim(sent, `"`)
			d.do("DELETE "+one, "", "If-Match: "+sent).refused(412, "Delete rejected as current Object revision "+a.rev()+
				" is different than the expected by caller "+rev+", the object has changed since retrieval.")
		}
		d.do("DELETE "+one, "", "If-None-Match: *").refused(412, "If-None-Match not supported for DELETE requests")
		d.do("DELETE "+one, "", "If-None-Match: "+a.rev()).refused(412, "")
		b := d.do("PUT "+one, full(t, "conditional", `{"city":"B"}`)).must(200)
		d.do("DELETE "+one, "", "If-Match: "+a.rev()).refused(412, "")
		d.do("DELETE "+one, "", `If-Match: W/"`+b.rev()+`"`).must(200)
		d.do("DELETE "+alphaUsers+"/"+d.create("any", `{}`).id(), "", "If-Match: *").must(200)
	})
	t.Run("aic:AIC-082 an unknown id is 404, and so is a second DELETE", func(t *testing.T) {
		d := w.in(t)
		a := d.create("twice", `{}`)
		d.do("DELETE "+alphaUsers+"/none", "").refused(404, "Object managed/alpha_user/none not found in managed/alpha_user")
		d.do("DELETE "+alphaUsers+"/"+a.id(), "").must(200)
		d.do("DELETE "+alphaUsers+"/"+a.id(), "").refused(404, "Object managed/alpha_user/"+a.id()+" not found in managed/alpha_user")
		d.do("DELETE "+alphaUsers+"/"+a.id(), "", "If-Match: *").refused(404, "")
	})
	t.Run("aic:AIC-083 DELETE of a collection is 400", func(t *testing.T) {
		d := w.in(t)
		before := d.total("User")
		for _, c := range []string{alphaUsers, seedUsers, plainUsers, groups} {
			d.do("DELETE "+c, "").refused(400, "The resource collection "+c+" cannot be deleted")
		}
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
	})
	t.Run("aic:AIC-084 deleting a user removes the references to it", func(t *testing.T) {
		d := w.in(t)
		boss := d.create("boss", `{"groups":[{"_ref":"managed/alpha_group/Users"}]}`)
		report := d.create("report", `{"manager":{"_ref":"managed/alpha_user/`+boss.id()+`"}}`)
		one := alphaUsers + "/" + report.id()
		if d.do("GET "+one+"?_fields=manager", "").object()["manager"] == nil {
			t.Fatal("there is no manager")
		}
		d.do("DELETE "+alphaUsers+"/"+boss.id(), "").must(200)
		d.do("GET "+one+"?_fields=manager", "").must(200).has(`{"manager":null}`)
		d.do("GET "+one+"?_fields=*_ref", "").must(200).lacks("manager")
		d.do("GET "+groups+"/Users?_fields=members", "").must(200).has(`{"members":[]}`)
		d.do("PUT "+one, full(t, "report", `{}`)).must(200)

		ada := d.create("ada", `{}`).id()
		ref := `{"_ref":"managed/alpha_user/` + ada + `"}`
		holders := map[string]string{}
		for path, members := range map[string]string{groups: "members", "/openidm/managed/alpha_role": "members", "/openidm/managed/alpha_organization": "admins"} {
			a := d.do("POST "+path, `{"name":"of ada","`+members+`":[`+ref+`]}`).must(201)
			holders[path+"/"+url.PathEscape(a.id())+"?_fields="+members] = a.rev()
		}
		d.do("DELETE "+alphaUsers+"/"+ada, "").must(200)
		for path, rev := range holders { // another revision: who has the old one is told
			if a := d.do("GET "+path, "", "If-None-Match: "+rev).must(200); a.rev() == rev || strings.Contains(a.body, "_ref") {
				t.Errorf("%s: %s", path, a.body)
			}
		}
	})
}
