package store

import (
	"database/sql"
	"encoding/json"
	"slices"
	"time"
)

// A Client is an API caller of one environment.
type Client struct {
	CID      int64
	TID      int64
	ID       string // public, unique over all environments
	Name     string
	Role     string
	Doors    []string // empty for all
	Created  time.Time
	Disabled bool
	Settings []byte // JSON object; empty is {}
}

// A Secret is what proves a client: a secret, of which only the hash is kept,
// or the public key of one that the client keeps to itself.
type Secret struct {
	SID      int64
	TID      int64
	CID      int64
	Hash     []byte // SHA-256 of the secret, unique; for a key, bytes that are nothing's
	Key      string // the public key as a JWK; empty for a secret
	Created  time.Time
	Expires  time.Time // zero for never
	Revoked  time.Time // zero for not
	LastUsed time.Time // zero for not yet
}

// A Login is all that a secret proves.
type Login struct {
	Client      Client
	Secret      Secret
	Environment string // the public id of the client's environment
	Version     int64  // the environment's
}

// doorList is how Doors are stored: always a list, so that they can be read back as one.
func doorList(doors []string) (string, error) {
	if doors == nil {
		doors = []string{}
	}
	list, err := json.Marshal(doors)
	return string(list), err
}

// InsertClient stores a new client and sets c.CID. Errors: ErrIDTaken.
func (tx *Tx) InsertClient(c *Client) error {
	doors, err := doorList(c.Doors)
	if err != nil {
		return err
	}
	cid, err := tx.insert("cid", "INSERT INTO api_client(tid, id, name, role, doors, created, disabled, settings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		c.TID, c.ID, c.Name, c.Role, doors, millis(c.Created), c.Disabled, c.settings())
	if err == nil {
		c.CID = cid
	}
	return err
}

// UpdateClient stores Name, Role, Doors, Disabled and Settings. Errors: ErrNotFound.
func (tx *Tx) UpdateClient(c *Client) error {
	doors, err := doorList(c.Doors)
	if err != nil {
		return err
	}
	return tx.must("UPDATE api_client SET name = $1, role = $2, doors = $3, disabled = $4, settings = $5 WHERE tid = $6 AND cid = $7",
		c.Name, c.Role, doors, c.Disabled, c.settings(), c.TID, c.CID)
}

func (c *Client) settings() string {
	if len(c.Settings) == 0 {
		return "{}"
	}
	return string(c.Settings)
}

const clientColumns = "c.cid, c.tid, c.id, c.name, c.role, c.doors, c.created, c.disabled, c.settings"

// dest returns where clientColumns are read to, and a function to call after that.
func (c *Client) dest() ([]any, func() error) {
	var doors []byte
	var created sql.NullInt64
	return []any{&c.CID, &c.TID, &c.ID, &c.Name, &c.Role, &doors, &created, &c.Disabled, &c.Settings}, func() error {
		c.Created = moment(created)
		if string(c.Settings) == "{}" {
			c.Settings = nil
		}
		if string(doors) == "[]" {
			return nil
		}
		if err := json.Unmarshal(doors, &c.Doors); err != nil || len(c.Doors) > 0 {
			return err
		}
		c.Doors = nil
		return nil
	}
}

func scanClient(s scan) (*Client, error) {
	var c Client
	dest, finish := c.dest()
	if err := s(dest...); err != nil {
		return nil, err
	}
	return &c, finish()
}

// Client returns the client of this public id. Errors: ErrNotFound.
func (tx *Tx) Client(id string) (*Client, error) {
	return first(tx, scanClient, "SELECT "+clientColumns+" FROM api_client c WHERE c.id = $1"+tx.lock("UPDATE"), id)
}

// Clients returns the clients of an environment in order of creation.
func (tx *Tx) Clients(tid int64) ([]*Client, error) {
	return list(tx, scanClient, "SELECT "+clientColumns+" FROM api_client c WHERE c.tid = $1 ORDER BY c.cid", tid)
}

// InsertSecret stores a new secret and sets s.SID. Errors: ErrKeyTaken.
func (tx *Tx) InsertSecret(s *Secret) error {
	sid, err := tx.insert("sid", "INSERT INTO api_secret(tid, cid, hash, created, expires, revoked, last_used, jwk) VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''))",
		s.TID, s.CID, s.Hash, millis(s.Created), millis(s.Expires), millis(s.Revoked), millis(s.LastUsed), s.Key)
	if err == nil {
		s.SID = sid
	}
	return err
}

// UpdateSecret stores Expires, Revoked and LastUsed. Errors: ErrNotFound.
func (tx *Tx) UpdateSecret(s *Secret) error {
	return tx.must("UPDATE api_secret SET expires = $1, revoked = $2, last_used = $3 WHERE tid = $4 AND sid = $5",
		millis(s.Expires), millis(s.Revoked), millis(s.LastUsed), s.TID, s.SID)
}

const secretColumns = "s.sid, s.tid, s.cid, s.hash, s.created, s.expires, s.revoked, s.last_used, coalesce(s.jwk, '')"

// dest returns where secretColumns are read to, and a function to call after that.
func (s *Secret) dest() ([]any, func()) {
	var created, expires, revoked, used sql.NullInt64
	return []any{&s.SID, &s.TID, &s.CID, &s.Hash, &created, &expires, &revoked, &used, &s.Key}, func() {
		s.Created, s.Expires, s.Revoked, s.LastUsed = moment(created), moment(expires), moment(revoked), moment(used)
	}
}

// Secrets returns the secrets of a client in order of creation, dead ones too.
func (tx *Tx) Secrets(tid, cid int64) ([]*Secret, error) {
	return list(tx, func(read scan) (*Secret, error) {
		var s Secret
		dest, finish := s.dest()
		err := read(dest...)
		finish()
		return &s, err
	}, "SELECT "+secretColumns+" FROM api_secret s WHERE s.tid = $1 AND s.cid = $2 ORDER BY s.sid", tid, cid)
}

// SecretByHash returns the secret, which is no key, its client and environment,
// live or not: the caller judges. Errors: ErrNotFound.
func (tx *Tx) SecretByHash(hash []byte) (*Login, error) {
	return first(tx, scanLogin, selectLogin+"WHERE s.hash = $1 AND s.jwk IS NULL", hash)
}

// SecretByID returns the same for the SID of a secret. Errors: ErrNotFound.
func (tx *Tx) SecretByID(tid, sid int64) (*Login, error) {
	return first(tx, scanLogin, selectLogin+"WHERE s.tid = $1 AND s.sid = $2", tid, sid)
}

const selectLogin = "SELECT " + secretColumns + ", " + clientColumns + `, t.id, t.version
	FROM api_secret s JOIN api_client c ON c.tid = s.tid AND c.cid = s.cid JOIN tenant t ON t.tid = c.tid `

func scanLogin(read scan) (*Login, error) {
	var l Login
	secret, finishSecret := l.Secret.dest()
	client, finishClient := l.Client.dest()
	if err := read(slices.Concat(secret, client, []any{&l.Environment, &l.Version})...); err != nil {
		return nil, err
	}
	finishSecret()
	return &l, finishClient()
}
