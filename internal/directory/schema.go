package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// A typeSet is the types of an environment, and what else every write asks of
// it, as they were at a version of it. It is not changed any more.
type typeSet struct {
	version int64
	types   *scim.Types
	numbers map[string]store.Type // by name, of the types that the environment has defined

	assigned assigned
	home     string // id of the default population, and its key in the store
	homeRID  int64

	// The definitions that it is made of, in order of creation.
	schemas     []*scim.Schema
	definitions []*scim.TypeDefinition
}

// number returns what the store calls the type. Errors: RuleNotFound.
func (s *typeSet) number(typ string) (store.Type, error) {
	if n := storeType(typ); n != 0 {
		return n, nil
	}
	if n, ok := s.numbers[typ]; ok {
		return n, nil
	}
	return 0, &scim.Error{Rule: scim.RuleNotFound, Schema: "ResourceType", Value: typ}
}

// A typeCache keeps the typeSets of environments. Every Caller says at which
// version its environment was when it was authenticated, so no use is made of one
// that is older than the request. The zero typeCache is empty.
type typeCache struct {
	mu   sync.Mutex
	sets map[int64]*typeSet // by tenant
}

// maxTypeSets is how many environments a typeCache knows.
const maxTypeSets = 4096

func (tc *typeCache) get(tenant, version int64) *typeSet {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	if set := tc.sets[tenant]; set != nil && set.version >= version {
		return set
	}
	return nil
}

func (tc *typeCache) put(tenant int64, set *typeSet) {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	if tc.sets == nil || len(tc.sets) >= maxTypeSets {
		tc.sets = make(map[int64]*typeSet)
	}
	if old := tc.sets[tenant]; old == nil || old.version < set.version {
		tc.sets[tenant] = set
	}
}

// typesOf returns the types of the caller's environment, no older than the caller.
func (d *Directory) typesOf(ctx context.Context, c Caller) (*typeSet, error) {
	if set := d.types.get(c.tenant, c.version); set != nil {
		return set, nil
	}
	var set *typeSet
	err := d.view(ctx, func(tx *store.Tx) (err error) {
		set, err = loadTypes(tx, c.tenant)
		return notFound(err, "Environment", c.Environment)
	})
	if err != nil {
		return nil, err
	}
	d.types.put(c.tenant, set)
	return set, nil
}

// number returns what the store calls a type of the caller's environment. Errors:
// RuleNotFound.
func (d *Directory) number(ctx context.Context, c Caller, typ string) (store.Type, error) {
	if n := storeType(typ); n != 0 {
		return n, nil
	}
	set, err := d.typesOf(ctx, c)
	if err != nil {
		return 0, err
	}
	return set.number(typ)
}

// loadTypes reads the definitions of an environment. Errors: store.ErrNotFound.
func loadTypes(tx *store.Tx, tenant int64) (*typeSet, error) {
	t, err := tx.TenantByTID(tenant)
	if err != nil {
		return nil, err
	}
	names, err := readAssigned(t)
	if err != nil {
		return nil, err
	}
	schemas, err := tx.Schemas(tenant)
	if err != nil {
		return nil, err
	}
	types, err := tx.Types(tenant)
	if err != nil {
		return nil, err
	}
	set := &typeSet{version: t.Version, types: new(scim.Types), numbers: make(map[string]store.Type),
		assigned: names, home: t.DefaultPopulationID, homeRID: t.DefaultPop}
	if len(schemas) == 0 && len(types) == 0 {
		return set, nil
	}
	for _, s := range schemas {
		schema, err := scim.StoredSchema(s.Doc)
		if err != nil {
			return nil, fmt.Errorf("the definition of schema %s: %w", s.Key, err)
		}
		set.schemas = append(set.schemas, schema)
	}
	for _, t := range types {
		d, err := scim.StoredType(t.Doc)
		if err != nil {
			return nil, fmt.Errorf("the definition of resource type %s: %w", t.Key, err)
		}
		set.definitions = append(set.definitions, d)
		if !scim.BuiltIn(d.Name) {
			set.numbers[d.Name] = t.Type
		}
	}
	var faults scim.Errors
	if set.types, faults = scim.Compile(set.schemas, set.definitions); len(faults) > 0 {
		return nil, fmt.Errorf("the definitions of an environment do not go together: %s", faults.Error())
	}
	return set, nil
}

