package directory

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// stamp returns the time of a change: UTC, to the millisecond.
func (d *Directory) stamp() time.Time { return d.now().UTC().Truncate(time.Millisecond) }

// log writes the change and its audit row into the transaction that makes it.
// names are the attributes that changed, if the change has any; of a resource
// that is new, those that it was given.
func (d *Directory) log(tx *store.Tx, c Caller, op store.Op, row *store.Row, at time.Time, names []string) error {
	return d.logNote(tx, c, op, row, at, newNote(nil, row, names, false))
}

// logNote is log for a change of which there is more to note.
func (d *Directory) logNote(tx *store.Tx, c Caller, op store.Op, row *store.Row, at time.Time, n note) error {
	change := &store.Change{TID: row.TID, At: at, Op: op, Type: row.Type, ID: row.ID, Version: row.Version, Actor: c.client,
		Request: c.RequestID, Detail: n.pack()}
	if err := tx.AppendChange(change); err != nil {
		return err
	}
	action := map[store.Op]string{store.OpCreate: "create", store.OpUpdate: "update", store.OpDelete: "delete"}[op]
	audit := d.audit(c, action, typeName(row), row.ID, "done")
	audit.Detail = newDetail(n.attributes, c.Trace.Fired(), c.External)
	return tx.AppendAudit(audit)
}

// record writes an act of administration into the transaction that does it.
func (d *Directory) record(tx *store.Tx, c Caller, action, typ, id string) error {
	return tx.AppendAudit(d.audit(c, action, typ, id, "done"))
}

func (d *Directory) audit(c Caller, action, typ, id, outcome string) *store.Audit {
	return &store.Audit{TID: c.tenant, At: d.stamp(), Client: c.Client, Door: c.Door, Action: action, Type: typ, ID: id,
		Outcome: outcome, Request: c.RequestID, Detail: newDetail(nil, nil, c.External)}
}

// update and view run a transaction and word the store's refusals as rules.
func (d *Directory) update(ctx context.Context, fn func(*store.Tx) error) error {
	return busy(d.db.Update(ctx, fn))
}

func (d *Directory) view(ctx context.Context, fn func(*store.Tx) error) error {
	return busy(d.db.View(ctx, fn))
}

// busy makes RuleBusy of a store that cannot take the request now.
func busy(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return errors.Join(&scim.Error{Rule: scim.RuleBusy, Allowed: []string{"1"}, Detail: "the store cannot take the request now"}, err)
	}
	return err
}

// notFound makes RuleNotFound of the store's word for it.
func notFound(err error, typ, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return &scim.Error{Rule: scim.RuleNotFound, Schema: typ, Value: id}
	}
	return err
}

// taken makes RuleUnique and RuleExists of the store's words for them.
func taken(err error, typ, attribute, value, id string) error {
	switch {
	case errors.Is(err, store.ErrKeyTaken):
		return &scim.Error{Rule: scim.RuleUnique, Schema: typ, Path: attribute, Value: value}
	case errors.Is(err, store.ErrIDTaken):
		return &scim.Error{Rule: scim.RuleExists, Schema: typ, Value: id}
	}
	return err
}

// checkID refuses ids that clients chose and that a URL could not carry:
// 1 to 255 characters without / and control characters (aic AIC-045).
func checkID(id string) error {
	if n := utf8.RuneCountInString(id); n > 255 {
		return &scim.Error{Rule: scim.RuleLength, Path: "id", Allowed: []string{"255"}}
	}
	if !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) {
		return &scim.Error{Rule: scim.RulePattern, Path: "id", Value: id, Detail: "no / and no control characters"}
	}
	if strings.Contains(strings.ToLower(id), "bulkid") {
		// RFC 7643 3.1 keeps the word for references within a bulk request.
		return &scim.Error{Rule: scim.RulePattern, Path: "id", Value: id, Detail: "bulkId is a reserved word"}
	}
	return nil
}

// typeName returns the name of the row's type.
func typeName(row *store.Row) string { return cmp.Or(row.TypeName, row.Type.String()) }

func writePermission(typ string) Permission {
	switch typ {
	case "User":
		return WriteUsers
	case "Group", "ManagedRole", "ManagedOrganization":
		return WriteGroups
	case "Population":
		return 0
	}
	return WriteResources
}

// storeType returns the number of a built-in type, 0 for the others.
func storeType(typ string) store.Type {
	switch typ {
	case "User":
		return store.User
	case "Group":
		return store.Group
	case "Population":
		return store.Population
	case "ManagedRole":
		return store.Role
	case "ManagedOrganization":
		return store.Organization
	}
	return 0
}
