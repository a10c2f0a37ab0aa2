// Package daemon builds the agent's parts, runs them as a named group and stops
// them in order. It is the one room that knows all the others; it decides
// nothing itself. The agent's main and internal/e2etest use it.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"safelight/agent/about"
	"safelight/agent/attribution"
	"safelight/agent/clock"
	"safelight/agent/enrol"
	"safelight/agent/fingerprint"
	"safelight/agent/health"
	"safelight/agent/pages"
	"safelight/agent/pipeline"
	"safelight/agent/policy"
	"safelight/agent/selfcheck"
	"safelight/agent/shipper"
	"safelight/agent/source"
	"safelight/agent/source/hostname"
	"safelight/agent/source/process"
	"safelight/agent/spool"
	"safelight/agent/watch"
	"safelight/internal/localstate"
	"safelight/internal/pki"
	"safelight/internal/rungroup"
	"safelight/internal/version"
	safelightv1 "safelight/proto/safelight/v1"
)

// grace is how long everything may take to stop.
const grace = 5 * time.Second

// keepAcked is how long the spool keeps what the collector has: should the
// collector's database be put back from a day old, it can be sent again.
const keepAcked = 48 * time.Hour

// Options are what Run is given.
type Options struct {
	Dir string
	Log *slog.Logger
	// Config is the path of agent.yaml; empty: in Dir.
	Config string
	// EnrolFile is where a token is waited for while the device is not enrolled;
	// empty: such a device is an error. See enrol.FromFile.
	EnrolFile string
	// Sources replaces those that agent.yaml names, for tests, and Tries how a
	// check touches the device.
	Sources []source.Source
	Tries   selfcheck.Tries
	// Ready, where set, is called once everything runs.
	Ready func()
}

// agent is the built parts.
type agent struct {
	log         *slog.Logger
	identity    *enrol.Identity
	policies    *policy.Store
	spool       *spool.Spool
	conn        *line
	renewer     *enrol.Renewer
	instance    []byte        // of this run, for telling copies apart
	split       chan struct{} // a new identity is ready
	accounts    *accounts
	overlays    *policy.Overlays
	pipeline    *pipeline.Pipeline
	shipper     *shipper.Shipper
	watcher     *watch.Watcher
	checkpoints *watch.Checkpoints
	owners      *attribution.Resolver // nil where sources were handed in
	sources     []source.Source
	checker     *selfcheck.Checker
	keeper      *selfcheck.Keeper
	networks    *selfcheck.Networks
	about       *about.Keeper
	health      *health.Watcher
	pages       selfcheck.FilterTest
	began       time.Time     // when this run did
	stops       atomic.Uint64 // of sources that ended by themselves
}

