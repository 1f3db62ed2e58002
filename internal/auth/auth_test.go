package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-directory/rollcall/internal/auth"
	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/directory/directorytest"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

const publicURL = "https://id.example"

// world is a directory, its gate, and the token endpoints with a door behind them.
type world struct {
	dir   *directory.Directory
	clock *directorytest.Clock
	gate  *auth.Authenticator
	mux   *route.Mux
}

func open(t testing.TB) world {
	t.Helper()
	d, clock := directorytest.Open(t)
	a, err := auth.New(context.Background(), d, auth.Config{PublicURL: publicURL, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	whoami := func(w http.ResponseWriter, _ *http.Request, c directory.Caller) error {
		_, err := io.WriteString(w, c.Client+" "+c.Environment)
		return err
	}
	at := func(name string, schemes ...string) route.Door {
		return route.Door{
			Name: name, Prefix: "/" + name, Schemes: schemes,
			Routes: []route.Route{
				{Method: "GET", Path: "/me", Permission: directory.ReadDirectory, Handle: whoami},
				{Method: "POST", Path: "/me", Permission: directory.WriteUsers, Handle: whoami},
			},
			Error: func(w http.ResponseWriter, _ *http.Request, err error) {
				status := map[scim.Rule]int{scim.RuleUnauthenticated: 401, scim.RuleForbidden: 403}[rule(err)]
				w.WriteHeader(max(status, 299))
			},
		}
	}
	m, err := route.New(append(a.Doors(), at("bearer", "Bearer"), at("basic", "Basic"), at("both", "Basic", "Bearer")), a)
	if err != nil {
		t.Fatal(err)
	}
	return world{d, clock, a, m}
}

func rule(err error) scim.Rule {
	if faults := scim.Faults(err); faults != nil {
		return faults[0].Rule
	}
	return 0
}

// call sends a request with the header Authorization and returns status and body.
func (w world) call(request, authorization string) string {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	out := httptest.NewRecorder()
	w.mux.ServeHTTP(out, r)
	return strings.TrimSpace(fmt.Sprintf("%d %s", out.Code, out.Body))
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// ask sends a token request.
func (w world) ask(path, authorization, form string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	w.mux.ServeHTTP(out, r)
	return out
}

// token returns an access token of the client.
func (w world) token(t *testing.T, id, secret string) string {
	t.Helper()
	res := w.ask("/am/oauth2/access_token", basic(id, secret), "grant_type=client_credentials")
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil || res.Code != 200 {
		t.Fatalf("token: %d %s", res.Code, res.Body)
	}
	return body.AccessToken
}

const (
	dev   = "200 " + directorytest.DevClient + " " + directorytest.Environment
	basID = "200 " + directorytest.BasicID + " " + directorytest.Environment
)

func TestAuthenticate(t *testing.T) {
	w := open(t)
	token := w.token(t, directorytest.DevClient, directorytest.DevSecret)
	right := basic(directorytest.BasicID, directorytest.BasicSecret)
	for _, tt := range []struct{ name, request, header, want string }{
		{"a bearer secret", "GET /bearer/me", "Bearer " + directorytest.DevToken, dev},
		{"its other live secret", "GET /bearer/me", "Bearer " + directorytest.DevSecret, dev},
		{"the scheme in any letter case", "GET /bearer/me", "bEARER " + directorytest.DevToken, dev},
		{"an access token", "GET /bearer/me", "Bearer " + token, dev},
		{"Basic", "GET /basic/me", right, basID},
		{"p14e:A1 the printed id, key and header", "GET /basic/me", "Basic MTIzNC1hYWFhLWJiYmItNTY3ODplWEp6Ym1WaGEza2g=", basID},
		{"either at a door of both", "GET /both/me", right, basID},
		{"or", "GET /both/me", "Bearer " + token, dev},
		{"another environment's client", "GET /both/me", "Bearer " + directorytest.OtherToken, "200 other-client " + directorytest.Other},
		{"a reader reads", "GET /both/me", "Bearer " + directorytest.ReaderToken, "200 reader-client " + directorytest.Environment},
		{"and does not write", "POST /both/me", "Bearer " + directorytest.ReaderToken, "403"},

		{"none", "GET /both/me", "", "401"},
		{"an unknown scheme", "GET /both/me", "Digest x", "401"},
		{"what Okta tries", "GET /both/me", "non-token", "401"},
		{"an empty bearer", "GET /both/me", "Bearer ", "401"},
		{"an unknown secret", "GET /both/me", "Bearer wrong", "401"},
		{"a scheme that the door does not take", "GET /bearer/me", right, "401"},
		{"nor this one", "GET /basic/me", "Bearer " + directorytest.DevToken, "401"},
		{"a token as a secret at Basic", "GET /basic/me", basic(directorytest.DevClient, token), "401"},
		{"the wrong secret", "GET /basic/me", basic(directorytest.BasicID, "wrong"), "401"},
		{"another client's secret", "GET /basic/me", basic(directorytest.BasicID, directorytest.DevSecret), "401"},
		{"an unknown id", "GET /basic/me", basic("nobody", directorytest.BasicSecret), "401"},
		{"an empty secret", "GET /basic/me", basic(directorytest.BasicID, ""), "401"},
		{"an empty id", "GET /basic/me", basic("", directorytest.BasicSecret), "401"},
		{"the id in other letters", "GET /both/me", basic("DEV-CLIENT", directorytest.DevSecret), "401"},
		{"never from the URL", "GET /both/me?access_token=" + directorytest.DevToken, "", "401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.call(tt.request, tt.header); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("user and password in the URL", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/both/me", nil)
		r.URL.User = url.UserPassword(directorytest.BasicID, directorytest.BasicSecret)
		if _, err := w.gate.Authenticate(r, &route.Door{Name: "both", Schemes: []string{"Basic"}}); rule(err) != scim.RuleUnauthenticated {
			t.Errorf("error %v", err)
		}
	})
	t.Run("two headers", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/both/me", nil)
		r.Header["Authorization"] = []string{"Bearer " + directorytest.DevToken, "Bearer " + directorytest.DevToken}
		if _, err := w.gate.Authenticate(r, &route.Door{Name: "both", Schemes: []string{"Bearer"}}); rule(err) != scim.RuleUnauthenticated {
			t.Errorf("error %v", err)
		}
	})
}

func TestDoorsOfAClient(t *testing.T) {
	w := open(t)
	_, secret, err := w.dir.CreateClient(t.Context(), directory.ClientDraft{
		Environment: directorytest.Environment, ID: "narrow", Doors: []string{"bearer", "basic"},
	})
	if err != nil {
		t.Fatal(err)
	}
	token := w.token(t, "narrow", secret)
	for request, want := range map[string]string{
		"GET /bearer/me": "200 narrow " + directorytest.Environment,
		"GET /both/me":   "403",
	} {
		for _, value := range []string{secret, token} {
			if got := w.call(request, "Bearer "+value); got != want {
				t.Errorf("%s: got %s, want %s", request, got, want)
			}
		}
	}
}

// TestRevocation: whoever is revoked is out at the next request, by whatever was issued before.
func TestRevocation(t *testing.T) {
	ctx := context.Background()
	create := func(t *testing.T, w world) (secret, token string) {
		t.Helper()
		_, secret, err := w.dir.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, ID: "c"})
		if err != nil {
			t.Fatal(err)
		}
		return secret, w.token(t, "c", secret)
	}
	const in = "200 c " + directorytest.Environment
	expect := func(t *testing.T, w world, want string, values ...string) {
		t.Helper()
		for i, value := range values {
			if got := w.call("GET /bearer/me", "Bearer "+value); got != want {
				t.Errorf("value %d: got %s, want %s", i, got, want)
			}
		}
	}
	t.Run("revoke", func(t *testing.T) {
		w := open(t)
		secret, token := create(t, w)
		expect(t, w, in, secret, token)
		if err := w.dir.RevokeClient(ctx, "c"); err != nil {
			t.Fatal(err)
		}
		expect(t, w, "401", secret, token)
		if res := w.ask("/am/oauth2/access_token", basic("c", secret), "grant_type=client_credentials"); res.Code != 401 {
			t.Errorf("the token endpoint answers %d", res.Code)
		}
	})
	t.Run("rotate twice", func(t *testing.T) {
		w := open(t)
		secret, token := create(t, w)
		second, err := w.dir.RotateClient(ctx, "c", 0)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, w, in, secret, token, second)
		third, err := w.dir.RotateClient(ctx, "c", 0)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, w, "401", secret, token)
		expect(t, w, in, second, third)
	})
	t.Run("delete the environment", func(t *testing.T) {
		w := open(t)
		secret, token := create(t, w)
		if err := w.dir.DeleteEnvironment(ctx, directorytest.Environment); err != nil {
			t.Fatal(err)
		}
		expect(t, w, "401", secret, token)
		// The next client may get the keys that the dead one had in the store.
		if _, err := w.dir.CreateEnvironment(ctx, directory.EnvironmentDraft{ID: directorytest.Environment, Name: "again"}); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if _, _, err := w.dir.CreateClient(ctx, directory.ClientDraft{Environment: directorytest.Environment, ID: fmt.Sprint("new-", i)}); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, w, "401", secret, token)
	})
}

