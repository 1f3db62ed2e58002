package scim2

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// listSchema is the URN of an answer to a query (RFC 7644 3.4.2).
const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// head sets the headers that every answer has, errors included.
func (m *mount) head(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	mediaType := m.profile.mediaType
	if accept := r.Header.Values("Accept"); len(accept) > 0 && m.profile.wantsPlain != nil &&
		m.profile.wantsPlain(ranges(strings.Join(accept, ","))) {
		mediaType = plainJSON
	}
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	if m.profile.correlation != "" {
		h.Set(m.profile.correlation, correlation(route.RequestID(r.Context())))
	}
}

// correlation returns the id of the request as a UUID, another one if it is none.
func correlation(id string) string {
	if u, err := uuid.Parse(id); err == nil {
		return u.String()
	}
	return uuid.NewString()
}

// send answers with a body.
func (c *call) send(status int, body []byte) {
	c.head(c.w, c.r)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // who has gone away need not be told
}

// has reports whether the client says that it has the representation of this
// entity tag already (RFC 7644 3.14, RFC 9110 13.1.2).
func (c *call) has(tag string) (bool, error) {
	if c.r.Method != http.MethodGet {
		return false, nil
	}
	list, err := tags(c.r.Header.Values("If-None-Match"), "If-None-Match", c.rewrites().Has(scim.RewriteQueryLoose))
	return slices.Contains(list, "*") || slices.Contains(list, opaque(tag)), err
}

// sendNothing answers without a body.
func (c *call) sendNothing(status int) {
	c.head(c.w, c.r)
	c.w.Header().Del("Content-Type")
	c.w.WriteHeader(status)
}

// sendResource answers with one resource, or with 304 to who has it.
func (c *call) sendResource(status int, k *kind, r *scim.Resource, show *scim.Projection) error {
	h := c.w.Header()
	if c.profile.versions {
		tag := versionTag(r.Version)
		known, err := c.has(tag)
		if err != nil {
			return err
		}
		if known {
			status = http.StatusNotModified
		}
		h.Set("ETag", tag)
	}
	location := c.location(k.ResourceType, r.ID)
	if c.profile.locates || status == http.StatusCreated {
		h.Set("Location", location)
	}
	if c.profile.locates {
		h.Set("Content-Location", location)
	}
	if status == http.StatusNotModified {
		c.sendNothing(status)
		return nil
	}
	c.send(status, c.append(make([]byte, 0, len(r.Doc())+512), k, r, show))
	return nil
}

func (c *call) location(t *scim.ResourceType, id string) string {
	return c.base + t.Endpoint + "/" + url.PathEscape(id)
}

// append appends the resource as the dialect shows it. Where that is all of
// the stored document, the document is copied as it is and not read.
func (c *call) append(dst []byte, k *kind, r *scim.Resource, show *scim.Projection) []byte {
	if show != nil || k.encode != nil || k.partly(r.Doc()) {
		o := c.object(k, r)
		if show != nil {
			o = show.Apply(o)
		}
		return o.AppendJSON(dst)
	}
	externalID, rest := cutExternalID(r.Doc())
	dst = append(dst, `{"schemas":`...)
	dst = scim.Strings(k.schemasOf(func(s *scim.Schema) bool { return hasMember(r.Doc(), s.ID) })...).AppendJSON(dst)
	dst = append(dst, `,"id":`...)
	dst = scim.StringValue(r.ID).AppendJSON(dst)
	if externalID != nil {
		dst = append(append(dst, `,"externalId":`...), externalID...)
	}
	dst = append(dst, `,"meta":`...)
	dst = c.meta(k, r).AppendJSON(dst)
	if len(rest) > 0 {
		dst = append(append(dst, ','), rest...)
	}
	for _, m := range c.computed(k, r) {
		dst = append(scim.StringValue(m.Name).AppendJSON(append(dst, ',')), ':')
		dst = m.Value.AppendJSON(dst)
	}
	return append(dst, '}')
}

// object builds what append writes, as a tree.
func (c *call) object(k *kind, r *scim.Resource) *scim.Object {
	var attributes *scim.Object
	if k.encode != nil {
		attributes = k.encode(c, r)
	} else {
		attributes = k.shown(r.Attributes())
	}
	c.linkManager(k, r, attributes)
	o := &scim.Object{Members: make([]scim.Member, 0, attributes.Len()+4)}
	o.Set("schemas", scim.Strings(k.schemasOf(func(s *scim.Schema) bool { _, ok := attributes.Lookup(s.ID); return ok })...))
	o.Set("id", scim.StringValue(r.ID))
	if v, ok := attributes.Lookup("externalId"); ok {
		o.Set("externalId", v)
	}
	o.Set("meta", c.meta(k, r))
	for _, m := range attributes.Members {
		if m.Name != "externalId" {
			o.Members = append(o.Members, m)
		}
	}
	o.Members = append(o.Members, c.computed(k, r)...)
	return o
}

