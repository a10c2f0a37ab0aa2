// Package server builds the collector's parts, runs them as a named group and
// stops them in order. It is the one room that knows all the others; it decides
// nothing itself. The collector's main and internal/e2etest use it.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"safelight/collector/about"
	"safelight/collector/admin"
	"safelight/collector/alert"
	"safelight/collector/audit"
	"safelight/collector/backup"
	"safelight/collector/console"
	"safelight/collector/enrol"
	"safelight/collector/fleet"
	"safelight/collector/ingest"
	"safelight/collector/lists"
	"safelight/collector/people"
	"safelight/collector/policy"
	"safelight/collector/store"
	"safelight/collector/watch"
	"safelight/internal/localstate"
	"safelight/internal/rungroup"
)

// grace is how long everything may take to stop.
const grace = 5 * time.Second

// Options are what Run is given.
type Options struct {
	Dir string
	Log *slog.Logger
	Now func() time.Time // nil: time.Now
	// Ready, where set, is called once every listener is open.
	Ready func(Ready)
}

// Ready says where a running collector listens.
type Ready struct {
	Agents  string
	Console string
	Public  string
	Metrics string
}

// parts are the rooms, built.
type parts struct {
	conf      Config
	log       *slog.Logger
	now       func() time.Time
	authority *enrol.Authority
	store     *store.Store
	gate      *enrol.Gate
	enrol     *enrol.Service
	policy    *policy.Publisher
	watch     *watch.Service
	copies    *watch.Copies
	fleet     *fleet.Fleet
	checks    *fleet.Checks
	people    *people.Resolver
	lists     *lists.Lists
	overlays  *people.Overlays
	ingest    *ingest.Server
	jobs      *alert.Jobs
	gatherer  *alert.Gatherer
	console   http.Handler
	about     *about.Board
	told      toldRules
	confAt    time.Time // when collector.yaml was last changed
	admin     *admin.Admin
	record    *audit.Log
	changes   *changes
}

// Run serves the school in o.Dir until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := localstate.MakeDir(o.Dir); err != nil {
		return err
	}
	unlock, err := localstate.Lock(o.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := backup.Sweep(o.Dir); err != nil {
		return err
	}
	conf, err := ReadConfig(o.Dir)
	if err != nil {
		return err
	}
	if err := conf.checkSecrets(); err != nil {
		return err
	}
	s, err := openState(ctx, o.Dir, conf, o.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p, err := build(ctx, conf, s, o)
	if err != nil {
		return err
	}
	ls, err := p.listen(o.Dir)
	if err != nil {
		return err
	}
	actors, err := p.actors(ls)
	if err != nil {
		ls.close()
		return err
	}
	if o.Ready != nil {
		o.Ready(Ready{Agents: ls.agents.Addr().String(), Console: ls.console.Addr().String(), Public: ls.public.Addr().String(), Metrics: ls.metrics.Addr().String()})
	}
	return rungroup.Run(ctx, o.Log, grace, actors...)
}

// listeners are where the collector is reached.
type listeners struct{ agents, console, public, metrics, admin net.Listener }

func (p *parts) listen(dir string) (*listeners, error) {
	ls := &listeners{}
	var err error
	for _, l := range []struct {
		name, addr string
		to         *net.Listener
	}{
		{"listen.agents", p.conf.Listen.Agents, &ls.agents},
		{"listen.console", p.conf.Listen.Console, &ls.console},
		{"listen.public", p.conf.Listen.Public, &ls.public},
		{"listen.metrics", p.conf.Listen.Metrics, &ls.metrics},
	} {
		if *l.to, err = net.Listen("tcp", l.addr); err != nil {
			ls.close()
			return nil, fmt.Errorf("opening %s: %w; is another collector running, or the port taken?", l.name, err)
		}
	}
	agents := fewEnough(agentLimits, descriptors())
	if agents.all < agentLimits.all/2 {
		p.log.Warn("the system lets this process open few connections: that many devices can be connected, and no more", "devices", agents.all, "mend", "raise the limit of open files (LimitNOFILE of the service, or ulimit -n)")
	}
	ls.agents, ls.console, ls.metrics = limitAbrupt(ls.agents, agents), limit(ls.console, peopleLimits), limit(ls.metrics, metricsLimits)
	ls.public = limit(ls.public, publicLimits)
	if ls.admin, err = localstate.Listen(adminSocket(dir)); err != nil {
		ls.close()
		return nil, err
	}
	return ls, nil
}

func (ls *listeners) close() {
	for _, l := range []net.Listener{ls.agents, ls.console, ls.public, ls.metrics, ls.admin} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// actors lists what runs, in the order of stopping: first those who bring work
// in, then those who do it.
func (p *parts) actors(ls *listeners) ([]rungroup.Actor, error) {
	console, err := p.consoleServer()
	if err != nil {
		return nil, err
	}
	public, err := p.publicServer()
	if err != nil {
		return nil, err
	}
	srv := grpcServer(p)
	adminSrv := adminServer(p.admin, p.log)
	metrics := quietLog(p.log)
	metrics.Handler = p.metricsHandler()
	return []rungroup.Actor{
		{Name: "agents", Run: serveGRPC(srv, ls.agents, p.ingest.Drain)},
		{Name: "console", Run: serveTLS(console, ls.console)},
		{Name: "public", Run: public(ls.public)},
		{Name: "admin socket", Run: serveHTTP(adminSrv, ls.admin)},
		{Name: "metrics", Run: serveHTTP(metrics, ls.metrics)},
		{Name: "lists", Run: p.lists.Run},
		{Name: "ingest", Run: p.ingest.Run},
		{Name: "gatherer", Run: p.gatherer.Run},
		{Name: "jobs", Run: p.jobs.Run},
		{Name: "changes", Run: p.changes.run},
		{Name: "keys", Run: p.tendKeys},
		{Name: "fleet", Run: p.fleet.Run},
		{Name: "copies", Run: p.copies.Run},
		{Name: "retention", Run: newRetention(p.store, p.now, p.log).run},
		{Name: "record", Run: p.record.Run},
		{Name: "about", Run: p.tendAbout},
		{Name: "memory", Run: tendGarbage},
	}, nil
}

func (p *parts) consoleServer() (*http.Server, error) {
	conf, err := consoleTLS(p.conf.HTTPS, p.authority.ConsoleCertificate())
	if err != nil {
		return nil, err
	}
	srv := quietLog(p.log)
	srv.TLSConfig = conf
	srv.Handler = withHealth(p.console)
	return srv, nil
}

var _ console.Store = recorded{}
