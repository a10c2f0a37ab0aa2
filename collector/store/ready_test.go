package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestWhatWasMadeReadyIsStoredAndReads(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	events := []model.Event{
		eventOf("dev-1", 2, "pupil1", event.High), eventOf("dev-1", 3, "pupil1", event.High),
		eventOf("dev-1", 4, "somebody.new", event.High), eventOf("dev-1", 5, "", event.High),
	}
	s.Ready(school, events)
	if events[0].Sealed == nil || events[1].Sealed == nil || events[2].Sealed != nil {
		t.Errorf("ready: %t %t %t, want what is in memory", events[0].Sealed != nil, events[1].Sealed != nil, events[2].Sealed != nil)
	}
	add(t, s, events...)
	var j jobs
	gatherAll(t, s, &j)
	n := 0
	for _, a := range alerts(t, s) {
		n += a.Events
	}
	if n != 5 {
		t.Errorf("%d events are in alerts, want 5", n)
	}
	again := eventOf("dev-1", 2, "pupil1", event.High)
	s.Ready(school, []model.Event{again})
	if got := add(t, s, again); got[0] != model.StoredDuplicate {
		t.Errorf("sent again: %v, want a duplicate", got)
	}
}

func TestG13NothingMadeReadyForASubjectOutlivesItsErasure(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	subject, _, err := s.SubjectByAccount(t.Context(), school, "pupil1")
	must(t, err)
	events := []model.Event{eventOf("dev-1", 2, "pupil1", event.High)}
	s.Ready(school, events)
	if events[0].Subject != subject.ID || events[0].Sealed == nil {
		t.Fatal("nothing was made ready")
	}
	must(t, s.EraseSubject(t.Context(), school, subject.ID, "asked", noon))
	add(t, s, events...)
	var of string
	must(t, s.reader.QueryRow(`SELECT subject_id FROM events WHERE school_id = $1 AND device = 'dev-1' ORDER BY seq DESC LIMIT 1`, school).Scan(&of))
	if of == subject.ID {
		t.Error("an event was stored for an erased subject")
	}
}

func TestALazyCommitLeavesOthersWaitingForTheDisk(t *testing.T) {
	sqliteOnly(t)
	s := openStore(t)
	const full = 2
	within := 0
	level := func(q querier) (n int) {
		must(t, q.QueryRowContext(context.Background(), `PRAGMA synchronous`).Scan(&n))
		return n
	}
	for _, fails := range []error{nil, errors.New("no")} {
		err := s.writeLazily(t.Context(), func(tx *sql.Tx) error {
			within = level(tx)
			return fails
		})
		if !errors.Is(err, fails) {
			t.Errorf("error = %v, want %v", err, fails)
		}
		if got := level(s.writer); within == full || got != full {
			t.Errorf("synchronous is %d within and %d after, want %d after only", within, got, full)
		}
	}
}
