package server

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/route"
)

// metrics count what the server does, for Prometheus. Labels have few values,
// all chosen by us, so that no client can fill the memory: paths are those of
// the routes' tables, methods those of HTTP, clients those that are known.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	tolerance *prometheus.CounterVec
	refused   *prometheus.CounterVec
}

// Reasons for which the server refuses what is asked of it.
const (
	refusedConnections = "connections" // all that are allowed are open
	refusedSource      = "source"      // all that are allowed to the address are open
	refusedRate        = "rate"        // too many requests of a client, or wrong credentials of an address
	refusedBusy        = "busy"        // the directory has too much to do
)

func newMetrics(load func() directory.Load) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_requests_total", Help: "Requests answered, by door, route, method and status.",
		}, []string{"door", "route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rollcall_request_seconds", Help: "Time from the header of a request to the end of its answer, by door and route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"door", "route"}),
		tolerance: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scim_tolerance_total", Help: "Requests in which a wrong form was put right, by rewrite and client.",
		}, []string{"rewrite", "client"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_refused_total", Help: "Connections and requests refused because there were too many, by reason.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{refusedConnections, refusedSource, refusedRate, refusedBusy} {
		m.refused.WithLabelValues(reason)
	}
	m.registry.MustRegister(m.requests, m.seconds, m.tolerance, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if load != nil {
		m.observe(load)
	}
	return m
}

// observe shows the figures of the directory, read when Prometheus asks.
func (m *metrics) observe(load func() directory.Load) {
	gauge := func(name, help string, value func(directory.Load) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value(load())) })
	}
	counter := func(name, help string, value func(directory.Load) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value(load())) })
	}
	m.registry.MustRegister(
		gauge("rollcall_writes_waiting", "Writes that wait for their turn.", func(l directory.Load) int { return l.WritesWaiting }),
		counter("rollcall_writes_total", "Writes answered after they were on disk.", func(l directory.Load) int64 { return l.Writes }),
		counter("rollcall_commits_total", "Transactions that the writes shared.", func(l directory.Load) int64 { return l.Commits }),
		gauge("rollcall_hashes_running", "Passwords that are being hashed or checked.", func(l directory.Load) int { return l.HashesRunning }),
		gauge("rollcall_hashes_waiting", "Passwords that wait for that.", func(l directory.Load) int { return l.HashesWaiting }),
	)
}

// methods are those that have a label of their own.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// count counts a request that is answered.
func (m *metrics) count(r *http.Request, status int, served route.Served, took time.Duration) {
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "other"
	}
	m.requests.WithLabelValues(served.Door, served.Route, method, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(served.Door, served.Route).Observe(took.Seconds())
	switch status {
	case http.StatusTooManyRequests:
		m.refused.WithLabelValues(refusedRate).Inc()
	case http.StatusServiceUnavailable:
		if served.Door == healthDoor {
			break
		}
		m.refused.WithLabelValues(refusedBusy).Inc()
	}
	for _, name := range served.Caller.Trace.Fired() {
		m.tolerance.WithLabelValues(name, served.Caller.Client).Inc()
	}
}

// ServeMetrics answers GET /metrics on a listener of its own, for Prometheus,
// until ctx ends. It asks for no credential and tells nothing of any user. The
// listener is closed in any case.
func (s *Server) ServeMetrics(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: s.limits.Handle}))
	return s.run(ctx, l, &http.Server{Handler: mux}, func() {})
}
