package scim2_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// The schemas of these tests.
const (
	badgeURN  = "urn:example:schemas:2.0:Badge"
	deviceURN = "urn:example:schemas:2.0:Device"
)

// badge is the definition of an extension with these attributes.
func badge(attributes ...string) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":%q,"name":"Badge","description":"A badge","attributes":[%s]}`,
		badgeURN, strings.Join(attributes, ","))
}

// usersWith is the definition that gives users these extensions.
func usersWith(extensions ...string) string {
	list := []string{`{"schema":"` + enterpriseURN + `","required":false}`}
	for _, uri := range extensions {
		list = append(list, `{"schema":"`+uri+`","required":false}`)
	}
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"User","endpoint":"/Users","schema":"` + userURN +
		`","schemaExtensions":[` + strings.Join(list, ",") + `]}`
}

const (
	deviceSchema = `{"id":"` + deviceURN + `","name":"Device","attributes":[
		{"name":"serial","required":true,"uniqueness":"server","caseExact":true},{"name":"displayName","indexed":true},
		{"name":"ports","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"integer"},{"name":"type","canonicalValues":["copper","fiber"]},{"name":"primary","type":"boolean"}]},
		{"name":"bought","type":"dateTime"},{"name":"pin","mutability":"writeOnly"},{"name":"notes","returned":"request"},{"name":"site","mutability":"immutable"}]}`
	deviceType = `{"name":"Device","endpoint":"/Devices","description":"A thing","schema":"` + deviceURN + `","schemaExtensions":[{"schema":"` + badgeURN + `","required":true}]}`
)

// define makes a definition, which must succeed.
func (d *door) define(t testing.TB, request, body string) *answer {
	t.Helper()
	a := d.as(directorytest.AdminToken).do(request, body)
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		t.Fatalf("%s: status %d, body %s", request, a.status, a.body)
	}
	return a
}

// devices defines a resource type, with a required extension.
func (d *door) devices(t testing.TB) {
	t.Helper()
	d.define(t, "POST /Schemas", badge(`{"name":"number","uniqueness":"server"}`))
	d.define(t, "POST /Schemas", deviceSchema)
	d.define(t, "POST /ResourceTypes", deviceType)
}

// beside returns another door to the same directory.
func (d *door) beside(t testing.TB, p scim2.Profile, base string) *door {
	t.Helper()
	e := d.at(base)
	e.serve(t, p)
	return e
}

func ids2(a *answer) []string {
	list := []string{}
	for _, r := range a.list() {
		list = append(list, fmt.Sprint(r["id"]))
	}
	return list
}

func TestDefinitions(t *testing.T) {
	runChecks(t, openStandard, []check{
		{name: "the life of an extension", run: checkExtension},
		{name: "the life of a resource type", run: checkOwnType},
		{name: "scim:DIS-13,scim:DIS-15 own definitions are published as the others are", run: checkPublished},
		{name: "what is returned of own attributes", run: checkReturned},
		{name: "own types in bulk, at the root and in PATCH", run: checkEverywhere},
		{name: "who may define, and who sees it", run: checkWho},
		{name: "other doors do not show own extensions and keep them", run: checkKept},
		{name: "endpoints that nobody has defined", run: checkUndefined},
		{name: "definitions that are refused", run: checkRefused},
		{name: "a definition has an ETag, which If-Match compares", run: checkVersions},
	})
}

