package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// Create stores a new resource with its password, memberships, change-log and
// audit rows in one transaction, and returns it with its groups or members.
//
// Errors: RuleForbidden; RuleNotFound for an environment that is not there;
// every validation rule; RuleUnique; RuleExists for a chosen id that is taken;
// RuleDangling for an unknown population, group or member; RulePassword; RuleBusy.
func (d *Directory) Create(ctx context.Context, c Caller, s Scope, dr Draft) (*scim.Resource, error) {
	w, err := d.write(ctx, c, s, dr)
	if err != nil {
		return nil, err
	}
	if err := d.hash(ctx, w, w.hintTaken); err != nil {
		return nil, err
	}
	err = w.commit(ctx, w.insert)
	return w.result, err
}

// Check returns what Create would refuse of the draft without a look at what is
// stored: nil, RuleForbidden, RulePassword, every validation rule.
func (d *Directory) Check(ctx context.Context, c Caller, s Scope, dr Draft) error {
	w, err := d.write(ctx, c, s, dr)
	if err != nil {
		return err
	}
	return w.checkPassword("")
}

// Upsert creates the user, or replaces the one user that has the draft's
// externalId as Put would (p14e R7). Errors: as Create; RuleUnique on
// externalId when several users have it.
func (d *Directory) Upsert(ctx context.Context, c Caller, s Scope, dr Draft) (*scim.Resource, Outcome, error) {
	w, err := d.write(ctx, c, s, dr)
	if err != nil {
		return nil, 0, err
	}
	if err := d.hash(ctx, w, func(tx *store.Tx) (*store.Row, error) { return w.byExternalID(ctx, tx) }); err != nil {
		return nil, 0, err
	}
	err = w.commit(ctx, func(tx *store.Tx) error {
		old, err := w.byExternalID(ctx, tx)
		if err != nil {
			return err
		}
		if old == nil {
			return w.insert(tx)
		}
		return w.replace(tx, old)
	})
	return w.result, w.outcome, err
}

// Put creates the resource at the draft's id, or replaces the one that is
// there. A replacement that changes nothing leaves version and times as they
// are. Errors: as Create; RuleCycle; RuleExists when p.Absent and it is there;
// RuleNotFound when p asks for it and it is not; RuleVersion.
func (d *Directory) Put(ctx context.Context, c Caller, s Scope, dr Draft, p Precondition) (*scim.Resource, Outcome, error) {
	w, err := d.write(ctx, c, s, dr)
	if err != nil {
		return nil, 0, err
	}
	if err := d.hash(ctx, w, func(tx *store.Tx) (*store.Row, error) { return tx.ByID(w.tenant, w.typ, dr.ID) }); err != nil {
		return nil, 0, err
	}
	err = w.commit(ctx, func(tx *store.Tx) error {
		if err := tx.LockKey("id " + w.caller.Environment + " " + dr.ID); err != nil {
			return err
		}
		old, err := tx.ForChange(w.tenant, w.typ, dr.ID)
		if err == nil && !c.limits.sees(old) {
			err = store.ErrNotFound
		}
		switch {
		case errors.Is(err, store.ErrNotFound) && !p.Present && len(p.Version) == 0:
			return w.insert(tx)
		case err != nil:
			return notFound(err, dr.Type, dr.ID)
		}
		old.TypeName = dr.Type
		if err := p.check(old); err != nil {
			return err
		}
		return w.replace(tx, old)
	})
	return w.result, w.outcome, err
}

