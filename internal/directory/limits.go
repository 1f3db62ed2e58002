package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// ClientLimits narrow what a client may do below its role, at every door alike
// (scim SEC-08). The zero ClientLimits narrow nothing.
//
// Attributes are whole ones, with the URI of their schema where they need one:
// title, urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department.
// A name without a URI is that of users and of groups; population is that of users.
type ClientLimits struct {
	// Populations are ids. Users of others are not there for the client; empty for all.
	Populations []string `json:"populations"`
	// Hidden attributes have no value for the client: not in what it reads, nor
	// in its filters and sorts (scim FLT-29). It cannot write them either.
	Hidden []string `json:"hidden"`
	// ReadOnly attributes are to the client what the schema calls readOnly:
	// passed over in what creates or replaces, which leaves them as they are, and
	// refused with RuleReadOnly in what modifies (scim SCH-18).
	ReadOnly []string `json:"read_only"`
}

// NotForClient is the Detail of RuleReadOnly for an attribute that the schema
// lets others write.
const NotForClient = "the client may not write it"

// Limited reports whether the caller's client has limits. What shows resources
// otherwise than through this package's reads is not for such callers.
func (c Caller) Limited() bool { return c.limits != nil }

// isZero reports whether the limits narrow nothing.
func (l *ClientLimits) isZero() bool {
	return len(l.Populations) == 0 && len(l.Hidden) == 0 && len(l.ReadOnly) == 0
}

// An owned attribute is one of a schema; uri is empty for the common ones.
type owned struct{ uri, name string }

// String returns the attribute as limits name it, see parseOwned.
func (o owned) String() string { return strings.TrimPrefix(o.uri+":"+o.name, ":") }

func parseOwned(text string) owned {
	i := strings.LastIndexByte(text, ':')
	return owned{text[:max(i, 0)], text[i+1:]}
}

// ownedBy returns the owned attribute that a resource of the type has under the
// name, in the extension of this URI unless that is empty.
func ownedBy(typ, uri, name string) owned {
	switch {
	case uri != "" || name == "externalId":
	case typ == "User":
		uri = scim.UserSchema
	case typ == "Group":
		uri = scim.GroupSchema
	}
	return owned{uri, name}
}

// Attributes that are kept elsewhere than in the document.
var (
	ownPassword   = owned{scim.UserSchema, "password"}
	ownPopulation = owned{scim.PingOneSchema, "population"}
	ownManager    = owned{scim.EnterpriseSchema, "manager"}
	ownMembers    = owned{scim.GroupSchema, "members"}
)

// limits are ClientLimits made ready. A nil *limits narrows nothing.
type limits struct {
	first       string  // id of the population of users who are created without one
	populations []int64 // RIDs, nil for all
	hidden      map[owned]bool
	kept        map[owned]bool // those that the client cannot write: the hidden ones too
}

// resolve returns the limits with the attributes as the schemas of the
// environment spell them, each with its URI. Errors: RuleDangling for a
// population that is not there, RulePath for what is no attribute that a client
// can be limited in.
func (l ClientLimits) resolve(tx *store.Tx, tenant int64) (ClientLimits, error) {
	if l.isZero() {
		return l, nil
	}
	for _, id := range l.Populations {
		_, err := tx.ByID(tenant, store.Population, id)
		if errors.Is(err, store.ErrNotFound) {
			return l, &scim.Error{Rule: scim.RuleDangling, Path: "population", Value: id, Schema: "Population"}
		}
		if err != nil {
			return l, err
		}
	}
	set, err := loadTypes(tx, tenant)
	if err != nil {
		return l, err
	}
	if l.Hidden, err = set.resolve(l.Hidden, true); err != nil {
		return l, err
	}
	l.ReadOnly, err = set.resolve(l.ReadOnly, false)
	return l, err
}

