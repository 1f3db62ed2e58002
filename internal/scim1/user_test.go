package scim1_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/scim1"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

func TestDefaultGroup(t *testing.T) {
	t.Run("p14e:R6 without an option the user joins Users, or no group", func(t *testing.T) {
		open(t, scim1.PingOneEnterprise()).play(t, `
POST /api/directory/user {"userName": "ada"}
200 {"groups": [{"value": "$USERS", "display": "Users"}], ...}`)

		p := scim1.PingOneEnterprise()
		p.Options.DefaultGroupWithoutOption = false
		open(t, p).play(t, `
POST /api/directory/user {"userName": "ada"}
200 {"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "active": true, "meta": "$ANY", "urn:scim:schemas:com_pingone:1.0": "$ANY"}
POST /api/directory/user?option=DEFAULT_USER_GROUP {"userName": "bob"}
200 {"groups": [{"value": "$USERS", "display": "Users"}], ...}`)
	})
}

func TestMerge(t *testing.T) {
	p := scim1.PingOneEnterprise()
	p.Options.Merge = true
	open(t, p).play(t, `
POST /api/directory/user
{"userName": "ada", "externalId": "a", "title": "Engineer", "active": false, "name": {"givenName": "Ada", "middleName": "King"},
 "emails": [{"value": "ada@example.com"}], "phoneNumbers": [{"value": "1"}, {"value": "2"}],
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Research", "division": "West"}}
200 {"id": "$UUID1", ...}
POST /api/directory/user
{"userName": "ada.king", "externalId": "a", "name": {"givenName": "Augusta"}, "phoneNumbers": [{"value": "3"}],
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Mathematics"}}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada.king", "externalId": "a", "title": "Engineer", "active": false,
 "name": {"givenName": "Augusta", "middleName": "King"}, "emails": [{"value": "ada@example.com"}], "phoneNumbers": [{"value": "3"}],
 "urn:scim:schemas:extension:enterprise:1.0": {"department": "Mathematics", "division": "West"},
 "urn:scim:schemas:com_pingone:1.0": "$ANY", "meta": "$ANY", "groups": "$ANY"}`)
}

func TestDisabledAttributes(t *testing.T) {
	p := scim1.PingOneEnterprise()
	p.Options.DisabledAttributes = []string{"nickName", "name.middleName", "URN:scim:schemas:extension:enterprise:1.0:costCenter", "shoeSize", "urn:example:x:y"}
	s := open(t, p)
	s.play(t, `
POST /api/directory/user
{"userName": "ada", "externalId": "a", "nickName": 7, "name": {"givenName": "Ada", "middleName": "King"},
 "urn:scim:schemas:extension:enterprise:1.0": {"costCenter": "1", "division": "West"}}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "externalId": "a", "active": true, "name": {"givenName": "Ada"},
 "urn:scim:schemas:extension:enterprise:1.0": {"division": "West"},
 "urn:scim:schemas:com_pingone:1.0": "$ANY", "meta": "$ANY", "groups": "$ANY"}
GET /api/directory/user?filter=nickName%20eq%20%22x%22
400 Invalid filter: attribute nickName cannot be filtered on$ANY`)
}

// What a dialect cannot express stays when it replaces a user.
func TestUpdateKeepsWhatTheDoorDoesNotKnow(t *testing.T) {
	p := scim1.PingOneEnterprise()
	s := open(t, p)
	s.play(t, `
POST /api/directory/user
{"userName": "ada", "externalId": "a", "nickName": "A", "title": "Engineer", "name": {"givenName": "Ada", "middleName": "King"},
 "urn:scim:schemas:extension:enterprise:1.0": {"costCenter": "1", "division": "West"}}
200 {...}`)
	p.Options.DisabledAttributes = []string{"nickName", "name.middleName", "urn:scim:schemas:extension:enterprise:1.0:costCenter"}
	s.mount(t, p)
	s.play(t, `
POST /api/directory/user {"userName": "ada", "externalId": "a"}
200
{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "externalId": "a", "active": true,
 "urn:scim:schemas:com_pingone:1.0": "$ANY", "meta": "$ANY", "groups": "$ANY"}`)
	s.mount(t, scim1.PingOneEnterprise())
	s.play(t, `
GET /api/directory/user
200
{"resources": [{"id": "$UUID1", "schemas": "$ANY", "userName": "ada", "externalId": "a", "active": true,
 "nickName": "A", "name": {"middleName": "King"}, "urn:scim:schemas:extension:enterprise:1.0": {"costCenter": "1"},
 "urn:scim:schemas:com_pingone:1.0": "$ANY", "meta": "$ANY", "groups": "$ANY"}], ...}`)
}

