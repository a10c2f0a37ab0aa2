// Package network sees the host names that this machine asks for and connects
// to, in the packets on its interfaces. Capture is a file per operating system;
// decoding is pure and lives in the sub-package decode.
//
// It looks at this host's own packets only, is never promiscuous, and keeps
// names alone: no addresses beyond a flow's two ends, no contents (G11). Only
// agent/daemon and the agent's verbs build it.
package network

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"safelight/agent/source"
	"safelight/internal/event"
)

// Attributor finds who owns a flow. It is asked at once when a name is seen,
// on the capturing goroutine, because short-lived sockets vanish: it must be
// quick. false means that nothing is known; the Owner then says why.
type Attributor interface {
	Lookup(proto string, local, remote netip.AddrPort) (event.Owner, bool)
}

// Completer is an Attributor that, given the process and the account of an
// owner, adds what else is known of them. It must be as quick as Lookup.
type Completer interface {
	Complete(owner event.Owner) event.Owner
}

// Opener is an Attributor that takes a hint: a TCP connection is being made, and
// its owner may soon be asked for.
type Opener interface {
	Opened(local, remote netip.AddrPort)
}

// Config is what New needs. Its zero value watches every interface.
type Config struct {
	// Capture chooses the way; empty is Auto.
	Capture Way
	// Interface names the one to watch; empty watches all.
	Interface string
	// Cgroup is the folder of a cgroup v2 whose processes alone BPF watches;
	// empty watches all. The packet socket does not know cgroups.
	Cgroup string
	// Beside says that the agent may run as well, and must not be disturbed.
	Beside bool
	// Owners may be nil: owners are then left for others to find.
	Owners Attributor
	// Grace and Window are package fold's; zero takes its defaults.
	Grace, Window time.Duration
	// Unfolded passes every name on as often as it is seen.
	Unfolded bool
	Now      func() time.Time
	Log      *slog.Logger
}

// Source watches packets. Make it with New.
type Source struct {
	cfg     Config
	seen    atomic.Uint64
	refused atomic.Uint64 // by a full queue
	lost    atomic.Uint64 // by the kernel, in this run
	earlier atomic.Uint64 // in the runs before

	mu     sync.Mutex // guards what follows
	status source.Status
	told   Way // what the log was last told of
}

var _ source.Source = (*Source)(nil)

// New returns a source that is not running yet.
func New(cfg Config) *Source {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{cfg: cfg, status: source.Status{State: source.Starting}}
}

// Name is "network".
func (*Source) Name() string { return "network" }

// Status says how capture stands.
func (s *Source) Status() source.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Name = s.Name()
	st.Seen, st.Dropped, st.Lost = s.seen.Load(), s.refused.Load(), s.earlier.Load()+s.lost.Load()
	st.Hidden = maps.Clone(st.Hidden)
	return st
}

// change changes the status under its lock.
func (s *Source) change(how func(st *source.Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(&s.status)
}

func (s *Source) stand(state source.State, detail string) {
	s.change(func(st *source.Status) { st.State, st.Detail = state, detail })
}

// errUnavailable marks why packets cannot be captured here at all.
var errUnavailable = errors.New("network source unavailable")

// Run captures until ctx ends. Packets cannot be replayed: checkpoint is
// ignored.
func (s *Source) Run(ctx context.Context, _ []byte, sink source.Sink) (err error) {
	c, err := openCapture(ctx, s.cfg)
	if err != nil {
		s.stand(source.Unavailable, err.Error())
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	l, err := openLinks(c.wake)
	if err != nil {
		s.stand(source.Unavailable, err.Error())
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	s.begin(ctx, c)
	err = newWatch(s, sink, c, l).loop(ctx)
	s.earlier.Add(s.lost.Swap(0))
	if err != nil {
		s.stand(source.Unavailable, err.Error())
		return err
	}
	s.stand(source.Stopped, "")
	return nil
}

// begin notes that the capture runs, and tells the log which one, once.
func (s *Source) begin(ctx context.Context, c capturer) {
	s.change(func(st *source.Status) {
		st.State, st.Detail = source.Running, c.detail()
		st.Way, st.Since = string(c.way()), s.cfg.Now().UTC()
		st.Interfaces = upInterfaces()
	})
	if s.told != c.way() {
		s.told = c.way()
		s.cfg.Log.InfoContext(ctx, "capturing packets", "way", string(c.way()), "detail", c.detail())
	}
}
