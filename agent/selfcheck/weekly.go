package selfcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// A device that was never checked is within minutes of its first start.
	firstAfter, firstWithin = time.Minute, 4 * time.Minute
	// Others within the seventh day from their last check, so that each week of
	// the calendar has one; after a start not before others have had their turn.
	nextAfter, nextWithin     = 6 * 24 * time.Hour, 24 * time.Hour
	startAfter, startWithin   = time.Minute, 20 * time.Minute
	againAfter, againWithin   = 5 * time.Minute, 10 * time.Minute
	maxWait                   = 15 * time.Minute // timers stand still while a laptop sleeps
	maxSpread                 = time.Hour
	maxRequest, pendingChecks = 64, 4
)

// Keeper has the device checked weekly and when the collector asks for it. It
// remembers over restarts what was done.
type Keeper struct {
	parts KeeperParts
	asked chan request
	state kept
}

// KeeperParts are what a Keeper is made of; all are needed.
type KeeperParts struct {
	// File remembers the last check.
	File string
	// Do checks and hands the report on; it is done once the report will reach
	// the collector.
	Do func(ctx context.Context, cause Cause, request string) error
	// Ready says that a report would be taken: the collector answers, and takes
	// reports.
	Ready func() bool
	Now   func() time.Time
	// Rand returns a number from 0 up to 1.
	Rand func() float64
	// Failed is told why a check came to nothing.
	Failed func(ctx context.Context, err error)
}

type request struct {
	id     string
	spread time.Duration
}

// kept is what the file holds.
type kept struct {
	Last    time.Time `json:"last"`
	Request string    `json:"request,omitempty"`
}

// NewKeeper reads what was remembered; what cannot be read was never.
func NewKeeper(p KeeperParts) *Keeper {
	k := &Keeper{parts: p, asked: make(chan request, pendingChecks)}
	if data, err := os.ReadFile(p.File); err == nil {
		if json.Unmarshal(data, &k.state) != nil {
			k.state = kept{}
		}
	}
	return k
}

// now is the wall clock's alone: a monotonic clock stands still while a laptop
// sleeps, and a week of school days would last a month.
func (k *Keeper) now() time.Time { return k.parts.Now().Round(0) }

// Ask takes the collector's request: a check some time within spread, so that a
// school's devices do not all report at once.
func (k *Keeper) Ask(id string, spread time.Duration) error {
	if id == "" || len(id) > maxRequest {
		return fmt.Errorf("a request to check has an id of %d bytes: want 1 to %d", len(id), maxRequest)
	}
	select {
	case k.asked <- request{id, min(max(spread, 0), maxSpread)}:
		return nil
	default:
		return errors.New("more requests to check wait than are carried out")
	}
}

// Run checks until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	due, want := k.first(), request{}
	for {
		if wait := due.Sub(k.now()); wait > nextAfter+nextWithin { // the clock was put back
			due = k.first()
		}
		timer := time.NewTimer(min(max(due.Sub(k.now()), 0), maxWait))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case r := <-k.asked:
			timer.Stop()
			if r.id != k.state.Request && r.id != want.id {
				want, due = r, k.now().Add(k.within(0, r.spread))
			}
			continue
		case <-timer.C:
		}
		if k.now().Before(due) {
			continue
		}
		if due = k.do(ctx, want); k.state.Request == want.id {
			want = request{}
		}
	}
}

// do checks, and says when it is next due.
func (k *Keeper) do(ctx context.Context, want request) time.Time {
	now := k.now()
	if !k.parts.Ready() {
		return now.Add(k.within(againAfter, againWithin) / 5)
	}
	cause := Weekly
	if want.id != "" {
		cause = ByCollector
	}
	if err := k.parts.Do(ctx, cause, want.id); err != nil {
		if ctx.Err() == nil {
			k.parts.Failed(ctx, err)
		}
		return now.Add(k.within(againAfter, againWithin))
	}
	k.state.Last = now
	if want.id != "" {
		k.state.Request = want.id
	}
	if err := k.keep(); err != nil {
		k.parts.Failed(ctx, err)
	}
	return now.Add(k.within(nextAfter, nextWithin))
}

// first says when the first check of this run is due. A clock that was put back
// makes none wait for longer than a week.
func (k *Keeper) first() time.Time {
	now := k.now()
	if k.state.Last.IsZero() || k.state.Last.After(now) {
		return now.Add(k.within(firstAfter, firstWithin))
	}
	start := now.Add(k.within(startAfter, startWithin))
	if next := k.state.Last.Add(k.within(nextAfter, nextWithin)); next.After(start) {
		return next
	}
	return start
}

func (k *Keeper) within(after, spread time.Duration) time.Duration {
	return after + time.Duration(k.parts.Rand()*float64(spread))
}

// keep writes what is remembered, whole or not at all.
func (k *Keeper) keep() error {
	data, err := json.Marshal(k.state)
	if err != nil {
		return fmt.Errorf("remembering a check: %w", err)
	}
	return writeWhole(k.parts.File, data, "remembering a check")
}

// writeWhole puts data in file's place, whole or not at all.
func writeWhole(file string, data []byte, doing string) error {
	fresh := file + ".new"
	if err := os.WriteFile(fresh, data, 0o600); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := os.Rename(fresh, file); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
