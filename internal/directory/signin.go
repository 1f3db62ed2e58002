package directory

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// Lock-out of a user after wrong passwords (p14e R76).
const (
	maxFailures = 10
	lockFor     = 15 * time.Minute
)

// SignIn checks the password of the user of this name and returns the user. It
// counts wrong passwords and locks the user for a while after too many.
//
// RuleUnauthenticated, whatever the reason, when the password is wrong, there
// is no such user or no password, or the user is not active, is locked, or has
// to change the password first. Each answer takes the time of one hash, so
// that it does not tell which.
func (d *Directory) SignIn(ctx context.Context, c Caller, s Scope, userName, password string) (*scim.Resource, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return nil, err
	}
	key, _ := scim.UsernameKey(userName)
	var row *store.Row
	credential := &store.Credential{}
	err = d.view(ctx, func(tx *store.Tx) (err error) {
		if row, err = tx.ByKey(tenant, store.User, key); err == nil {
			credential, err = tx.Credential(row.RID)
		}
		if errors.Is(err, store.ErrNotFound) {
			credential, err = &store.Credential{}, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	right, err := d.verify(ctx, password, credential.Hash)
	if err != nil {
		return nil, err
	}
	if credential.Hash == "" {
		return nil, errUnauthenticated
	}
	var out *scim.Resource
	refused := false
	err = d.update(ctx, func(tx *store.Tx) error {
		// State is checked at use: it may have changed while the hash was made.
		now := d.stamp()
		row, err := tx.ByRID(row.RID)
		if err != nil {
			refused = true
			return notFound(err, "User", userName)
		}
		current, err := tx.Credential(row.RID)
		if err != nil {
			return err
		}
		outcome := "done"
		switch active := row.Resource().Attributes().Get("active").Bool(); {
		case current.LockedUntil.After(now):
			outcome = "locked"
		case !right || current.Hash != credential.Hash:
			outcome = "wrong password"
			if current.Failures++; current.Failures >= maxFailures {
				current.Failures, current.LockedUntil = 0, now.Add(lockFor)
			}
		case !active:
			outcome = "inactive"
		case current.MustChange:
			outcome = "password expired"
		default:
			current.Failures, current.LockedUntil, current.LastLogin = 0, time.Time{}, now
			row.LastLogin = now
			out = row.Resource()
		}
		refused = out == nil
		if err := tx.SetCredential(current); err != nil {
			return err
		}
		return tx.AppendAudit(d.audit(c, "sign in", "User", row.ID, outcome))
	})
	switch {
	case refused:
		return nil, errUnauthenticated
	case err != nil:
		return nil, err
	}
	return out, nil
}

// decoy is compared with where there is no hash, so that the answer takes as
// long. No password has this key.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// verify reports whether the password is the one of the hash, which may be empty.
func (d *Directory) verify(ctx context.Context, password, hash string) (bool, error) {
	prepared, err := scim.PreparePassword(password)
	if err != nil || hash == "" {
		_, err := d.hasher.matches(ctx, password, decoy)
		return false, err
	}
	return d.hasher.matches(ctx, prepared, hash)
}
