package crest_test

import (
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/crest"
)

const ofPolicy = "/openidm/policy/managed/alpha_user/"

// verdict fails the test unless the policies answer with these failed
// requirements: a JSON array, empty for none.
func (a *answer) verdict(want string) {
	a.Helper()
	result := "false"
	if want == "[]" {
		result = "true"
	}
	a.must(200).is(`{"result":` + result + `,"failedPolicyRequirements":` + want + `}`)
}

// TestConformancePolicy is AIC-194.
func TestConformancePolicy(t *testing.T) {
	w := open(t, crest.AIC)
	t.Run("aic:AIC-194 validateObject ignores the id and stores nothing, validateProperty takes _remove, or object and properties", func(t *testing.T) {
		d := w.in(t)
		mina := d.create("mina", `{}`)
		before := d.total("User")
		const object, property = "?_action=validateObject", "?_action=validateProperty"
		for _, id := range []string{"*", "none", mina.id()} {
			d.do("POST "+ofPolicy+id+object, full(t, "new", `{"password":"Corr3ct-Horse"}`)).verdict(`[]`)
			d.do("POST "+ofPolicy+id+object, `{"userName":"MINA","sn":"","mail":"x","password":"Sh0rt"}`).verdict(`[
				{"property":"givenName","policyRequirements":[{"policyRequirement":"REQUIRED"}]},{"property":"sn","policyRequirements":[{"policyRequirement":"REQUIRED"}]},
				{"property":"mail","policyRequirements":[{"policyRequirement":"VALID_EMAIL_ADDRESS_FORMAT"}]},
				{"property":"password","policyRequirements":[{"policyRequirement":"LENGTH_BASED","params":{"min-password-length":8}}]},
				{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`)
		}
		d.do("POST "+ofPolicy+"*"+object, mina.body).verdict(`[]`)
		d.do("POST "+ofPolicy+"*"+object, full(t, "long", `{"description":"`+strings.Repeat("x", 70_000)+`"}`)).
			verdict(`[{"property":"description","policyRequirements":[{"policyRequirement":"MAX_LENGTH","params":{"maxLength":65536}}]}]`)
		d.do("POST "+ofPolicy+mina.id()+property, `{"mail":"x","city":"Rome"}`).verdict(`[{"property":"mail","policyRequirements":[{"policyRequirement":"VALID_EMAIL_ADDRESS_FORMAT"}]}]`)
		d.do("POST "+ofPolicy+mina.id()+property, `{"userName":"mina","city":7,"preferences":{"updates":1}}`).verdict(`[
			{"property":"city","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"number","validTypes":["string","null"]}}]},
			{"property":"preferences/updates","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"number","validTypes":["boolean","null"]}}]}]`)
		d.do("POST "+ofPolicy+"none"+property, `{"userName":"mina"}`).verdict(`[{"property":"userName","policyRequirements":[{"policyRequirement":"VALID_USERNAME"}]}]`)
		d.do("POST "+ofPolicy+mina.id()+property, `{"city":"Rome"}`).verdict(`[]`)
		d.do("POST "+ofPolicy+mina.id()+property, `{"_remove":["sn","city"]}`).verdict(`[{"property":"sn","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
		d.do("POST "+ofPolicy+"none"+property, `{"object":`+full(t, "other", `{"mail":"x"}`)+`,"properties":{"userName":"a/b"}}`).
			verdict(`[{"property":"userName","policyRequirements":[{"policyRequirement":"CANNOT_CONTAIN_CHARACTERS","params":{"forbiddenChars":"/"}}]}]`)
		d.do("POST "+ofPolicy+"none"+property, `{"object":`+full(t, "other", `{"mail":"x"}`)+`,"properties":{"_remove":["givenName"],"city":"Rome"}}`).
			verdict(`[{"property":"givenName","policyRequirements":[{"policyRequirement":"REQUIRED"}]}]`)
		d.do("POST /openidm/policy/managed/user/*"+object, full(t, "mina", `{}`)).verdict(`[{"property":"userName","policyRequirements":[{"policyRequirement":"UNIQUE"}]}]`)
		d.do("POST /openidm/policy/managed/alpha_role/*"+object, `{"name":7}`).
			verdict(`[{"property":"name","policyRequirements":[{"policyRequirement":"VALID_TYPE","params":{"invalidType":"number","validTypes":["string"]}}]}]`)
		if after := d.total("User"); after != before {
			t.Errorf("%d users, were %d", after, before)
		}
		d.do("GET "+alphaUsers+"/"+mina.id(), "").is(mina.body)
	})
	t.Run("what is no question for the policies", func(t *testing.T) {
		d := w.in(t)
		d.do("POST "+ofPolicy+"*?_action=nonsense", `{}`).refused(400, "Action nonsense is not supported.")
		d.do("POST "+ofPolicy+"*", `{}`).refused(400, "")
		d.do("POST "+ofPolicy+"*?_action=validateObject", `[]`).refused(400, "")
		d.do("POST "+ofPolicy+"*?_action=validateObject", ``).refused(400, "")
		d.do("POST "+ofPolicy+"*?_action=validateObject", `{}`, "If-Match: *").refused(412, "")
		d.do("POST /openidm/policy/managed/bravo_user/*?_action=validateObject", `{}`).refused(404, "")
		d.do("POST "+ofPolicy+"*?_action=validateObject", `{}`, "Accept-API-Version: resource=9.0").refused(406, "")
	})
}

func TestSchema(t *testing.T) {
	d := open(t, crest.AIC)
	for name, want := range map[string]string{
		"user": `{"userName":{"type":"string","returnByDefault":true},"password":{"type":"string","returnByDefault":false,"scope":"private"},
			"preferences":{"type":"object","properties":{"updates":{"type":"boolean","returnByDefault":true},"marketing":{"type":"boolean","returnByDefault":true}},"returnByDefault":true},
			"aliasList":{"type":"array","items":{"type":"string"},"returnByDefault":true},"frIndexedInteger1":{"type":"number","returnByDefault":true},
			"roles":{"type":"array","items":{"type":"relationship","resourceCollection":[{"path":"managed/alpha_role"}],"reverseRelationship":true,"reversePropertyName":"members"},"returnByDefault":false},
			"manager":{"type":"relationship","resourceCollection":[{"path":"managed/alpha_user"}],"reverseRelationship":true,"reversePropertyName":"reports","returnByDefault":false},
			"effectiveRoles":{"type":"array","returnByDefault":true,"isVirtual":true}}`,
		"group": `{"members":{"type":"array","items":{"type":"relationship","resourceCollection":[{"path":"managed/alpha_user"},{"path":"managed/alpha_group"}],
			"reverseRelationship":true,"reversePropertyName":"groups"},"returnByDefault":false}}`,
		"role": `{"name":{"type":"string","returnByDefault":true}}`, "organization": `{"description":{"type":"string","returnByDefault":true}}`,
	} {
		a := d.do("GET /openidm/schema/managed/alpha_"+name, "").must(200).has(`{"_id":"managed/alpha_` + name + `","type":"object"}`)
		o := a.object()
		properties := o["properties"].(map[string]any)
		for property, v := range value(t, want).(map[string]any) {
			(&answer{TB: t, request: name + "/" + property, body: encode(t, properties[property])}).is(encode(t, v))
		}
		if len(o["order"].([]any)) != len(properties) || len(o["required"].([]any)) == 0 {
			t.Errorf("%s: order %v, required %v", name, o["order"], o["required"])
		}
	}
	d.do("GET /openidm/schema/managed/user", "").must(200).has(`{"_id":"managed/user","required":["userName","givenName","sn","mail"]}`)
	d.do("GET /openidm/schema/managed/nonsense", "").refused(404, "")
}