// Types returns the resource types and schemas of the environment, with those
// that its administrator has defined. Errors: RuleForbidden, RuleNotFound.
func (d *Directory) Types(ctx context.Context, c Caller, s Scope) (*scim.Types, error) {
	if _, err := d.authorise(ctx, c, s, ReadSchemas); err != nil {
		return nil, err
	}
	set, err := d.typesOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return set.types, nil
}

// A Redefinition changes what an environment defines beside the built-in schemas
// and resource types: all of it or nothing.
type Redefinition struct {
	// Schemas and Types are added, or replace those of the same URI or name.
	// Types named User and Group give these their extensions.
	Schemas []*scim.Schema
	Types   []*scim.TypeDefinition
	// RemoveSchemas are URIs, RemoveTypes names.
	RemoveSchemas []string
	RemoveTypes   []string
	// Check, if not nil, may refuse the change in view of what is there. It
	// must be pure and quick: it runs inside the transaction.
	Check func(now *scim.Types) error
}

// maxRevised is how many resources of a type a change of its definition may
// have to look at: other writers wait meanwhile, 10 to 40 µs for each.
const maxRevised = 100_000

// Redefine changes the definitions of the environment and returns its types. From
// the next request on they are in effect everywhere.
//
// Errors: RuleForbidden; RuleNotFound for what is to be removed; RuleProtected
// for what is built in; those of scim.Compile; RuleInUse for a change that
// stored resources do not bear, with the path of the attribute, the name of the type and the
// id of one of the resources; and what Check says.
func (d *Directory) Redefine(ctx context.Context, c Caller, s Scope, r Redefinition) (*scim.Types, error) {
	tenant, err := d.authorise(ctx, c, s, Administer)
	if err != nil {
		return nil, err
	}
	return d.redefine(ctx, c, tenant, r)
}

// RedefineEnvironment is Redefine for who runs the server.
func (d *Directory) RedefineEnvironment(ctx context.Context, environment string, r Redefinition) (*scim.Types, error) {
	c, err := d.operator(ctx, environment)
	if err != nil {
		return nil, err
	}
	return d.redefine(ctx, c, c.tenant, r)
}

// EnvironmentTypes is Types for who runs the server.
func (d *Directory) EnvironmentTypes(ctx context.Context, environment string) (*scim.Types, error) {
	c, err := d.operator(ctx, environment)
	if err != nil {
		return nil, err
	}
	set, err := d.typesOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return set.types, nil
}

// operator returns who runs the server as a caller in an environment.
func (d *Directory) operator(ctx context.Context, environment string) (Caller, error) {
	c := Caller{Environment: environment}
	err := d.view(ctx, func(tx *store.Tx) error {
		t, err := tx.Tenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		c.tenant, c.version = t.TID, t.Version
		return nil
	})
	return c, err
}

func (d *Directory) redefine(ctx context.Context, c Caller, tenant int64, r Redefinition) (types *scim.Types, err error) {
	err = d.update(ctx, func(tx *store.Tx) error {
		if err := tx.LockTenant(tenant); err != nil {
			return err
		}
		now, err := loadTypes(tx, tenant)
		if err != nil {
			return notFound(err, "Environment", c.Environment)
		}
		if r.Check != nil {
			if err := r.Check(now.types); err != nil {
				return err
			}
		}
		step := redefinition{d: d, tx: tx, caller: c, tenant: tenant, now: now}
		if err := step.plan(r); err != nil {
			return err
		}
		types = step.types
		return step.store()
	})
	return types, err
}

// A redefinition is one call of Redefine in its transaction.
type redefinition struct {
	d      *Directory
	tx     *store.Tx
	caller Caller
	tenant int64
	now    *typeSet

	// What is to be.
	schemas []*scim.Schema
	types   *scim.Types
}

// fold is how URIs and the names of types are compared (RFC 7644 3.10).
func fold(s string) string { return strings.ToLower(s) }

