package directory

import (
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// managerPath is where a user refers to its manager (RFC 7643 4.3).
const managerPath = scim.EnterpriseSchema + ":manager.value"

// managerID returns the id of the manager that the attributes name, "" for none.
func managerID(attributes *scim.Object) string {
	return attributes.Get(scim.EnterpriseSchema).Object().Get("manager").Object().Get("value").Text()
}

// setManager keeps the relation that the attribute manager of row stands for.
// The manager must be a user of the environment (scim SCH-14), unless the
// draft takes any: RuleDangling.
func (w *write) setManager(tx *store.Tx, row *store.Row, old, id string) error {
	if w.typ != store.User || id == old {
		return nil
	}
	var manager int64
	if id != "" {
		m, err := w.caller.find(tx.ByID, w.tenant, store.User, "User", id)
		missing := len(scim.Faults(err)) > 0
		switch {
		case missing && w.draft.AnyManager:
			w.caller.Trace.Fire("unknown-manager")
			return tx.SetManager(row.TID, row.RID, 0)
		case missing:
			return &scim.Error{Rule: scim.RuleDangling, Path: managerPath, Value: id, Schema: "User"}
		case err != nil:
			return err
		}
		manager = m.RID
	}
	return tx.SetManager(row.TID, row.RID, manager)
}

// dismiss takes the manager, who is being deleted, out of the users who have
// it (scim USR-21).
func (d *Directory) dismiss(tx *store.Tx, c Caller, manager *store.Row, now time.Time) error {
	reports, err := tx.EndRIDs(manager.TID, scim.Reports, manager.RID)
	if err != nil {
		return err
	}
	for _, rid := range reports {
		if rid == manager.RID {
			continue
		}
		if _, err := d.appoint(tx, c, manager.TID, rid, nil, now); err != nil {
			return err
		}
	}
	return nil
}

// appoint makes manager, nil for none, the manager of the user of the key, and
// reports whether that was not so before.
func (d *Directory) appoint(tx *store.Tx, c Caller, tenant, user int64, manager *store.Row, now time.Time) (bool, error) {
	old, err := tx.ByRID(tenant, user)
	if err != nil {
		return false, err
	}
	attributes := old.Resource().Attributes().Clone()
	extension := attributes.Get(scim.EnterpriseSchema).Object().Clone()
	rid := int64(0)
	if manager == nil {
		extension.Delete("manager")
	} else {
		rid = manager.RID
		if managerID(attributes) == manager.ID {
			return false, nil
		}
		extension.Set("manager", scim.ObjectValue(scim.NewObject(scim.Member{Name: "value", Value: scim.StringValue(manager.ID)})))
	}
	if extension.Len() == 0 {
		attributes.Delete(scim.EnterpriseSchema)
	} else {
		attributes.Set(scim.EnterpriseSchema, scim.ObjectValue(extension))
	}
	set, err := d.typesIn(tx, tenant)
	if err != nil {
		return false, err
	}
	attributes, _ = set.types.User().Normalize(attributes, canonical) // in order
	row := *old
	row.Doc = attributes.AppendJSON(nil)
	row.Version++
	row.Modified = later(now, old.Modified)
	if err := tx.Replace(old, &row, attributes); err != nil {
		return false, err
	}
	if err := tx.SetManager(tenant, user, rid); err != nil {
		return false, err
	}
	return true, d.log(tx, c, store.OpUpdate, &row, row.Modified, []string{scim.EnterpriseSchema})
}
