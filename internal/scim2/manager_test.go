package scim2_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim2"
)

func TestManager(t *testing.T) {
	body := func(name, manager string) string {
		return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","` + enterpriseURN + `"],"userName":"` + name + `","` + enterpriseURN + `":{"manager":{"value":"` + manager + `"}}}`
	}
	patch := func(manager string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"` + enterpriseURN + `:manager","value":{"value":"` + manager + `"}}]}`
	}
	t.Run("scim:SCH-14 strict clients are told of a manager or member who is not there", func(t *testing.T) {
		d := openStandard(t, scim2.Options{Strict: true})
		const detail = enterpriseURN + ":manager.value: there is nothing with the id nobody"
		d.refused(t, "POST /Users", body("ada", "nobody"), 400, "invalidValue", detail)
		boss, ada := d.user(t, body0("boss")), d.user(t, body0("ada"))
		d.refused(t, "PUT /Users/"+ada, body("ada", "nobody"), 400, "invalidValue", detail)
		d.refused(t, "PATCH /Users/"+ada, patch("nobody"), 400, "invalidValue", detail)
		d.do("PATCH /Users/"+ada, patch(boss)).wantStatus(t, 200)
		d.refused(t, "POST /Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g","members":[{"value":"nobody"}]}`,
			400, "invalidValue", "members[0].value: there is nothing with the id nobody")
	})
	t.Run("and those of RSA", func(t *testing.T) {
		d := openRSA(t, scim2.Options{})
		d.refused(t, "POST /Users", body("ada", "nobody"), 400, "invalidValue", enterpriseURN+":manager.value: there is nothing with the id nobody.")
	})
	t.Run("clients 9.9 an unknown manager is kept as text for tolerant clients", func(t *testing.T) {
		d := openStandard(t, scim2.Options{})
		id := d.user(t, body("ada", "SuzzyQ"))
		a := d.do("GET /Users/"+id, "")
		a.wantStatus(t, 200)
		want(t, "manager", a.get(enterpriseURN+"/manager/value"), any("SuzzyQ"))
	})
}

func body0(name string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `"}`
}