func TestToken(t *testing.T) {
	w := open(t)
	key, err := w.dir.SigningKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good := w.token(t, directorytest.DevClient, directorytest.DevSecret)
	now := w.clock.Now()

	t.Run("what it says", func(t *testing.T) {
		parsed, err := jwt.ParseSigned(good, []jose.SignatureAlgorithm{jose.HS256})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		if err := parsed.Claims(key, &got); err != nil {
			t.Fatal(err)
		}
		if id, _ := got["jti"].(string); len(id) < 26 {
			t.Errorf("jti is %v", got["jti"])
		}
		for _, name := range []string{"jti", "tk", "ck", "sk"} {
			if got[name] == nil {
				t.Errorf("no %s", name)
			}
			delete(got, name)
		}
		want := map[string]any{
			"iss": publicURL, "aud": publicURL, "sub": directorytest.DevClient, "client_id": directorytest.DevClient,
			"iat": float64(now.Unix()), "exp": float64(now.Unix() + 3600),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		if typ := parsed.Headers[0].ExtraHeaders[jose.HeaderType]; typ != "at+jwt" {
			t.Errorf("typ is %v", typ)
		}
		if strings.Contains(good, directorytest.DevSecret) {
			t.Error("the secret is in it")
		}
	})

	// forge signs the good token's claims after change, with the key, algorithm and type.
	forge := func(t *testing.T, key []byte, alg jose.SignatureAlgorithm, typ string, change func(map[string]any)) string {
		t.Helper()
		parsed, err := jwt.ParseSigned(good, []jose.SignatureAlgorithm{jose.HS256})
		if err != nil {
			t.Fatal(err)
		}
		claims := map[string]any{}
		if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
			t.Fatal(err)
		}
		change(claims)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	same := func(map[string]any) {}
	set := func(name string, value any) func(map[string]any) { return func(c map[string]any) { c[name] = value } }
	unset := func(name string) func(map[string]any) { return func(c map[string]any) { delete(c, name) } }
	long := append(append([]byte{}, key...), key...)
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	for _, tt := range []struct{ name, token, want string }{
		{"as issued", good, dev},
		{"forged with everything right", forge(t, key, jose.HS256, "at+jwt", same), dev},
		{"issued by a node whose clock is a little ahead", forge(t, key, jose.HS256, "at+jwt", set("iat", now.Unix()+30)), dev},
		{"another key", forge(t, make([]byte, 32), jose.HS256, "at+jwt", same), "401"},
		{"another algorithm", forge(t, long, jose.HS512, "at+jwt", same), "401"},
		{"no algorithm", b64([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".", "401"},
		{"a key in the header", b64([]byte(`{"alg":"HS256","typ":"at+jwt","jwk":{"kty":"oct","k":"AAAA"}}`)) + "." + parts[1] + "." + parts[2], "401"},
		{"another type", forge(t, key, jose.HS256, "JWT", same), "401"},
		{"another issuer", forge(t, key, jose.HS256, "at+jwt", set("iss", "https://other.example")), "401"},
		{"no issuer", forge(t, key, jose.HS256, "at+jwt", unset("iss")), "401"},
		{"another audience", forge(t, key, jose.HS256, "at+jwt", set("aud", "https://other.example")), "401"},
		{"no audience", forge(t, key, jose.HS256, "at+jwt", unset("aud")), "401"},
		{"expired now", forge(t, key, jose.HS256, "at+jwt", set("exp", now.Unix())), "401"},
		{"no expiry", forge(t, key, jose.HS256, "at+jwt", unset("exp")), "401"},
		{"an expiry that is no number", forge(t, key, jose.HS256, "at+jwt", set("exp", "soon")), "401"},
		{"issued in the future", forge(t, key, jose.HS256, "at+jwt", set("iat", now.Unix()+120)), "401"},
		{"no time of issue", forge(t, key, jose.HS256, "at+jwt", unset("iat")), "401"},
		{"not valid yet", forge(t, key, jose.HS256, "at+jwt", set("nbf", now.Unix()+120)), "401"},
		{"another client's name", forge(t, key, jose.HS256, "at+jwt", set("client_id", "reader-client")), "401"},
		{"another client's key", forge(t, key, jose.HS256, "at+jwt", set("ck", 1)), "401"},
		{"a secret that is not there", forge(t, key, jose.HS256, "at+jwt", set("sk", 999)), "401"},
		{"no secret", forge(t, key, jose.HS256, "at+jwt", unset("sk")), "401"},
		{"another environment", forge(t, key, jose.HS256, "at+jwt", set("tk", 999)), "401"},
		{"changed after signing", parts[0] + "." + b64([]byte(`{"client_id":"dev-client"}`)) + "." + parts[2], "401"},
		{"without its signature", parts[0] + "." + parts[1] + ".", "401"},
		{"dots only", "..", "401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.call("GET /bearer/me", "Bearer "+tt.token); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}

	t.Run("a second before it expires and then", func(t *testing.T) {
		w.clock.Advance(time.Hour - time.Second - 120*time.Millisecond)
		if got := w.call("GET /bearer/me", "Bearer "+good); got != dev {
			t.Errorf("before: %s", got)
		}
		w.clock.Advance(time.Second)
		if got := w.call("GET /bearer/me", "Bearer "+good); got != "401" {
			t.Errorf("after: %s", got)
		}
	})
	t.Run("a clock that went back", func(t *testing.T) {
		w.clock.Advance(-48 * time.Hour)
		if got := w.call("GET /bearer/me", "Bearer "+good); got != "401" {
			t.Errorf("got %s", got)
		}
	})
}

func TestEndpoint(t *testing.T) {
	w := open(t)
	const (
		grant   = "grant_type=client_credentials"
		post    = "&client_id=" + directorytest.DevClient + "&client_secret=" + directorytest.DevSecret
		pingone = "/" + directorytest.Environment + "/as/token"
		aic     = "/am/oauth2/access_token"
	)
	right := basic(directorytest.DevClient, directorytest.DevSecret)
	type answer struct {
		status int
		body   string
	}
	unknown := answer{401, `{"error":"invalid_client"}`}
	invalid := func(why string) answer {
		return answer{400, `{"error":"invalid_request","error_description":"` + why + `"}`}
	}
	for _, tt := range []struct {
		name, path, authorization, form string
		want                            answer
	}{
		{"a wrong secret", pingone, basic(directorytest.DevClient, "wrong"), grant, unknown},
		{"a wrong secret in the form", pingone, "", grant + "&client_id=dev-client&client_secret=wrong", unknown},
		{"another client's secret", pingone, basic(directorytest.DevClient, directorytest.BasicSecret), grant, unknown},
		{"no credential", pingone, "", grant, unknown},
		{"no secret", pingone, "", grant + "&client_id=dev-client", unknown},
		{"an empty secret", pingone, "", grant + "&client_id=dev-client&client_secret=", unknown},
		{"an empty secret in the header", pingone, basic("dev-client", ""), grant, unknown},
		{"a bearer header", pingone, "Bearer " + directorytest.DevToken, grant, unknown},
		{"a malformed header", pingone, "Basic !", grant, unknown},
		{"a bad escape in the header", pingone, basic("dev-client", "%zz"), grant, unknown},
		{"credentials in the URL", pingone + "?" + grant + post, "", grant, unknown},
		{"an environment that is not there", "/00000000-0000-0000-0000-000000000000/as/token", right, grant, unknown},
		{"another environment", "/" + directorytest.Other + "/as/token", right, grant, unknown},
		{"an environment's name", "/default/as/token", right, grant, unknown},
		{"another grant", pingone, right, "grant_type=password", answer{400, `{"error":"unsupported_grant_type"}`}},
		{"no grant", pingone, right, "", invalid("grant_type is missing")},
		{"an empty grant", pingone, right, "grant_type=", invalid("grant_type is missing")},
		{"a grant in the URL only", pingone + "?" + grant, right, "", invalid("grant_type is missing")},
		{"a repeated parameter", pingone, right, grant + "&" + grant, invalid("a parameter is repeated")},
		{"a repeated parameter that we do not know", pingone, right, grant + "&a=1&a=1", invalid("a parameter is repeated")},
		{"a bad escape", pingone, right, grant + "&a=%zz", invalid("the form cannot be read")},
		{"a semicolon", pingone, right, grant + ";a=1", invalid("the form cannot be read")},
		{"two ways at once", pingone, right, grant + post, invalid("the client authenticates in two ways")},
		{"two ids", pingone, right, grant + "&client_id=other", invalid("client_id is not that of the Authorization header")},
		{"a form over the limit", pingone, right, grant + "&a=" + strings.Repeat("a", 16<<10), answer{413, `{"error":"invalid_request","error_description":"the body is too large"}`}},
		{"another path", "/" + directorytest.Environment + "/as/authorize", right, grant, answer{404, `{"error":"invalid_request","error_description":"no such endpoint"}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := w.ask(tt.path, tt.authorization, tt.form)
			got := answer{res.Code, strings.TrimSpace(res.Body.String())}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			h := res.Header()
			if h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json;charset=UTF-8" {
				t.Errorf("headers %v", h)
			}
			if has := strings.HasPrefix(h.Get("WWW-Authenticate"), "Basic "); has != (res.Code == 401) {
				t.Errorf("WWW-Authenticate is %q", h.Get("WWW-Authenticate"))
			}
		})
	}

	for _, tt := range []struct{ name, path, authorization, form string }{
		{"client_secret_basic", pingone, right, grant},
		{"client_secret_post", pingone, "", grant + post},
		{"the endpoint of Advanced Identity Cloud", aic, right, grant},
		{"there in the form", aic, "", grant + post},
		{"a scope", pingone, right, grant + "&scope=a+b"},
		{"the id in the form too", pingone, right, grant + "&client_id=" + directorytest.DevClient},
		{"form-encoded in the header", pingone, basic("dev%2Dclient", "dev%2dsecret"), grant},
		{"parameters that we do not know", pingone, right, grant + "&a=1&b="},
		{"a trailing slash", pingone + "/", right, grant},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := w.ask(tt.path, tt.authorization, tt.form)
			var body map[string]any
			if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil || res.Code != 200 {
				t.Fatalf("%d %s", res.Code, res.Body)
			}
			token, _ := body["access_token"].(string)
			delete(body, "access_token")
			if diff := cmp.Diff(map[string]any{"token_type": "Bearer", "expires_in": 3600.0}, body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if h := res.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" {
				t.Errorf("headers %v", h)
			}
			if got := w.call("GET /bearer/me", "Bearer "+token); got != dev {
				t.Errorf("the token answers %s", got)
			}
		})
	}

	// answers sends each request and compares status and body.
	answers := func(t *testing.T, want answer, requests ...[2]string) { // header Authorization, form
		t.Helper()
		for _, r := range requests {
			res := w.ask(pingone, r[0], r[1])
			if got := (answer{res.Code, strings.TrimSpace(res.Body.String())}); got != want {
				t.Errorf("%q: got %v, want %v", r[1], got, want)
			}
			if has := strings.HasPrefix(res.Header().Get("WWW-Authenticate"), "Basic"); has != (want.status == 401) {
				t.Errorf("%q: WWW-Authenticate %q", r[1], res.Header().Get("WWW-Authenticate"))
			}
		}
	}
	// good sends each request and uses the token that comes.
	good := func(t *testing.T, requests ...[2]string) {
		t.Helper()
		for _, r := range requests {
			res := w.ask(pingone, r[0], r[1])
			var body map[string]any
			if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil || res.Code != 200 {
				t.Fatalf("%q: %d %s", r[1], res.Code, res.Body)
			}
			if got := w.call("GET /bearer/me", fmt.Sprint("Bearer ", body["access_token"])); got != dev {
				t.Errorf("%q: the token answers %s", r[1], got)
			}
			delete(body, "access_token")
			if diff := cmp.Diff(map[string]any{"token_type": "Bearer", "expires_in": 3600.0}, body); diff != "" || res.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%q: headers %v, body (-want +got):\n%s", r[1], res.Header(), diff)
			}
		}
	}
	t.Run("pingone:A2,pingone:A4 a token for id and secret in a Basic header", func(t *testing.T) {
		good(t, [2]string{right, grant})
	})
	t.Run("pingone:A3 or in the form, for every client, and never in both", func(t *testing.T) {
		good(t, [2]string{right, grant}, [2]string{"", grant + post})
		answers(t, invalid("the client authenticates in two ways"), [2]string{right, grant + post}, [2]string{right, grant + "&client_secret=x"})
	})
	t.Run("pingone:A5 scope is optional and ignored", func(t *testing.T) {
		good(t, [2]string{right, grant}, [2]string{right, grant + "&scope=openid+p1:read:user"})
	})
	t.Run("pingone:A6 a bad client is 401, another grant 400", func(t *testing.T) {
		answers(t, unknown, [2]string{basic("nobody", "x"), grant}, [2]string{basic(directorytest.DevClient, "x"), grant}, [2]string{"", grant})
		answers(t, answer{400, `{"error":"unsupported_grant_type"}`}, [2]string{right, "grant_type=password"}, [2]string{right, "grant_type=authorization_code"})
	})

	t.Run("other media types", func(t *testing.T) {
		for _, media := range []string{"", "application/json", "text/plain", "multipart/form-data; boundary=x", "nonsense/"} {
			if res := w.ask(pingone, right, grant, "Content-Type", media); res.Code != 400 || !strings.Contains(res.Body.String(), `"invalid_request"`) {
				t.Errorf("%q: %d %s", media, res.Code, res.Body)
			}
		}
		if res := w.ask(pingone, right, grant, "Content-Type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8"); res.Code != 200 {
			t.Errorf("with charset: %d", res.Code)
		}
	})
	t.Run("other methods", func(t *testing.T) {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			r := httptest.NewRequest(method, pingone, nil)
			out := httptest.NewRecorder()
			w.mux.ServeHTTP(out, r)
			if out.Code != 405 || out.Header().Get("Allow") != "OPTIONS, POST" {
				t.Errorf("%s: %d, Allow %q", method, out.Code, out.Header().Get("Allow"))
			}
		}
	})
}

// TestNewKey: tokens outlive a restart.
func TestNewKey(t *testing.T) {
	w := open(t)
	token := w.token(t, directorytest.DevClient, directorytest.DevSecret)
	again, err := auth.New(t.Context(), w.dir, auth.Config{PublicURL: publicURL, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := auth.New(t.Context(), w.dir, auth.Config{PublicURL: "https://moved.example", Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	door := &route.Door{Name: "x", Schemes: []string{"Bearer"}}
	if c, err := again.Authenticate(r, door); err != nil || c.Client != directorytest.DevClient {
		t.Errorf("after a restart: %v, %v", c, err)
	}
	if _, err := elsewhere.Authenticate(r, door); rule(err) != scim.RuleUnauthenticated {
		t.Errorf("at another public URL: %v", err)
	}
}
