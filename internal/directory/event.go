package directory

import (
	"slices"
	"time"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// An EventKind is what an Event tells of its resource.
type EventKind uint8

// The kinds of events.
const (
	ResourceCreated  EventKind = iota + 1
	ResourcePatched            // changed in part
	ResourceReplaced           // as a whole
	ResourceDeleted
	ResourceEntered // it is the stream's from now on
	ResourceLeft    // it is not the stream's any more; it may well exist
	RequestAnswered // a request that was accepted to be done later has come to its end
)

// An Event is a change as a stream tells it: of one resource, in one transaction.
type Event struct {
	Seq         int64 // rises in the order of commits
	At          time.Time
	Kind        EventKind
	Type        *scim.ResourceType // nil where an answer is about no resource that is known
	ID          string
	ExternalID  string
	Version     int64    // of the resource after the change
	Transaction string   // the same for all events of a request; empty where nobody asked
	Attributes  []string // names of the attributes that were set, changed or removed, extensions by their URI
	Active      *bool    // what active is now, if it has changed
	Answer      *Answer  // of RequestAnswered
	// Resource is there for streams that tell everything, as long as it is
	// still as the change left it.
	Resource *scim.Resource
}

// A note is what a row of the change log says beyond its columns, so that its
// event needs no more than the row: what the resource is like when the event
// is delivered may be something else.
type note struct {
	attributes []string
	externalID string
	population string // of a user
	from       string // the user's population before the change, if it is another one
	active     *bool
	whole      bool // all of the resource was written anew
	answer     *Answer
}

// newNote returns the note of a change that made row of old, which is nil where
// there is no such thing.
func newNote(old, row *store.Row, names []string, whole bool) note {
	n := note{attributes: names, externalID: row.ExternalID, population: row.Population, whole: whole}
	if old != nil && old.Population != row.Population {
		n.from = old.Population
	}
	if old != nil && row.Type == store.User && slices.Contains(names, "active") {
		active := row.Resource().Attributes().Get("active").Bool()
		n.active = &active
	}
	return n
}

// pack returns the note as it is stored, nil if it says nothing.
func (n note) pack() []byte {
	o := scim.NewObject()
	if len(n.attributes) > 0 {
		o.Set("attributes", scim.Strings(n.attributes...))
	}
	for _, text := range []struct{ name, value string }{{"externalId", n.externalID}, {"population", n.population}, {"from", n.from}} {
		if text.value != "" {
			o.Set(text.name, scim.StringValue(text.value))
		}
	}
	if n.active != nil {
		o.Set("active", scim.BoolValue(*n.active))
	}
	if n.whole {
		o.Set("whole", scim.BoolValue(true))
	}
	if n.answer != nil {
		o.Set("answer", n.answer.pack())
	}
	if o.Len() == 0 {
		return nil
	}
	return o.AppendJSON(make([]byte, 0, 512))
}

func readNote(text []byte) (note, error) {
	d, err := readDetail(text)
	if err != nil {
		return note{}, err
	}
	n := note{attributes: d.texts("attributes"), externalID: d.Get("externalId").Text(), population: d.Get("population").Text(),
		from: d.Get("from").Text(), whole: d.Get("whole").Bool()}
	if v, ok := d.Lookup("active"); ok {
		active := v.Bool()
		n.active = &active
	}
	if v, ok := d.Lookup("answer"); ok {
		n.answer = readAnswer(v.Object())
	}
	return n, nil
}

// event returns the change as the stream tells it, nil if it does not.
func (s *Stream) event(c *store.Change, types *typeSet) (*Event, error) {
	n, err := readNote(c.Detail)
	if err != nil {
		return nil, err
	}
	e := &Event{Seq: c.Seq, At: c.At, Type: types.typ(c.Type), ID: c.ID, ExternalID: n.externalID, Version: c.Version,
		Transaction: c.Request, Attributes: n.attributes, Active: n.active, Answer: n.answer}
	switch c.Op {
	case store.OpCreate:
		e.Kind = ResourceCreated
	case store.OpUpdate:
		e.Kind = ResourcePatched
		if n.whole {
			e.Kind = ResourceReplaced
		}
	case store.OpDelete:
		e.Kind = ResourceDeleted
	case store.OpAnswer:
		e.Kind = RequestAnswered
		if s.cid != c.Actor && (len(s.Types) > 0 || s.Population != "") {
			return nil, nil // what others ask for is not for who is told of a part
		}
		return e, nil
	}
	switch {
	case e.Type == nil, len(s.Types) > 0 && !slices.Contains(s.Types, e.Type.Name):
		return nil, nil
	case s.Population == "":
		return e, nil
	case n.population == s.Population && n.from != "":
		e.Kind = ResourceEntered
	case n.from == s.Population:
		e.Kind = ResourceLeft
	case n.population != s.Population:
		return nil, nil
	}
	return e, nil
}

// typ returns the type that the store calls by this number; nil for one that
// the environment does not define any more, and for what is no resource of clients.
func (s *typeSet) typ(number store.Type) *scim.ResourceType {
	switch number {
	case store.User:
		return s.types.User()
	case store.Group:
		return s.types.Group()
	}
	for name, n := range s.numbers {
		if n == number {
			return s.types.Type(name)
		}
	}
	return nil
}

// typesIn returns the types of an environment as the transaction sees them, or later.
func (d *Directory) typesIn(tx *store.Tx, tenant int64) (*typeSet, error) {
	version, err := tx.TenantVersion(tenant)
	if err != nil {
		return nil, err
	}
	if set := d.types.get(tenant, version); set != nil {
		return set, nil
	}
	return loadTypes(tx, tenant)
}
