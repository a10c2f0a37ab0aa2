// Package process sees which programs start. It takes the best way that the
// machine allows, tried in this order:
//
//	bpf             Linux: the kernel tells of each start; nothing is too short
//	proc-connector  Linux without BPF: the kernel tells, and the program must live
//	                until /proc was read; the others are counted as lost
//	etw             Windows: the kernel tells of each start
//	polling         everywhere: the list of processes, looked at again and again;
//	                what starts and ends between two looks is not seen
//
// A program's arguments are never kept (G11). What runs already when it starts
// is not reported. Only agent/daemon and the agent's verbs build it; with
// agent/attribution, which it asks through Owners, it is the only one to know
// gopsutil.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"safelight/agent/source"
	"safelight/internal/event"
)

// Owners says whose a process is that has just started, and what it is part
// of. With look it may take its time over /proc; without, what the start itself
// tells must do. It is asked on the goroutine that reads starts.
type Owners interface {
	Started(s event.Start, look bool) event.Owner
}

// Config is what New needs. Its zero value looks once a second where it has to
// poll.
type Config struct {
	Every  time.Duration // between two looks; default 1 s
	Owners Owners        // may be nil: then accounts are what gopsutil says
	// Only names the one way to take: "bpf", "proc-connector", "etw" or "polling";
	// empty takes the best there is.
	Only string
	// Beside says that the agent may run as well, and must not be disturbed.
	Beside bool
	Now    func() time.Time
	Log    *slog.Logger
}

// Source tells of programs. Make it with New.
type Source struct {
	cfg     Config
	system  system
	files   interface{ facts(path string) facts }
	ways    []way
	looks   bucket
	seen    atomic.Uint64
	dropped atomic.Uint64
	gone    atomic.Uint64 // before they could be read
	unread  atomic.Uint64 // told without what their file says, which took too long to read

	mu     sync.Mutex // guards what follows
	state  source.State
	detail string
	since  time.Time
	way    way
	logged string // the way that was last logged
}

var _ source.Source = (*Source)(nil)

// way is one of the ways to learn of starts.
type way interface {
	name() string
	// run tells of starts until ctx ends. ready is called once it works; an error
	// before that is unavailable: the next way is then tried.
	run(ctx context.Context, ready func(), tell func(event.Start)) error
	// lost counts the starts that the system could not tell of.
	lost() uint64
}

// Why a way does not work here. What errPassing marks may work later: Windows has few
// trace sessions, and lets go of one that a crashed agent left after a while only.
var (
	errUnavailable = errors.New("not available here")
	errPassing     = fmt.Errorf("%w for now", errUnavailable)
)

// betterAfter is how long the next best way is taken before the better is tried anew.
const betterAfter = 5 * time.Minute

// New returns a source that is not running yet.
func New(cfg Config) *Source {
	sys := newSystem()
	return newSource(cfg, sys, append(kernelWays(cfg), newPolling(cfg, sys))...)
}

func newSource(cfg Config, sys system, ways ...way) *Source {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{cfg: cfg, system: sys, files: newFiles(), ways: ways, looks: newBucket(cfg.Now()), state: source.Starting}
}

// Name is "process".
func (*Source) Name() string { return "process" }

// Status says how it stands.
func (s *Source) Status() source.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := source.Status{
		Name: s.Name(), State: s.state, Detail: s.detail,
		Seen: s.seen.Load(), Dropped: s.dropped.Load(), Lost: s.gone.Load(),
	}
	if s.way != nil {
		st.Way, st.Since = s.way.name(), s.since
		st.Lost += s.way.lost()
	}
	if n := s.unread.Load(); n > 0 {
		late := fmt.Sprintf("of %d programs the file could not be read in time, so that their maker and original name are not known", n)
		st.Detail = strings.TrimPrefix(st.Detail+"; "+late, "; ")
	}
	return st
}

func (s *Source) stand(state source.State, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.detail = state, detail
}

// Run tells of starts until ctx ends. They cannot be replayed: checkpoint is
// ignored.
func (s *Source) Run(ctx context.Context, _ []byte, sink source.Sink) error {
	crowds := newCrowds()
	defer func() { s.offer(crowds.rest(), sink) }()
	tell := func(start event.Start) { s.tell(start, crowds, sink) }
	for {
		again, err := s.best(ctx, tell)
		if !again {
			return err
		}
	}
}

