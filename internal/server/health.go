package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

// healthDoor is the name of the paths that say how the server is.
const healthDoor = "health"

// health returns the doors /livez, /readyz and /healthz. Nobody is asked for a
// credential, and so the answers carry no detail but what is kept of a write; the
// rest is in the log.
func (s *Server) health() []route.Door {
	at := func(prefix string, check func(context.Context) (string, error)) route.Door {
		handle := func(w http.ResponseWriter, r *http.Request, _ directory.Caller) error {
			status, text := http.StatusOK, "ok"
			durability, err := check(r.Context())
			switch {
			case err != nil:
				s.log.LogAttrs(r.Context(), slog.LevelWarn, "not ready", slog.String("error", err.Error()))
				status, text = http.StatusServiceUnavailable, "unavailable"
			case durability != "":
				text += "\ndurability: " + durability
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(status)
			_, err = io.WriteString(w, text+"\n")
			return err
		}
		return route.Door{Name: healthDoor, Prefix: prefix, Error: healthError, Routes: []route.Route{
			{Method: http.MethodGet, Permission: directory.Public, Handle: handle},
		}}
	}
	live := func(context.Context) (string, error) { return "", nil }
	ready := func(ctx context.Context) (string, error) {
		if s.stopping.Load() {
			return "", errors.New("the server is stopping")
		}
		return s.ready(ctx)
	}
	return []route.Door{at("/livez", live), at("/readyz", ready), at("/healthz", ready)}
}

func healthError(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusInternalServerError
	if faults := scim.Faults(err); faults != nil {
		switch faults[0].Rule {
		case scim.RuleMethod:
			status = http.StatusMethodNotAllowed
		case scim.RuleNoEndpoint:
			status = http.StatusNotFound
		case scim.RuleLongURL:
			status = http.StatusRequestURITooLong
		default:
			status = http.StatusBadRequest
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "{\"error\":%q}\n", http.StatusText(status))
}
