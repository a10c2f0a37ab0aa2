package selfcheck

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"safelight/agent/source"
	"safelight/internal/event"
	"safelight/internal/wire"
)

const (
	// patience is how long anything may take to be seen. A source that folds
	// holds a question for two seconds, to hear whether a visit follows.
	patience = 10 * time.Second
	// besides is after how long what was not seen is tried over loopback too: late
	// enough for a question that is held, early enough for another.
	besides = 5 * time.Second
	// lately is how long ago a followed log's last line may have been.
	lately = time.Hour
)

// ErrBusy answers who asks while a check runs, or just has.
var ErrBusy = errors.New("a check runs already, or ended a moment ago: ask again in half a minute")

// Around is what a check needs to know of the agent; all are needed.
type Around struct {
	// Sources are those configured, as they stand.
	Sources func() []source.Status
	// Judging says that rules have arrived, without which the pipeline waits.
	Judging func() bool
	Policy  func() (epoch, serial uint64)
	Hidden  func() map[string]uint64
	// Addresses are where the collector is reached, tried in turn.
	Addresses func() []string
	Clock     func() (wall time.Time, bootID string, mono time.Duration)
	Version   string
}

// Checker checks this device.
type Checker struct {
	around   Around
	marks    *Marks
	tries    Tries
	looks    looks
	log      *slog.Logger
	now      func() time.Time
	patience time.Duration

	mu    sync.Mutex // held while a check runs; guards ended
	ended time.Time
}

// rest is what lies between two checks that somebody asks for.
const rest = 30 * time.Second

// New makes a Checker whose Marks the pipeline asks.
func New(around Around, marks *Marks, tries Tries, log *slog.Logger) *Checker {
	return &Checker{around: around, marks: marks, tries: tries.withDefaults(), looks: looks{}, log: log, now: marks.now, patience: patience}
}

// Check tries every configured source and says what was seen. It takes up to ten
// seconds; one runs at a time.
func (c *Checker) Check(ctx context.Context, cause Cause, request string) (Report, error) {
	if !c.mu.TryLock() {
		return Report{}, ErrBusy
	}
	defer c.mu.Unlock()
	if cause == AskedHere && !c.ended.IsZero() && c.now().Sub(c.ended) < rest {
		return Report{}, ErrBusy
	}
	defer func() { c.ended = c.now() }()
	r, err := c.report(cause, request)
	if err != nil {
		return Report{}, err
	}
	t := c.marks.begin(nonce())
	sources := c.around.Sources()
	c.tryAll(ctx, t, sources)
	for _, s := range sources {
		r.Results = append(r.Results, c.results(t, s)...)
	}
	c.marks.end(t)
	r.Hidden = maps.Clone(c.around.Hidden())
	return r, ctx.Err()
}

// nonce is a number nobody can guess, used once.
func nonce() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return hex.EncodeToString(random)
}

// report begins a report.
func (c *Checker) report(cause Cause, request string) (Report, error) {
	id, err := wire.NewID()
	if err != nil {
		return Report{}, err
	}
	r := Report{
		ID: id, Cause: cause, Request: request, Results: []Result{}, Hidden: map[string]uint64{},
		System: c.looks.system(), Browsers: c.looks.browsers(), Version: c.around.Version,
	}
	r.Began, r.bootID, r.mono = c.around.Clock()
	r.PolicyEpoch, r.PolicySerial = c.around.Policy()
	return r, nil
}

// kindOf says what a source sees, by its name.
func kindOf(name string) What {
	switch {
	case name == "network":
		return DNS
	case name == "process":
		return Program
	}
	return Log
}

// tryAll tries what the sources can see and waits until all was seen, or for as
// long as it may take.
func (c *Checker) tryAll(ctx context.Context, t *trial, sources []source.Status) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	for _, s := range sources {
		switch kindOf(s.Name) {
		case DNS:
			for _, v := range c.visits(s.Way) {
				all.Go(func() { c.tryName(ctx, t, v) })
			}
		case Program:
			all.Go(func() { c.tryProgram(ctx, t) })
		case Log: // nothing is written into a log that is not ours
		}
	}
	c.await(ctx, t, func() bool { return c.allSeen(t, sources) })
	cancel()
}

// Behind a try's name: that it went out, and the try over loopback.
const (
	sentMark = "-sent"
	here     = "-here"
)

// tryName tries a name the way people's visits go and, where it is not seen so or
// cannot be sent, over loopback: that tells a source that sees nothing from one
// that does not see this way.
func (c *Checker) tryName(ctx context.Context, t *trial, v visit) {
	what := string(v.what)
	c.marks.try(t, what)
	short, cancel := context.WithTimeout(ctx, besides)
	defer cancel()
	if v.far(short, name(t, what)) {
		c.marks.try(t, what+sentMark)
		c.await(short, t, func() bool { return c.seen(t, what) })
		if c.seen(t, what) || ctx.Err() != nil {
			return
		}
	}
	c.marks.try(t, what+here)
	if err := v.near(ctx, name(t, what+here)); err != nil {
		c.log.DebugContext(ctx, "trying a check over loopback failed", "what", what, "error", err.Error())
	}
}