func checkExtension(t *testing.T, d *door) {
	a := d.define(t, "POST /Schemas", badge(`{"name":"number","indexed":true}`, `{"name":"color","canonicalValues":["red","blue"]}`))
	a.wantStatus(t, 201)
	location := publicURL + d.base + "/Schemas/" + badgeURN
	a.wantHeader(t, "Location", location)
	const published = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"` + badgeURN + `","meta":{"resourceType":"Schema","location":"$BASE/Schemas/` + badgeURN + `"},
		"name":"Badge","description":"A badge","attributes":[
		{"name":"number","type":"string","multiValued":false,"description":"number","required":false,"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none","indexed":true},
		{"name":"color","type":"string","multiValued":false,"description":"color","required":false,"canonicalValues":["red","blue"],"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none"}]}`
	a.wantJSON(t, d, published)
	d.do("GET /Schemas/"+strings.ToUpper(badgeURN), "").wantJSON(t, d, published)
	a.wantHeader(t, "ETag", d.do("GET /Schemas/"+badgeURN, "").header.Get("ETag"))

	a = d.define(t, "PUT /ResourceTypes/User", usersWith(badgeURN))
	a.wantStatus(t, 200)
	const users = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"User","meta":{"resourceType":"ResourceType","location":"$BASE/ResourceTypes/User"},
		"name":"User","description":"User Account","endpoint":"/Users","schema":"` + userURN + `",
		"schemaExtensions":[{"schema":"` + enterpriseURN + `","required":false},{"schema":"` + badgeURN + `","required":false}]}`
	a.wantJSON(t, d, users)
	d.do("GET /ResourceTypes/User", "").wantJSON(t, d, users)
	want(t, "schemas", ids2(d.do("GET /Schemas", ""))[:4], []string{userURN, enterpriseURN, badgeURN, groupURN})

	ada := d.create(t, "/Users", `{"userName":"ada","`+strings.ToUpper(badgeURN)+`":{"NUMBER":"A7","Color":"red","unknown":1}}`)
	ada.wantJSON(t, d, strings.Replace(view(`"userName":"ada","active":true,"`+badgeURN+`":{"number":"A7","color":"red"}`), `"`+userURN+`"`, `"`+userURN+`","`+badgeURN+`"`, 1))
	d.create(t, "/Users", `{"userName":"bob"}`).wantJSON(t, d, view(`"userName":"bob","active":true`))
	for filter, found := range map[string][]string{
		badgeURN + `:number eq "a7"`: {"ada"}, badgeURN + `:color ne "blue"`: {"ada", "bob"}, `number sw "A"`: {"ada"}, badgeURN + `:color pr and active eq true`: {"ada"},
		`schemas eq "` + badgeURN + `"`: {"ada"}, `not (` + badgeURN + `:number pr)`: {"bob"},
	} {
		want(t, filter, d.names(t, "/Users?filter="+strings.ReplaceAll(filter, " ", "+")), found)
	}
	d.refused(t, "GET /Users?filter="+badgeURN+":other+pr", "", 400, "invalidFilter", "")
	base := `{"schemas":["` + userURN + `","` + badgeURN + `"],"id":"$ID"`
	id := ada.id()
	d.do("GET /Users/"+id+"?attributes="+badgeURN+":color", "").wantJSON(t, d, base+`,"`+badgeURN+`":{"color":"red"}}`)
	d.do("GET /Users/"+id+"?attributes="+badgeURN, "").wantJSON(t, d, base+`,"`+badgeURN+`":{"number":"A7","color":"red"}}`)
	if got := d.do("GET /Users/"+id+"?excludedAttributes="+badgeURN, "").get(badgeURN); got != nil {
		t.Errorf("excluded and shown: %v", got)
	}

	// Strict modes read canonical values.
	openIt := d.beside(t, scim2.Standard(strict), "/scim/v2")
	openIt.refused(t, "POST /Users", `{"schemas":["`+userURN+`","`+badgeURN+`"],"userName":"eve","`+badgeURN+`":{"color":"green"}}`, 400, "invalidValue", badgeURN+":color must be one of red, blue")
	openIt.refused(t, "POST /Users", `{"schemas":["`+userURN+`"],"userName":"eve","`+badgeURN+`":{"color":"red"}}`, 400, "invalidSyntax", "")

	d.do("PATCH /Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"`+badgeURN+`:color","value":"blue"}]}`).wantStatus(t, 200)
	want(t, "color", d.do("GET /Users/"+id, "").get(badgeURN+"/color"), any("blue"))

	// Safe changes are made at once, unsafe ones are refused with the reason.
	admin := d.as(directorytest.AdminToken)
	admin.do("PUT /Schemas/"+badgeURN, badge(`{"name":"number","indexed":true}`, `{"name":"color"}`, `{"name":"issued","type":"dateTime"}`)).wantStatus(t, 200)
	d.do("PUT /Users/"+id, `{"userName":"ada","`+badgeURN+`":{"number":"A7","issued":"2026-01-01T01:00:00+01:00"}}`).wantStatus(t, 200)
	want(t, "issued", d.names(t, `/Users?filter=`+badgeURN+`:issued+eq+%222026-01-01T00:00:00Z%22`), []string{"ada"})
	admin.refused(t, "PUT /Schemas/"+badgeURN, badge(`{"name":"color"}`, `{"name":"issued","type":"dateTime"}`), 400, "mutability",
		badgeURN+":number cannot be removed while resources have values of it: User "+id)
	admin.refused(t, "PUT /Schemas/"+badgeURN, badge(`{"name":"number","multiValued":true}`, `{"name":"issued","type":"dateTime"}`), 400, "mutability",
		badgeURN+":number cannot become multi-valued while resources have a value of it: User "+id)
	admin.refused(t, "PUT /ResourceTypes/User", usersWith(), 400, "mutability", badgeURN+" cannot be taken from the type while resources have values of it: User "+id)
	admin.refused(t, "DELETE /Schemas/"+badgeURN, "", 400, "mutability", badgeURN+" cannot be deleted while the resource type has it: User")

	d.do("PUT /Users/"+id, `{"userName":"ada"}`).wantStatus(t, 200)
	d.define(t, "PUT /ResourceTypes/User", usersWith())
	gone := admin.do("DELETE /Schemas/"+badgeURN, "")
	gone.wantStatus(t, 204)
	want(t, "body", string(gone.body), "")
	d.refused(t, "GET /Schemas/"+badgeURN, "", 404, "", "")
	d.refused(t, "GET /Users?filter="+badgeURN+":number+pr", "", 400, "invalidFilter", "")
}