// best takes the best way there is until ctx ends, or until a better one, which did not
// work for now, is to be tried again.
func (s *Source) best(ctx context.Context, tell func(event.Start)) (again bool, err error) {
	var without []error
	caught := &caughtUp{}
	for _, w := range s.ways {
		if s.cfg.Only != "" && s.cfg.Only != w.name() {
			continue
		}
		meanwhile, end := ctx, func() {}
		if errors.Is(errors.Join(without...), errPassing) {
			meanwhile, end = context.WithTimeout(ctx, betterAfter)
		}
		err := w.run(meanwhile, func() {
			s.catchUp(ctx, w, caught, tell)
			s.works(ctx, w, errors.Join(without...))
		}, caught.unless(tell))
		over := meanwhile.Err() != nil
		end()
		if ctx.Err() != nil {
			s.stand(source.Stopped, "")
			return false, nil
		}
		if over && err == nil {
			return true, nil
		}
		if !errors.Is(err, errUnavailable) {
			err = fmt.Errorf("watching programs by %s: %w", w.name(), err)
			s.stand(source.Unavailable, err.Error())
			return false, err
		}
		without = append(without, fmt.Errorf("%s: %w", w.name(), err))
	}
	err = fmt.Errorf("process source unavailable: %w; check that the agent may read the process list", errors.Join(without...))
	s.stand(source.Unavailable, err.Error())
	return false, err
}

// works notes the way that was chosen, and logs it once.
func (s *Source) works(ctx context.Context, w way, without error) {
	detail := ""
	if without != nil {
		detail = "a better way was not to be had: " + without.Error()
	}
	s.mu.Lock()
	if s.state != source.Running || s.way != w { // else it goes on
		s.since = s.cfg.Now().UTC()
	}
	s.state, s.detail, s.way = source.Running, detail, w
	told := s.logged == w.name()
	s.logged = w.name()
	s.mu.Unlock()
	if !told {
		s.cfg.Log.InfoContext(ctx, "watching programs", "way", w.name(), "detail", detail)
	}
}

func (s *Source) tell(start event.Start, crowds *crowds, sink source.Sink) {
	now := s.cfg.Now()
	look := s.looks.take(now)
	owner := s.owner(start, look)
	if owner.Process == "" && owner.Exe == "" {
		s.gone.Add(1)
		return
	}
	if own(owner) {
		return
	}
	s.seen.Add(1)
	if start.Time.IsZero() {
		start.Time = now
	}
	o := event.Observation{Time: start.Time.UTC(), Kind: event.Process, Name: owner.Process, Via: s.via()}
	if o.Name == "" {
		o.Name = fileName(owner.Exe)
	}
	o.SetOwner(owner)
	if look && o.Exe != "" {
		of := s.files.facts(o.Exe)
		if of.late {
			s.unread.Add(1)
		}
		o.OriginalName, o.Product, o.Signer = of.originalName, of.product, of.signer
	}
	if o.User == "" && o.Unknown == "" {
		o.Unknown = "the account behind the process is not known"
	}
	s.offer(crowds.add(o, now), sink)
}

// facts are what a program's file says of itself.
type facts struct {
	originalName, product, signer string
	late                          bool // it could not be read in time
}

func (s *Source) via() event.Via {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, polls := s.way.(*polling); polls {
		return event.ViaPoll
	}
	return event.ViaExec
}

func (s *Source) offer(all []event.Observation, sink source.Sink) {
	for _, o := range all {
		if !sink.Offer(source.Observed{Observation: o}) {
			s.dropped.Add(uint64(max(1, o.Count)))
		}
	}
}

// owner asks whose the process is, and does without an answer where there is
// nobody to ask.
func (s *Source) owner(start event.Start, look bool) event.Owner {
	if s.cfg.Owners != nil {
		return s.cfg.Owners.Started(start, look)
	}
	owner := event.Owner{PID: start.PID, Process: start.Comm, Exe: start.Exe, UID: start.UID}
	owner.PPID = start.PPID
	if p, ok := s.system.program(context.Background(), int32(start.PID)); ok && (start.Exe == "" || p.exe == "" || p.exe == start.Exe) {
		owner.Process, owner.Exe, owner.User = p.name, p.exe, p.user
		if owner.UID == nil {
			owner.UID = p.uid
		}
	}
	return owner
}