func name(t *trial, what string) string { return what + "." + t.nonce + "." + Domain }

func (c *Checker) tryProgram(ctx context.Context, t *trial) {
	var end func()
	err := c.marks.start(t, func() (pid int, exe string, err error) {
		pid, exe, end, err = c.tries.Start()
		return pid, exe, err
	})
	if err != nil {
		c.log.WarnContext(ctx, "a check could not start its program", "error", err.Error())
		return
	}
	c.await(ctx, t, func() bool { return c.seen(t, program) })
	end()
	c.marks.ended(t)
}

// await waits until done, which it asks whenever something was seen, and now and
// then: several wait.
func (c *Checker) await(ctx context.Context, t *trial, done func() bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-t.news:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *Checker) seen(t *trial, what string) bool {
	_, _, ok := c.marks.sightOf(t, what)
	return ok
}

// settled says that a name was seen, or was over loopback alone because it could
// not be sent otherwise.
func (c *Checker) settled(t *trial, what string) bool {
	return c.seen(t, what) || c.seen(t, what+here) && !c.marks.wasTried(t, what+sentMark)
}

func (c *Checker) allSeen(t *trial, sources []source.Status) bool {
	return !slices.ContainsFunc(sources, func(s source.Status) bool {
		switch kindOf(s.Name) {
		case DNS:
			return slices.ContainsFunc(c.visits(s.Way), func(v visit) bool { return !c.settled(t, string(v.what)) })
		case Program:
			return !c.seen(t, program)
		}
		return false
	})
}

// results say what became of the tries that a source should have seen.
func (c *Checker) results(t *trial, s source.Status) []Result {
	switch kindOf(s.Name) {
	case DNS:
		return c.visitResults(t, s)
	case Program:
		return []Result{c.result(t, s, Program)}
	}
	return []Result{c.logResult(t, s)}
}

func (c *Checker) result(t *trial, s source.Status, what What) Result {
	r := Result{Source: s.Name, What: what, Way: s.Way, Outcome: NotSeen}
	got, delay, ok := c.marks.sightOf(t, string(what))
	if !ok {
		got, delay, ok = c.marks.sightOf(t, string(what)+here)
		switch {
		case ok && c.marks.wasTried(t, string(what)+sentMark):
			r.Detail = "it is seen on this device's own loopback, and not on its way to " + farEnd(what) + hiding(what, c.around.Hidden())
			return r
		case ok:
			r.Detail = farEnd(what) + " could not be reached; it was tried over this device's own loopback"
		}
	}
	if !ok {
		r.Detail = c.whyNot(s) + hiding(what, c.around.Hidden())
		return r
	}
	r.Outcome, r.Via, r.Delay, r.DelayMS = Seen, got.via, delay, delay.Milliseconds()
	return r
}

func farEnd(what What) string {
	if what == DNS {
		return "the resolver"
	}
	return "the collector"
}

// whyNot says why nothing was seen, as far as the source itself knows.
func (c *Checker) whyNot(s source.Status) string {
	switch {
	case s.State != source.Running:
		return strings.TrimSuffix("the source is "+string(s.State)+": "+s.Detail, ": ")
	case !c.around.Judging():
		return "no rules have arrived yet, and nothing is looked at without"
	case s.Dropped > 0 || s.Lost > 0:
		return "the source runs and did not tell of it; some of what it sees is lost"
	}
	return "the source runs and did not tell of it"
}

// logResult says how a followed log stands. Nothing is written into it: it is not
// ours, and whoever owns it would find a visit in it that nobody made. A DNS
// server's log that holds this device's own questions shows the check's.
func (c *Checker) logResult(t *trial, s source.Status) Result {
	r := Result{Source: s.Name, What: Log, Way: s.Way}
	for _, what := range []string{string(DNS), string(TLS), string(HTTP), string(QUIC)} {
		if got, delay, ok := c.marks.sightOf(t, what); ok && got.source == s.Name {
			r.Outcome, r.Via, r.Delay, r.DelayMS = Seen, got.via, delay, delay.Milliseconds()
			return r
		}
	}
	last := c.marks.lastOf(s.Name)
	switch {
	case s.State != source.Running:
		r.Outcome, r.Detail = NotSeen, c.whyNot(s)
	case !last.IsZero() && c.now().Sub(last) <= lately:
		r.Outcome, r.Via = Seen, event.ViaLog
		r.Detail = "nothing is written into it for a check; lines of it were read within the last hour"
	default:
		r.Outcome, r.Detail = NotChecked, "nothing is written into it for a check, and no line of it came within the last hour"
	}
	return r
}