func checkOwnType(t *testing.T, d *door) {
	d.define(t, "POST /Schemas", badge(`{"name":"number","uniqueness":"server"}`))
	d.define(t, "POST /Schemas", deviceSchema)
	d.refused(t, "POST /Devices", `{"serial":"1"}`, 404, "", "")
	a := d.define(t, "POST /ResourceTypes", deviceType)
	a.wantStatus(t, 201)
	a.wantHeader(t, "Location", publicURL+d.base+"/ResourceTypes/Device")
	const published = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"Device","meta":{"resourceType":"ResourceType","location":"$BASE/ResourceTypes/Device"},
		"name":"Device","description":"A thing","endpoint":"/Devices","schema":"` + deviceURN + `","schemaExtensions":[{"schema":"` + badgeURN + `","required":true}]}`
	a.wantJSON(t, d, published)
	d.do("GET /ResourceTypes/Device", "").wantJSON(t, d, published)
	want(t, "types", ids2(d.do("GET /ResourceTypes", "")), []string{"User", "Group", "Device"})

	d.refused(t, "POST /Devices", `{"serial":"R-1"}`, 400, "invalidValue", badgeURN+" is required")
	d.refused(t, "POST /Devices", `{"`+badgeURN+`":{"number":"1"}}`, 400, "invalidValue", "serial is required")
	d.refused(t, "POST /Devices", `{"serial":7,"`+badgeURN+`":{"number":"1"}}`, 400, "invalidValue", "serial must be of the JSON type string")
	a = d.create(t, "/Devices", `{"externalId":"x","SERIAL":"R-1","displayName":"Router","bought":"2026-01-01T01:00:00+01:00","groups":[],"userName":"no",
		"ports":[{"value":1,"type":"copper","primary":true},{"value":2}],"`+badgeURN+`":{"number":"N1"}}`)
	const device = `{"schemas":["` + deviceURN + `","` + badgeURN + `"],"id":"$ID","externalId":"x",
		"meta":{"resourceType":"Device","created":"$T","lastModified":"$T","location":"$BASE/Devices/$ID","version":"W/\"1\""},
		"serial":"R-1","displayName":"Router","bought":"2026-01-01T00:00:00.000Z","ports":[{"value":1,"type":"copper","primary":true},{"value":2}],"` + badgeURN + `":{"number":"N1"}}`
	a.wantJSON(t, d, device)
	id := a.id()
	a.wantHeader(t, "Location", publicURL+d.base+"/Devices/"+id)
	for _, path := range []string{"/Devices/" + id, "/devices/" + id} {
		d.do("GET "+path, "").wantJSON(t, d, device)
	}
	d.refused(t, "GET /Users/"+id, "", 404, "", "")
	d.refused(t, "POST /Devices", `{"serial":"R-1","`+badgeURN+`":{"number":"N2"}}`, 409, "uniqueness", "serial is already in use")
	d.refused(t, "POST /Devices", `{"serial":"R-2","`+badgeURN+`":{"number":"n1"}}`, 409, "uniqueness", badgeURN+":number is already in use")
	d.create(t, "/Devices", `{"serial":"r-1","displayName":"Switch","`+badgeURN+`":{"number":"N3"}}`)
	for filter, found := range map[string][]string{
		`serial eq "R-1"`: {"Router"}, `displayName co "T"`: {"Router", "Switch"}, `ports[type eq "copper" and value lt 2]`: {"Router"}, `ports.value ge 2`: {"Router"},
		`bought lt "2026-01-01T00:00:01Z"`: {"Router"}, `meta.resourceType eq "Device"`: {"Router", "Switch"}, `id eq "` + id + `"`: {"Router"}, `externalId eq "x"`: {"Router"},
		`meta.location ew "/Devices/` + id + `"`: {"Router"},
	} {
		want(t, filter, d.names(t, "/Devices?filter="+strings.NewReplacer(" ", "+", `"`, "%22").Replace(filter)), found)
	}
	d.refused(t, "GET /Devices?filter=userName+pr", "", 400, "invalidFilter", "")
	want(t, "search", d.do("POST /Devices/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"serial sw \"R\"","count":1}`).get("totalResults"), any(json.Number("1")))

	d.do("PUT /Devices/"+id, `{"serial":"R-1","site":"Berlin","`+badgeURN+`":{"number":"N1"}}`, `If-Match: W/"1"`).wantStatus(t, 200)
	d.refused(t, "PUT /Devices/"+id, `{"serial":"R-1","site":"Paris","`+badgeURN+`":{"number":"N1"}}`, 400, "mutability", "site is immutable")
	patch := func(operations string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
	}
	a = d.do("PATCH /Devices/"+id, patch(`{"op":"add","path":"ports","value":{"value":3,"primary":true}},{"op":"replace","path":"displayName","value":"Core"}`))
	a.wantStatus(t, 200)
	want(t, "displayName", a.get("displayName"), any("Core"))
	want(t, "ports", fmt.Sprint(a.get("ports")), "[map[primary:true value:3]]")
	d.refused(t, "PATCH /Devices/"+id, patch(`{"op":"remove","path":"serial"}`), 400, "mutability", "")
	d.refused(t, "PATCH /Devices/"+id, patch(`{"op":"replace","path":"site","value":"Rome"}`), 400, "mutability", "")

	admin := d.as(directorytest.AdminToken)
	admin.refused(t, "DELETE /ResourceTypes/Device", "", 400, "mutability", "Device cannot be deleted while there are resources of it (2)")
	admin.refused(t, "DELETE /Schemas/"+deviceURN, "", 400, "mutability", deviceURN+" cannot be deleted while the resource type has it: Device")
	for _, r := range d.do("GET /Devices", "").list() {
		d.do(fmt.Sprintf("DELETE /Devices/%v", r["id"]), "").wantStatus(t, 204)
	}
	d.refused(t, "GET /Devices/"+id, "", 404, "", "Device "+id+" not found")
	admin.do("DELETE /ResourceTypes/Device", "").wantStatus(t, 204)
	admin.do("DELETE /Schemas/"+deviceURN, "").wantStatus(t, 204)
	d.refused(t, "GET /Devices", "", 404, "", "There is no endpoint /scim/v2/Devices")
	want(t, "types", ids2(d.do("GET /ResourceTypes", "")), []string{"User", "Group"})
}

func checkPublished(t *testing.T, d *door) {
	d.devices(t)
	d.define(t, "PUT /ResourceTypes/User", usersWith(badgeURN))
	d.define(t, "POST /Schemas", `{"id":"urn:example:unused","attributes":[{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"binary"}]}]}`)
	published := map[string]bool{}
	for _, s := range d.do("GET /Schemas", "").list() {
		id := fmt.Sprint(s["id"])
		want(t, id+" is published before", published[id], false)
		published[id] = true
		want(t, id+": description", s["description"] != nil, true)
		attributes, _ := s["attributes"].([]any)
		want(t, id+" has attributes", len(attributes) > 0, true)
		for _, a := range attributes {
			wantAttribute(t, id, a)
		}
		d.do("GET /Schemas/"+id, "").wantStatus(t, 200)
	}
	for _, uri := range []string{userURN, groupURN, enterpriseURN, badgeURN, deviceURN, "urn:example:unused"} {
		want(t, uri+" is published", published[uri], true)
	}
	types := d.do("GET /ResourceTypes", "").list()
	want(t, "types", len(types), 3)
	for _, rt := range types {
		name, endpoint := fmt.Sprint(rt["name"]), fmt.Sprint(rt["endpoint"])
		want(t, name+": schema is published", published[fmt.Sprint(rt["schema"])], true)
		want(t, name+": endpoint", endpoint, "/"+name+"s")
		d.do("GET "+endpoint, "").wantStatus(t, 200)
		extensions, _ := rt["schemaExtensions"].([]any)
		want(t, name+": extensions", len(extensions), map[string]int{"User": 2, "Device": 1}[name])
		for _, e := range extensions {
			extension, _ := e.(map[string]any)
			want(t, name+": extension is published", published[fmt.Sprint(extension["schema"])], true)
			want(t, name+": required", extension["required"], any(name == "Device"))
		}
	}
}

func checkReturned(t *testing.T, d *door) {
	d.devices(t)
	a := d.create(t, "/Devices", `{"serial":"1","pin":"1234","notes":"n","`+badgeURN+`":{"number":"1"}}`)
	id := a.id()
	want(t, "notes after a write", a.get("notes"), any("n"))
	want(t, "pin", a.get("pin"), nil)
	for _, path := range []string{"/Devices/" + id, "/Devices/" + id + "?attributes=pin,notes", "/Devices/" + id + "?excludedAttributes=serial", "/Devices"} {
		a := d.do("GET "+path, "")
		if strings.Contains(string(a.body), "1234") {
			t.Errorf("%s shows the secret: %s", path, a.body)
		}
		if shows := strings.Contains(string(a.body), `"notes":"n"`); shows != strings.Contains(path, "notes") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	d.refused(t, `GET /Devices?filter=pin+eq+%221234%22`, "", 400, "invalidFilter", "")
	want(t, "notes are found", len(d.do(`GET /Devices?filter=notes+eq+%22n%22`, "").list()), 1)
	d.do("PUT /Devices/"+id, `{"serial":"1","`+badgeURN+`":{"number":"1"}}`).wantStatus(t, 200)
}

func checkEverywhere(t *testing.T, d *door) {
	d.devices(t)
	d.user(t, `{"userName":"ada"}`)
	a := d.do("POST /Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Devices","bulkId":"d","data":{"serial":"1","displayName":"One","`+badgeURN+`":{"number":"1"}}},
		{"method":"POST","path":"/Devices","bulkId":"e","data":{"serial":"1","`+badgeURN+`":{"number":"2"}}}]}`)
	a.wantStatus(t, 200)
	want(t, "created", a.get("Operations/0/status"), any("201"))
	want(t, "refused", a.get("Operations/1/status"), any("409"))
	all := d.do("GET ", "").list()
	want(t, "resources at the root", fmt.Sprint(all[0]["userName"], " ", all[len(all)-1]["displayName"]), "ada One")
	found := d.do(`GET ?filter=serial+eq+%221%22`, "").list()
	want(t, "found at the root", len(found), 1)
}

