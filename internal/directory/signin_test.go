package directory_test

import (
	"testing"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

func TestSignIn(t *testing.T) {
	w := open(t)
	ada := w.create(t, user(t, `{"userName":"Ada","password":"2Fédérate"}`))
	signIn := func(name, password string) (*scim.Resource, error) {
		return w.SignIn(ctx, w.dev, w.home, name, password)
	}
	refused := func(t *testing.T, name, password string) {
		t.Helper()
		_, err := signIn(name, password)
		fault(t, err, scim.RuleUnauthenticated)
	}
	w.clock.Advance(time.Minute)
	r, err := signIn("aDa", "2Fe\u0301de\u0301rate")
	if err != nil || r.ID != ada.ID || !r.LastLogin.Equal(ada.Created.Add(time.Minute)) {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := w.read(t, "User", ada.ID); !got.LastLogin.Equal(r.LastLogin) || got.Version != 1 {
		t.Errorf("after sign-in: %+v", got)
	}
	refused(t, "ada", "2fédérate")
	refused(t, "ada", "")
	refused(t, "nobody", "2Fédérate")
	w.create(t, user(t, `{"userName":"without"}`))
	refused(t, "without", "")
	refused(t, "without", "2Fédérate")

	t.Run("who must change the password cannot sign in", func(t *testing.T) {
		yes := true
		dr := user(t, `{"userName":"expired","password":"2Federate"}`)
		dr.MustChange = &yes
		w.create(t, dr)
		refused(t, "expired", "2Federate")
	})
	t.Run("scim:USR-04 who is not active cannot sign in, but is read", func(t *testing.T) {
		r := w.create(t, user(t, `{"userName":"inactive","password":"2Federate","active":false}`))
		refused(t, "inactive", "2Federate")
		if w.read(t, "User", r.ID).Attributes().Get("active").Bool() {
			t.Error("the user reads as active")
		}
		if _, err := signIn("ada", "2Fédérate"); err != nil {
			t.Errorf("active is the default: %v", err)
		}
	})
	t.Run("ten wrong passwords lock for 15 minutes", func(t *testing.T) {
		for range 10 {
			refused(t, "ada", "wrong")
		}
		refused(t, "ada", "2Fédérate")
		w.clock.Advance(15*time.Minute + time.Second)
		if _, err := signIn("ada", "2Fédérate"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a new password ends the lock and the old password", func(t *testing.T) {
		_, _, err := w.Modify(ctx, w.dev, w.home, directory.Modification{Type: "User", ID: ada.ID, Password: true, Apply: set("password", scim.StringValue("Another1x"))})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, "ada", "2Fédérate")
		if _, err := signIn("ada", "Another1x"); err != nil {
			t.Error(err)
		}
	})
}