// Delete removes a resource and its memberships and returns it as it was, with
// its groups. Errors: RuleForbidden, RuleNotFound, RuleVersion, RuleProtected
// for the group Users and for a role that users have, RuleForbidden also for a group that has members whom the
// caller does not see.
func (d *Directory) Delete(ctx context.Context, c Caller, s Scope, typ, id string, p Precondition) (*scim.Resource, error) {
	tenant, err := d.authorise(ctx, c, s, writePermission(typ))
	if err != nil {
		return nil, err
	}
	number, err := d.number(ctx, c, typ)
	if err != nil {
		return nil, err
	}
	var out *scim.Resource
	err = d.change(ctx, c, func(tx *store.Tx) error {
		old, err := c.find(tx.ForDelete, tenant, number, typ, id)
		if err != nil {
			return err
		}
		if err := p.check(old); err != nil {
			return err
		}
		t, err := tx.Tenant(c.Environment)
		if err != nil {
			return err
		}
		if old.RID == t.DefaultGroup || old.RID == t.DefaultPop {
			return &scim.Error{Rule: scim.RuleProtected, Schema: typ, Value: id}
		}
		if err := c.disbands(tx, old); err != nil {
			return err
		}
		if granted, err := tx.Related(old.TID, scim.RoleMembers, old.RID); err != nil || granted {
			return errors.Join(&scim.Error{Rule: scim.RuleProtected, Schema: typ, Value: id, Detail: "the role is granted"}, err)
		}
		if out, err = c.resource(tx, old, Include{Groups: true, Members: true}); err != nil {
			return err
		}
		now := d.stamp()
		if err := d.dismiss(tx, c, old, now); err != nil {
			return err
		}
		holders, err := tx.Holders(old.TID, old.RID)
		if err != nil {
			return err
		}
		if err := d.touch(tx, c, old.TID, holders...); err != nil {
			return err
		}
		if err := tx.Delete(old); err != nil {
			return err
		}
		return d.log(tx, c, store.OpDelete, old, now, nil)
	})
	return out, err
}

// check compares the precondition with the resource that is there.
func (p Precondition) check(old *store.Row) error {
	if p.Absent {
		return &scim.Error{Rule: scim.RuleExists, Schema: typeName(old), Value: old.ID}
	}
	if len(p.Version) > 0 && !slices.Contains(p.Version, old.Version) {
		return &scim.Error{Rule: scim.RuleVersion, Schema: typeName(old), Value: old.ID}
	}
	return nil
}

// A write is one Create, Upsert or Put on its way: the draft as far as it could
// be prepared outside the transaction.
type write struct {
	d      *Directory
	caller Caller
	tenant int64
	set    *typeSet
	schema *scim.ResourceType // of draft.Type
	typ    store.Type         // the same in the store
	draft  Draft
	body   body
	policy Policy // that body.password satisfies
	hash   string // of body.password
	// dropPassword takes away the password that there is, if hash is empty.
	dropPassword bool
	changes      []MemberChange // of a Modification
	modifies     bool           // it is a Modification, which has no attributes yet
	whole        bool           // the draft is the whole of the resource
	result       *scim.Resource
	outcome      Outcome
}

// A body is a draft's attributes, validated and taken apart.
type body struct {
	attributes *scim.Object // what is kept as the document
	doc        []byte
	key        string // unique among the resources of its type
	externalID string
	password   string
	members    []Member
	// activeGiven: the draft said whether the user is active.
	activeGiven bool
}

// write authorises the call and prepares all that needs no transaction.
func (d *Directory) write(ctx context.Context, c Caller, s Scope, dr Draft) (*write, error) {
	tenant, err := d.authorise(ctx, c, s, writePermission(dr.Type))
	if err != nil {
		return nil, err
	}
	w := &write{d: d, caller: c, tenant: tenant, draft: dr}
	return w, w.prepare(ctx)
}

// prepare does what depends on the environment's types.
func (w *write) prepare(ctx context.Context) (err error) {
	if w.set, err = w.d.typesOf(ctx, w.caller); err != nil {
		return err
	}
	if w.typ, err = w.set.number(w.draft.Type); err != nil {
		return err
	}
	w.schema = w.set.types.Type(w.draft.Type)
	if w.modifies {
		return nil
	}
	if err := w.takeEncoded(); err != nil {
		return err
	}
	if w.body, err = w.d.takeApart(w.schema, w.draft.Attributes); err != nil {
		return err
	}
	return w.limit(ctx)
}

// errTypesChanged: the environment has defined other types since the write was prepared.
var errTypesChanged = errors.New("directory: the environment has other types")