func checkWho(t *testing.T, d *door) {
	d.devices(t)
	d.define(t, "PUT /ResourceTypes/User", usersWith(badgeURN))
	reads := func(who *door, name string, own bool) {
		t.Helper()
		types := ids2(who.do("GET /ResourceTypes", ""))
		if has := strings.Contains(fmt.Sprint(types), "Device"); has != own {
			t.Errorf("%s reads the types %v", name, types)
		}
		status := 404
		if own {
			status = 200
		}
		for _, path := range []string{"/Schemas/" + deviceURN, "/ResourceTypes/Device"} {
			who.do("GET "+path, "").wantStatus(t, status)
		}
		if has := strings.Contains(string(who.do("GET /ResourceTypes/User", "").body), badgeURN); has != own {
			t.Errorf("%s: users have the extension: %v", name, has)
		}
	}
	reads(d, "a writer", true)
	reads(d.as(directorytest.ReaderToken), "a reader", true)
	reads(d.as(directorytest.OtherToken), "another environment", false)
	reads(d.as(""), "nobody", false)
	for _, token := range []string{"wrong", directorytest.RSASecret + "x"} {
		d.as(token).do("GET /Schemas", "").wantError(t, 401, "", "")
	}
	other := d.as(directorytest.OtherToken)
	other.do("GET /Devices", "").wantError(t, 404, "", "")
	other.do("POST /Users", `{"userName":"x","`+badgeURN+`":{"number":"1"}}`).wantStatus(t, 201) // unknown, and ignored
	at := d.at("/scim/" + directorytest.Environment + "/v2")
	for _, path := range []string{"/Schemas", "/ResourceTypes", "/Devices", "/Users"} {
		at.as(directorytest.OtherToken).do("GET "+path, "").wantError(t, 403, "", "")
	}

	for _, token := range []string{directorytest.DevToken, directorytest.ReaderToken} {
		who := d.as(token)
		for _, request := range []string{"POST /Schemas", "PUT /Schemas", "PUT /Schemas/" + badgeURN, "DELETE /Schemas/" + badgeURN, "PATCH /Schemas/" + badgeURN,
			"POST /ResourceTypes", "PUT /ResourceTypes/User", "DELETE /ResourceTypes/Device", "POST /ResourceTypes/Device"} {
			a := who.do(request, badge(`{"name":"x"}`))
			a.wantError(t, 405, "", "")
			a.wantHeader(t, "Allow", "GET, HEAD, OPTIONS")
		}
	}
	admin := d.as(directorytest.AdminToken)
	for request, allow := range map[string]string{
		"PATCH /Schemas/" + badgeURN: "DELETE, GET, HEAD, OPTIONS, PUT", "PUT /Schemas": "GET, HEAD, OPTIONS, POST",
		"POST /ResourceTypes/User": "DELETE, GET, HEAD, OPTIONS, PUT", "DELETE /ResourceTypes": "GET, HEAD, OPTIONS, POST",
	} {
		a := admin.do(request, "{}")
		a.wantError(t, 405, "", "")
		a.wantHeader(t, "Allow", allow)
	}
	d.as("").do("POST /Schemas", badge(`{"name":"x"}`)).wantError(t, 401, "", "")
	reader := d.as(directorytest.ReaderToken)
	reader.do("GET /Devices", "").wantStatus(t, 200)
	reader.do("POST /Devices", `{"serial":"1"}`).wantError(t, 403, "", "")
	d.as("").do("GET /Devices", "").wantError(t, 401, "", "")
}

