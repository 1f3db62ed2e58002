package directory

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Client is an API caller of one environment.
type Client struct {
	ID          string
	Name        string
	Environment string // id
	Role        Role
	Doors       []string // names of the doors that it may use; empty for all
	Created     time.Time
	Revoked     bool
	Secrets     int // how many of its secrets and keys are live: at most two
	// Expires is when the last of those ends; zero for never, or if none is live.
	Expires  time.Time
	Settings ClientSettings
	Limits   ClientLimits // as their schemas spell them
	// Environments are the ids of others than its own in which it may do the same (pingone A10).
	Environments []string
	User         string // id of the user that it is bound to, empty for none
}

// A ClientDraft is a client as an administrator proposes it.
type ClientDraft struct {
	Environment string // id
	ID          string // empty: the environment's for the first client that asks for none (p14e A3), a UUID for the others
	Name        string
	Role        Role // empty: Writer
	Doors       []string
	Settings    ClientSettings
	Limits      ClientLimits
	// Environments are the ids of others than its own in which it may do the same
	// (pingone A10): at doors whose paths name the environment. Not for a client
	// that is bound to a user or limited to populations.
	Environments []string
	// User is the id of a user who the client is when it asks for itself (RFC 7644
	// 3.11); empty for none. The client ends with the user, and while the user is
	// not active its secrets are refused (scim USR-04, DEL-07).
	User string
	// Key is the public key of a client that signs instead of showing a secret,
	// as a JWK that auth.ParseKey has taken; no secret is made then.
	Key string
	// Lifetime is how long the key, or the secret that is made, is good, at most
	// Config.MaxLifetime; 0 is that.
	Lifetime time.Duration
	// Secrets are given only by development mode, and never end; when there are
	// none, one of 256 bits is made.
	Secrets []string
}

// CreateClient stores a client and returns it with its one secret, which is
// shown nowhere else; no secret is returned when the draft brought its own, or a key.
//
// Errors: RuleNotFound for an unknown environment, RuleUnique for an id or a
// secret that is taken, RuleCanonical for an unknown role and for settings
// that are none, RuleDangling for a population or a user that is not there, RulePath for what
// is no attribute that a client can be limited in, RuleLimit for a lifetime that is
// too long.
func (d *Directory) CreateClient(ctx context.Context, dr ClientDraft) (*Client, string, error) {
	dr.Role = cmp.Or(dr.Role, Writer)
	secret, expires := "", time.Time{}
	if len(dr.Secrets) == 0 {
		if dr.Key == "" {
			secret = newSecret()
			dr.Secrets = []string{secret}
		}
		var err error
		if expires, err = d.expiry(dr.Lifetime); err != nil {
			return nil, "", err
		}
	}
	var out *Client
	err := d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(dr.Environment)
		if err != nil {
			return notFound(err, "Environment", dr.Environment)
		}
		chosen, err := settle(tx, t.TID, dr.Role, packed{dr.Settings, &dr.Limits, dr.User, dr.Environments})
		if err != nil {
			return err
		}
		id := dr.ID
		if id == "" {
			id = t.ID
			if _, err := tx.Client(id); !errors.Is(err, store.ErrNotFound) {
				id = uuid.NewString()
			}
		}
		c := store.Client{TID: t.TID, ID: id, Name: dr.Name, Role: string(dr.Role), Doors: dr.Doors, Created: d.now(), Settings: chosen}
		if err := tx.InsertClient(&c); err != nil {
			return taken(err, "Client", "", "", id)
		}
		for _, s := range dr.Secrets {
			if err := d.addSecret(tx, &c, s, expires); err != nil {
				return err
			}
		}
		if dr.Key != "" {
			if err := d.addKey(tx, &c, dr.Key, expires); err != nil {
				return err
			}
		}
		if out, err = d.client(tx, &c); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: t.TID}, "create", "Client", id)
	})
	return out, secret, err
}

