package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A ClientKey is a public key by which a client proves itself.
type ClientKey struct {
	JWK    string
	Claims TokenClaims // of a token that stems from the key
}

// ClientKeys returns the live keys of the client; none for a client that is
// revoked or that nobody knows.
func (d *Directory) ClientKeys(ctx context.Context, client string) ([]ClientKey, error) {
	var keys []ClientKey
	err := d.view(ctx, func(tx *store.Tx) error {
		c, err := tx.Client(client)
		if errors.Is(err, store.ErrNotFound) || err == nil && c.Disabled {
			return nil
		}
		if err != nil {
			return err
		}
		live, err := d.liveSecrets(tx, c)
		for _, s := range live {
			if s.Key != "" {
				keys = append(keys, ClientKey{s.Key, TokenClaims{Tenant: c.TID, Client: c.CID, Secret: s.SID}})
			}
		}
		return err
	})
	return keys, err
}

// UseAssertion writes down that the client has used the assertion of the
// identifier jti, which could be used again until it expires. All processes on
// one store know it. Errors: RuleUnique if it was used before.
func (d *Directory) UseAssertion(ctx context.Context, by TokenClaims, jti string, expires time.Time) error {
	hash := sha256.Sum256([]byte(jti))
	err := d.update(ctx, func(tx *store.Tx) error {
		return tx.InsertAssertion(by.Tenant, by.Client, hash[:], d.now(), expires)
	})
	if errors.Is(err, store.ErrKeyTaken) {
		return &scim.Error{Rule: scim.RuleUnique, Path: "jti"}
	}
	return err
}
