package scim2

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// populationsDoor is the one part of PingOne's own interface that is served: the
// list of populations, where clients find the id that a user needs (pingone
// section 10).
func (m *mount) populationsDoor() route.Door {
	n := *m
	n.prefix = "/v1/environments/{" + environmentVariable + "}"
	return route.Door{
		Name:    m.profile.name,
		Prefix:  n.prefix,
		Schemes: m.profile.schemes,
		Error:   n.writeNativeError,

		External: m.profile.external,
		Routes: []route.Route{
			{Method: "GET", Path: "/populations", Permission: directory.ReadDirectory, Handle: n.handle((*call).populations)},
		},
	}
}

// populations answers in the shape of the platform's own lists.
func (c *call) populations() error {
	all, err := c.directory.Populations(c.r.Context(), c.caller, c.scope)
	if err != nil {
		return err
	}
	list := make([]scim.Value, len(all))
	for i, p := range all {
		list[i] = object(
			member("_links", object(member("self", object(member("href", scim.StringValue(c.base+"/populations/"+p.ID)))))),
			member("id", scim.StringValue(p.ID)),
			member("environment", object(member("id", scim.StringValue(c.scope.Environment)))),
			member("name", scim.StringValue(p.Name)),
			member("userCount", scim.IntValue(int64(p.Users))),
			member("default", scim.BoolValue(p.Default)),
		)
	}
	body := object(
		member("_links", object(member("self", object(member("href", scim.StringValue(c.base+"/populations")))))),
		member("_embedded", object(member("populations", scim.ListValue(list...)))),
		member("count", scim.IntValue(int64(len(list)))),
		member("size", scim.IntValue(int64(len(list)))),
	).AppendJSON(nil)
	c.nativeHead(c.w, c.r, len(body))
	_, _ = c.w.Write(body) // who has gone away need not be told
	return nil
}

func (m *mount) nativeHead(w http.ResponseWriter, r *http.Request, length int) {
	m.head(w, r)
	w.Header().Set("Content-Type", "application/hal+json;charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(length))
}

// nativeCodes are the codes of the platform's own errors by status (pingone 8.3).
var nativeCodes = map[int][2]string{
	http.StatusBadRequest:          {"INVALID_REQUEST", "The request could not be completed. The request was invalid."},
	http.StatusUnauthorized:        {"ACCESS_FAILED", noAccessText},
	http.StatusForbidden:           {"ACCESS_FAILED", noAccessText},
	http.StatusNotFound:            {"NOT_FOUND", "The request could not be completed. The requested resource was not found."},
	http.StatusMethodNotAllowed:    {"METHOD_NOT_ALLOWED", "The request could not be completed. The method is not allowed here."},
	http.StatusTooManyRequests:     {"REQUEST_LIMITED", "The request could not be completed. There were too many requests."},
	http.StatusServiceUnavailable:  {"SERVICE_UNAVAILABLE", "The request could not be completed. Try again later."},
	http.StatusInternalServerError: {"UNEXPECTED_ERROR", "The request could not be completed. An unexpected error occurred."},
}

// noAccessText is what the platform says to who may not (pingone 8.2).
const noAccessText = "The request could not be completed. You do not have access to this resource."

// writeNativeError words err in the shape of the platform's own interface.
func (m *mount) writeNativeError(w http.ResponseWriter, r *http.Request, err error) {
	said, fault := m.wording(r, err)
	if fault != nil {
		m.explain(w, r, fault)
	}
	words, known := nativeCodes[said.status]
	if !known {
		words = nativeCodes[http.StatusBadRequest]
	}
	id := uuid.NewString()
	if named, err := uuid.Parse(route.RequestID(r.Context())); err == nil {
		id = named.String()
	}
	body := scim.NewObject(
		member("id", scim.StringValue(id)),
		member("code", scim.StringValue(words[0])),
		member("message", scim.StringValue(words[1])),
	)
	if said.status == http.StatusForbidden {
		body.Set("details", scim.ListValue(object(
			member("code", scim.StringValue("INSUFFICIENT_PERMISSIONS")),
			member("message", scim.StringValue("The actor attempting to perform the request is not authorized.")),
		)))
	}
	text := body.AppendJSON(nil)
	m.nativeHead(w, r, len(text))
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(said.status)
	_, _ = w.Write(text)
}