// What other doors keep of a resource stays when this one replaces or changes it.
func TestOtherDialectsLoseNothing(t *testing.T) {
	s := open(t, scim1.PingOneEnterprise())
	c := directorytest.Caller(t, s.dir, directorytest.BasicSecret)
	srv := httptest.NewServer(s)
	defer srv.Close()
	for _, row := range []struct{ typ, path, stored, put, patch, want string }{
		{"User", "/v1/user/", `{"userName": "ada", "title": "Engineer", "urn:rollcall:schemas:extension:2.0:ManagedUser": {"frIndexedString1": "x"}}`,
			`{"userName": "ada", "nickName": "A"}`, `{"meta": {"attributes": ["nickName"]}, "displayName": "Ada"}`,
			`{"userName":"ada","displayName":"Ada","active":true,"urn:rollcall:schemas:extension:2.0:ManagedUser":{"frIndexedString1":"x"}}`},
		{"Group", "/v1/group/", `{"displayName": "Staff", "urn:rollcall:schemas:extension:2.0:ManagedGroup": {"description": "all"}}`,
			`{"displayName": "People"}`, `{"externalId": "g"}`,
			`{"externalId":"g","displayName":"People","urn:rollcall:schemas:extension:2.0:ManagedGroup":{"description":"all"}}`},
	} {
		r, err := s.dir.Create(context.Background(), c, c.Home(), directory.Draft{Type: row.typ, Attributes: object(t, row.stored)})
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range [][2]string{{"PUT", row.put}, {"PATCH", row.patch}} {
			if status, text := send(t, srv.URL, change[0], row.path+r.ID, change[1]); status != 200 {
				t.Fatalf("%s: %d %s", change[0], status, text)
			}
		}
		got, err := s.dir.Read(context.Background(), c, c.Home(), row.typ, r.ID, directory.Include{})
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Doc()) != row.want {
			t.Errorf("stored %s\nwant %s", got.Doc(), row.want)
		}
	}
}

func TestUnknownAttributes(t *testing.T) {
	t.Run("p14e:R19 what is unknown is ignored and not stored", func(t *testing.T) {
		s := open(t, scim1.PingOneEnterprise())
		s.play(t, `
POST /api/directory/user
{"schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:internal:1.0", "urn:example:x"], "userName": "ada", "shoeSize": 38,
 "name": {"givenName": "Ada", "petName": "Rex"}, "emails": [{"value": "ada@example.com", "colour": "red"}],
 "urn:example:x": {"a": 1}, "urn:scim:schemas:extension:enterprise:1.0": {"desk": 7},
 "urn:scim:schemas:com_pingone:1.0": {"mood": "good"}}
200
{"id": "$UUID1", "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:com_pingone:1.0"], "userName": "ada", "active": true,
 "name": {"givenName": "Ada"}, "emails": [{"value": "ada@example.com"}],
 "urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1",
  "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"},
 "meta": "$ANY", "groups": "$ANY"}`)
		c := directorytest.Caller(t, s.dir, directorytest.BasicSecret)
		page, err := s.dir.List(context.Background(), c, c.Home(), directory.Query{Type: "User", Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		const want = `{"userName":"ada","name":{"givenName":"Ada"},"active":true,"emails":[{"value":"ada@example.com"}]}`
		if got := string(page.Resources[0].Doc()); got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
	})
}

func TestSimultaneousCreation(t *testing.T) {
	const posts = 32
	for _, row := range []struct {
		name string
		body func(i int) string
		want map[int]int // statuses
	}{
		{"p14e:R12 of one userName", func(int) string { return `{"userName": "ada"}` }, map[int]int{200: 1, 409: posts - 1}},
		{"p14e:R12 of one externalId", func(int) string { return `{"userName": "ada", "externalId": "a"}` }, map[int]int{200: posts}},
		{"p14e:R12 of one externalId and several names", func(i int) string { return fmt.Sprintf(`{"userName": "ada%d", "externalId": "a"}`, i) }, map[int]int{200: posts}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t, scim1.PingOneEnterprise())
			srv := httptest.NewServer(s)
			defer srv.Close()
			var wg sync.WaitGroup
			statuses := make([]int, posts)
			for i := range posts {
				wg.Go(func() { statuses[i], _ = send(t, srv.URL, "POST", "/api/directory/user", row.body(i)) })
			}
			wg.Wait()
			got := map[int]int{}
			for _, status := range statuses {
				got[status]++
			}
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("statuses %v, want %v", got, row.want)
			}
			if n := s.count(t, "User"); n != 1 {
				t.Errorf("%d users, want 1", n)
			}
		})
	}
}