// resolve returns the attributes of users and groups that the texts name.
func (s *typeSet) resolve(texts []string, hide bool) ([]string, error) {
	var out []string
	for _, text := range texts {
		path, err := scim.ParsePath(text)
		if err != nil {
			return nil, err
		}
		if text == ownPopulation.name {
			out = append(out, ownPopulation.String())
			continue
		}
		known := false
		for _, t := range []*scim.ResourceType{s.types.User(), s.types.Group()} {
			at, attribute, err := t.ResolvePath(path, scim.FilterOptions{})
			if err != nil {
				continue
			}
			switch {
			case at.Sub != "":
				return nil, &scim.Error{Rule: scim.RulePath, Path: text, Value: at.Sub, Detail: "a client is limited to whole attributes"}
			case at.Attr == "id" || at.Attr == "schemas" || at.Attr == "meta" || hide && attribute.Required:
				return nil, &scim.Error{Rule: scim.RulePath, Path: text, Value: at.Attr, Detail: "every " + t.Name + " has it, and no client can be limited in it"}
			}
			known = true
			if name := ownedBy(t.Name, at.Schema, at.Attr).String(); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
		if !known {
			return nil, &scim.Error{Rule: scim.RulePath, Path: text, Value: path.Attr, Detail: "neither users nor groups have it"}
		}
	}
	return out, nil
}

// compile makes limits ready that resolve has returned.
func (l ClientLimits) compile(tx *store.Tx, tenant int64) (*limits, error) {
	if l.isZero() {
		return nil, nil
	}
	out := &limits{hidden: map[owned]bool{}, kept: map[owned]bool{}}
	if len(l.Populations) > 0 {
		found, err := tx.Resolve(tenant, store.Population, l.Populations)
		if err != nil {
			return nil, err
		}
		out.first, out.populations = l.Populations[0], slices.AppendSeq(make([]int64, 0, len(found)), maps.Values(found))
	}
	for _, text := range l.Hidden {
		o := parseOwned(text)
		out.hidden[o], out.kept[o] = true, true
	}
	for _, text := range l.ReadOnly {
		out.kept[parseOwned(text)] = true
	}
	return out, nil
}

// hides reports whether the client does not see the attribute.
func (l *limits) hides(o owned) bool { return l != nil && l.hidden[o] }

// keeps reports whether the client cannot write the attribute.
func (l *limits) keeps(o owned) bool { return l != nil && l.kept[o] }

// keepsAny reports whether there are attributes that the client cannot write.
func (l *limits) keepsAny() bool { return l != nil && len(l.kept) > 0 }

// within returns the RIDs of the populations whose users the client sees, nil for all.
func (l *limits) within() []int64 {
	if l == nil {
		return nil
	}
	return l.populations
}

// reaches reports whether the client sees the users of the population.
func (l *limits) reaches(pop int64) bool {
	return l.within() == nil || slices.Contains(l.populations, pop)
}

// sees reports whether the resource is there for the client.
func (l *limits) sees(row *store.Row) bool { return row.Type != store.User || l.reaches(row.Pop) }

// show returns r as the client sees it.
func (l *limits) show(r *scim.Resource) *scim.Resource {
	if l == nil || len(l.hidden) == 0 {
		return r
	}
	out := r.With(without(r.Type, r.Attributes(), l.hidden))
	if l.hidden[ownPopulation] {
		out.Population = ""
	}
	if l.hidden[ownManager] {
		out.Manager = nil
	}
	if l.hidden[ownedBy(r.Type, "", "groups")] {
		out.Groups = nil
	}
	if l.hidden[ownMembers] {
		out.Members = nil
	}
	out.Related = maps.Clone(r.Related)
	maps.DeleteFunc(out.Related, func(relation scim.Relation, _ []scim.Reference) bool { return l.hidden[ownerOf(r.Type, relation)] })
	return out
}

// ownerOf returns the attribute of a resource of the type that stands for a
// relation; none has those that only Common REST has.
func ownerOf(typ string, r scim.Relation) owned {
	switch r {
	case scim.Members:
		return ownMembers
	case scim.Groups:
		return ownedBy(typ, "", "groups")
	case scim.Reports:
		return ownManager
	}
	return owned{}
}

// writes returns the attribute that a change of the relation writes.
func writes(r scim.Relation) owned {
	if r == scim.Groups || r == 0 {
		return ownMembers
	}
	return ownerOf("", r)
}

// without returns the attributes of a resource but for those in set, and but
// for extensions of which nothing is left.
func without(typ string, attributes *scim.Object, set map[owned]bool) *scim.Object {
	out := scim.NewObject()
	each(typ, attributes, func(o owned, uri string, m scim.Member) {
		if !set[o] {
			put(out, uri, m)
		}
	})
	return out
}

// keep returns the attributes with those that the client cannot write as they
// are in old.
func (l *limits) keep(typ string, attributes, old *scim.Object) *scim.Object {
	out := without(typ, attributes, l.kept)
	each(typ, old, func(o owned, uri string, m scim.Member) {
		if l.kept[o] {
			put(out, uri, m)
		}
	})
	return out
}

// pass returns a change without what the client cannot write, attributes of the
// document aside.
func (l *limits) pass(ch Change) Change {
	if l.keeps(ownPassword) {
		ch.MustChange, ch.DropPassword = nil, false
	}
	if l.keeps(ownPopulation) {
		ch.Population = ""
	}
	if l.keeps(ownMembers) {
		ch.Members = nil
	}
	return ch
}

// refuse returns RuleReadOnly for the first thing in a change of what the client
// saw that it cannot write.
func (l *limits) refuse(typ string, seen *scim.Resource, ch Change) error {
	switch {
	case !l.keepsAny():
		return nil
	case slices.ContainsFunc(ch.Members, func(m MemberChange) bool { return l.kept[writes(m.Relation)] }):
		return readOnly("", ownMembers.name)
	case (ch.MustChange != nil || ch.DropPassword) && l.kept[ownPassword]:
		return readOnly("", ownPassword.name)
	case ch.Population != "" && ch.Population != seen.Population && l.kept[ownPopulation]:
		return readOnly(ownPopulation.uri, ownPopulation.name)
	case ch.Attributes == nil:
		return nil
	}
	var fault error
	compare := func(object, other *scim.Object) {
		each(typ, object, func(o owned, uri string, m scim.Member) {
			in := other
			if uri != "" {
				in = other.Get(uri).Object()
			}
			if fault == nil && l.kept[o] && !scim.Equal(m.Value, in.Get(m.Name)) {
				fault = readOnly(uri, m.Name)
			}
		})
	}
	compare(ch.Attributes, seen.Attributes())
	compare(seen.Attributes(), ch.Attributes)
	return fault
}

func readOnly(uri, name string) error {
	return &scim.Error{Rule: scim.RuleReadOnly, Path: owned{uri, name}.String(), Detail: NotForClient}
}

// filter returns those of the keys that are not users whom the client does not see.
func (l *limits) filter(tx *store.Tx, tenant int64, rids []int64) ([]int64, error) {
	if l.within() == nil {
		return rids, nil
	}
	return tx.Within(tenant, rids, l.populations)
}

// drop takes the users out of found whom the client does not see.
func (l *limits) drop(tx *store.Tx, tenant int64, found map[string]int64) error {
	if l.within() == nil {
		return nil
	}
	seen, err := tx.Within(tenant, slices.Collect(maps.Values(found)), l.populations)
	slices.Sort(seen)
	maps.DeleteFunc(found, func(_ string, rid int64) bool {
		_, ok := slices.BinarySearch(seen, rid)
		return !ok
	})
	return err
}

// disbands returns RuleForbidden for a group or an organization that has members
// whom the caller does not see: who deletes it changes them.
func (c Caller) disbands(tx *store.Tx, row *store.Row) error {
	if c.limits.within() == nil {
		return nil
	}
	relations := map[store.Type][]scim.Relation{store.Group: {scim.Members}, store.Organization: {scim.OrganizationMembers, scim.Admins, scim.Owners}}
	for _, relation := range relations[row.Type] {
		all, err := tx.EndRIDs(row.TID, relation, row.RID)
		if err != nil {
			return err
		}
		seen, err := c.limits.filter(tx, row.TID, all)
		if err != nil {
			return err
		}
		if len(seen) < len(all) {
			return &scim.Error{Rule: scim.RuleForbidden, Schema: typeName(row), Value: row.ID, Detail: "it has members of other populations"}
		}
	}
	return nil
}

// entitles returns RuleForbidden for a caller with limits and a group that gives
// its members rights in the directory: they would reach beyond the limits.
func (w *write) entitles(tx *store.Tx, g *store.Row) error {
	if w.caller.limits == nil {
		return nil
	}
	own, err := tx.Entitlement(g.TID, g.RID)
	if err != nil {
		return err
	}
	inherited, err := tx.Entitled(g.TID, g.RID)
	if err == nil && max(own, inherited) > 0 {
		err = &scim.Error{Rule: scim.RuleForbidden, Schema: "Group", Value: g.ID, Detail: "the group gives its members rights"}
	}
	return err
}

// errElsewhere refuses a population that the client is not limited to.
func errElsewhere(id string) error {
	return &scim.Error{Rule: scim.RuleForbidden, Schema: "Population", Value: id, Detail: "the client is limited to other populations"}
}

// limit takes out of a draft what its caller cannot write and what is kept
// elsewhere than in the document. To let a user join a group is to write the
// group's members: RuleForbidden.
func (w *write) limit(ctx context.Context) error {
	l := w.caller.limits
	if !l.keepsAny() {
		return nil
	}
	if len(w.draft.Groups) > 0 && l.kept[ownMembers] {
		return w.d.refuse(ctx, w.caller, "Group", w.draft.Groups[0])
	}
	for _, ch := range w.draft.Relations {
		if l.kept[writes(ch.Relation)] {
			return w.d.refuse(ctx, w.caller, "Relation", ch.Relation.String())
		}
	}
	if l.kept[ownPassword] {
		w.body.password, w.hash, w.draft.MustChange = "", "", nil
	}
	if l.kept[ownPopulation] {
		w.draft.Population = ""
	}
	if l.kept[ownMembers] {
		w.body.members = nil
	}
	return nil
}

// each calls fn for every attribute of a resource: with what owns it, the URI of
// the extension that it stands in, if it does, and its name.
func each(typ string, attributes *scim.Object, fn func(o owned, uri string, m scim.Member)) {
	for _, m := range attributes.Members {
		if !strings.Contains(m.Name, ":") {
			fn(ownedBy(typ, "", m.Name), "", m)
			continue
		}
		for _, part := range m.Value.Object().Members {
			fn(owned{m.Name, part.Name}, m.Name, part)
		}
	}
}

// put sets an attribute; the objects of extensions in attributes are its own.
func put(attributes *scim.Object, uri string, m scim.Member) {
	if uri != "" {
		if _, ok := attributes.Lookup(uri); !ok {
			attributes.Set(uri, scim.ObjectValue(scim.NewObject()))
		}
		attributes = attributes.Get(uri).Object()
	}
	attributes.Set(m.Name, m.Value)
}

// blind returns the filter, which is resolved for the type, as if what the
// client does not see had no value (scim FLT-29): OpTrue or OpFalse when that
// decides it.
func (l *limits) blind(typ string, f *scim.Filter) *scim.Filter {
	if l == nil || len(l.hidden) == 0 || f == nil {
		return f
	}
	switch f.Op {
	case scim.OpAnd, scim.OpOr:
		return l.blindAll(typ, f)
	case scim.OpNot:
		switch arg := l.blind(typ, f.Args[0]); arg.Op {
		case scim.OpTrue:
			return &scim.Filter{Op: scim.OpFalse}
		case scim.OpFalse:
			return &scim.Filter{Op: scim.OpTrue}
		default:
			out := *f
			out.Args = []*scim.Filter{arg}
			return &out
		}
	case scim.OpTrue, scim.OpFalse:
		return f
	}
	switch {
	case !l.hidden[ownedBy(typ, f.Path.Schema, f.Path.Attr)]:
		return f
	case f.Op == scim.OpNe:
		return &scim.Filter{Op: scim.OpTrue}
	}
	return &scim.Filter{Op: scim.OpFalse}
}

// unsorted returns the keys by what the client sees: where it sees nothing, all are equal.
func (l *limits) unsorted(typ string, keys []scim.SortKey) []scim.SortKey {
	if l == nil || len(l.hidden) == 0 {
		return keys
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k scim.SortKey) bool { return l.hidden[ownedBy(typ, k.Path.Schema, k.Path.Attr)] })
}

// blindAll is blind for and and or.
func (l *limits) blindAll(typ string, f *scim.Filter) *scim.Filter {
	decides, idle := scim.OpFalse, scim.OpTrue
	if f.Op == scim.OpOr {
		decides, idle = idle, decides
	}
	out := *f
	out.Args = nil
	for _, arg := range f.Args {
		arg = l.blind(typ, arg)
		if arg.Op == decides {
			return arg
		}
		if arg.Op != idle {
			out.Args = append(out.Args, arg)
		}
	}
	switch len(out.Args) {
	case 0:
		return &scim.Filter{Op: idle}
	case 1:
		return out.Args[0]
	}
	return &out
}
