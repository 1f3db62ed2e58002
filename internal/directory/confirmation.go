package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A Purpose is what a confirmation token lets its holder do, once and for one user.
type Purpose store.Purpose

// The purposes.
const (
	ForResetPassword = Purpose(store.ResetPassword) // set a new password
	ForRegister      = Purpose(store.Register)      // set the first password, which makes the user active
)

// How long tokens are good.
const (
	resetTime    = time.Hour
	registerTime = 24 * time.Hour // p14e R71
)

// A Confirmation is a token that has just been made. It is shown nowhere else:
// the store keeps only its hash.
type Confirmation struct {
	User    *scim.Resource
	Token   string
	Expires time.Time
}

// LosePassword makes a token by which the user of this e-mail address may set a
// new password, and then go to redirect, a URL that may be empty. It ends the
// one before (p14e R69).
//
// Errors: RuleForbidden; RuleNotFound for an address that nobody has;
// RulePattern on email for one that several users have.
func (d *Directory) LosePassword(ctx context.Context, c Caller, s Scope, email, redirect string) (*Confirmation, error) {
	tenant, err := d.authorise(ctx, c, s, WriteUsers)
	if err != nil {
		return nil, err
	}
	var out *Confirmation
	known, err := d.byEmail(ctx, c, s, email)
	switch {
	case err != nil:
		return nil, err
	case c.limits.keeps(ownPassword):
		return nil, d.refuse(ctx, c, "User", "")
	case len(known) == 0:
		return nil, &scim.Error{Rule: scim.RuleNotFound, Schema: "User", Value: email}
	case len(known) > 1:
		return nil, &scim.Error{Rule: scim.RulePattern, Path: "email", Value: email, Detail: "several users have this address"}
	}
	err = d.update(ctx, func(tx *store.Tx) error {
		row, err := c.find(tx.ByID, tenant, store.User, "User", known[0].ID)
		if err != nil {
			return err
		}
		out, err = d.confirmation(tx, c, row, ForResetPassword, redirect)
		return err
	})
	return out, err
}

// An Invitation asks somebody to register.
type Invitation struct {
	Email        string
	Redirect     string // URL to go to after the registration; may be empty
	DefaultGroup bool   // a new user joins the group Users
}

// Invite makes a token by which somebody may register: a new user, who is not
// active before that and whose userName is the address. An invitation of the
// same address again ends the one before (p14e R71, R73).
//
// Errors: as Create; RuleForbidden also for a client that may not write what an
// invitation does; RuleUnique on email if a user has the address who is not
// waiting to register.
func (d *Directory) Invite(ctx context.Context, c Caller, s Scope, inv Invitation) (*Confirmation, error) {
	address := scim.NewObject(scim.Member{Name: "value", Value: scim.StringValue(inv.Email)}, scim.Member{Name: "primary", Value: scim.BoolValue(true)})
	w, err := d.write(ctx, c, s, Draft{Type: "User", DefaultGroup: inv.DefaultGroup, Attributes: scim.NewObject(
		scim.Member{Name: "userName", Value: scim.StringValue(inv.Email)},
		scim.Member{Name: "active", Value: scim.BoolValue(false)},
		scim.Member{Name: "emails", Value: scim.ListValue(scim.ObjectValue(address))})})
	if err != nil {
		return nil, err
	}
	for _, needed := range []string{"userName", "active", "emails", "password"} {
		if c.limits.keeps(ownedBy("User", "", needed)) {
			return nil, d.refuse(ctx, c, "User", "")
		}
	}
	known, err := d.byEmail(ctx, c, s, inv.Email)
	if err != nil {
		return nil, err
	}
	var out *Confirmation
	err = w.commit(ctx, func(tx *store.Tx) error {
		row, err := w.invited(tx, known)
		if err != nil {
			return err
		}
		out, err = d.confirmation(tx, c, row, ForRegister, inv.Redirect)
		return err
	})
	return out, err
}

// invited returns the user who is invited: a new one, or one who was invited
// before and has not registered. known are those who had the address a moment ago.
func (w *write) invited(tx *store.Tx, known []*scim.Resource) (*store.Row, error) {
	if err := tx.LockKey("invited " + w.caller.Environment + " " + w.body.key); err != nil {
		return nil, err
	}
	row, err := tx.ByKey(w.tenant, store.User, w.body.key)
	if errors.Is(err, store.ErrNotFound) && len(known) > 0 {
		row, err = tx.ByID(w.tenant, store.User, known[0].ID)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		if err := w.insert(tx); err != nil {
			return nil, err
		}
		return tx.ByKey(w.tenant, store.User, w.body.key)
	case err != nil:
		return nil, err
	}
	_, err = tx.Confirmation(row.TID, row.RID, store.Register)
	if errors.Is(err, store.ErrNotFound) || len(known) > 1 || !w.caller.limits.sees(row) || row.Resource().Attributes().Get("active").Bool() {
		return nil, &scim.Error{Rule: scim.RuleUnique, Schema: "User", Path: "email", Value: w.body.attributes.Get("userName").Text()}
	}
	return row, err
}

