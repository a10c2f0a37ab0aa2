package ingest

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// flushEvery and flushRows are how positions reach the store: so seldom and
	// so few at a time that they take nothing from the records.
	flushEvery = 250 * time.Millisecond
	flushRows  = 200
	// maxApart is how many runs of numbers a stream remembers above the first
	// that is missing. Beyond it the position only lags.
	maxApart = 256
	// maxDirty bounds what waits to be flushed.
	maxDirty = 50_000
)

// Positions keeps up to where each lane of a spool is held without a hole. What
// it says may be less than what is held, and is never more: an agent that is
// asked to send too much sends what is answered with DUPLICATE.
type Positions interface {
	SavePositions(ctx context.Context, school model.SchoolID, all []model.Position) error
	Positions(ctx context.Context, school model.SchoolID, device string, epoch []byte) ([]model.Position, error)
}

type laneKey struct {
	school        model.SchoolID
	device, epoch string
	lane          event.Severity
}

// ledger holds the positions that are not in the store yet.
type ledger struct {
	store  Positions // nil: nothing is kept
	logger *slog.Logger

	mu    sync.Mutex // guards dirty
	dirty map[laneKey]uint64
}

func (l *ledger) note(k laneKey, upto uint64) {
	if l.store == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.dirty[k]; ok || len(l.dirty) < maxDirty {
		l.dirty[k] = max(old, upto)
	}
}

// held is up to where the lanes of a spool are held.
func (l *ledger) held(ctx context.Context, school model.SchoolID, device string, epoch []byte) (map[event.Severity]uint64, error) {
	out := map[event.Severity]uint64{}
	if l.store == nil {
		return out, nil
	}
	all, err := l.store.Positions(ctx, school, device, epoch)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		out[p.Lane] = p.Upto
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for lane := event.Low; lane <= event.Urgent; lane++ {
		if upto, ok := l.dirty[laneKey{school, device, string(epoch), lane}]; ok {
			out[lane] = max(out[lane], upto)
		}
	}
	return out, nil
}

// take takes some positions out, for the store.
func (l *ledger) take(most int) map[model.SchoolID][]model.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[model.SchoolID][]model.Position{}
	n := 0
	for k, upto := range l.dirty {
		if n++; n > most {
			break
		}
		out[k.school] = append(out[k.school], model.Position{Device: k.device, SpoolEpoch: []byte(k.epoch), Lane: k.lane, Upto: upto})
		delete(l.dirty, k)
	}
	return out
}

// flush writes some positions down. What cannot be written lags, no more.
func (l *ledger) flush(ctx context.Context) (more bool) {
	if l.store == nil {
		return false
	}
	some := l.take(flushRows)
	for school, all := range some {
		if err := l.store.SavePositions(ctx, school, all); err != nil {
			l.logger.WarnContext(ctx, "noting what is held failed", slog.Any("error", err))
			return false
		}
	}
	return len(some) > 0
}

// Held says up to where each lane of a device's spool is held without a hole: at
// least so far.
func (s *Server) Held(ctx context.Context, school model.SchoolID, device string, epoch []byte) (map[event.Severity]uint64, error) {
	return s.ledger.held(ctx, school, device, epoch)
}

// track follows one stream's lanes.
type track struct {
	server *Server
	who    caller
	epoch  string
	lanes  map[event.Severity]*reached
}

// take follows what an acknowledgement answers for good.
func (t *track) take(ctx context.Context, c *checked, ack *safelightv1.BatchAck) {
	if len(c.items)+len(c.tombstones) == 0 || t.server.ledger.store == nil {
		return
	}
	if t.lanes == nil || t.epoch != string(c.epoch) {
		t.begin(ctx, c.epoch)
	}
	moved := map[event.Severity]bool{}
	add := func(lane safelightv1.Severity, from, to uint64) {
		at := severities[lane]
		if r := t.lanes[at]; r != nil && r.add(from, to) {
			moved[at] = true
		}
	}
	for _, it := range ack.GetItems() {
		if it.GetStatus() != safelightv1.AckStatus_ACK_STATUS_RETRY {
			add(it.GetLane(), it.GetSeq(), it.GetSeq())
		}
	}
	for i, answer := range ack.GetTombstones() {
		if answer.GetStatus() != safelightv1.AckStatus_ACK_STATUS_RETRY {
			add(answer.GetLane(), answer.GetFromSeq(), c.tombstones[i].to)
		}
	}
	for lane := range maps.Keys(moved) {
		t.server.ledger.note(laneKey{t.who.school, t.who.device, t.epoch, lane}, t.lanes[lane].upto)
	}
}

func (t *track) begin(ctx context.Context, epoch []byte) {
	t.epoch, t.lanes = string(epoch), map[event.Severity]*reached{}
	held, err := t.server.Held(ctx, t.who.school, t.who.device, epoch)
	if err != nil {
		t.server.logger.WarnContext(ctx, "reading what is held failed", slog.Any("error", err)) // it lags, no more
	}
	for lane := event.Low; lane <= event.Urgent; lane++ {
		t.lanes[lane] = &reached{upto: held[lane]}
	}
}

// reached is how far a lane is answered for: everything up to upto, and runs
// above it, sorted and apart.
type reached struct {
	upto  uint64
	above [][2]uint64
}

// add takes a run in and says whether upto moved.
func (r *reached) add(from, to uint64) bool {
	if to <= r.upto || from > to {
		return false
	}
	if from <= r.upto+1 {
		r.upto = to
		for len(r.above) > 0 && r.above[0][0] <= r.upto+1 {
			r.upto = max(r.upto, r.above[0][1])
			r.above = r.above[1:]
		}
		return true
	}
	i, _ := slices.BinarySearchFunc(r.above, from, func(x [2]uint64, from uint64) int {
		if x[1]+1 < from {
			return -1
		}
		return 1
	})
	j := i
	for j < len(r.above) && r.above[j][0] <= to+1 {
		from, to = min(from, r.above[j][0]), max(to, r.above[j][1])
		j++
	}
	if r.above = slices.Replace(r.above, i, j, [2]uint64{from, to}); len(r.above) > maxApart {
		r.above = r.above[:maxApart]
	}
	return false
}