// send sends a request as the writer and returns status and body.
func send(t testing.TB, server, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, server+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Header.Set("Authorization", writer)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(data)
}

func TestPasswordIsHashed(t *testing.T) {
	t.Run("p14e:R13 the password is kept as a hash and in no answer", func(t *testing.T) {
		const secret = "2Federate-canary"
		s := open(t, scim1.PingOneEnterprise())
		srv := httptest.NewServer(s)
		defer srv.Close()
		for _, r := range [][3]string{
			{"POST", "/api/directory/user", `{"userName": "ada", "externalId": "a", "password": "` + secret + `"}`},
			{"POST", "/api/directory/user", `{"userName": "ada", "externalId": "a", "password": "` + secret + `"}`},
			{"POST", "/api/directory/user?attributes=password", `{"userName": "bob", "password": "` + secret + `"}`},
			{"POST", "/api/directory/user", `{"userName": 7, "password": "` + secret + `"}`},
			{"POST", "/api/directory/user", `{"userName": "bob", "password": "` + secret + `"}`},
			{"GET", "/api/directory/user", ""},
			{"GET", "/api/directory/user?attributes=password", ""},
			{"GET", "/api/directory/user?filter=password%20eq%20%22x%22", ""},
		} {
			if status, body := send(t, srv.URL, r[0], r[1], r[2]); strings.Contains(body, secret) || strings.Contains(body, `"password"`) || strings.Contains(body, "argon2") {
				t.Errorf("%s %s: %d %s", r[0], r[1], status, body)
			}
		}
		if storetest.Holds(t, s.path, secret) {
			t.Error("the data hold the password")
		}
		if !storetest.Holds(t, s.path, "$argon2id$") {
			t.Error("no hash is stored")
		}
	})
}

func TestLastLogin(t *testing.T) {
	s := open(t, scim1.PingOneEnterprise())
	s.play(t, `
POST /api/directory/user {"userName": "ada", "password": "2Federate"}
200
{"urn:scim:schemas:com_pingone:1.0": {"createTimeStamp": "$MS1", "lastModifiedTimeStamp": "$MS1", "accountId": "$ENVIRONMENT", "directoryId": "$POPULATION", "state": "ACTIVE"}, ...}`)
	c := directorytest.Caller(t, s.dir, directorytest.BasicSecret)
	at := s.clock.Now().UnixMilli()
	if _, err := s.dir.SignIn(context.Background(), c, c.Home(), "ada", "2Federate"); err != nil {
		t.Fatal(err)
	}
	s.play(t, `
GET /api/directory/user
200 {"resources": [{"userName": "ada", "urn:scim:schemas:com_pingone:1.0": {"lastLoginTime": `+strconv.FormatInt(at, 10)+`, ...}, ...}], ...}`)
}

// count returns how many resources of a type the directory holds.
func (s *server) count(t testing.TB, typ string) int {
	t.Helper()
	c := directorytest.Caller(t, s.dir, directorytest.BasicSecret)
	page, err := s.dir.List(context.Background(), c, c.Home(), directory.Query{Type: typ})
	if err != nil {
		t.Fatal(err)
	}
	return page.Total
}

// object reads a JSON object.
func object(t testing.TB, text string) *scim.Object {
	t.Helper()
	o, err := scim.ReadObject([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}
