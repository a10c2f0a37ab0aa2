// Package weblog follows the log files of proxies, DNS servers and sensors, as
// they are written, and tells which hosts were asked for. It survives rotation
// by renaming, by copying and truncating, and restarts: each observation
// carries the place after its line, and reading goes on from the last one that
// became durable.
//
// The way through it: tail.go and lines.go read, follower.go goes from file to
// file, syslog.go takes the envelope off, a format's file reads the line,
// pairs.go brings a question and its answer together, package fold counts
// repeats. Of a line it keeps host, time, user, client and whether it was
// refused; paths and queries are dropped as the line is read (G11). A new format
// is one file and one line in formats. Only agent/daemon and the agent's verbs
// build it.
package weblog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"safelight/agent/source"
	"safelight/internal/event"
)

// Config is what New needs. Format and Path are required.
type Config struct {
	Format string
	Path   string
	// Options are the format's.
	Options
	// ReadBack bounds how old a line may be that stands in the file when it is
	// followed for the first time, so that weeks of old log are not taken for
	// news. Zero reads all there is; FromEnd only what comes. A file that comes
	// into being later is read from its beginning, as is everything after a
	// restart from the checkpoint on.
	ReadBack time.Duration
	// Unfolded tells every line, as often as a name repeats.
	Unfolded bool
	// Ticks says when to look for growth; nil is every 200 ms.
	Ticks <-chan time.Time
	Log   *slog.Logger
}

// FromEnd is the ReadBack that leaves out what a log already holds.
const FromEnd time.Duration = -1

const waiting = "waiting for the file that path: names"

// foreign is how many lines, none of which is of the format, show that the log
// is of another.
const foreign = 20

const every = 200 * time.Millisecond

// Source follows one log file. Make it with New.
type Source struct {
	cfg    Config
	format Format

	seen     atomic.Uint64
	tooLong  atomic.Uint64 // lines skipped for their length
	unparsed atomic.Uint64 // lines that are none of the format
	blind    atomic.Bool   // a header that does not say where the host stands
	known    atomic.Bool   // a line was of the format

	mu     sync.Mutex // guards what follows
	state  source.State
	detail string
	since  time.Time // the state is
}

var _ source.Source = (*Source)(nil)

// New returns a source that is not running yet.
func New(cfg Config) (*Source, error) {
	format, err := FormatNamed(cfg.Format)
	if err != nil {
		return nil, err
	}
	if cfg.Path == "" {
		return nil, errors.New("weblog: want the path of a log file")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{cfg: cfg, format: format, state: source.Starting, detail: waiting, since: cfg.Now()}, nil
}

// Name tells the followed files apart: checkpoints are kept under it.
func (s *Source) Name() string { return "weblog:" + s.cfg.Format + ":" + s.cfg.Path }

// Status says how following stands. Dropped counts lines too long to be read.
func (s *Source) Status() source.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := source.Status{
		Name: s.Name(), State: s.state, Detail: s.detail,
		Seen: s.seen.Load(), Dropped: s.tooLong.Load(),
	}
	if s.blind.Load() && s.state == source.Running {
		st.State, st.Detail = source.Unavailable, errColumns.Error()
	}
	if s.state == source.Starting {
		st.Since = s.since
	}
	n := s.unparsed.Load()
	switch {
	case n == 0 || st.State != source.Running:
	case n >= foreign && !s.known.Load():
		st.State, st.Detail = source.Unavailable, fmt.Sprintf("none of %d lines is of this format; see that format: says what writes the log", n)
	default:
		st.Detail = fmt.Sprintf("%s; %d lines not understood", s.detail, n)
	}
	return st
}

// stand notes how things are and says whether that is news.
func (s *Source) stand(state source.State, detail string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.state != state || s.detail != detail
	if s.state != state {
		s.since = s.cfg.Now()
	}
	s.state, s.detail = state, detail
	return news
}

// Run follows the file until ctx ends, from checkpoint on.
func (s *Source) Run(ctx context.Context, checkpoint []byte, sink source.Sink) error {
	ticks := s.cfg.Ticks
	if ticks == nil {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		ticks = ticker.C
	}
	f := newFollower(s, sink)
	defer f.close()
	defer s.stand(source.Stopped, "")
	f.fresh = len(checkpoint) == 0
	if !f.fresh {
		if err := f.resume(ctx, checkpoint); err != nil {
			return fmt.Errorf("resuming %s: %w", s.Name(), err)
		}
	}
	for {
		err := f.step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrNotExist):
			s.stand(source.Starting, waiting)
		case err != nil:
			if s.stand(source.Unavailable, reason(err)) {
				s.cfg.Log.WarnContext(ctx, "following a log failed; trying again", "source", "weblog", "reason", reason(err))
			}
		default:
			s.stand(source.Running, "following by polling")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
	}
}

// reason is an error for the status and the log, without the path in it.
func reason(err error) string {
	var p *os.PathError
	switch {
	case errors.Is(err, os.ErrPermission):
		return "the agent may not read the log file; give its account read access"
	case errors.As(err, &p):
		return p.Op + ": " + p.Err.Error()
	}
	return err.Error()
}

func observation(e Entry, now time.Time) event.Observation {
	return event.Observation{
		Time: now.UTC(), Kind: event.Domain, Name: e.Host, Via: event.ViaLog,
		User: e.User, Client: e.Client, Attempt: e.Denied, Logged: e.Time,
		LogOf: e.Of, ThirdParty: e.ThirdParty,
	}
}