// Run runs the agent on an enrolled folder until ctx ends.
func Run(ctx context.Context, o Options) error {
	if err := localstate.MakeDir(o.Dir); err != nil {
		return err
	}
	unlock, err := localstate.Lock(o.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := pki.CheckKeys(o.Dir); err != nil {
		return err
	}
	layAbout(ctx, o) // before anything is recorded
	if o.EnrolFile != "" {
		if err := waitEnrolled(ctx, o); err != nil {
			if ctx.Err() != nil {
				return nil // asked to stop while it waited
			}
			return err
		}
	}
	for {
		err := runOnce(ctx, o)
		if !errors.Is(err, errSplit) {
			return err
		}
		o.Log.InfoContext(ctx, "this device was a copy and is now one of its own, starting anew as it")
	}
}

func runOnce(ctx context.Context, o Options) (err error) {
	a, err := build(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	socket, err := localstate.Listen(socketPath(o.Dir))
	if err != nil {
		return err
	}
	actors := a.actors()
	actors = append(actors, rungroup.Actor{Name: "status", Run: func(ctx context.Context) error { return serveLocal(ctx, socket, a) }})
	if o.Ready != nil {
		o.Ready()
	}
	return rungroup.Run(ctx, o.Log, grace, actors...)
}

func build(o Options) (*agent, error) {
	conf, err := ReadConfig(cmp.Or(o.Config, filepath.Join(o.Dir, "agent.yaml")))
	if err != nil {
		return nil, err
	}
	page, err := aboutKeeper(o.Dir)
	if err != nil {
		return nil, err
	}
	a := &agent{log: o.Log, about: page, instance: newInstance(), split: make(chan struct{}, 1), began: time.Now()}
	if a.identity, err = enrol.Load(o.Dir); err != nil {
		return nil, err
	}
	a.policies, err = policy.Open(filepath.Join(o.Dir, "policy"), a.identity.School, a.identity.PolicyKeys, o.Log)
	if err != nil {
		return nil, err
	}
	a.policies.AcceptEpochs(a.identity.RecoveryKey)
	spoolDir := filepath.Join(o.Dir, "spool")
	place, err := placeOf(spoolDir, a.identity.DeviceID)
	if err != nil {
		return nil, err
	}
	if a.spool, err = spool.Open(spoolDir, spool.Options{Keep: keepAcked, Place: place}); err != nil {
		return nil, err
	}
	silent, err := quiet(conf.Keepalive)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	if a.conn, err = dial(a.identity, time.Now, silent); err != nil {
		return nil, errors.Join(err, a.close())
	}
	client := safelightv1.NewAgentServiceClient(a.conn)
	remembered, err := openAccountsFile(o.Dir, a.identity.DeviceID)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.accounts = newAccounts(client, remembered, time.Now, o.Log)
	a.overlays, err = policy.OpenOverlays(filepath.Join(o.Dir, "overlays"), a.identity.School, a.identity.PolicyKeys, o.Log)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	marks := selfcheck.NewMarks(time.Now)
	if a.networks, err = selfcheck.OpenNetworks(filepath.Join(o.Dir, "networks.json")); err != nil {
		o.Log.Warn("which networks this device knew was lost", slog.String("error", err.Error()))
	}
	a.pipeline = pipeline.New(pipeline.Parts{
		Checks: marks,
		Policy: a.policies.Use, Roles: a.accounts, Around: newSurroundings(a.overlays, a.metNetwork).at, Spool: a.spool, Clock: readClock, Log: o.Log,
		Pages: pages.New(hostname.Site), Hasher: fingerprint.New(fingerprint.Config{}),
	})
	a.shipper = newShipper(a.spool, client, o.Log)
	if a.checkpoints, err = watch.OpenCheckpoints(filepath.Join(o.Dir, "audit.checkpoint")); err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.renewer = a.newRenewer(o.Dir)
	a.watcher = watch.New(watch.Parts{
		Client: client, Status: a.report, Policy: a.applyPolicy(), Log: o.Log,
		Trust:      func(t *safelightv1.TrustBundle) error { return a.setTrust(o.Dir, t) },
		Heard:      a.heard,
		Command:    func(ctx context.Context, c *safelightv1.Command) (bool, error) { return a.command(ctx, o.Dir, c) },
		Able:       []string{capSelfcheck, capAbout},
		Checkpoint: a.checkpoints.Keep,
		Overlay:    a.overlay,
		Resend:     a.shipper.Rewind,
		Up:         a.up, Pause: a.shipper.BackOff,
		Known:   a.knownRefusal(o.Dir),
		Refused: func(r *watch.Refusal) { a.keepRefusal(o.Dir, r) },
	})
	a.buildChecks(o.Dir, conf.Checks, marks, o.Tries)
	if a.sources = o.Sources; a.sources == nil {
		a.owners = attribution.New(attribution.Config{})
		if a.sources, err = sources(conf, a.owners, o.Log); err != nil {
			return nil, errors.Join(err, a.close())
		}
	}
	a.buildHealth(o.Dir)
	return a, nil
}

func (a *agent) close() error {
	var err error
	if a.conn != nil {
		err = a.conn.Close()
	}
	if a.owners != nil {
		err = errors.Join(err, a.owners.Close())
	}
	return errors.Join(err, a.policies.Close(), a.spool.Close())
}

func readClock() (time.Time, string, time.Duration) {
	c := clock.Now()
	return c.Wall, c.BootID, c.Mono
}

// actors lists what runs, upstream first: that is the order of stopping.
func (a *agent) actors() []rungroup.Actor {
	var all []rungroup.Actor
	for _, s := range a.sources {
		all = append(all, rungroup.Actor{Name: "source " + s.Name(), Run: func(ctx context.Context) error {
			return supervise(ctx, a.log, s, a.spool.Checkpoint, a.pipeline.Sink(s.Name()), func() { a.stops.Add(1) })
		}})
	}
	return append(all,
		rungroup.Actor{Name: "pipeline", Run: a.pipeline.Run},
		rungroup.Actor{Name: "policy", Run: a.policies.Run},
		rungroup.Actor{Name: "accounts", Run: a.accounts.run},
		rungroup.Actor{Name: "shipper", Run: a.shipper.Run},
		rungroup.Actor{Name: "watch", Run: a.watcher.Run},
		rungroup.Actor{Name: "connection", Run: a.untilReady},
		rungroup.Actor{Name: "renewal", Run: a.renewer.Run},
		rungroup.Actor{Name: "identity", Run: a.untilSplit},
		rungroup.Actor{Name: "checks", Run: a.keeper.Run},
		rungroup.Actor{Name: "health", Run: a.health.Run},
		rungroup.Actor{Name: "memory", Run: giveBack},
	)
}

// restartSource is how long a source that failed rests before it tries again.
const restartSource = 15 * time.Second

// supervise keeps a source running: one that fails must not take the others
// with it, and comes back when what ailed it is mended.
func supervise(ctx context.Context, log *slog.Logger, s source.Source, checkpoint func(string) []byte, sink source.Sink, stopped func()) error {
	for {
		err := s.Run(ctx, checkpoint(s.Name()), sink)
		if ctx.Err() != nil {
			return nil
		}
		stopped()
		log.WarnContext(ctx, "a source stopped", "source", s.Name(), "error", fmt.Sprint(err), "again_in", restartSource)
		select {
		case <-time.After(restartSource):
		case <-ctx.Done():
			return nil
		}
	}
}

// applyPolicy brings manifests into force and starts judging at the first.
func (a *agent) applyPolicy() func(context.Context, *safelightv1.SignedManifest, policy.Fetch) error {
	judging := a.policies.Active() != nil
	if judging {
		a.pipeline.PolicyArrived()
	}
	return func(ctx context.Context, signed *safelightv1.SignedManifest, fetch policy.Fetch) error {
		err := a.policies.Apply(ctx, signed, fetch)
		if errors.Is(err, policy.ErrStale) {
			return nil
		}
		if err != nil {
			return err
		}
		p := a.policies.Active()
		a.log.InfoContext(ctx, "a policy is in force", "epoch", p.Epoch, "serial", p.Serial)
		if !judging {
			judging = true
			a.pipeline.PolicyArrived()
		}
		return nil
	}
}

// status fills what `status` prints.
func (a *agent) status() Status {
	expires := a.identity.Expires().UTC()
	renewal := a.renewer.Status()
	st := Status{
		Renewal: &renewal,
		Running: true, Version: version.Version, Enrolled: true, Device: a.identity.DeviceID, CertExpires: &expires,
		Connected: a.watcher.Connected(), Refused: a.watcher.Refused(), Delivery: string(a.shipper.Status().State), Judged: a.pipeline.Counts(), Overlays: a.overlays.Serials(),
		Spool: spoolStatus(a.spool.Stats()), Sources: []source.Status{},
	}
	if p := a.policies.Active(); p != nil {
		st.Policy = &PolicyStatus{Epoch: p.Epoch, Serial: p.Serial, AgeSeconds: int64(time.Since(p.Issued).Seconds())}
	}
	st.Sources = append(st.Sources, a.standing(time.Now())...)
	st.Coverage = coverageOf(st.Sources, st.Judged, a.stops.Load())
	if cpu, mem, err := process.Usage(); err == nil {
		st.CPUSeconds, st.MemoryBytes = cpu.Seconds(), mem
	}
	return st
}
