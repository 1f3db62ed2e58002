package rollcall_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/exchange"
	"github.com/rollcall-directory/rollcall/internal/scim2"
)

// TestCrossDoor creates a user at each door and reads it at every other, each
// view whole.
func TestCrossDoor(t *testing.T) {
	exchange.Run(t, "testdata/crossdoor/*.txtar", func(t testing.TB) exchange.Target { return allDoors(t, scim2.Options{}) })
}

// A creator is how a door makes a user of a given name, and how it says that
// the name is taken.
type creator struct {
	name, method, path, credential string
	body                           string // with the name for %q
	made, taken                    int
	conflict                       string // what the answer to a taken name holds
}

var (
	basicCredential = "Basic MTIzNC1hYWFhLWJiYmItNTY3ODplWEp6Ym1WaGEza2g="
	devCredential   = "Bearer " + directorytest.DevToken
	rsaCredential   = "Bearer " + directorytest.RSASecret
)

var creators = []creator{
	{"p14e", "POST", "/api/directory/user", basicCredential, `{"userName":%q}`, 200, 409, `"User with userName one already exists"`},
	{"scim1", "POST", "/scim/v1/Users", basicCredential, `{"userName":%q}`, 201, 409, `"code":"409"`},
	{"pingone", "POST", "/environments/" + directorytest.Environment + "/v2/Users", devCredential, `{"userName":%q}`, 201, 409, `"uniqueness"`},
	{"aic POST", "POST", "/users?_action=create", devCredential, `{"userName":%q}`, 201, 403, `"VALID_USERNAME"`},
	{"aic PUT", "PUT", "/users/%s", devCredential, `{"userName":%q}`, 201, 403, `"VALID_USERNAME"`},
	{"rsa", "POST", "/rsa/v2/Users", rsaCredential, `{"userName":%q}`, 201, 409, `"User with userName one already exists."`},
	{"scim2", "POST", "/scim/v2/Users", devCredential, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q}`, 201, 409, `"uniqueness"`},
}

func (c creator) request(userName, id string) *http.Request {
	path := c.path
	if strings.Contains(path, "%s") {
		path = fmt.Sprintf(path, id)
	}
	r := httptest.NewRequestWithContext(context.Background(), c.method, path, strings.NewReader(fmt.Sprintf(c.body, userName)))
	r.Header.Set("Authorization", c.credential)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// TestOneNameAtAllDoors lets 64 creators ask for one userName at once, over
// all doors: one gets it, the others get their dialect's conflict.
func TestOneNameAtAllDoors(t *testing.T) {
	handler := allDoors(t, scim2.Options{}).Handler
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for i := range 64 {
		c := creators[i%len(creators)]
		wg.Go(func() {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, c.request("one", fmt.Sprintf("id-%d", i)))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case w.Code == c.made:
				made++
			case w.Code != c.taken || !strings.Contains(w.Body.String(), c.conflict):
				t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	if made != 1 {
		t.Errorf("%d creators got the name", made)
	}
	r := httptest.NewRequest("GET", `/scim/v2/Users?filter=userName+eq+%22ONE%22`, nil)
	r.Header.Set("Authorization", devCredential)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"totalResults":1,`) {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}