// schemasOf returns the URIs of the member schemas: the core one, then those
// of the extensions that the resource has data in (scim COM-04).
func (k *kind) schemasOf(has func(*scim.Schema) bool) []string {
	uris := append(make([]string, 0, 4), k.Schema.ID)
	for _, s := range k.Extensions {
		if has(s) {
			uris = append(uris, s.ID)
		}
	}
	return uris
}

// shown returns those of the stored attributes that the schemas of the kind define.
func (k *kind) shown(stored *scim.Object) *scim.Object {
	o := &scim.Object{Members: make([]scim.Member, 0, stored.Len())}
	for _, m := range stored.Members {
		if strings.IndexByte(m.Name, ':') < 0 || k.shows(m.Name) {
			o.Members = append(o.Members, m)
		}
	}
	return o
}

// partly reports whether the stored document is not all that is shown, or
// holds what must be computed anew. Where it is not sure, it says yes.
func (k *kind) partly(doc []byte) bool {
	extended := false
	for rest := doc; ; extended = true {
		i := bytes.Index(rest, []byte(`"urn:`))
		if i < 0 {
			return extended && hasMember(doc, "manager")
		}
		rest = rest[i+1:]
		uri, after, _ := bytes.Cut(rest, []byte(`"`))
		if bytes.HasPrefix(after, []byte(":")) && !k.shows(string(uri)) {
			return true
		}
	}
}

// hasMember reports whether the canonical document has a member of this name,
// in whatever object: a text can hold the quotation mark before the name only
// behind a backslash.
func hasMember(doc []byte, name string) bool {
	key := append(append(append(make([]byte, 0, len(name)+3), '"'), name...), '"', ':')
	for at := 0; ; {
		i := bytes.Index(doc[at:], key)
		if i < 0 {
			return false
		}
		if at += i; at == 0 || doc[at-1] != '\\' {
			return true
		}
		at++
	}
}

// cutExternalID splits the member externalId, which comes first, off a
// canonical document: its value as JSON, and the other members without braces.
func cutExternalID(doc []byte) (value, rest []byte) {
	rest = doc[1 : len(doc)-1]
	value, ok := bytes.CutPrefix(rest, []byte(`"externalId":`))
	if !ok || len(value) == 0 || value[0] != '"' {
		return nil, rest
	}
	end := 1
	for end < len(value) && value[end] != '"' {
		if value[end] == '\\' {
			end++
		}
		end++
	}
	end++
	return value[:end:end], bytes.TrimPrefix(value[end:], []byte(","))
}

func (c *call) meta(k *kind, r *scim.Resource) scim.Value {
	o := scim.NewObject(
		member("resourceType", scim.StringValue(k.stored())),
		member("created", scim.StringValue(scim.FormatTime(r.Created))),
		member("lastModified", scim.StringValue(scim.FormatTime(r.Modified))),
		member("location", scim.StringValue(c.location(k.ResourceType, r.ID))),
	)
	if c.profile.versions {
		o.Set("version", scim.StringValue(versionTag(r.Version)))
	}
	return scim.ObjectValue(o)
}

// computed returns the attributes that are made of other resources.
func (c *call) computed(k *kind, r *scim.Resource) []scim.Member {
	var list []scim.Member
	if k.groups && len(r.Groups) > 0 {
		values := make([]scim.Value, len(r.Groups))
		for i, g := range r.Groups {
			kind := "direct"
			if g.Indirect {
				kind = "indirect"
			}
			values[i] = c.reference(g, kind)
		}
		list = append(list, member("groups", scim.ListValue(values...)))
	}
	if len(r.Members) > 0 {
		values := make([]scim.Value, len(r.Members))
		for i, m := range r.Members {
			values[i] = c.reference(m, m.Type)
		}
		list = append(list, member("members", scim.ListValue(values...)))
	}
	return list
}

// reference is one end of a membership; kind is its sub-attribute type.
func (c *call) reference(to scim.Reference, kind string) scim.Value {
	o := scim.NewObject(member("value", scim.StringValue(to.ID)))
	if c.profile.serves(to.Type) {
		o.Set("$ref", scim.StringValue(c.base+"/"+to.Type+"s/"+url.PathEscape(to.ID)))
	}
	o.Set("display", scim.StringValue(to.Display))
	return scim.ObjectValue(o.Set("type", scim.StringValue(kind)))
}

// linkManager gives the user's manager the URL under which this door serves
// it, and the name that it has (RFC 7643 4.3), in a copy.
func (c *call) linkManager(k *kind, r *scim.Resource, attributes *scim.Object) {
	extension := attributes.Get(scim.EnterpriseSchema).Object()
	manager := extension.Get("manager").Object()
	id := manager.Get("value").Text()
	if id == "" {
		return
	}
	linked := manager.Clone().Set("$ref", scim.StringValue(c.location(k.ResourceType, id)))
	linked.Delete("displayName")
	if r.Manager != nil && r.Manager.Display != "" {
		linked.Set("displayName", scim.StringValue(r.Manager.Display))
	}
	attributes.Set(scim.EnterpriseSchema, scim.ObjectValue(extension.Clone().Set("manager", scim.ObjectValue(linked))))
}
