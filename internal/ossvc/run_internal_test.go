package ossvc

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
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
		for _, service := range []bool{false, true} {
			if runtime.GOOS == "windows" && service {
				continue // needs a service control manager; the packages' test has one
			}
			var log strings.Builder
			err := Run(t.Context(), Program{
				Name: "safelight-agent", Service: service, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Run: func(context.Context) error { return given },
			})
			if !errors.Is(err, want) {
				t.Errorf("a program ended with %v, Run with %v", given, err)
			}
			if said := log.String(); service && given != nil != strings.Contains(said, "the service ended") || !service && said != "" {
				t.Errorf("a program ended with %v, the log of service %v says %q", given, service, said)
			}
		}
	}
}

func TestAFailureIsPassedOnWhoeverHearsOfIt(t *testing.T) {
	why := errors.New("the folder is somebody else's")
	for _, service := range []bool{false, true} {
		if err := Failed("safelight-no-such-service", service, why); !errors.Is(err, why) {
			t.Errorf("service %v: got %v", service, err)
		}
		if err := Failed("safelight-no-such-service", service, nil); err != nil {
			t.Errorf("service %v: nothing failed, and it says %v", service, err)
		}
	}
}
