package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const (
	// queued is how many batches may wait for the committer; beyond it streams
	// are read no further.
	queued = 512
	// heldRecords is how many records may wait in all, however many streams
	// bring them: some 20 MB.
	heldRecords = 20_000
	// groupRecords is how many records one transaction takes: some 30 ms of the
	// write connection, which the gatherer and the job queue share.
	groupRecords = 1000
)

// errStopping answers what is submitted while the service stops.
var errStopping = errors.New("the collector is stopping")

// submission is one device's batch on its way to the store.
type submission struct {
	school  model.SchoolID
	checked *checked
	share   *allowance
	outcome outcome // the committer's until the submission is on done
	// done is given each submission exactly once, in the order in which its
	// stream submitted them; it has room for it.
	done chan<- *submission
}

func (sub *submission) batch() *model.Batch { return &sub.checked.batch }

type outcome struct {
	appended model.Appended
	err      error
}

// Run stores what streams submit until ctx ends, many streams' batches in one
// transaction: while one is being synced to disk the next ones gather, so that
// the more arrives at once the fewer syncs a record costs. It adds no delay of
// its own.
func (s *Server) Run(ctx context.Context) error {
	defer close(s.stopped)
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	for {
		select {
		case <-ctx.Done():
			s.refuseQueued()
			for s.ledger.flush(context.WithoutCancel(ctx)) {
				continue // until nothing is left
			}
			return nil
		case <-flush.C:
			s.ledger.flush(ctx)
		case first := <-s.queue:
			s.commit(ctx, s.group(first))
		}
	}
}

// group takes what else waits, up to the size of one transaction.
func (s *Server) group(first *submission) []*submission {
	group := []*submission{first}
	for records := first.batch().Len(); records < groupRecords; {
		select {
		case next := <-s.queue:
			group = append(group, next)
			records += next.batch().Len()
		default:
			return group
		}
	}
	return group
}

func (s *Server) commit(ctx context.Context, group []*submission) {
	bySchool := make(map[model.SchoolID][]*submission, 1)
	for _, sub := range group {
		bySchool[sub.school] = append(bySchool[sub.school], sub)
	}
	for school, subs := range bySchool {
		s.commitSchool(ctx, school, subs)
	}
}

// commitSchool stores a school's submissions together. Should that fail each is
// tried alone, so that one that cannot be stored holds up no other device.
func (s *Server) commitSchool(ctx context.Context, school model.SchoolID, subs []*submission) {
	err := s.append(ctx, school, subs)
	if err == nil {
		return
	}
	s.logger.LogAttrs(ctx, slog.LevelWarn, "storing records failed", slog.Int("batches", len(subs)), slog.Any("error", err))
	for _, sub := range subs {
		if len(subs) > 1 {
			if err = s.append(ctx, school, []*submission{sub}); err == nil {
				continue
			}
		}
		s.answer(sub, outcome{err: err})
	}
}

// append stores submissions in one transaction and gives each its outcome, or
// fails and gives none.
func (s *Server) append(ctx context.Context, school model.SchoolID, subs []*submission) error {
	all := *subs[0].batch()
	if len(subs) > 1 {
		all = model.Batch{Events: make([]model.Event, 0, eventsIn(subs))}
		for _, sub := range subs {
			all.Events = append(all.Events, sub.batch().Events...)
			all.Health = append(all.Health, sub.batch().Health...)
			all.Gaps = append(all.Gaps, sub.batch().Gaps...)
			all.Checks = append(all.Checks, sub.batch().Checks...)
		}
	}
	var appended model.Appended
	if all.Len() > 0 { // a hello alone, or nothing but what was refused, stores nothing
		var err error
		if appended, err = s.store.AppendRecords(ctx, school, all); err != nil {
			return err
		}
	}
	if highest := highestNew(all.Events, appended.Events); highest > 0 {
		s.wake(school, highest)
	}
	for i := range all.Checks {
		s.checked(school, all.Checks[i].Device, all.Checks[i].Request)
	}
	for _, sub := range subs {
		var own model.Appended
		own.Events, appended.Events = cut(appended.Events, len(sub.batch().Events))
		own.Health, appended.Health = cut(appended.Health, len(sub.batch().Health))
		own.Gaps, appended.Gaps = cut(appended.Gaps, len(sub.batch().Gaps))
		own.Checks, appended.Checks = cut(appended.Checks, len(sub.batch().Checks))
		s.answer(sub, outcome{appended: own})
	}
	return nil
}

func eventsIn(subs []*submission) (n int) {
	for _, sub := range subs {
		n += len(sub.batch().Events)
	}
	return n
}

func cut(all []model.Stored, n int) (own, rest []model.Stored) { return all[:n], all[n:] }

func highestNew(events []model.Event, stored []model.Stored) event.Severity {
	var highest event.Severity
	for i := range events {
		if stored[i] == model.StoredNew {
			highest = max(highest, events[i].Severity)
		}
	}
	return highest
}

// submit hands a batch to the committer. It blocks while too much waits.
func (s *Server) submit(ctx context.Context, sub *submission) {
	if err := s.hold(ctx, sub); err != nil {
		sub.outcome.err = err
		sub.done <- sub
		return
	}
	select {
	case s.queue <- sub: // nearly always, and at a tenth of the cost of the other
		return
	default:
	}
	select {
	case s.queue <- sub:
	case <-s.stopped:
		s.answer(sub, outcome{err: errStopping})
	case <-ctx.Done():
		s.answer(sub, outcome{err: ctx.Err()})
	}
}

// hold takes room for a submission: first of what its own device may have, so
// that a device that sends without end waits for itself and not others for it.
func (s *Server) hold(ctx context.Context, sub *submission) error {
	n := int64(sub.batch().Len())
	if sub.share != nil {
		if err := sub.share.waiting.Acquire(ctx, n); err != nil {
			return err
		}
	}
	err := s.held.Acquire(ctx, n)
	if err != nil && sub.share != nil {
		sub.share.waiting.Release(n)
	}
	return err
}

// answer gives a submission its outcome, and its room to others.
func (s *Server) answer(sub *submission, o outcome) {
	s.held.Release(int64(sub.batch().Len()))
	if sub.share != nil {
		sub.share.waiting.Release(int64(sub.batch().Len()))
	}
	sub.outcome = o
	sub.done <- sub
}

func (s *Server) refuseQueued() {
	for {
		select {
		case sub := <-s.queue:
			s.answer(sub, outcome{err: errStopping})
		default:
			return
		}
	}
}
