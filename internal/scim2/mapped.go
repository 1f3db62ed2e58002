package scim2

import (
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// mappedSchemaID is the URN of users under the names of PingOne's own model
// (pingone F9).
const mappedSchemaID = "urn:pingidentity:schemas:2.0:DirectMappedUser"

// A mapping is an attribute of PingOne's own model and where SCIM has it.
type mapping struct {
	native string // as name.given
	path   scim.Path
	slot   string // the type of the one phone number that is meant
}

// mappings are pingone section 5: single values under native names.
var mappings = []mapping{
	{"username", scim.Path{Attr: "userName"}, ""},
	{"name.formatted", scim.Path{Attr: "name", Sub: "formatted"}, ""},
	{"name.given", scim.Path{Attr: "name", Sub: "givenName"}, ""},
	{"name.family", scim.Path{Attr: "name", Sub: "familyName"}, ""},
	{"name.middle", scim.Path{Attr: "name", Sub: "middleName"}, ""},
	{"name.honorificPrefix", scim.Path{Attr: "name", Sub: "honorificPrefix"}, ""},
	{"name.honorificSuffix", scim.Path{Attr: "name", Sub: "honorificSuffix"}, ""},
	{"nickname", scim.Path{Attr: "nickName"}, ""},
	{"title", scim.Path{Attr: "title"}, ""},
	{"preferredLanguage", scim.Path{Attr: "preferredLanguage"}, ""},
	{"locale", scim.Path{Attr: "locale"}, ""},
	{"timezone", scim.Path{Attr: "timezone"}, ""},
	{"email", scim.Path{Attr: "emails", Sub: "value"}, ""},
	{"primaryPhone", scim.Path{Attr: "phoneNumbers", Sub: "value"}, "primary"},
	{"mobilePhone", scim.Path{Attr: "phoneNumbers", Sub: "value"}, "mobile"},
	{"address.formatted", scim.Path{Attr: "addresses", Sub: "formatted"}, ""},
	{"address.streetAddress", scim.Path{Attr: "addresses", Sub: "streetAddress"}, ""},
	{"address.locality", scim.Path{Attr: "addresses", Sub: "locality"}, ""},
	{"address.region", scim.Path{Attr: "addresses", Sub: "region"}, ""},
	{"address.postalCode", scim.Path{Attr: "addresses", Sub: "postalCode"}, ""},
	{"address.countryCode", scim.Path{Attr: "addresses", Sub: "country"}, ""},
	{"photo.href", scim.Path{Attr: "photos", Sub: "value"}, ""},
	{"enabled", scim.Path{Attr: "active"}, ""},
	{"password", scim.Path{Attr: "password"}, ""},
	{"population.id", scim.Path{Schema: scim.PingOneSchema, Attr: "population", Sub: "id"}, ""},
}

// mappedOnly are attributes that only the native view has. They are as the
// directory has all users: it has no second factors, providers or verifications.
var mappedOnly = []struct {
	path  string
	value scim.Value
}{
	{"lifecycle.status", scim.StringValue("ACCOUNT_OK")},
	{"identityProvider.type", scim.StringValue("PING_ONE")},
	{"mfaEnabled", scim.BoolValue(false)},
	{"verifyStatus", scim.StringValue("NOT_INITIATED")},
}

// mappedUsers returns the kind of users under native names: another view of
// those of the kind given (pingone B48).
func mappedUsers(users *kind, o Options) *kind {
	k := &kind{
		ResourceType: &scim.ResourceType{Name: "DirectMappedUser", Endpoint: "/DirectMappedUsers",
			Description: "A user account under the names of the platform's own model", Schema: mappedSchema(users.Schema)},
		view:               "User",
		write:              directory.WriteUsers,
		checks:             users.checks,
		fixedID:            true,
		createOnlyPassword: true,
		population:         "population.id",
	}
	k.inspect = func(body, attributes *scim.Object, faults scim.Errors) scim.Errors {
		if len(faults) > 0 {
			return faults
		}
		return nativePaths(inspectPingOne(body, fromNative(attributes), nil))
	}
	k.resolve = func(f *scim.Filter, o scim.FilterOptions) (*scim.Filter, error) {
		f, err := k.mapFilter(f, o)
		if err != nil {
			return nil, err
		}
		return users.Resolve(f, o)
	}
	k.decode = func(dr *directory.Draft, checks scim.Checks) {
		dr.Attributes = fromNative(dr.Attributes)
		users.decode(dr, checks)
	}
	k.encode = func(c *call, r *scim.Resource) *scim.Object {
		o := toNative(encodePingOne(users.ResourceType, r))
		put(o, "environment.id", scim.StringValue(c.scope.Environment))
		return o
	}
	k.merge = func(old, attributes *scim.Object) *scim.Object {
		return users.merge(old, keepUnmapped(old, attributes))
	}
	k.operations = func(ops []scim.PatchOperation) ([]scim.PatchOperation, error) {
		return pingOneOperations(k.ResourceType, ops, o.Unknown == RejectUnknown), nil
	}
	return k
}

// mappedSchema describes the native view, with types and limits of the SCIM one.
func mappedSchema(users *scim.Schema) *scim.Schema {
	s := &scim.Schema{ID: mappedSchemaID, Name: "DirectMappedUser", Description: "A user under the names of the platform's own model"}
	add := func(path string, a *scim.Attribute) {
		name, sub, nested := strings.Cut(path, ".")
		if !nested {
			s.Attributes = append(s.Attributes, a)
			return
		}
		parent := s.Attribute(name)
		if parent == nil {
			parent = &scim.Attribute{Name: name, Type: scim.TypeComplex, Description: "The user's " + name, Mutability: a.Mutability, Returned: "default", Uniqueness: "none"}
			s.Attributes = append(s.Attributes, parent)
		}
		a.Name = sub
		parent.SubAttributes = append(parent.SubAttributes, a)
	}
	for _, m := range mappings {
		a := &scim.Attribute{Type: scim.TypeString, Mutability: "readWrite", Returned: "default", Uniqueness: "none", Description: "The id of the user's population"}
		if from := users.Attribute(m.path.Attr); from != nil {
			leaf := from
			if m.path.Sub != "" {
				leaf = from.Sub(m.path.Sub)
			}
			copied := *leaf
			a = &copied
		}
		a.Name = m.native
		add(m.native, a)
	}
	readOnly := func(path string, t scim.Type, description string) {
		add(path, &scim.Attribute{Name: path, Type: t, Description: description, Mutability: "readOnly", Returned: "default", Uniqueness: "none"})
	}
	readOnly("environment.id", scim.TypeString, "The id of the user's environment")
	readOnly("account.canAuthenticate", scim.TypeBoolean, "Whether the user can sign in")
	readOnly("account.status", scim.TypeString, "The state of the account")
	for _, m := range mappedOnly {
		t := scim.TypeString
		if m.value.Kind() == scim.Bool {
			t = scim.TypeBoolean
		}
		readOnly(m.path, t, "Always "+strings.Trim(m.value.String(), `"`))
	}
	return s
}

// at returns the value at a path of names of an object.
func at(o *scim.Object, path string) scim.Value {
	name, sub, nested := strings.Cut(path, ".")
	if nested {
		return o.Get(name).Object().Get(sub)
	}
	return o.Get(name)
}

// put gives the value at a path of names of an object.
func put(o *scim.Object, path string, v scim.Value) {
	name, sub, nested := strings.Cut(path, ".")
	if nested {
		v = scim.ObjectValue(o.Get(name).Object().Clone().Set(sub, v))
	}
	o.Set(name, v)
}

// fromNative returns native attributes as PingOne's SCIM users have them.
func fromNative(native *scim.Object) *scim.Object {
	o := scim.NewObject()
	o.Assign("externalId", native.Get("externalId"))
	for _, m := range mappings {
		v := at(native, m.native)
		switch {
		case v.IsNull():
		case m.path.Schema != "":
			o.Set(m.path.Schema, object(member(m.path.Attr, object(member(m.path.Sub, v)))))
		case m.slot != "":
			list := o.Get(m.path.Attr).List()
			o.Set(m.path.Attr, scim.ListValue(append(slices.Clip(list), object(member("value", v), member("type", scim.StringValue(m.slot))))...))
		case slices.Contains([]string{"emails", "addresses", "photos"}, m.path.Attr):
			one := scim.NewObject()
			if list := o.Get(m.path.Attr).List(); len(list) > 0 {
				one = list[0].Object().Clone()
			}
			o.Set(m.path.Attr, scim.ListValue(scim.ObjectValue(one.Set(m.path.Sub, v))))
		case m.path.Sub != "":
			put(o, m.path.Attr+"."+m.path.Sub, v)
		default:
			o.Set(m.path.Attr, v)
		}
	}
	return o
}

// toNative returns a user as PingOne's SCIM has it under native names (pingone
// F9, section 9 E9).
func toNative(shown *scim.Object) *scim.Object {
	o := scim.NewObject()
	o.Assign("externalId", shown.Get("externalId"))
	for _, m := range mappings {
		v := shown.Get(m.path.Attr)
		switch {
		case m.path.Schema != "":
			v = shown.Get(m.path.Schema).Object().Get(m.path.Attr).Object().Get(m.path.Sub)
		case v.Kind() == scim.Array:
			i, ok := slots(m.path.Attr, v.List())[m.slot]
			if !ok {
				continue
			}
			v = v.List()[i].Object().Get(m.path.Sub)
		case m.path.Sub != "":
			v = v.Object().Get(m.path.Sub)
		}
		if !v.IsNull() {
			put(o, m.native, v)
		}
	}
	put(o, "account.canAuthenticate", o.Get("enabled"))
	put(o, "account.status", scim.StringValue("OK"))
	for _, m := range mappedOnly {
		put(o, m.path, m.value)
	}
	return o
}

// keepUnmapped returns the attributes with those parts of the values shown of
// old that have no native name: the type of an e-mail, and what is primary.
func keepUnmapped(old, attributes *scim.Object) *scim.Object {
	out := attributes.Clone()
	for _, name := range []string{"emails", "phoneNumbers", "addresses", "photos"} {
		was, now := old.Get(name).List(), slices.Clone(out.Get(name).List())
		shown := slots(name, was)
		for slot, j := range slots(name, now) {
			i, ok := shown[slot]
			if !ok {
				continue
			}
			o := now[j].Object().Clone()
			for _, m := range was[i].Object().Members {
				mapped := slices.ContainsFunc(mappings, func(p mapping) bool { return p.path.Attr == name && p.path.Sub == m.Name })
				if !mapped {
					o.Set(m.Name, m.Value)
				}
			}
			if _, typed := was[i].Object().Lookup("type"); !typed && name == "phoneNumbers" {
				o.Delete("type") // a number without one is the primary phone (pingone B14)
			}
			now[j] = scim.ObjectValue(o)
		}
		out.Assign(name, scim.ListValue(now...))
	}
	return out
}

// nativePaths gives faults the native names of what they are about.
func nativePaths(faults scim.Errors) scim.Errors {
	for _, e := range faults {
		name, sub, _ := strings.Cut(e.Path, ".")
		name, _, _ = strings.Cut(name, "[")
		for _, m := range mappings {
			if m.path.Attr == name && m.path.Sub == sub {
				e.Path = m.native
				break
			}
		}
	}
	return faults
}

// mapFilter returns a filter on native names as one on SCIM's (pingone B28).
//
// Errors: RuleFilterAttribute, RuleFilter.
func (k *kind) mapFilter(f *scim.Filter, o scim.FilterOptions) (*scim.Filter, error) {
	switch f.Op {
	case scim.OpAnd, scim.OpOr, scim.OpNot:
		mapped := &scim.Filter{Op: f.Op}
		for _, arg := range f.Args {
			arg, err := k.mapFilter(arg, o)
			if err != nil {
				return nil, err
			}
			mapped.Args = append(mapped.Args, arg)
		}
		return mapped, nil
	case scim.OpHas:
		return nil, &scim.Error{Rule: scim.RuleFilter, Path: f.Path.String(), Detail: "not multi-valued"}
	case scim.OpNe:
		equal := *f
		equal.Op = scim.OpEq
		arg, err := k.mapFilter(&equal, o)
		return &scim.Filter{Op: scim.OpNot, Args: []*scim.Filter{arg}}, err
	}
	path, _, err := k.ResolvePath(f.Path, o)
	unknown := &scim.Error{Rule: scim.RuleFilterAttribute, Path: f.Path.String()}
	if err != nil {
		return nil, unknown
	}
	path.Schema = ""
	mapped := *f
	if slices.Contains([]string{"id", "externalId", "meta", "schemas"}, path.Attr) {
		mapped.Path = path
		return &mapped, nil
	}
	for _, m := range mappings {
		name, _, nested := strings.Cut(m.native, ".")
		switch {
		case m.native == path.String() && m.slot != "":
			mapped.Path = scim.Path{Attr: "value"}
			return &scim.Filter{Op: scim.OpHas, Path: scim.Path{Attr: m.path.Attr},
				Args: []*scim.Filter{{Op: scim.OpAnd, Args: []*scim.Filter{slotFilter(m.slot), &mapped}}}}, nil
		case m.native == path.String():
			mapped.Path = m.path
			return &mapped, nil
		case nested && name == path.String() && f.Op == scim.OpPr:
			mapped.Path = scim.Path{Schema: m.path.Schema, Attr: m.path.Attr}
			return &mapped, nil
		}
	}
	return nil, unknown
}

// slotFilter selects the numbers that are one of the two phones. A number
// without a type is the primary one (pingone B14).
func slotFilter(slot string) *scim.Filter {
	typed := &scim.Filter{Op: scim.OpEq, Path: scim.Path{Attr: "type"}, Value: scim.StringValue(slot)}
	if slot != "primary" {
		return typed
	}
	untyped := &scim.Filter{Op: scim.OpNot, Args: []*scim.Filter{{Op: scim.OpPr, Path: scim.Path{Attr: "type"}}}}
	return &scim.Filter{Op: scim.OpOr, Args: []*scim.Filter{typed, untyped}}
}