// plan finds out what is to be, and whether that goes together.
func (r *redefinition) plan(wanted Redefinition) error {
	r.schemas = slices.Clone(r.now.schemas)
	types := slices.Clone(r.now.definitions)
	for _, name := range wanted.RemoveTypes {
		i := slices.IndexFunc(types, func(t *scim.TypeDefinition) bool { return fold(t.Name) == fold(name) })
		switch {
		case scim.BuiltIn(name):
			return &scim.Error{Rule: scim.RuleProtected, Schema: "ResourceType", Value: name, Detail: "it is built in"}
		case i < 0:
			return &scim.Error{Rule: scim.RuleNotFound, Schema: "ResourceType", Value: name}
		}
		types = slices.Delete(types, i, i+1)
	}
	for _, t := range wanted.Types {
		if i := slices.IndexFunc(types, func(old *scim.TypeDefinition) bool { return fold(old.Name) == fold(t.Name) }); i < 0 {
			types = append(types, t)
		} else { // in the letter case that resources have been answered with
			same := *t
			same.Name = types[i].Name
			types[i] = &same
		}
	}
	for _, uri := range wanted.RemoveSchemas {
		i := slices.IndexFunc(r.schemas, func(s *scim.Schema) bool { return fold(s.ID) == fold(uri) })
		switch {
		case i < 0 && r.now.types.Schema(uri) != nil:
			return &scim.Error{Rule: scim.RuleProtected, Schema: "Schema", Value: uri, Detail: "it is built in"}
		case i < 0:
			return &scim.Error{Rule: scim.RuleNotFound, Schema: "Schema", Value: uri}
		}
		if err := unused(uri, types); err != nil {
			return err
		}
		r.schemas = slices.Delete(r.schemas, i, i+1)
	}
	for _, s := range wanted.Schemas {
		if i := slices.IndexFunc(r.schemas, func(old *scim.Schema) bool { return fold(old.ID) == fold(s.ID) }); i < 0 {
			r.schemas = append(r.schemas, s)
		} else { // in the letter case that documents have
			same := *s
			same.ID = r.schemas[i].ID
			r.schemas[i] = &same
		}
	}
	var faults scim.Errors
	r.types, faults = scim.Compile(r.schemas, types)
	return faults.Or()
}

// unused returns RuleInUse if one of the types has the schema.
func unused(uri string, types []*scim.TypeDefinition) error {
	for _, t := range types {
		has := func(e scim.ExtensionDefinition) bool { return fold(e.Schema) == fold(uri) }
		if fold(t.Schema) == fold(uri) || slices.ContainsFunc(t.Extensions, has) {
			return &scim.Error{Rule: scim.RuleInUse, Path: uri, Schema: t.Name, Detail: "cannot be deleted while the resource type has it"}
		}
	}
	return nil
}

// store makes what is to be of what is.
func (r *redefinition) store() error {
	changed, err := r.storeSchemas()
	if err != nil {
		return err
	}
	for _, old := range r.now.types.All() {
		if r.types.Type(old.Name) == nil {
			if err := r.removeType(old.Name); err != nil {
				return err
			}
			changed = true
		}
	}
	for _, t := range r.types.All() {
		more, err := r.storeType(t)
		if err != nil {
			return err
		}
		changed = changed || more
	}
	if !changed {
		return nil
	}
	return r.tx.RaiseTenant(r.tenant)
}

// storeSchemas reports whether any is another one now.
func (r *redefinition) storeSchemas() (changed bool, err error) {
	for _, s := range r.schemas {
		doc := s.Object().AppendJSON(nil)
		i := slices.IndexFunc(r.now.schemas, func(old *scim.Schema) bool { return old.ID == s.ID })
		action := "create"
		if i >= 0 {
			if string(doc) == string(r.now.schemas[i].Object().AppendJSON(nil)) {
				continue
			}
			action = "update"
		}
		changed = true
		if err := r.tx.SetSchema(r.tenant, store.Definition{Key: fold(s.ID), Doc: doc}); err != nil {
			return false, err
		}
		if err := r.d.record(r.tx, r.caller, action, "Schema", s.ID); err != nil {
			return false, err
		}
	}
	for _, old := range r.now.schemas {
		if slices.ContainsFunc(r.schemas, func(s *scim.Schema) bool { return s.ID == old.ID }) {
			continue
		}
		changed = true
		if err := r.tx.DeleteSchema(r.tenant, fold(old.ID)); err != nil {
			return false, err
		}
		if err := r.d.record(r.tx, r.caller, "delete", "Schema", old.ID); err != nil {
			return false, err
		}
	}
	return changed, nil
}