// commit runs fn in a transaction in which the environment has the types that
// the write was prepared with. If they have changed, it prepares the write again.
func (w *write) commit(ctx context.Context, fn func(*store.Tx) error) error {
	for {
		prepared := *w
		err := w.d.change(ctx, w.caller, func(tx *store.Tx) error {
			*w = prepared // it may be called again
			version, err := tx.TenantVersion(w.tenant)
			switch {
			case err != nil:
				return notFound(err, "Environment", w.caller.Environment)
			case version != w.set.version:
				w.caller.version = version
				return errTypesChanged
			}
			return fn(tx)
		})
		if !errors.Is(err, errTypesChanged) {
			return err
		}
		if err := w.prepare(ctx); err != nil {
			return err
		}
	}
}

// canonical is how the core reads a draft: names, types and what is required
// must be right, whatever door it came through; formats and words are the
// door's business, since the vendors differ in them.
var canonical = scim.Checks{Schemas: scim.SchemasAssumed, InferExtensions: true, Unknown: scim.RejectUnknown,
	AnyType: true, AnyFormat: true, AnyUserName: true}

// takeApart validates attributes against the canonical schema, so that no door
// can store what another could not read, and splits off what the document
// does not hold: the password and a group's members.
func (d *Directory) takeApart(t *scim.ResourceType, attributes *scim.Object) (body, error) {
	b := body{activeGiven: true}
	if t.Name == "User" {
		// Users are active unless somebody says otherwise.
		if v, _ := attributes.Find("active"); v.IsNull() {
			attributes = attributes.Clone().Set("active", scim.BoolValue(true))
			b.activeGiven = false
		}
	}
	kept, faults := t.Normalize(attributes, canonical)
	if err := faults.Or(); err != nil {
		return body{}, err
	}
	b.externalID = kept.Get("externalId").Text()
	if v, ok := kept.Lookup("password"); ok && t.Name == "User" {
		prepared, faults := preparePassword(v.Text())
		if len(faults) > 0 {
			return body{}, faults[0]
		}
		b.password = prepared
		kept.Delete("password")
	}
	switch t.Name {
	case "User":
		b.key, _ = scim.UsernameKey(kept.Get("userName").Text())
	case "Group":
		b.members = members(kept.Get("members"))
		kept.Delete("members")
		b.key = scim.Fold(kept.Get("displayName").Text())
	case "ManagedRole":
		b.key = scim.Fold(kept.Get("displayName").Text())
	}
	b.attributes = kept
	b.doc = scim.ObjectValue(kept).AppendJSON(make([]byte, 0, 1536))
	return b, nil
}

// members reads the canonical value of the attribute members.
func members(v scim.Value) []Member {
	var out []Member
	for i, item := range v.List() {
		out = append(out, Member{ID: item.Object().Get("value").Text(), Type: item.Object().Get("type").Text(),
			Path: fmt.Sprintf("members[%d].value", i)})
	}
	return out
}