func checkKept(t *testing.T, d *door) {
	d.define(t, "POST /Schemas", badge(`{"name":"number"}`))
	d.define(t, "PUT /ResourceTypes/User", usersWith(badgeURN))
	for base, p := range map[string]scim2.Profile{
		pingOneBase: scim2.PingOne(scim2.Options{}), "/rsa/v2": scim2.RSA(scim2.Options{IgnoreUnknown: true}),
	} {
		other := d.beside(t, p, base)
		id := d.user(t, fmt.Sprintf(`{"userName":"kept%d","%s":{"number":"7"}}`, len(base), badgeURN))
		requests := []string{"GET /Users/" + id, "GET /Users", "GET /Schemas", "GET /ResourceTypes"}
		for _, request := range requests {
			if a := other.do(request, ""); a.status != 200 || strings.Contains(string(a.body), badgeURN) {
				t.Errorf("%s%s: status %d, %s", base, request, a.status, a.body)
			}
		}
		a := other.do("PUT /Users/"+id, fmt.Sprintf(`{"schemas":[%q],"userName":"kept%d","name":{"familyName":"New","givenName":"G"},"emails":[{"type":"work","value":"a@example.com"}],
			"urn:pingidentity:schemas:extension:2.0:PingOneUser":{"population":{"id":"%s"}}}`, userURN, len(base), directorytest.Population))
		if a.status != 200 {
			a = other.do("PUT /Users/"+id, fmt.Sprintf(`{"schemas":[%q],"userName":"kept%d","name":{"familyName":"New","givenName":"G"},"emails":[{"type":"work","value":"a@example.com"}]}`, userURN, len(base)))
		}
		a.wantStatus(t, 200)
		other.do("PATCH /Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"nickName","value":"N"}]}`)
		b := d.do("GET /Users/"+id, "")
		want(t, base+" keeps the extension", b.get(badgeURN+"/number"), any("7"))
		want(t, base+" replaces the name", b.get("name/familyName"), any("New"))
	}
}

func checkUndefined(t *testing.T, d *door) {
	for _, path := range []string{"/Devices", "/Devices/1", "/Devices/.search", "/v2x", "/a%2Fb", "/Users2"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"} {
			a := d.do(method+" "+path, "")
			if a.status != 404 && !(path == "/Devices/.search" && a.status == 405) {
				t.Errorf("%s: status %d, %s", a.request, a.status, a.body)
			}
			d.as("").do(method+" "+path, "").wantStatus(t, 401)
		}
	}
	d.do("GET /Devices/1/2", "").wantError(t, 404, "", "")
	d.devices(t)
	for request, allow := range map[string]string{
		"OPTIONS /Devices": "GET, HEAD, OPTIONS, POST", "OPTIONS /Devices/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT", "OPTIONS /Devices/.search": "OPTIONS, POST",
		"PUT /Devices": "GET, HEAD, OPTIONS, POST", "POST /Devices/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
	} {
		a := d.do(request, "")
		want(t, request, a.status == 204 || a.status == 405, true)
		a.wantHeader(t, "Allow", allow)
	}
	exact := d.beside(t, scim2.Standard(strict), "/scim/v2")
	exact.do("GET /devices", "").wantError(t, 404, "", "")
	exact.do("GET /Devices", "").wantStatus(t, 200)
}

