package store

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// TestLogStaysShortWhileEventsNeverPause writes without a pause: no moment comes in
// which all of the log has been taken over by itself.
func TestLogStaysShortWhileEventsNeverPause(t *testing.T) {
	path := filepath.Join(t.TempDir(), "safelight.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Created: noon}))
	must(t, s.keeper.stop())
	own, err := openHanding(dsn(path, nil))
	must(t, err)
	const pages = 100
	s.keeper = startKeeper(own, s.writer, time.Millisecond, pages)
	const batches, each = 300, 50
	var longest int64
	for b := range batches {
		events := make([]model.Event, each)
		for i := range events {
			events[i] = eventOf("laptop-1", b*each+i, "pupil.one", event.Low)
		}
		add(t, s, events...)
		log, err := os.Stat(path + "-wal")
		must(t, err)
		longest = max(longest, log.Size())
	}
	written, err := os.Stat(path)
	must(t, err)
	if bound := written.Size() / 2; longest > bound {
		t.Errorf("the log grew to %d bytes, for a database of %d", longest, written.Size())
	}
	if n := count(t, s, "events"); n != batches*each {
		t.Errorf("%d events, want %d", n, batches*each)
	}
	must(t, s.Close())
}

func TestLogIsEmptiedThoughItIsBeingTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "safelight.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Created: noon}))
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() {
		for ctx.Err() == nil {
			if err := s.keeper.tend(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for n := range 50 {
		add(t, s, eventOf("laptop-1", n, "pupil.one", event.Low))
		must(t, s.forgetOldPages(t.Context()))
		log, err := os.Stat(path + "-wal")
		must(t, err)
		if log.Size() != 0 {
			t.Fatalf("%d bytes are left in the log", log.Size())
		}
	}
	cancel()
	busy.Wait()
	must(t, s.Close())
}
