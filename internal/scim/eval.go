package scim

// Resolve binds the names of f to the attributes of the resource type and
// checks what is asked of them. It returns a new filter in canonical names.
//
// Errors: RuleFilterAttribute with the name in Path for an attribute that is
// unknown or never returned; RuleFilter for an operator or a value that the
// attribute's type does not have, with the reason in Detail.
func (t *ResourceType) Resolve(f *Filter, o FilterOptions) (*Filter, error) { panic("todo") }

// ResolvePath returns p in canonical names and the attribute that it leads to.
// Errors: RulePath with p in Path.
func (t *ResourceType) ResolvePath(p Path, o FilterOptions) (Path, *Attribute, error) { panic("todo") }

// Match reports whether the resource satisfies f, which must be resolved. The
// resource needs the Groups and Members that f reads, see [Filter.Uses].
func (f *Filter) Match(r *Resource) bool { panic("todo") }

// Uses reports whether f reads the attribute of that name of the core schema,
// as groups or members.
func (f *Filter) Uses(attr string) bool { panic("todo") }

// An Equality is a condition that every resource meets that a filter selects:
// one of the values at Path has the Key.
type Equality struct {
	Path string // canonical, as emails.value or urn:...:User:manager.value
	Key  string // as Attribute.Key gives it
}

// Equalities returns what a resolved f says by eq of every resource that it
// selects, for an index to find them: terms that stand alone or are joined by
// and, also within a value path.
func (f *Filter) Equalities() []Equality { panic("todo") }
