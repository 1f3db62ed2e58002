package scim2

import (
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// shows reports whether the kind has the extension of this URI, spelt as
// documents spell it. Resources may have others in the store.
func (k *kind) shows(uri string) bool {
	for _, s := range k.Extensions {
		if s.ID == uri {
			return true
		}
	}
	return false
}

// stored returns the name of the directory's type.
func (k *kind) stored() string {
	if k.view != "" {
		return k.view
	}
	return k.Name
}

// bind resolves a filter on resources as the kind shows them into one on what is
// stored.
func (k *kind) bind(f *scim.Filter, o scim.FilterOptions) (*scim.Filter, error) {
	if k.resolve != nil {
		return k.resolve(f, o)
	}
	return k.Resolve(f, o)
}

// kinds returns the resource types that are offered to the caller. All that
// serves a request asks here and not the profile.
func (c *call) kinds() ([]*kind, error) { return c.profile.kinds, nil }

// of returns the handler of what is done to resources of a kind of the profile:
// fn gets the kind as the caller has it.
func (m *mount) of(k *kind, fn func(*kind, *call) error) route.Handler {
	return m.handle(func(c *call) error {
		kinds, err := c.kinds()
		if err != nil {
			return err
		}
		for _, own := range kinds {
			if own.Name == k.Name {
				return fn(own, c)
			}
		}
		return &scim.Error{Rule: scim.RuleNoEndpoint, Path: k.Endpoint}
	})
}