// settle checks what is to be stored of a client of the tenant, and packs it.
func settle(tx *store.Tx, tenant int64, r Role, p packed) ([]byte, error) {
	if !r.May(ReadDirectory) {
		return nil, &scim.Error{Rule: scim.RuleCanonical, Path: "role", Value: string(r), Allowed: []string{string(Reader), string(Writer), string(Admin)}}
	}
	narrowed, err := p.Limits.resolve(tx, tenant)
	if err != nil {
		return nil, err
	}
	p.Limits = &narrowed
	if p.User != "" {
		if _, err := tx.ByID(tenant, store.User, p.User); err != nil {
			return nil, dangling(err, "User", "user", p.User)
		}
	}
	for _, id := range p.Environments {
		if _, err := tx.Tenant(id); err != nil {
			return nil, dangling(err, "Environment", "environment", id)
		}
	}
	if len(p.Environments) > 0 && (p.User != "" || len(p.Limits.Populations) > 0) {
		return nil, &scim.Error{Rule: scim.RulePath, Path: "environments", Detail: "a client that is bound to a user or limited to populations acts in its own environment alone"}
	}
	return pack(p)
}

// dangling makes RuleDangling of the store's word for what is not there.
func dangling(err error, typ, path, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return &scim.Error{Rule: scim.RuleDangling, Path: path, Value: id, Schema: typ}
	}
	return err
}

// Clients returns the clients of the environment in order of creation.
func (d *Directory) Clients(ctx context.Context, environment string) ([]*Client, error) {
	var out []*Client
	err := d.db.View(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		rows, err := tx.Clients(t.TID)
		if err != nil {
			return err
		}
		for _, c := range rows {
			one, err := d.client(tx, c)
			if err != nil {
				return err
			}
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

// FindClient returns the client of this id. Errors: RuleNotFound.
func (d *Directory) FindClient(ctx context.Context, id string) (*Client, error) {
	var out *Client
	err := d.view(ctx, func(tx *store.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return notFound(err, "Client", id)
		}
		out, err = d.client(tx, c)
		return err
	})
	return out, err
}

// maxSecrets is how many secrets of a client may be live at a time, so that
// one can be replaced without an outage.
const maxSecrets = 2

// expiry returns when a secret of this lifetime ends that is made now (scim
// SEC-04). Errors: RuleLimit.
func (d *Directory) expiry(lifetime time.Duration) (time.Time, error) {
	if lifetime < 0 || lifetime > d.maxLifetime {
		return time.Time{}, &scim.Error{Rule: scim.RuleLimit, Path: "expires", Value: lifetime.String(), Allowed: []string{d.maxLifetime.String()},
			Detail: "the lifetime of a secret"}
	}
	return d.now().Add(cmp.Or(lifetime, d.maxLifetime)), nil
}

// RotateClient gives the client a new secret, good for so long as in
// ClientDraft.Lifetime, and returns it. The youngest secret or key it had stays
// alive beside the new one; older ones die.
func (d *Directory) RotateClient(ctx context.Context, id string, lifetime time.Duration) (string, error) {
	secret := newSecret()
	return secret, d.rotate(ctx, id, lifetime, maxSecrets-1, func(tx *store.Tx, c *store.Client, expires time.Time) error {
		return d.addSecret(tx, c, secret, expires)
	})
}

// RotateKey gives the client a new key in the same way; see ClientDraft.Key.
func (d *Directory) RotateKey(ctx context.Context, id, key string, lifetime time.Duration) error {
	return d.rotate(ctx, id, lifetime, maxSecrets-1, func(tx *store.Tx, c *store.Client, expires time.Time) error {
		return d.addKey(tx, c, key, expires)
	})
}

// RenewClient gives the client a new secret as RotateClient does, and ends all
// that it had (p14e A2).
func (d *Directory) RenewClient(ctx context.Context, id string, lifetime time.Duration) (string, error) {
	secret := newSecret()
	return secret, d.rotate(ctx, id, lifetime, 0, func(tx *store.Tx, c *store.Client, expires time.Time) error {
		return d.addSecret(tx, c, secret, expires)
	})
}

// rotate adds a secret or key to the client beside the youngest ones that it keeps.
func (d *Directory) rotate(ctx context.Context, id string, lifetime time.Duration, keeps int, add func(*store.Tx, *store.Client, time.Time) error) error {
	expires, err := d.expiry(lifetime)
	if err != nil {
		return err
	}
	return d.update(ctx, func(tx *store.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return notFound(err, "Client", id)
		}
		if c.Disabled {
			return &scim.Error{Rule: scim.RuleProtected, Schema: "Client", Value: id, Detail: "the client is revoked"}
		}
		live, err := d.liveSecrets(tx, c)
		if err != nil {
			return err
		}
		for len(live) > keeps {
			live[0].Revoked = d.now()
			if err := tx.UpdateSecret(live[0]); err != nil {
				return err
			}
			live = live[1:]
		}
		if err := add(tx, c, expires); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: c.TID}, "rotate", "Client", id)
	})
}