func checkRefused(t *testing.T, d *door) {
	d.devices(t)
	admin := d.as(directorytest.AdminToken)
	for _, r := range []struct {
		request, body string
		status        int
		scimType      string
		detail        string
	}{
		{"POST /Schemas", `{`, 400, "invalidSyntax", ""},
		{"POST /Schemas", `[]`, 400, "invalidSyntax", ""},
		{"POST /Schemas", `{}`, 400, "invalidValue", "attributes is required; id is required"},
		{"POST /Schemas", `{"id":"urn:example:a","attributes":[{"name":"a","name":"b"}]}`, 400, "invalidSyntax", ""},
		{"POST /Schemas", `{"id":"urn:example:a","attributes":[{"name":"a.b"}]}`, 400, "invalidValue", "attributes[0].name: a letter, then letters, digits, -, _ or $, 60 at most, are expected"},
		{"POST /Schemas", `{"id":"urn:example:a","attributes":[{"name":"a","type":"text"}]}`, 400, "invalidValue",
			"attributes[0].type must be one of string, boolean, decimal, integer, dateTime, binary, reference, complex"},
		{"POST /Schemas", `{"id":"urn:example:a","attributes":[{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"complex"}]}]}`, 400, "invalidValue",
			"attributes[0].subAttributes[0].type must be one of string, boolean, decimal, integer, dateTime, binary, reference"},
		{"POST /Schemas", `{"id":"https://example.com/a","attributes":[{"name":"a"}]}`, 400, "invalidValue", "id: a URN of letters..."},
		{"POST /Schemas", `{"id":"` + userURN + `","attributes":[{"name":"a"}]}`, 400, "invalidValue", "id: this URI is kept for the product's own schemas and messages"},
		{"POST /Schemas", `{"id":"urn:ietf:params:scim:api:messages:2.0:X","attributes":[{"name":"a"}]}`, 400, "invalidValue", "id: this URI is kept for the product's own schemas and messages"},
		{"POST /Schemas", badge(`{"name":"a"}`), 409, "uniqueness", "id is already in use"},
		{"POST /Schemas", `{"id":"` + badgeURN + `:more","attributes":[{"name":"a"}]}`, 400, "invalidValue", ""},
		{"PUT /Schemas/" + badgeURN, `{"id":"urn:example:other","attributes":[{"name":"a"}]}`, 400, "mutability", "id is immutable"},
		{"PUT /Schemas/" + badgeURN, `{"attributes":[]}`, 400, "invalidValue", "attributes is required"},
		{"PUT /Schemas/" + userURN, `{"attributes":[{"name":"a"}]}`, 403, "", "Schema " + userURN + " is built in and stays"},
		{"PUT /Schemas/urn:ietf:params:scim:schemas:core:2.0:Schema", `{"attributes":[{"name":"a"}]}`, 403, "", ""},
		{"PUT /Schemas/urn:example:none", `{"attributes":[{"name":"a"}]}`, 404, "", "Schema urn:example:none not found"},
		{"DELETE /Schemas/" + enterpriseURN, ``, 403, "", ""},
		{"DELETE /Schemas/urn:example:none", ``, 404, "", ""},
		{"POST /ResourceTypes", `{}`, 400, "invalidValue", "name is required; endpoint is required; schema is required"},
		{"POST /ResourceTypes", `{"name":"Thing","endpoint":"/Schemas","schema":"` + badgeURN + `"}`, 400, "invalidValue", "endpoint: this endpoint is kept for the product"},
		{"POST /ResourceTypes", `{"name":"Thing","endpoint":"/devices","schema":"` + badgeURN + `"}`, 409, "uniqueness", "endpoint is already in use"},
		{"POST /ResourceTypes", `{"name":"device","endpoint":"/Things","schema":"` + badgeURN + `"}`, 409, "uniqueness", "name is already in use"},
		{"POST /ResourceTypes", `{"name":"Thing","endpoint":"/Things","schema":"urn:example:none"}`, 400, "invalidValue", "schema: there is nothing with the id urn:example:none"},
		{"POST /ResourceTypes", `{"name":"Thing","endpoint":"/Things","schema":"` + userURN + `"}`, 400, "invalidValue", "schema: a built-in schema belongs to its own type; define a schema"},
		{"PUT /ResourceTypes/User", `{"name":"User","endpoint":"/People","schema":"` + userURN + `"}`, 403, "", "ResourceType User: only its schemaExtensions can be changed"},
		{"PUT /ResourceTypes/User", usersWith(deviceURN), 400, "invalidValue", deviceURN + ":displayName: an attribute of an extension cannot have the name of one of the core schema of User"},
		{"PUT /ResourceTypes/Device", `{"name":"Gadget","endpoint":"/Devices","schema":"` + deviceURN + `"}`, 400, "mutability", "name is immutable"},
		{"PUT /ResourceTypes/Thing", `{"endpoint":"/Things","schema":"` + badgeURN + `"}`, 404, "", "ResourceType Thing not found"},
		{"DELETE /ResourceTypes/User", ``, 403, "", "ResourceType User: it is built in"},
		{"DELETE /ResourceTypes/Thing", ``, 404, "", ""},
	} {
		before := string(d.do("GET /Schemas", "").body) + string(d.do("GET /ResourceTypes", "").body)
		admin.refused(t, r.request, r.body, r.status, r.scimType, r.detail)
		if after := string(d.do("GET /Schemas", "").body) + string(d.do("GET /ResourceTypes", "").body); after != before {
			t.Errorf("%s %s has changed something", r.request, r.body)
		}
	}
}

func checkVersions(t *testing.T, d *door) {
	d.devices(t)
	admin := d.as(directorytest.AdminToken)
	for path, body := range map[string]string{
		"/Schemas/" + badgeURN: badge(`{"name":"number","uniqueness":"server"}`, `{"name":"more"}`), "/ResourceTypes/Device": strings.Replace(deviceType, "A thing", "Another", 1),
	} {
		tag := d.do("GET "+path, "").header.Get("ETag")
		admin.refused(t, "PUT "+path, body, 412, "", "", `If-Match: W/"other"`)
		admin.refused(t, "DELETE "+path, "", 412, "", "", `If-Match: W/"other"`)
		a := admin.do("PUT "+path, body, "If-Match: "+tag)
		a.wantStatus(t, 200)
		a.wantHeader(t, "ETag", d.do("GET "+path, "").header.Get("ETag"))
		admin.refused(t, "PUT "+path, body, 412, "", "", "If-Match: "+tag)
		admin.do("PUT "+path, body, "If-Match: *").wantStatus(t, 200)
	}
}
