package scim1

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// read serves GET of one resource (p14e R46, R63).
func (d *door) read(c *call, k *kind) error {
	only, err := c.projection(k)
	if err != nil {
		return err
	}
	r, err := d.dir.Read(c.r.Context(), c.who, c.who.Home(), k.Name, c.r.PathValue("id"), k.include(only))
	if err != nil {
		return err
	}
	if matches(c.r.Header.Values("If-None-Match"), r.Version) {
		c.w.Header().Set("ETag", etag(r.Version))
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return d.answer(c, k, http.StatusOK, r, only)
}

// delete serves DELETE: 200 and nothing to read (p14e R61).
func (d *door) delete(c *call, k *kind) error {
	p := precondition(c.r.Header.Values("If-Match"))
	_, err := d.dir.Delete(c.r.Context(), c.who, c.who.Home(), k.Name, c.r.PathValue("id"), p)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// include is what a read must fill for an answer that is limited to a part.
func (k *kind) include(only *scim.Projection) directory.Include {
	return directory.Include{Groups: k.Name == "User" && only.Wants("groups"), Members: k.Name == "Group" && only.Wants("members")}
}

// answer sends one resource. An answer to a POST also says where it is (p14e R2).
func (d *door) answer(c *call, k *kind, status int, r *scim.Resource, only *scim.Projection) error {
	v, err := d.view(c, k, r)
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", etag(r.Version))
	if c.r.Method == http.MethodPost {
		c.w.Header().Set("Location", v.location(k, r.ID))
	}
	write(c.w, status, only.Apply(v.encode(k, r)))
	return nil
}

// A view is how resources look in one answer.
type view struct {
	*door
	origin  string
	env     *directory.Environment
	invited []string // ids of users who have not registered
}

// view returns how the resources, all of one kind, look.
func (d *door) view(c *call, k *kind, resources ...*scim.Resource) (*view, error) {
	env, err := d.dir.Environment(c.r.Context(), c.who, c.who.Home())
	if err != nil {
		return nil, err
	}
	v := &view{door: d, origin: d.origin(c.r), env: env}
	var inactive []string
	for _, r := range resources {
		if k.Name == "User" && d.extension.uri != "" && !r.Attributes().Get("active").Bool() {
			inactive = append(inactive, r.ID)
		}
	}
	if len(inactive) > 0 {
		v.invited, err = d.dir.Invited(c.r.Context(), c.who, c.who.Home(), inactive)
	}
	return v, err
}

// encode returns the resource as the door shows it (p14e sections 5-7).
func (v *view) encode(k *kind, r *scim.Resource) *scim.Object {
	public := fromCanonical(r.Attributes())
	if manager := public.Get(enterpriseSchema).Object().Get("manager").Object(); manager != nil && r.Manager != nil && r.Manager.Display != "" {
		manager.Set("displayName", scim.StringValue(r.Manager.Display))
	}
	o := scim.NewObject(
		scim.Member{Name: "schemas"},
		scim.Member{Name: "id", Value: scim.StringValue(r.ID)})
	o.Assign("externalId", public.Get("externalId"))
	for _, m := range k.Schema.Within(public).Members {
		o.Set(m.Name, m.Value)
	}
	schemas := []string{coreSchema}
	for _, s := range k.Extensions {
		said := public.Get(s.ID).Object()
		if s.ID == v.extension.uri {
			said = v.extension.encode(r, v.env, slices.Contains(v.invited, r.ID))
		}
		if said = s.Within(said); said.Len() > 0 {
			o.Set(s.ID, scim.ObjectValue(said))
			schemas = append(schemas, s.ID)
		}
	}
	o.Set("schemas", scim.Strings(schemas...))
	if list := references(r.Groups, false); len(list) > 0 && k.Schema.Attribute("groups") != nil {
		o.Set("groups", scim.ListValue(list...))
	}
	if list := references(r.Members, true); len(list) > 0 && k.Schema.Attribute("members") != nil {
		o.Set("members", scim.ListValue(list...))
	}
	return o.Set("meta", scim.ObjectValue(v.meta(k, r)))
}

// meta is the attribute of that name (p14e F1, F2, F4).
func (v *view) meta(k *kind, r *scim.Resource) *scim.Object {
	o := scim.NewObject(
		scim.Member{Name: "created", Value: v.date(r.Created)},
		scim.Member{Name: "lastModified", Value: v.date(r.Modified)},
		scim.Member{Name: "location", Value: scim.StringValue(v.location(k, r.ID))})
	if v.version {
		o.Set("version", scim.StringValue(etag(r.Version)))
	}
	return o
}

// date writes an instant with milliseconds and a numeric offset.
func (v *view) date(t time.Time) scim.Value {
	zone := v.Options.TimeZone
	if zone == nil {
		zone = time.UTC
	}
	return scim.StringValue(t.In(zone).Format("2006-01-02T15:04:05.000-07:00"))
}

func (v *view) location(k *kind, id string) string {
	return v.origin + v.Options.LocationPrefix + k.path + "/" + url.PathEscape(id)
}

// references lists the direct groups of a resource (p14e R43), or, typed, the
// members of a group. Types are in lower case (p14e Q12).
func references(refs []scim.Reference, typed bool) []scim.Value {
	var list []scim.Value
	for _, ref := range refs {
		if ref.Indirect {
			continue
		}
		o := scim.NewObject(scim.Member{Name: "value", Value: scim.StringValue(ref.ID)})
		if typed {
			o.Set("type", scim.StringValue(strings.ToLower(ref.Type)))
		}
		o.Assign("display", scim.TextOrNull(ref.Name))
		list = append(list, scim.ObjectValue(o))
	}
	return list
}
