package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// withHealth answers /healthz beside the console: the process is up, nothing
// more.
func withHealth(console http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { sayOK(w) })
	mux.Handle("/", console)
	return mux
}

func sayOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the asker left: nobody to tell
}

// metricsHandler serves /readyz and /metrics (Prometheus' text format). They
// hold counts for IT, and no count that moves with one person's alerts (G3).
func (p *parts) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { sayOK(w) })
	mux.HandleFunc("GET /readyz", p.ready)
	mux.HandleFunc("GET /metrics", p.metrics)
	return mux
}

// ready says whether the store answers.
func (p *parts) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if _, err := p.store.School(ctx, schoolID); err != nil {
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	sayOK(w)
}

func (p *parts) metrics(w http.ResponseWriter, r *http.Request) {
	seen, enrolled := p.fleet.DevicesToday(r.Context())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, serial := p.policy.InForce()
	for _, m := range append([]metric{
		{"safelight_devices_enrolled", "Devices enrolled and not revoked.", uint64(max(0, enrolled))},
		{"safelight_devices_seen_today", "Devices heard from since midnight.", uint64(max(0, seen))},
		{"safelight_policy_serial", "Serial of the rules in force.", serial},
		{"safelight_events_unreadable", "How often an event was shown without its words because it cannot be opened, since the start.", p.store.Unreadable()},
	}, p.listMetrics(r)...) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %d\n", m.name, m.help, m.name, m.name, m.value)
	}
	writeMemory(w)
}

// metric is one gauge.
type metric struct {
	name, help string
	value      uint64
}

// serveTLS is serveHTTP behind TLS.
func serveTLS(srv *http.Server, l net.Listener) func(context.Context) error {
	return serveHTTP(srv, tls.NewListener(l, srv.TLSConfig))
}
