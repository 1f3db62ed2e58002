package directory

import "github.com/rollcall-directory/rollcall/internal/scim"

// An Answer is how a request ended that was accepted to be done later, in the
// members of an operation of a bulk response (RFC 7644 3.7.3).
type Answer struct {
	Method   string
	Path     string       // that was asked for, below the door's base, as /Users/1
	BulkID   string       // as the request had it; empty for none
	Version  string       // entity tag; empty for none
	Status   string       // of HTTP, as 201
	Response *scim.Object // the error; nil where there is none
}

func (a *Answer) pack() scim.Value {
	o := scim.NewObject()
	for _, text := range []struct{ name, value string }{
		{"method", a.Method}, {"path", a.Path}, {"bulkId", a.BulkID}, {"version", a.Version}, {"status", a.Status},
	} {
		if text.value != "" {
			o.Set(text.name, scim.StringValue(text.value))
		}
	}
	if a.Response != nil {
		o.Set("response", scim.ObjectValue(a.Response))
	}
	return scim.ObjectValue(o)
}

func readAnswer(o *scim.Object) *Answer {
	return &Answer{Method: o.Get("method").Text(), Path: o.Get("path").Text(), BulkID: o.Get("bulkId").Text(),
		Version: o.Get("version").Text(), Status: o.Get("status").Text(), Response: o.Get("response").Object()}
}
