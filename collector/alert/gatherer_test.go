package alert

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
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