func (r *redefinition) removeType(name string) error {
	n, err := r.tx.Count(r.tenant, r.now.numbers[name])
	if err != nil {
		return err
	}
	if n > 0 {
		return &scim.Error{Rule: scim.RuleInUse, Schema: name, Detail: "cannot be deleted while there are resources of it (" + strconv.Itoa(n) + ")"}
	}
	if err := r.tx.DeleteType(r.tenant, fold(name)); err != nil {
		return err
	}
	return r.d.record(r.tx, r.caller, "delete", "ResourceType", name)
}

// storeType stores the definition of a type and makes its resources and their
// indexes follow, also where only one of its schemas has changed. It reports
// whether the definition is another one.
func (r *redefinition) storeType(t *scim.ResourceType) (changed bool, err error) {
	old := r.now.types.Type(t.Name)
	action, doc := "create", t.Define().Object().AppendJSON(nil)
	if old != nil {
		action, changed = "update", string(doc) != string(old.Define().Object().AppendJSON(nil))
	} else {
		changed = true
	}
	number := cmp.Or(storeType(t.Name), r.now.numbers[t.Name])
	if changed {
		n, err := r.tx.SetType(r.tenant, store.Definition{Key: fold(t.Name), Doc: doc})
		if err != nil {
			return false, err
		}
		if number == 0 {
			number = n
		}
		if err := r.d.record(r.tx, r.caller, action, "ResourceType", t.Name); err != nil {
			return false, err
		}
	}
	added, err := r.tx.SetIndexes(r.tenant, number, r.indexes(t))
	if err != nil || old == nil {
		return changed, err
	}
	i := 0
	for _, path := range added { // of new attributes nothing needs to be read
		if hasAttribute(old, path) {
			added[i] = path
			i++
		} else if err := r.tx.IndexAbsent(r.tenant, number, path); err != nil {
			return false, err
		}
	}
	return changed, r.revise(number, scim.Revise(old, t), added[:i])
}

// hasAttribute reports whether the type has the attribute, so that resources may
// have values of it.
func hasAttribute(t *scim.ResourceType, text string) bool {
	path, err := scim.ParsePath(text)
	if err == nil {
		_, _, err = t.ResolvePath(path, scim.FilterOptions{})
	}
	return err == nil
}

// indexes returns the indexes that a type has of the environment's own attributes.
func (r *redefinition) indexes(t *scim.ResourceType) []store.Index {
	var list []store.Index
	add := func(path scim.Path, a *scim.Attribute) {
		if a.Found() {
			unique := map[string]store.Unique{"server": store.UniqueType, "global": store.UniqueWhole}[a.Uniqueness]
			list = append(list, store.Index{Path: path.String(), Type: a.Type, CaseExact: a.CaseExact, Unique: unique})
		}
	}
	for _, s := range r.schemas {
		path := scim.Path{Schema: s.ID}
		switch {
		case s == t.Schema:
			path.Schema = ""
		case !slices.Contains(t.Extensions, s):
			continue
		}
		for _, a := range s.Attributes {
			path.Attr, path.Sub = a.Name, ""
			add(path, a)
			for _, sub := range a.SubAttributes {
				path.Sub = sub.Name
				add(path, sub)
			}
		}
	}
	return list
}

// revise looks at the resources of a type: whether they bear its new definition,
// and what the indexes that were added hold of them.
func (r *redefinition) revise(number store.Type, step *scim.Revision, added []string) error {
	if !step.Asks() && len(added) == 0 {
		return nil
	}
	n, err := r.tx.Count(r.tenant, number)
	if err != nil {
		return err
	}
	if n > maxRevised {
		return &scim.Error{Rule: scim.RuleInUse, Schema: step.Type(), Detail: fmt.Sprintf(
			"cannot be changed in a way for which more than %d resources must be looked at; there are %d", maxRevised, n)}
	}
	return r.tx.Each(r.tenant, number, func(row *store.Row) error {
		if step.Concerns(row.Doc) {
			if fault := step.Check(row.Resource().Attributes()); fault != nil {
				fault.Value = row.ID
				return fault
			}
		}
		err := r.tx.Reindex(row, added)
		if taken := (*store.TakenError)(nil); errors.As(err, &taken) {
			return &scim.Error{Rule: scim.RuleInUse, Path: taken.Path, Schema: step.Type(), Value: row.ID,
				Detail: "cannot become unique while a value of it is there twice"}
		}
		return err
	})
}