// RevokeClient ends the client: from the next request on its secrets and the
// tokens made with them are refused everywhere.
func (d *Directory) RevokeClient(ctx context.Context, id string) error {
	return d.update(ctx, func(tx *store.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return notFound(err, "Client", id)
		}
		c.Disabled = true
		if err := tx.UpdateClient(c); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: c.TID}, "revoke", "Client", id)
	})
}

// newSecret returns a secret of 256 bits with a prefix that scanners for
// leaked secrets can look for.
func newSecret() string { return "rc_" + rand.Text() + rand.Text() }

// addSecret stores only the secret's SHA-256: it has so much entropy that a
// slow hash would add nothing but load.
func (d *Directory) addSecret(tx *store.Tx, c *store.Client, secret string, expires time.Time) error {
	hash := sha256.Sum256([]byte(secret))
	err := tx.InsertSecret(&store.Secret{TID: c.TID, CID: c.CID, Hash: hash[:], Created: d.now(), Expires: expires})
	return taken(err, "Client", "id", "secret", "")
}

// addKey stores the key under a hash that no secret has.
func (d *Directory) addKey(tx *store.Tx, c *store.Client, key string, expires time.Time) error {
	name := make([]byte, sha256.Size)
	rand.Read(name)
	return tx.InsertSecret(&store.Secret{TID: c.TID, CID: c.CID, Hash: name, Key: key, Created: d.now(), Expires: expires})
}

func (d *Directory) liveSecrets(tx *store.Tx, c *store.Client) ([]*store.Secret, error) {
	all, err := tx.Secrets(c.TID, c.CID)
	return slices.DeleteFunc(all, func(s *store.Secret) bool { return !d.live(s) }), err
}

func (d *Directory) live(s *store.Secret) bool {
	return s.Revoked.IsZero() && (s.Expires.IsZero() || d.now().Before(s.Expires))
}

// client returns the stored client as people are told of it.
func (d *Directory) client(tx *store.Tx, c *store.Client) (*Client, error) {
	t, err := tx.TenantByTID(c.TID)
	if err != nil {
		return nil, err
	}
	live, err := d.liveSecrets(tx, c)
	if err != nil {
		return nil, err
	}
	p, err := unpack(*c)
	if err != nil {
		return nil, err
	}
	return &Client{ID: c.ID, Name: c.Name, Environment: t.ID, Role: Role(c.Role), Doors: c.Doors,
		Created: c.Created, Revoked: c.Disabled, Secrets: len(live), Expires: lastEnd(live),
		Settings: p.ClientSettings, Limits: *p.Limits, User: p.User, Environments: p.Environments}, nil
}

// lastEnd returns when the last of the secrets ends, zero for never.
func lastEnd(live []*store.Secret) (end time.Time) {
	for _, s := range live {
		if s.Expires.IsZero() {
			return time.Time{}
		}
		if s.Expires.After(end) {
			end = s.Expires
		}
	}
	return end
}

var errUnauthenticated = &scim.Error{Rule: scim.RuleUnauthenticated}

// AuthenticateSecret returns the caller whose live secret this is. RuleUnauthenticated otherwise.
func (d *Directory) AuthenticateSecret(ctx context.Context, secret string) (Caller, error) {
	if secret == "" {
		return Caller{}, errUnauthenticated
	}
	hash := sha256.Sum256([]byte(secret))
	return d.authenticate(ctx, hash, func(tx *store.Tx) (*store.Login, error) {
		found, err := tx.SecretByHash(hash[:])
		if err == nil && subtle.ConstantTimeCompare(found.Secret.Hash, hash[:]) != 1 {
			return found, store.ErrNotFound
		}
		return found, err
	})
}

// AuthenticateClient returns the caller with this id, if the secret is one of
// its live ones. RuleUnauthenticated otherwise.
func (d *Directory) AuthenticateClient(ctx context.Context, id, secret string) (Caller, error) {
	c, err := d.AuthenticateSecret(ctx, secret)
	if err == nil && subtle.ConstantTimeCompare([]byte(c.Client), []byte(id)) != 1 {
		return Caller{}, errUnauthenticated
	}
	return c, err
}

