package alert

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestGathererGoesOnUntilNothingWaitsAndSurvivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := []struct {
			n   int
			err error
		}{{200, nil}, {3, nil}, {0, nil}, {0, errors.New("busy")}, {1, nil}, {0, nil}}
		calls := 0
		g := NewGatherer(gatherFunc(func() (int, error) {
			calls++
			if calls > len(script) {
				return 0, nil
			}
			return script[calls-1].n, script[calls-1].err
		}), &Jobs{}, school, time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		wait := func(want int, when string) {
			t.Helper()
			synctest.Wait()
			if calls != want {
				t.Errorf("%s: %d calls, want %d", when, calls, want)
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
