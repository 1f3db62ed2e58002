package directory

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
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
	return d.prove(ctx, proof{caller: c, action: "sign in", password: password,
		find: func(tx *store.Tx) (*store.Row, error) { return tx.ByKey(tenant, store.User, key) },
		right: func(current *store.Credential, now time.Time) bool {
			expired := d.policy.expired(current, now)
			if expired {
				current.MustChange = true // and so it is shown from now on, if its age is the reason
			} else {
				current.LastLogin = now
			}
			return !expired
		}})
}

// A proof is a password that somebody shows for a user.
type proof struct {
	caller   Caller
	action   string // for the audit row
	password string
	find     func(*store.Tx) (*store.Row, error) // ErrNotFound for nobody
	// right is called in the transaction when the password is right and the
	// user is active and not locked. It may change the credential, and reports
	// whether the password is good for what is asked.
	right func(current *store.Credential, now time.Time) bool
}

// prove checks a password and returns the user. RuleUnauthenticated: see SignIn.
func (d *Directory) prove(ctx context.Context, p proof) (*scim.Resource, error) {
	var row *store.Row
	credential := &store.Credential{}
	err := d.view(ctx, func(tx *store.Tx) (err error) {
		if row, err = p.find(tx); err == nil && !p.caller.limits.sees(row) {
			err = store.ErrNotFound
		}
		if err == nil {
			credential, err = tx.Credential(row.TID, row.RID)
		}
		if errors.Is(err, store.ErrNotFound) {
			credential, err = &store.Credential{}, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	right, err := d.verify(ctx, p.password, credential.Hash)
	if err != nil {
		return nil, err
	}
	if credential.Hash == "" {
		return nil, errUnauthenticated
	}
	hash := credential.Hash
	if name, _ := encoding(hash); right && name != "" { // from now on it is one of our own
		if prepared, err := scim.PreparePassword(p.password); err == nil {
			if hash, err = d.hasher.hash(ctx, prepared); err != nil {
				return nil, err
			}
		}
	}
	var out *scim.Resource
	refused := false
	err = d.update(ctx, func(tx *store.Tx) error {
		out, refused = nil, false
		// State is checked at use: it may have changed while the hash was made.
		now := d.stamp()
		row, err := tx.ByRID(row.TID, row.RID)
		if err != nil {
			refused = true
			return notFound(err, "User", "")
		}
		current, err := tx.Credential(row.TID, row.RID)
		if err != nil {
			return err
		}
		outcome := "done"
		switch active := row.Resource().Attributes().Get("active").Bool(); {
		case current.LockedUntil.After(now):
			outcome = "locked"
		case !right || current.Hash != credential.Hash:
			outcome = "wrong password"
			d.policy.fail(current, now)
		case !active:
			outcome = "inactive"
		case !p.right(current, now):
			outcome = "password expired"
		default:
			current.Hash, current.Failures, current.LockedUntil = hash, 0, time.Time{}
			row.LastLogin = current.LastLogin
			out = p.caller.limits.show(row.Resource())
		}
		refused = out == nil
		if err := tx.SetCredential(current); err != nil {
			return err
		}
		return tx.AppendAudit(d.audit(p.caller, p.action, "User", row.ID, outcome))
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
