package route

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

type requestID struct{}

// WithRequestID returns a context that carries the id of a request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestID{}, id)
}

// RequestID returns the id of the request that ctx belongs to: the one in the
// log and in the header X-Request-ID of the answer. It is empty without a server.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestID{}).(string)
	return id
}

// limitBody replaces the body of r by one that ends with a *scim.Error where
// it is too large, cut off or badly packed, and unpacks gzip (scim HTTP-20).
// limit is in bytes and holds for the body as sent and as unpacked.
func limitBody(w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	sent := &body{ReadCloser: http.MaxBytesReader(w, r.Body, limit), limit: limit, fault: "the body is cut off"}
	r.Body = sent
	switch coding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ","))); coding {
	case "", "identity":
		return nil
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(sent)
		if err == io.EOF { // no body at all
			return nil
		}
		if err != nil {
			return (&body{fault: "the body is not gzip"}).reason(err)
		}
		r.Body = &body{ReadCloser: http.MaxBytesReader(w, unpacked, limit), limit: limit, fault: "the body is not gzip"}
		r.ContentLength = -1
		r.Header.Del("Content-Encoding")
		return nil
	default:
		return &scim.Error{Rule: scim.RuleMediaType, Path: "Content-Encoding", Value: coding, Allowed: []string{"gzip", "identity"}}
	}
}

// A body words what reading it comes to as faults of the request.
type body struct {
	io.ReadCloser
	limit int64
	fault string
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.reason(err)
	}
	return n, err
}

func (b *body) reason(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(b.limit)
	case scim.Faults(err) != nil:
		return err
	}
	return &scim.Error{Rule: scim.RuleJSON, Detail: b.fault}
}

func tooLarge(limit int64) error {
	return &scim.Error{Rule: scim.RuleTooLarge, Allowed: []string{strconv.FormatInt(limit, 10)}}
}