// Invited returns which of the users of these ids were invited and have not registered.
func (d *Directory) Invited(ctx context.Context, c Caller, s Scope, ids []string) ([]string, error) {
	tenant, err := d.authorise(ctx, c, s, ReadDirectory)
	if err != nil {
		return nil, err
	}
	var out []string
	err = d.view(ctx, func(tx *store.Tx) (err error) {
		out, err = tx.Confirming(tenant, store.Register, ids)
		return err
	})
	return out, err
}

// byEmail returns two users at most that have the address, of those whom the
// caller sees.
func (d *Directory) byEmail(ctx context.Context, c Caller, s Scope, email string) ([]*scim.Resource, error) {
	f, err := scim.UserType().Resolve(&scim.Filter{Op: scim.OpEq, Path: scim.Path{Attr: "emails", Sub: "value"}, Value: scim.StringValue(email)}, scim.FilterOptions{})
	if err != nil {
		return nil, err
	}
	page, err := d.List(ctx, c, s, Query{Type: "User", Filter: f, Count: 2, NoTotal: true})
	if err != nil {
		return nil, err
	}
	return page.Resources, nil
}

// confirmation makes a token for the user and stores its hash.
func (d *Directory) confirmation(tx *store.Tx, c Caller, row *store.Row, p Purpose, redirect string) (*Confirmation, error) {
	life, action := resetTime, "lose password"
	if p == ForRegister {
		life, action = registerTime, "invite"
	}
	token := rand.Text() + rand.Text()
	hash, now := sha256.Sum256([]byte(token)), d.stamp()
	err := tx.SetConfirmation(&store.Confirmation{TID: row.TID, RID: row.RID, Purpose: store.Purpose(p), Hash: hash[:], Created: now, Expires: now.Add(life), Redirect: redirect})
	if err != nil {
		return nil, err
	}
	out := &Confirmation{User: c.limits.show(row.Resource()), Token: token, Expires: now.Add(life)}
	return out, d.record(tx, c, action, "User", row.ID)
}

