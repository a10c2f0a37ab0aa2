package rungroup_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"safelight/internal/rungroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestActorsStopInTheOrderGiven(t *testing.T) {
	var mu sync.Mutex
	var order []string
	actor := func(name string) rungroup.Actor {
		return rungroup.Actor{Name: name, Run: func(ctx context.Context) error {
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return nil
		}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := rungroup.Run(ctx, quiet(), time.Minute, actor("source"), actor("pipeline"), actor("spool")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"source", "pipeline", "spool"}; !slices.Equal(order, want) {
		t.Errorf("stopped in order %v, want %v", order, want)
	}
}

func TestTheFirstToStopIsNamed(t *testing.T) {
	broken := errors.New("socket closed")
	err := rungroup.Run(t.Context(), quiet(), time.Minute,
		rungroup.Actor{Name: "good", Run: func(ctx context.Context) error { <-ctx.Done(); return nil }},
		rungroup.Actor{Name: "bad", Run: func(context.Context) error { return broken }})
	if !errors.Is(err, broken) || err.Error() != "bad stopped: socket closed" {
		t.Errorf("got %v", err)
	}
}

func TestAnActorThatHangsIsNotWaitedForBeyondTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := rungroup.Run(ctx, quiet(), 5*time.Second,
			rungroup.Actor{Name: "hung", Run: func(context.Context) error { <-release; return nil }})
		if !errors.Is(err, rungroup.ErrSlow) {
			t.Errorf("got %v, want ErrSlow", err)
		}
		close(release)
	})
}
