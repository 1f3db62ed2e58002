package scim2

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// The schema URIs of discovery (RFC 7643 5, 6 and 7).
const (
	configSchema       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// A discovery is what a dialect says of itself beyond its resource types.
type discovery struct {
	// schemes describe how callers prove who they are.
	schemes []authenticationScheme
	// own are the schemas of the discovery documents, where they are published.
	own []*scim.Schema
	// stamp is the time that the configuration claims to be made and changed;
	// empty for none.
	stamp string
	// quiet: lists have totalResults and no members of paging.
	quiet bool
	// refuseFilter answers a filter with 403 (RFC 7644 4) instead of passing over it.
	refuseFilter bool
}

// An authenticationScheme is one entry of authenticationSchemes (RFC 7643 5).
type authenticationScheme struct {
	kind, name, description, spec string
}

var bearerScheme = authenticationScheme{"oauthbearertoken", "OAuth 2.0 Bearer Token",
	"Access with an OAuth 2.0 bearer token (RFC 6750).", "https://tools.ietf.org/html/rfc6750"}

var basicScheme = authenticationScheme{"httpbasic", "HTTP Basic",
	"Access with the id and the secret of a client (RFC 7617).", "https://tools.ietf.org/html/rfc7617"}

// serviceProviderConfig says what the door offers: everything in it is taken
// from what is really there (scim DIS-08).
func (c *call) serviceProviderConfig() error {
	if err := c.refuseFilter(); err != nil {
		return err
	}
	d := c.profile.discovery
	var schemes []scim.Value
	for i, s := range d.schemes {
		schemes = append(schemes, object(
			member("type", scim.StringValue(s.kind)),
			member("name", scim.StringValue(s.name)),
			member("description", scim.StringValue(s.description)),
			member("specUri", scim.StringValue(s.spec)),
			member("documentationUri", scim.StringValue(s.spec)),
			member("primary", scim.BoolValue(i == 0)),
		))
	}
	meta := []scim.Member{member("resourceType", scim.StringValue("ServiceProviderConfig"))}
	if d.stamp != "" {
		meta = append(meta, member("created", scim.StringValue(d.stamp)), member("lastModified", scim.StringValue(d.stamp)))
	}
	meta = append(meta, member("location", scim.StringValue(c.base+"/ServiceProviderConfig")))
	config := scim.NewObject(
		member("schemas", scim.Strings(configSchema)),
		member("meta", object(meta...)),
		member("patch", supported(!c.profile.createOnly)),
		member("bulk", c.bulkSupport()),
		member("filter", supported(true, member("maxResults", scim.IntValue(int64(c.profile.page.most))))),
		member("changePassword", supported(c.profile.changesPassword())),
		member("sort", supported(c.profile.sorts())),
		member("etag", supported(c.profile.versions)),
		member("authenticationSchemes", scim.ListValue(schemes...)),
	)
	if c.offersCursors() {
		config.Set("pagination", c.pagination())
	}
	if events, err := c.securityEvents(); err != nil {
		return err
	} else if !events.IsNull() {
		config.Set("securityEvents", events)
	}
	return c.document(scim.ObjectValue(config))
}

// pagination says how lists are paged (RFC 9865 4).
func (c *call) pagination() scim.Value {
	return object(
		member("cursor", scim.BoolValue(true)),
		member("index", scim.BoolValue(true)),
		member("defaultPaginationMethod", scim.StringValue("index")),
		member("defaultPageSize", scim.IntValue(int64(c.profile.page.size))),
		member("maxPageSize", scim.IntValue(int64(c.profile.page.most))),
		member("cursorTimeout", scim.IntValue(int64(cursorTimeout.Seconds()))),
	)
}

// bulkSupport says whether there are bulk requests, and how large they may be.
func (c *call) bulkSupport() scim.Value {
	operations, size := 0, 0
	if c.profile.root {
		operations, size = maxBulkOperations, route.BulkMaxBody
	}
	return supported(c.profile.root, member("maxOperations", scim.IntValue(int64(operations))), member("maxPayloadSize", scim.IntValue(int64(size))))
}

func supported(yes bool, more ...scim.Member) scim.Value {
	return object(append([]scim.Member{member("supported", scim.BoolValue(yes))}, more...)...)
}

// resourceTypes lists the kinds that are offered (RFC 7643 6).
func (c *call) resourceTypes() error {
	kinds, err := c.kinds()
	if err != nil {
		return err
	}
	var list []scim.Value
	for _, k := range kinds {
		list = append(list, c.resourceTypeOf(k))
	}
	return c.documents(list)
}

func (c *call) resourceType() error {
	types, err := c.types()
	if err != nil {
		return err
	}
	document, err := c.typeDocument(types, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.document(document)
}

func (c *call) resourceTypeOf(k *kind) scim.Value {
	extensions := []scim.Value{}
	for _, s := range k.Extensions {
		extensions = append(extensions, object(member("schema", scim.StringValue(s.ID)), member("required", scim.BoolValue(slices.Contains(k.Required, s.ID)))))
	}
	o := scim.NewObject(
		member("schemas", scim.Strings(resourceTypeSchema)),
		member("id", scim.StringValue(k.Name)),
		member("meta", c.discoveryMeta("ResourceType", "/ResourceTypes/"+k.Name)),
		member("name", scim.StringValue(k.Name)),
		member("description", scim.StringValue(k.Description)),
		member("endpoint", scim.StringValue(k.Endpoint)),
		member("schema", scim.StringValue(k.Schema.ID)),
	)
	o.Assign("schemaExtensions", scim.ListValue(extensions...))
	return scim.ObjectValue(o)
}

// schemas lists the schemas of the kinds that are offered (RFC 7643 7).
func (c *call) schemas() error {
	published, err := c.published()
	if err != nil {
		return err
	}
	var list []scim.Value
	for _, s := range published {
		list = append(list, c.schemaOf(s))
	}
	return c.documents(list)
}

func (c *call) schema() error {
	published, err := c.published()
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	for _, s := range published {
		if strings.EqualFold(s.ID, id) { // RFC 7644 3.10: URNs in any letter case
			return c.document(c.schemaOf(s))
		}
	}
	return &scim.Error{Rule: scim.RuleNotFound, Schema: "Schema", Value: id}
}

// published returns the schemas that the dialect publishes, each once: also
// those that the environment has defined and no type has yet.
func (c *call) published() ([]*scim.Schema, error) {
	types, err := c.types()
	if err != nil {
		return nil, err
	}
	var list []*scim.Schema
	add := func(more ...*scim.Schema) {
		for _, s := range more {
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	for _, k := range c.kindsOf(types) {
		add(k.Schema)
		add(k.Extensions...)
	}
	add(types.Schemas()...)
	return append(list, c.profile.discovery.own...), nil
}

func (c *call) schemaOf(s *scim.Schema) scim.Value {
	return object(
		member("schemas", scim.Strings(schemaSchema)),
		member("id", scim.StringValue(s.ID)),
		member("meta", c.discoveryMeta("Schema", "/Schemas/"+s.ID)),
		member("name", scim.StringValue(s.Name)),
		member("description", scim.StringValue(s.Description)),
		member("attributes", s.Object().Get("attributes")),
	)
}

func (c *call) discoveryMeta(name, path string) scim.Value {
	return object(member("resourceType", scim.StringValue(name)), member("location", scim.StringValue(c.base+path)))
}

// documents answers with a list of discovery documents, whole: they are not paged.
func (c *call) documents(list []scim.Value) error {
	if err := c.refuseFilter(); err != nil {
		return err
	}
	o := scim.NewObject(
		member("schemas", scim.Strings(listSchema)),
		member("totalResults", scim.IntValue(int64(len(list)))),
	)
	if !c.profile.discovery.quiet {
		o.Set("startIndex", scim.IntValue(1)).Set("itemsPerPage", scim.IntValue(int64(len(list))))
	}
	return c.document(scim.ObjectValue(o.Set("Resources", scim.ListValue(list...))))
}

// document answers with a discovery document; its ETag is made of its text
// (scim DIS-19).
func (c *call) document(v scim.Value) error {
	body := v.AppendJSON(nil)
	if c.profile.versions {
		tag := documentTag(body)
		known, err := c.has(tag)
		if err != nil {
			return err
		}
		c.w.Header().Set("ETag", tag)
		if known {
			c.sendNothing(http.StatusNotModified)
			return nil
		}
	}
	c.send(http.StatusOK, body)
	return nil
}

// documentTag is the entity tag of a discovery document.
func documentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + hex.EncodeToString(sum[:8]) + `"`
}

// refuseFilter is the SHOULD of RFC 7644 4, which passes over the other
// parameters of a query.
func (c *call) refuseFilter() error {
	q, _ := c.parameters() // what cannot be read is passed over as well
	if _, sent := q[paramFilter]; !sent || !c.profile.discovery.refuseFilter {
		return nil
	}
	return &scim.Error{Rule: scim.RuleForbidden, Detail: "discovery documents cannot be filtered"}
}

func member(name string, v scim.Value) scim.Member { return scim.Member{Name: name, Value: v} }

func object(members ...scim.Member) scim.Value { return scim.ObjectValue(scim.NewObject(members...)) }