// ChangePassword sets a new password for a user whose present one is shown.
// One that has to be changed is good for that; wrong ones count as they do in
// SignIn.
//
// Errors: RuleForbidden; RuleNotFound; RulePassword; RulePattern on oldPassword
// if it is wrong, or the user is not active or is locked.
func (d *Directory) ChangePassword(ctx context.Context, c Caller, s Scope, id, old, password string) (*scim.Resource, error) {
	tenant, err := d.authorise(ctx, c, s, WriteUsers)
	if err != nil {
		return nil, err
	}
	set, err := d.typesOf(ctx, c)
	if err != nil {
		return nil, err
	}
	wrong := &scim.Error{Rule: scim.RulePattern, Path: "oldPassword"}
	find := func(tx *store.Tx) (*store.Row, error) { return tx.ByID(tenant, store.User, id) }
	var policy Policy
	if err := d.view(ctx, func(tx *store.Tx) error {
		row, err := c.find(tx.ByID, tenant, store.User, "User", id)
		if err != nil {
			return err
		}
		policy = d.policyOf(set, c, row.Population)
		prepared, faults := preparePassword(password)
		if len(faults) == 0 {
			faults = policy.check(prepared, row.Resource().Attributes())
		}
		if len(faults) > 0 {
			return faults[0]
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var hash string
	_, err = d.prove(ctx, proof{caller: c, action: "change password", password: old, find: find,
		right: func(current *store.Credential, _ time.Time) bool {
			hash = current.Hash
			return true
		}})
	if errors.Is(err, errUnauthenticated) {
		return nil, wrong
	}
	if err != nil {
		return nil, err
	}
	if policy.Distance > 0 && distance(old, password) < policy.Distance {
		return nil, brokenPolicy("distance", "fewer characters than %d other than before", policy.Distance)
	}
	return d.setPassword(ctx, c, tenant, id, password, false, func(tx *store.Tx, row *store.Row) error {
		current, err := tx.Credential(row.TID, row.RID)
		if err == nil && current.Hash != hash {
			err = wrong // somebody else has changed it meanwhile
		}
		return err
	})
}

// setPassword gives a user a new password, and makes it active if asked to.
// within is called in the transaction first; an error ends it.
func (d *Directory) setPassword(ctx context.Context, c Caller, tenant int64, id, password string, activate bool, within func(*store.Tx, *store.Row) error) (*scim.Resource, error) {
	r, _, err := d.modify(ctx, c, tenant, Modification{Type: "User", ID: id, Password: true, AnyManager: true, within: within,
		Apply: func(old *scim.Resource) (Change, error) {
			attributes := old.Attributes().Clone().Set("password", scim.StringValue(password))
			if activate {
				attributes.Set("active", scim.BoolValue(true))
			}
			return Change{Attributes: attributes}, nil
		}})
	return r, err
}

// ResetPassword sets a password for a user whose token is shown, of whichever
// purpose, and ends the token.
//
// Errors: RuleForbidden, also for the token of a user who is entitled to
// anything in the directory (p14e R67); RuleNotFound; RulePassword; RulePattern
// on confirmationToken for one that is wrong, used or too old.
func (d *Directory) ResetPassword(ctx context.Context, c Caller, s Scope, id, token, password string) (*scim.Resource, error) {
	tenant, err := d.authorise(ctx, c, s, WriteUsers)
	if err != nil {
		return nil, err
	}
	var r *scim.Resource
	for _, p := range []Purpose{ForResetPassword, ForRegister} {
		var out *Confirmed
		out, err = d.redeem(ctx, c, tenant, p, id, token, password)
		if !errors.Is(err, errToken) {
			if out != nil {
				r = out.User
			}
			return r, err
		}
	}
	return nil, err
}

// errToken: a confirmation token that is wrong, used or too old.
var errToken = &scim.Error{Rule: scim.RulePattern, Path: "confirmationToken"}

// Confirmed is what a token led to.
type Confirmed struct {
	User          *scim.Resource
	Environment   *Environment
	Redirect      string        // URL to go to; may be empty
	Notifications Notifications // of the environment
}

// A Holder shows a token without being a client: it came by mail. RequestID
// and Door are for the audit row.
type Holder struct {
	Environment, User, Token string
	Purpose                  Purpose
	RequestID, Door          string
}

// Confirm sets a password for the user of a token and ends the token. With an
// empty password it sets none, and only says whether the token is good.
//
// Errors: those of ResetPassword; whatever is wrong with environment, user or
// token is RulePattern on confirmationToken.
func (d *Directory) Confirm(ctx context.Context, h Holder, password string) (*Confirmed, error) {
	c := Caller{Environment: h.Environment, RequestID: h.RequestID, Door: h.Door}
	err := d.view(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(h.Environment)
		if errors.Is(err, store.ErrNotFound) {
			return errToken
		}
		if err == nil {
			c.tenant = t.TID
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := d.redeem(ctx, c, c.tenant, h.Purpose, h.User, h.Token, password)
	if faults := scim.Faults(err); len(faults) == 1 && faults[0].Rule == scim.RuleNotFound {
		return nil, errToken
	}
	return out, err
}

// redeem sets the password of the user of a token, or only checks the token if
// there is no password.
func (d *Directory) redeem(ctx context.Context, c Caller, tenant int64, p Purpose, id, token, password string) (*Confirmed, error) {
	out := &Confirmed{}
	err := d.view(ctx, func(tx *store.Tx) error {
		row, err := c.find(tx.ByID, tenant, store.User, "User", id)
		if err != nil {
			return err
		}
		conf, err := d.good(tx, row, p, token)
		if err != nil {
			return err
		}
		t, err := tx.Tenant(c.Environment)
		if err != nil {
			return err
		}
		out.User, out.Environment, out.Redirect = row.Resource(), environment(t), conf.Redirect
		out.Notifications, err = readNotifications(t)
		return err
	})
	if err != nil || password == "" {
		return out, err
	}
	// An invitation lets a user in, a lost password does not.
	out.User, err = d.setPassword(ctx, c, tenant, id, password, p == ForRegister, func(tx *store.Tx, row *store.Row) error {
		if _, err := d.good(tx, row, p, token); err != nil {
			return err
		}
		return tx.DeleteConfirmation(row.TID, row.RID, store.Purpose(p))
	})
	return out, err
}

// good returns the confirmation that the token is of. Errors: errToken;
// RuleForbidden for an administrator.
func (d *Directory) good(tx *store.Tx, row *store.Row, p Purpose, token string) (*store.Confirmation, error) {
	conf, err := tx.Confirmation(row.TID, row.RID, store.Purpose(p))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errToken
	}
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(token))
	active := row.Resource().Attributes().Get("active").Bool()
	if subtle.ConstantTimeCompare(conf.Hash, hash[:]) != 1 || !d.stamp().Before(conf.Expires) || p == ForRegister && active {
		return nil, errToken
	}
	role, err := tx.Entitled(row.TID, row.RID)
	if err == nil && Entitlement(role) != NoEntitlement {
		err = &scim.Error{Rule: scim.RuleForbidden, Schema: "User", Value: row.ID, Detail: "an administrator's password cannot be reset by a token"}
	}
	return conf, err
}
