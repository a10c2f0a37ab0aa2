package ossvc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAProgramThatIsAskedToStopAndDoesIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		err := supervise(ctx, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(StopWithin - time.Second) // still writing its last
			return ctx.Err()
		})
		if err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestAProgramThatHangsIsNotWaitedForBeyondItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		began := time.Now()
		time.AfterFunc(time.Minute, cancel)
		err := supervise(ctx, func(context.Context) error { <-release; return nil })
		if !errors.Is(err, ErrStuck) || time.Since(began) != time.Minute+StopWithin {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		close(release)
	})
}

func TestAProgramThatEndsByItselfEndsRunWithItsError(t *testing.T) {
	why := errors.New("disk full")
	for given, want := range map[error]error{why: why, nil: nil, context.Canceled: context.Canceled} {
		err := Run(t.Context(), "safelight-agent", func(context.Context) error { return given })
		if !errors.Is(err, want) {
			t.Errorf("a program ended with %v, Run with %v", given, err)
		}
	}
}
