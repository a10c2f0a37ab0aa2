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
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"safelight/agent/source"
	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// Attributor finds who owns a flow. It is asked at once when a name is seen,
// on the capturing goroutine, because short-lived sockets vanish: it must be
// quick. false means that nothing is known; the Owner then says why.
type Attributor interface {
	Lookup(proto string, local, remote netip.AddrPort) (event.Owner, bool)
}

// Config is what New needs. Its zero value watches every interface.
type Config struct {
	// Interface names the one to watch; empty watches all.
	Interface string
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
	lost    atomic.Uint64 // by the kernel

	mu     sync.Mutex // guards what follows
	state  source.State
	detail string
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
	return &Source{cfg: cfg, state: source.Starting}
}

// Name is "network".
func (*Source) Name() string { return "network" }

// Status says how capture stands.
func (s *Source) Status() source.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return source.Status{
		Name: s.Name(), State: s.state, Detail: s.detail,
		Seen: s.seen.Load(), Dropped: s.refused.Load() + s.lost.Load(),
	}
}

func (s *Source) stand(state source.State, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.detail = state, detail
}

// errUnavailable marks why packets cannot be captured here at all.
var errUnavailable = errors.New("network source unavailable")

// capturer is the operating system's seam.
type capturer interface {
	// read hands each captured packet to take, in order, and returns when
	// none is left, after at most wait (forever if negative) without one, or
	// when ctx ends. The packet is good only during the call.
	read(ctx context.Context, wait time.Duration, take func(link decode.Link, data []byte, at time.Time)) error
	// lost returns how many packets the kernel dropped since the last call.
	lost() uint64
	// detail says how packets are captured.
	detail() string
	close() error
}

// Run captures until ctx ends. Packets cannot be replayed: checkpoint is
// ignored.
func (s *Source) Run(ctx context.Context, _ []byte, sink source.Sink) (err error) {
	c, err := openCapture(ctx, s.cfg)
	if err != nil {
		s.stand(source.Unavailable, err.Error())
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s.stand(source.Running, c.detail())
	err = newWatch(s, sink).loop(ctx, c)
	if err != nil {
		s.stand(source.Unavailable, err.Error())
		return err
	}
	s.stand(source.Stopped, "")
	return nil
}
