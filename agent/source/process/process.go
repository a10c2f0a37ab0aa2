// Package process sees which programs start, by looking at the list of
// processes again and again. It works on every operating system; a program
// that starts and ends between two looks is not seen.
//
// A program's arguments are never kept (G11). What runs already when it starts
// is a baseline and is not reported. Only agent/daemon and the agent's verbs
// build it; with agent/attribution it is the only one to know gopsutil.
package process

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"safelight/agent/source"
	"safelight/internal/event"
)

// Config is what New needs. Its zero value looks once a second.
type Config struct {
	Every time.Duration // between two looks; default 1 s
	Now   func() time.Time
	Log   *slog.Logger
}

// Source polls for programs. Make it with New.
type Source struct {
	cfg     Config
	system  system
	seen    atomic.Uint64
	dropped atomic.Uint64

	mu     sync.Mutex // guards what follows
	state  source.State
	detail string
}

var _ source.Source = (*Source)(nil)

// New returns a source that is not running yet.
func New(cfg Config) *Source { return newSource(cfg, newSystem()) }

func newSource(cfg Config, sys system) *Source {
	if cfg.Every <= 0 {
		cfg.Every = time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{cfg: cfg, system: sys, state: source.Starting}
}

// Name is "process".
func (*Source) Name() string { return "process" }

// Status says how polling stands.
func (s *Source) Status() source.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return source.Status{
		Name: s.Name(), State: s.state, Detail: s.detail,
		Seen: s.seen.Load(), Dropped: s.dropped.Load(),
	}
}

func (s *Source) stand(state source.State, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.detail = state, detail
}

// Run polls until ctx ends. Process starts cannot be replayed: checkpoint is
// ignored.
func (s *Source) Run(ctx context.Context, _ []byte, sink source.Sink) error {
	known := newKnown(s.system)
	if err := known.baseline(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		err = fmt.Errorf("process source unavailable: listing processes: %w; check that the agent may read the process list", err)
		s.stand(source.Unavailable, err.Error())
		return err
	}
	s.stand(source.Running, "polling every "+s.cfg.Every.String())
	defer s.stand(source.Stopped, "")
	ticker := time.NewTicker(s.cfg.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		started, err := known.look(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "listing processes failed; trying again", "error", err)
		}
		for _, p := range started {
			s.tell(p, sink)
		}
	}
}

func (s *Source) tell(p program, sink source.Sink) {
	s.seen.Add(1)
	o := event.Observation{
		Time: s.cfg.Now().UTC(), Kind: event.Process, Name: p.name, Via: event.ViaPoll,
		PID: int(p.pid), Process: p.name, Exe: p.exe, UID: p.uid, User: p.user,
	}
	if p.user == "" {
		o.Unknown = "the account behind the process is not known"
	}
	if !sink.Offer(source.Observed{Observation: o}) {
		s.dropped.Add(1)
	}
}
