package scim1_test

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/scim1"
)

// Whatever is wrong with a body, the answer is a 4xx in the door's shape with a
// reason, and nothing is stored.
func TestMalformedBodies(t *testing.T) {
	const plain = "Request body is not valid JSON: "
	rows := []struct {
		name, body string
		status     int
		want       string // prefix of the description
	}{
		{"empty", ``, 400, plain + "the body is empty"},
		{"white space", " \n\t", 400, plain + "the body is empty"},
		{"null", `null`, 400, plain + "an object is needed"},
		{"array", `[{"userName":"ada"}]`, 400, plain + "an object is needed"},
		{"string", `"ada"`, 400, plain + "an object is needed"},
		{"open object", `{"userName":"ada"`, 400, plain},
		{"trailing comma", `{"userName":"ada",}`, 400, plain},
		{"comment", `{"userName":"ada"/* */}`, 400, plain},
		{"single quotes", `{'userName':'ada'}`, 400, plain},
		{"name without quotes", `{userName:"ada"}`, 400, plain},
		{"open string", "{\n\"userName\":\"ada\n}", 400, plain},
		{"control character", "{\"userName\":\"a\x01da\"}", 400, plain},
		{"NUL", `{"userName":"ada\u0000"}`, 400, plain},
		{"half a surrogate pair", `{"userName":"ada\ud800"}`, 400, plain},
		{"not UTF-8", "{\"userName\":\"ada\xff\"}", 400, plain},
		{"UTF-16", "\xfe\xff\x00{\x00}", 400, plain},
		{"more data", `{"userName":"ada"}{}`, 400, plain},
		{"huge number", `{"userName":"ada","x":1e999}`, 400, plain},
		{"deep", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), 400, plain},
		{"very deep", strings.Repeat(`[`, 200_000), 400, plain},
		{"many members", `{"userName":"ada"` + many(2000) + `}`, 400, plain},
		{"huge", `{"userName":"ada","title":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "Request body is too large"},
		{"twice", `{"userName":"ada","userName":"ada"}`, 400, "Duplicate attribute userName"},
		{"twice in another case", `{"userName":"ada","username":"bob"}`, 400, "Duplicate attribute "},
		{"extension twice", `{"userName":"ada","urn:scim:schemas:com_pingone:1.0":{},"urn:scim:schemas:com_pingone:1.0":{"passwordExpired":true}}`, 400, "Duplicate attribute urn:scim:schemas:com_pingone:1.0"},
		{"twice below", `{"userName":"ada","name":{"givenName":"A","givenName":"B"}}`, 400, "Duplicate attribute name.givenName"},
		{"unknown twice", `{"userName":"ada","x":1,"x":2}`, 400, "Duplicate attribute x"},
		{"userName number", `{"userName":7}`, 400, "Attribute userName must be a string"},
		{"userName list", `{"userName":["ada"]}`, 400, "Attribute userName must be a "},
		{"userName long", `{"userName":"` + strings.Repeat("a", 257) + `"}`, 400, "Attribute userName must be a string of at most 256 characters"},
		{"userName blank", `{"userName":"   "}`, 400, "Attribute userName "},
		{"title long", `{"userName":"ada","title":"` + strings.Repeat("ä", 1025) + `"}`, 400, "Attribute title must be a string of at most 1024 characters"},
		{"externalId long", `{"userName":"ada","externalId":"` + strings.Repeat("a", 1025) + `"}`, 400, "Attribute externalId must be a string of at most 1024 characters"},
		{"externalId number", `{"userName":"ada","externalId":7}`, 400, "Attribute externalId must be a string"},
		{"active string", `{"userName":"ada","active":"true"}`, 400, "Attribute active must be a boolean"},
		{"active number", `{"userName":"ada","active":1}`, 400, "Attribute active must be a boolean"},
		{"name string", `{"userName":"ada","name":"Ada"}`, 400, "Attribute name must be a object"},
		{"name list", `{"userName":"ada","name":[{"givenName":"Ada"}]}`, 400, "Attribute name must be a "},
		{"emails string", `{"userName":"ada","emails":"ada@example.com"}`, 400, "Attribute emails must be a list"},
		{"emails object", `{"userName":"ada","emails":{"value":"ada@example.com"}}`, 400, "Attribute emails must be a list"},
		{"emails of strings", `{"userName":"ada","emails":["ada@example.com"]}`, 400, "Attribute emails[0] must be a object"},
		{"email number", `{"userName":"ada","emails":[{"value":"a@example.com"},{"value":7}]}`, 400, "Attribute emails[1].value must be a string"},
		{"two primary", `{"userName":"ada","emails":[{"value":"a@example.com","primary":true},{"value":"b@example.com","primary":true}]}`, 400, "Attribute emails"},
		{"primary string", `{"userName":"ada","emails":[{"value":"a@example.com","primary":"true"}]}`, 400, "Attribute emails[0].primary must be a boolean"},
		{"password number", `{"userName":"ada","password":12345678}`, 400, "Attribute password must be a string"},
		{"password empty", `{"userName":"ada","password":""}`, 400, "Password does not satisfy the password policy: "},
		{"enterprise string", `{"userName":"ada","urn:scim:schemas:extension:enterprise:1.0":"x"}`, 400, "Attribute urn:scim:schemas:extension:enterprise:1.0 must be a object"},
		{"department number", `{"userName":"ada","urn:scim:schemas:extension:enterprise:1.0":{"department":7}}`, 400, "Attribute urn:scim:schemas:extension:enterprise:1.0:department must be a string"},
		{"manager string", `{"userName":"ada","urn:scim:schemas:extension:enterprise:1.0":{"manager":"7"}}`, 400, "Attribute urn:scim:schemas:extension:enterprise:1.0:manager must be a object"},
		{"managerId number", `{"userName":"ada","urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":7}}}`, 400, "Attribute urn:scim:schemas:extension:enterprise:1.0:manager.managerId must be a string"},
		{"passwordExpired string", `{"userName":"ada","urn:scim:schemas:com_pingone:1.0":{"passwordExpired":"true"}}`, 400, "Attribute urn:scim:schemas:com_pingone:1.0:passwordExpired must be a boolean"},
		{"certificate", `{"userName":"ada","x509Certificates":[{"value":"not base64!"}]}`, 400, "Attribute x509Certificates[0].value must be a base64 value"},
		{"schemas string", `{"schemas":"urn:scim:schemas:core:1.0","userName":"ada"}`, 400, "Attribute schemas must be a list"},
		{"schemas of numbers", `{"schemas":[1],"userName":"ada"}`, 400, "Attribute schemas[0] must be a string"},
	}
	s := open(t, scim1.PingOneEnterprise())
	srv := httptest.NewServer(s)
	defer srv.Close()
	for _, path := range []string{"/api/directory/user", "/v1/user?option=DEFAULT_USER_GROUP"} {
		for _, row := range rows {
			t.Run(row.name+" at "+path[:4], func(t *testing.T) { mustRefuse(t, srv.URL, "POST", path, row.body, row.status, row.want) })
		}
	}
	for _, row := range []struct {
		name, body, want string
	}{
		{"empty", ``, plain + "the body is empty"},
		{"twice", `{"displayName":"A","displayName":"B"}`, "Duplicate attribute displayName"},
		{"no name", `{}`, "Attribute displayName is required"},
		{"name number", `{"displayName":7}`, "Attribute displayName must be a string"},
		{"name long", `{"displayName":"` + strings.Repeat("a", 1025) + `"}`, "Attribute displayName must be a string of at most 1024 characters"},
		{"members object", `{"displayName":"A","members":{}}`, "Attribute members must be a list"},
		{"members of strings", `{"displayName":"A","members":["7"]}`, "Attribute members[0] must be a object"},
		{"member number", `{"displayName":"A","members":[{"value":7}]}`, "Attribute members[0].value must be a string"},
		{"member type", `{"displayName":"A","members":[{"value":"7","type":"Car"}]}`, "Attribute members[0].type must be a value of user, group"},
		{"member without value", `{"displayName":"A","members":[{"type":"user"}]}`, ""},
	} {
		t.Run("group "+row.name, func(t *testing.T) { mustRefuse(t, srv.URL, "POST", "/v1/group", row.body, 400, row.want) })
	}
	s.fill(t, 1)
	user := "/v1/user/" + mustList(t, srv.URL, "/v1/user").Resources[0].ID
	for _, row := range rows {
		for _, method := range []string{"PUT", "PATCH"} {
			t.Run(method+" "+row.name, func(t *testing.T) { mustRefuse(t, srv.URL, method, user, row.body, row.status, row.want) })
		}
	}
	if _, body := send(t, srv.URL, "GET", user+"?attributes=userName", ""); !strings.Contains(body, `"userName":"user0000"`) {
		t.Errorf("the user became %s", body)
	}
	if status, _ := send(t, srv.URL, "DELETE", user, ""); status != 200 {
		t.Error(status)
	}
	if users, groups := s.count(t, "User"), s.count(t, "Group"); users != 0 || groups != 1 {
		t.Errorf("%d users and %d groups are stored", users, groups)
	}
}

func mustRefuse(t *testing.T, server, method, path, body string, status int, want string) {
	t.Helper()
	got, text := send(t, server, method, path, body)
	var answer struct {
		Errors []struct{ Description, Code string }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Errors) != 1 {
		t.Fatalf("%d %s", got, text)
	}
	e := answer.Errors[0]
	if got != status || e.Code != strconv.Itoa(status) || !strings.HasPrefix(e.Description, want) || e.Description == "" {
		t.Errorf("%d %s, want %d %q", got, text, status, want)
	}
}

// many returns n members of an object, after a comma.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"m` + strconv.Itoa(i) + `":1`)
	}
	return b.String()
}
