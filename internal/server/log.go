package server

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// record writes the line of the access log: nothing of the query, the body or
// a credential; of a filter its shape (scim SEC-11). What went wrong is told by
// the numbers of the rules, as their words may hold what the client sent; only a
// fault of the server is told in words.
func (s *Server) record(r *http.Request, id string, out *answer, served route.Served, took time.Duration) {
	level, fault := slog.LevelInfo, served.Caller.Trace.Fault()
	if served.Err != nil && out.status >= 500 {
		fault = served.Err
	}
	switch {
	case out.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case fault != nil || out.status >= 500:
		level = slog.LevelError
	case served.Door == healthDoor:
		level = slog.LevelDebug
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", id),
		slog.String("method", r.Method),
		slog.String("path", s.path(r, served)),
		slog.Int("status", out.status),
		slog.Int64("bytes", out.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("remote", r.RemoteAddr),
	}
	for _, a := range []slog.Attr{
		slog.String("door", served.Door), slog.String("route", served.Route),
		slog.String("client", served.Caller.Client), slog.String("environment", served.Caller.Environment),
		slog.String("client_request_id", foreignID(r.Header)),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	for _, a := range []slog.Attr{slog.Any("rewrites", served.Caller.Trace.Fired()), slog.Any("filters", served.Caller.Trace.Filters())} {
		if texts := a.Value.Any().([]string); len(texts) > 0 {
			attrs = append(attrs, a)
		}
	}
	if faults := scim.Faults(served.Err); faults != nil {
		rules := make([]int, len(faults))
		for i, f := range faults {
			rules[i] = int(f.Rule)
		}
		attrs = append(attrs, slog.Any("rules", rules))
	}
	if fault != nil {
		attrs = append(attrs, slog.String("error", fault.Error()))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// path returns the path of the request for the log. A link that users get by
// mail has a token in its path: of such a one it is the route, or all that the
// log may tell of it.
func (s *Server) path(r *http.Request, served route.Served) string {
	path := r.URL.EscapedPath()
	for _, prefix := range s.secretive {
		if strings.HasPrefix(path, prefix+"/") {
			return cmp.Or(served.Route, prefix)
		}
	}
	return path
}

// foreignID returns the id that the client gave to its request, made harmless
// as pingone A13 says. It is data for the log and nothing else.
func foreignID(h http.Header) string {
	for _, name := range []string{
		"X-Request-ID", "X-Correlation-ID", "X-Ping-External-Transaction-ID",
		"Ping-External-Transaction-ID", "X-ForgeRock-TransactionId",
	} {
		if value := h.Get(name); value != "" {
			return harmless(value)
		}
	}
	return ""
}

func harmless(text string) string {
	const most = 100 // characters
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > most {
			break
		}
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("._-/@=#+", r) {
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}
