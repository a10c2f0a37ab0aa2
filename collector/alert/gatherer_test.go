package alert

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestGathererGoesOnUntilNothingWaitsAndSurvivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := []struct {
			n   int
			err error
		}{{200, nil}, {3, nil}, {0, nil}, {0, errors.New("busy")}, {1, nil}, {0, nil}}
		var calls atomic.Int64
		g := NewGatherer(gatherFunc(func() (int, error) {
			call := int(calls.Add(1))
			if call > len(script) {
				return 0, nil
			}
			return script[call-1].n, script[call-1].err
		}), &Jobs{}, school, time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		wait := func(want int64, when string) {
			t.Helper()
			synctest.Wait()
			if got := calls.Load(); got != want {
				t.Errorf("%s: %d calls, want %d", when, got, want)
			}
		}
		wait(3, "at start")
		g.Wake()
		wait(4, "woken, and failing")
		time.Sleep(gatherPoll + time.Millisecond)
		wait(6, "at the next poll")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestGathererTakesMoreAtATimeWhileItIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := 5 * gatherRowsMost
		var took []int
		g := NewGatherer(gatherLimit(func(limit int) int {
			n := min(limit, waiting)
			waiting -= n
			took = append(took, limit)
			return n
		}), &Jobs{}, school, time.Now, slog.New(slog.DiscardHandler))
		g.gatherAll(t.Context())
		if waiting != 0 {
			t.Errorf("%d are left", waiting)
		}
		if took[0] != gatherRows || took[1] != 2*gatherRows || slices.Max(took) != gatherRowsMost {
			t.Errorf("took up to %v", took)
		}
		waiting = 1
		took = nil
		g.gatherAll(t.Context())
		if slices.Max(took) != gatherRows {
			t.Errorf("with one waiting it took up to %v", took)
		}
	})
}

// gatherLimit is a GatherStore that is told how many to gather.
type gatherLimit func(limit int) int

func (f gatherLimit) GatherOnce(_ context.Context, _ model.SchoolID, _ time.Time, limit int,
	_ func(ctx context.Context, tx *sql.Tx, school model.SchoolID, severity event.Severity, notificationIDs []string) error,
) (int, error) {
	return f(limit), nil
}