// TokenClaims is what an access token says of its holder.
type TokenClaims struct {
	Tenant int64 // key of the client's environment
	Client int64 // key of the client
	Secret int64 // key of the secret that the token was asked for with
}

// TokenSubject returns what a token for the caller must say.
func (c Caller) TokenSubject() TokenClaims {
	return TokenClaims{Tenant: c.tenant, Client: c.client, Secret: c.secret}
}

// AuthenticateToken returns the caller of a token whose signature and times
// were found right, if its client and the secret that it stems from are still
// alive. RuleUnauthenticated otherwise.
func (d *Directory) AuthenticateToken(ctx context.Context, t TokenClaims) (Caller, error) {
	return d.authenticate(ctx, t, func(tx *store.Tx) (*store.Login, error) {
		found, err := tx.SecretByID(t.Tenant, t.Secret)
		if err == nil && found.Client.CID != t.Client {
			return found, store.ErrNotFound
		}
		return found, err
	})
}

// authenticate returns the caller whose login find finds. proof is what was
// shown, a comparable value.
func (d *Directory) authenticate(ctx context.Context, proof any, find func(*store.Tx) (*store.Login, error)) (Caller, error) {
	now, known := d.db.Generation() // before anything is read
	if c := d.callers.get(now, proof); known && c != nil {
		return d.admit(c)
	}
	c := &knownCaller{}
	err := d.db.View(ctx, func(tx *store.Tx) error {
		found, err := find(tx)
		if err != nil {
			return err
		}
		p, err := unpack(found.Client)
		if err != nil {
			return err
		}
		if p.User != "" {
			row, err := tx.ByID(found.Client.TID, store.User, p.User)
			if err == nil && !row.Resource().Attributes().Get("active").Bool() {
				err = store.ErrNotFound
			}
			if err != nil {
				return err
			}
		}
		narrowed, err := p.Limits.compile(tx, found.Client.TID)
		c.client, c.secret = found.Client, found.Secret
		c.caller = Caller{Client: c.client.ID, Environment: found.Environment, Role: Role(c.client.Role), Doors: c.client.Doors,
			Settings: p.ClientSettings, User: p.User, elsewhere: p.Environments, limits: narrowed, tenant: c.client.TID, client: c.client.CID, secret: c.secret.SID, version: found.Version}
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Caller{}, errUnauthenticated
	case err != nil:
		return Caller{}, busy(err)
	case known:
		d.callers.put(now, proof, c)
	}
	return d.admit(c)
}

// admit returns the caller if its client and its secret are alive.
func (d *Directory) admit(c *knownCaller) (Caller, error) {
	if c.client.Disabled || !d.live(&c.secret) {
		return Caller{}, errUnauthenticated
	}
	return c.caller, nil
}

// A knownCaller is a caller as it was found by what proved it. It is not changed any more.
type knownCaller struct {
	caller Caller
	client store.Client
	secret store.Secret
}

// A callerCache remembers who proved to be whom until anything is committed, by
// whatever process: a revocation is felt by the next request. The zero
// callerCache is empty.
type callerCache struct {
	mu    sync.RWMutex
	at    store.Generation
	known map[any]*knownCaller // by proof
}

// maxKnownCallers is how many callers a callerCache knows.
const maxKnownCallers = 4096

func (cc *callerCache) get(now store.Generation, proof any) *knownCaller {
	cc.mu.RLock()
	defer cc.mu.RUnlock()
	if cc.at != now {
		return nil
	}
	return cc.known[proof]
}

func (cc *callerCache) put(at store.Generation, proof any, c *knownCaller) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if cc.at != at || len(cc.known) >= maxKnownCallers {
		cc.at, cc.known = at, make(map[any]*knownCaller)
	}
	cc.known[proof] = c
}

// SigningKey returns the 32 bytes with which this installation signs access
// tokens. They are made at the first call and kept in the store, so that all
// nodes and all starts have the same.
func (d *Directory) SigningKey(ctx context.Context) ([]byte, error) {
	const name = "token-signing-key"
	var key []byte
	err := d.update(ctx, func(tx *store.Tx) (err error) {
		if key, err = tx.Setting(name); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		key = make([]byte, 32)
		rand.Read(key)
		return tx.SetSetting(name, key)
	})
	return key, err
}