// hash makes the hash of the draft's password, which takes long, before the
// transaction. find returns the user whose password will be replaced, nil or
// ErrNotFound for none, or why the request is bound to fail, so that it does
// not cost a hash; the transaction decides.
func (d *Directory) hash(ctx context.Context, w *write, find func(*store.Tx) (*store.Row, error)) (err error) {
	if w.body.password == "" {
		return nil
	}
	credential, population := &store.Credential{}, ""
	err = d.view(ctx, func(tx *store.Tx) error {
		row, err := find(tx)
		if err == nil && row != nil {
			population = row.Population
			credential, err = tx.Credential(row.TID, row.RID)
		}
		if errors.Is(err, store.ErrNotFound) {
			credential, err = &store.Credential{}, nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := w.checkPassword(population); err != nil {
		return err
	}
	if err := d.checkHistory(ctx, w.policy, w.body.password, credential); err != nil {
		return err
	}
	w.hash, err = d.hasher.hash(ctx, w.body.password)
	return err
}

// hintTaken is RuleUnique when the draft's key was in use a moment ago.
func (w *write) hintTaken(tx *store.Tx) (*store.Row, error) {
	_, err := tx.ByKey(w.tenant, w.typ, w.body.key)
	if err == nil {
		err = w.conflict(store.ErrKeyTaken)
	}
	return nil, err
}

// byExternalID returns the one user that has the draft's externalId, nil if there is none.
func (w *write) byExternalID(ctx context.Context, tx *store.Tx) (*store.Row, error) {
	if w.body.externalID == "" {
		return nil, nil
	}
	if err := tx.LockKey(w.body.externalID); err != nil {
		return nil, err
	}
	enough := 2
	if w.caller.limits.within() != nil {
		enough = math.MaxInt32
	}
	rows, err := tx.ByExternalID(w.tenant, w.typ, w.body.externalID, enough)
	rows = slices.DeleteFunc(rows, func(row *store.Row) bool { return !w.caller.limits.sees(row) })
	switch {
	case err != nil || len(rows) == 0:
		return nil, err
	case len(rows) > 1:
		return nil, &scim.Error{Rule: scim.RuleUnique, Path: "externalId", Value: w.body.externalID, Schema: w.draft.Type}
	}
	rows[0].TypeName = w.draft.Type
	return rows[0], nil
}

// insert stores the draft as a new resource.
func (w *write) insert(tx *store.Tx) (err error) {
	now := w.d.stamp()
	row := &store.Row{TID: w.tenant, Type: w.typ, TypeName: w.draft.Type, ID: w.draft.ID, Key: w.body.key, ExternalID: w.body.externalID,
		Version: 1, Created: now, Modified: now}
	if row.ID == "" {
		row.ID = w.d.newID()
	} else if err := checkID(row.ID); err != nil {
		return err
	}
	if w.typ == store.User {
		t, err := tx.Tenant(w.caller.Environment)
		if err != nil {
			return err
		}
		if row.Pop, row.Population, err = w.population(tx, t.DefaultPop, t.DefaultPopulationID); err != nil {
			return err
		}
	}
	if w.caller.limits.keepsAny() {
		if err := w.retake(without(w.draft.Type, w.body.attributes, w.caller.limits.kept)); err != nil {
			return err
		}
		row.Key, row.ExternalID = w.body.key, w.body.externalID
	}
	row.Doc = w.body.doc
	if err := w.unprepared(); err != nil {
		return err
	}
	if err := tx.Insert(row, w.body.attributes); err != nil {
		return w.conflict(err)
	}
	if err := w.setManager(tx, row, "", managerID(w.body.attributes)); err != nil {
		return err
	}
	if err := w.credential(tx, row, false); err != nil {
		return err
	}
	if _, err := w.join(tx, row); err != nil {
		return err
	}
	if w.typ == store.Group {
		if _, err := w.setMembers(tx, row, w.members()); err != nil {
			return err
		}
	}
	w.changes = w.draft.Relations
	related, err := w.changeMembers(tx, row)
	if err != nil {
		return err
	}
	w.outcome = Created
	if err := w.d.log(tx, w.caller, store.OpCreate, row, now, append(w.names(), related...)); err != nil {
		return err
	}
	inc := Include{Groups: len(w.draft.Groups) > 0 || w.draft.DefaultGroup, Members: len(w.body.members) > 0,
		Relations: w.draft.Include.Relations}
	row.Joined = true // perhaps: it was not read again
	w.result, err = w.caller.resource(tx, row, inc)
	return err
}

// replace stores the draft over old. What the draft leaves open stays: the
// password, active, the population and whether the password must be changed.
func (w *write) replace(tx *store.Tx, old *store.Row) (err error) {
	w.whole = true
	if err := w.merge(old); err != nil {
		return err
	}
	w.draft.DefaultGroup = false // for new users only (p14e R9)
	joined, err := w.join(tx, old)
	if err != nil {
		return err
	}
	var related []string
	if w.typ == store.Group && !w.caller.limits.keeps(ownMembers) {
		n, err := w.setMembers(tx, old, w.members())
		if err != nil {
			return err
		}
		if n > 0 {
			related = []string{"members"}
		}
	}
	if err := w.over(tx, old, related, Include{Groups: true, Members: true}); err != nil {
		return err
	}
	if joined && w.outcome == Unchanged {
		return w.d.log(tx, w.caller, store.OpUpdate, old, w.d.stamp(), []string{"groups"})
	}
	return nil
}

// merge makes the body what is to be stored over old: what the dialect cannot
// express and what the caller cannot write stays.
func (w *write) merge(old *store.Row) error {
	typ, l := w.draft.Type, w.caller.limits
	had := old.Resource()
	attributes, given := w.body.attributes, w.body.activeGiven
	switch {
	case w.draft.Merge != nil:
		attributes, given = w.draft.Merge(l.show(had).Attributes()), true
	case !l.keepsAny():
		return nil
	}
	if l.keepsAny() {
		attributes = l.keep(typ, attributes, had.Attributes())
	}
	if err := w.retake(attributes); err != nil {
		return err
	}
	w.body.activeGiven = w.body.activeGiven && given
	return nil
}

// retake takes other attributes in the place of the draft's. Its password and
// its members stay.
func (w *write) retake(attributes *scim.Object) (err error) {
	password, members := w.body.password, w.body.members
	w.body, err = w.d.takeApart(w.schema, attributes)
	w.body.password, w.body.members = password, members
	return err
}

// unprepared flags a user name that PRECIS refuses, for the audit row, or
// refuses it in the mode strict (scim PRE-08).
func (w *write) unprepared() error {
	if w.typ != store.User {
		return nil
	}
	name := w.body.attributes.Get("userName").Text()
	switch _, prepared := scim.UsernameKey(name); {
	case prepared:
		return nil
	case w.caller.Settings.Mode == Strict:
		return &scim.Error{Rule: scim.RulePattern, Path: "userName", Value: name, Detail: "only characters that user names may have (RFC 8265 3.3)"}
	}
	w.caller.Trace.Fire("username-unprepared")
	return nil
}

// over stores the body over old, if it is another one or one of its relations,
// whose names are given, has changed.
func (w *write) over(tx *store.Tx, old *store.Row, related []string, inc Include) (err error) {
	kept, faults := w.schema.Immutable(old.Resource().Attributes(), w.body.attributes)
	if len(faults) > 0 {
		return faults
	}
	if kept != w.body.attributes {
		given := w.body.activeGiven
		if err := w.retake(kept); err != nil {
			return err
		}
		w.body.activeGiven = given
	}
	if active := old.Resource().Attributes().Get("active"); w.typ == store.User && !w.body.activeGiven && !active.Bool() {
		w.body.attributes = w.body.attributes.Clone().Set("active", active)
		w.body.doc = scim.ObjectValue(w.body.attributes).AppendJSON(nil)
	}
	row := *old
	row.Key, row.ExternalID, row.Doc = w.body.key, w.body.externalID, w.body.doc
	if w.typ == store.User {
		if row.Pop, row.Population, err = w.population(tx, old.Pop, old.Population); err != nil {
			return err
		}
	}
	w.outcome = Unchanged
	if !bytes.Equal(row.Doc, old.Doc) || row.Pop != old.Pop || w.hash != "" || w.dropPassword || len(related) > 0 ||
		w.draft.MustChange != nil && *w.draft.MustChange != old.MustChange {
		w.outcome = Replaced
		row.Version++
		row.Modified = later(w.d.stamp(), old.Modified)
		if row.Key != old.Key {
			if err := w.unprepared(); err != nil {
				return err
			}
		}
		if err := tx.Replace(old, &row, w.body.attributes); err != nil {
			return w.conflict(err)
		}
		if err := w.setManager(tx, &row, managerID(old.Resource().Attributes()), managerID(w.body.attributes)); err != nil {
			return err
		}
		if err := w.credential(tx, &row, old.MustChange); err != nil {
			return err
		}
		names := changedNames(old, &row, w.hash != "" || w.dropPassword, related)
		if err := w.d.logNote(tx, w.caller, store.OpUpdate, &row, row.Modified, newNote(old, &row, names, w.whole)); err != nil {
			return err
		}
	}
	row.Joined = true // perhaps: it was not read again
	w.result, err = w.caller.resource(tx, &row, inc)
	return err
}

// population returns the population that the draft names, else the one given.
func (w *write) population(tx *store.Tx, rid int64, id string) (int64, string, error) {
	l := w.caller.limits
	if w.draft.Population == "" && !l.reaches(rid) {
		w.draft.Population = l.first
	}
	if w.draft.Population == "" && rid == 0 {
		return 0, "", &scim.Error{Rule: scim.RuleRequired, Path: "population.id"}
	}
	switch {
	case w.draft.Population != "" && w.draft.Population != id:
	case !l.reaches(rid):
		return 0, "", errElsewhere(id)
	default:
		return rid, id, nil
	}
	p, err := tx.ByID(w.tenant, store.Population, w.draft.Population)
	if errors.Is(err, store.ErrNotFound) {
		return 0, "", &scim.Error{Rule: scim.RuleDangling, Path: "population.id", Value: w.draft.Population, Schema: "Population"}
	}
	if err != nil {
		return 0, "", err
	}
	if !l.reaches(p.RID) {
		return 0, "", errElsewhere(p.ID)
	}
	return p.RID, p.ID, nil
}

// credential stores the draft's password and the state that goes with it. A
// new password needs no change at the next sign-in unless the draft says so.
func (w *write) credential(tx *store.Tx, row *store.Row, mustChange bool) error {
	if w.hash != "" {
		mustChange = false
	}
	if w.draft.MustChange != nil {
		mustChange = *w.draft.MustChange
	}
	drop := w.hash == "" && w.dropPassword
	if w.hash == "" && !drop && mustChange == row.MustChange {
		return nil
	}
	c, err := tx.Credential(row.TID, row.RID)
	if errors.Is(err, store.ErrNotFound) {
		c, err = &store.Credential{TID: row.TID, RID: row.RID}, nil
	}
	if err != nil {
		return err
	}
	c.MustChange, row.MustChange = mustChange, mustChange
	if drop {
		c.Hash, c.Changed = "", time.Time{}
		row.HasPassword, row.PasswordChanged = false, time.Time{}
	}
	if w.hash != "" {
		w.policy.replaceHash(c, w.hash, row.Modified)
		row.HasPassword, row.PasswordChanged = true, row.Modified
	}
	return tx.SetCredential(c)
}

// join makes the resource a member of the groups that the draft names, and
// reports whether it was not yet one of all of them.
func (w *write) join(tx *store.Tx, row *store.Row) (bool, error) {
	var groups []*store.Row
	for _, id := range w.draft.Groups {
		g, err := tx.ByID(w.tenant, store.Group, id)
		if errors.Is(err, store.ErrNotFound) {
			return false, &scim.Error{Rule: scim.RuleDangling, Path: "groups", Value: id, Schema: "Group"}
		}
		if err != nil {
			return false, err
		}
		groups = append(groups, g)
	}
	if w.draft.DefaultGroup {
		t, err := tx.Tenant(w.caller.Environment)
		if err != nil {
			return false, err
		}
		g, err := tx.ByRID(t.TID, t.DefaultGroup)
		if err != nil {
			return false, err
		}
		groups = append(groups, g)
	}
	joined := false
	for _, g := range groups {
		if err := w.entitles(tx, g); err != nil {
			return false, err
		}
		n, err := tx.AddMembers(g.TID, g.RID, row.RID)
		if err != nil {
			return false, err
		}
		if n > 0 {
			joined = true
			if err := w.d.touch(tx, w.caller, g.TID, g.RID); err != nil {
				return false, err
			}
		}
	}
	return joined, nil
}

// touch moves the version and time of groups, roles and organizations after a
// change of their members (p14e R42, ETG-09).
func (d *Directory) touch(tx *store.Tx, c Caller, tenant int64, rids ...int64) error {
	rows, err := tx.Touch(tenant, d.stamp(), rids...)
	for _, row := range rows {
		if err := d.log(tx, c, store.OpUpdate, row, row.Modified, []string{"members"}); err != nil {
			return err
		}
	}
	return err
}

// members is the change to the members that the body has.
func (w *write) members() MemberChange {
	return MemberChange{Relation: scim.Members, Op: SetMembers, Members: w.body.members}
}

// setMembers makes the other ends of the relation those of the change, of those
// that the caller sees, and returns how many began or ceased to be.
func (w *write) setMembers(tx *store.Tx, row *store.Row, ch MemberChange) (int, error) {
	wanted, err := w.resolveMembers(tx, ch)
	if err != nil {
		return 0, err
	}
	present, err := tx.EndRIDs(row.TID, ch.Relation, row.RID)
	if err == nil {
		present, err = w.caller.limits.filter(tx, row.TID, present)
	}
	if err != nil {
		return 0, err
	}
	var leave []int64
	for _, rid := range present {
		if !wanted[rid] {
			leave = append(leave, rid)
		}
		delete(wanted, rid)
	}
	left, err := w.unrelate(tx, row, ch.Relation, leave)
	if err != nil {
		return 0, err
	}
	entered, err := w.addMembers(tx, row, wanted, ch)
	return left + entered, err
}

// resolveMembers returns the keys of the members. RuleDangling for each id that
// is not there, or not of the type that the request says.
func (w *write) resolveMembers(tx *store.Tx, ch MemberChange) (map[int64]bool, error) {
	found, missing, err := w.findMembers(tx, ch)
	if err != nil {
		return nil, err
	}
	var faults scim.Errors
	for _, m := range missing {
		faults = append(faults, &scim.Error{Rule: scim.RuleDangling, Path: m.Path, Value: m.ID, Schema: "Member"})
	}
	return found, faults.Or()
}

// findMembers returns the keys of those members that exist, and those that do not.
func (w *write) findMembers(tx *store.Tx, ch MemberChange) (found map[int64]bool, missing []Member, err error) {
	ids := make([]string, len(ch.Members))
	for i, m := range ch.Members {
		ids[i] = m.ID
	}
	found = make(map[int64]bool, len(ids))
	missing = ch.Members
	for _, typ := range farTypes[ch.Relation] {
		if len(missing) == 0 {
			break
		}
		known, err := tx.Resolve(w.tenant, typ, ids)
		if err == nil && typ == store.User {
			err = w.caller.limits.drop(tx, w.tenant, known)
		}
		if err == nil && typ == store.Group && len(known) > 0 && w.draft.NoCycles { // one at a time, so that no two make one
			err = tx.LockKey("groups of " + w.caller.Environment)
		}
		if err != nil {
			return nil, nil, err
		}
		var rest []Member
		for _, m := range missing {
			if rid, ok := known[m.ID]; ok && (m.Type == "" || m.Type == typ.String()) {
				found[rid] = true
			} else {
				rest = append(rest, m)
			}
		}
		missing = rest
	}
	return found, missing, nil
}

// conflict words the store's uniqueness errors as rules.
func (w *write) conflict(err error) error {
	if own := (*store.TakenError)(nil); errors.As(err, &own) {
		return &scim.Error{Rule: scim.RuleUnique, Schema: w.draft.Type, Path: own.Path}
	}
	attribute, value := "userName", w.body.attributes.Get("userName").Text()
	if w.typ != store.User {
		attribute, value = "displayName", w.body.attributes.Get("displayName").Text()
	}
	return taken(err, w.draft.Type, attribute, value, w.draft.ID)
}

// names returns the names of all that a new resource was given.
func (w *write) names() []string {
	names := make([]string, 0, len(w.body.attributes.Members)+3)
	for _, m := range w.body.attributes.Members {
		names = append(names, m.Name)
	}
	for _, given := range []struct {
		name string
		ok   bool
	}{{"population", w.draft.Population != ""}, {"password", w.hash != ""}, {"members", len(w.body.members) > 0}} {
		if given.ok {
			names = append(names, given.name)
		}
	}
	return names
}

// changedNames returns the names of the top-level attributes in which the rows
// differ, and of the relations that have changed.
func changedNames(old, row *store.Row, password bool, related []string) []string {
	before, after := old.Resource().Attributes(), scim.NewResource(row.Doc).Attributes()
	var names []string
	for _, m := range after.Members {
		if !scim.Equal(m.Value, before.Get(m.Name)) {
			names = append(names, m.Name)
		}
	}
	for _, m := range before.Members {
		if _, ok := after.Lookup(m.Name); !ok {
			names = append(names, m.Name)
		}
	}
	if old.Pop != row.Pop {
		names = append(names, "population")
	}
	if password {
		names = append(names, "password")
	}
	return append(names, related...)
}

// later returns now, or the instant itself when the clock has gone back: the
// time of a change never does.
func later(now, instant time.Time) time.Time {
	if now.Before(instant) {
		return instant
	}
	return now
}
