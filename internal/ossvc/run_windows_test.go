package ossvc

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/windows/svc"
)

// execute has the handler run a program; asked says whether the manager asks it to
// stop. It returns the code that the manager is told: with one, recovery actions
// apply, and start the service again.
func execute(t *testing.T, asked bool, program func(context.Context) error) (code uint32, err error) {
	t.Helper()
	requests, say := make(chan svc.ChangeRequest, 1), make(chan svc.Status, 10)
	h := &handler{ctx: t.Context(), program: Program{
		Name: "safelight-no-such-service", Log: slog.New(slog.DiscardHandler), Run: program,
	}}
	if asked {
		requests <- svc.ChangeRequest{Cmd: svc.Stop}
	}
	_, code = h.Execute(nil, requests, say)
	if first := <-say; first.State != svc.Running || first.Accepts != svc.AcceptStop|svc.AcceptShutdown {
		t.Errorf("it says %+v first", first)
	}
	if asked {
		if next := <-say; next.State != svc.StopPending {
			t.Errorf("asked to stop it says %+v", next)
		}
	}
	return code, h.err
}

// What ends badly when it is stopped would be started again two seconds later: an
// administrator could not stop it, and an upgrade would find its file in use.
func TestAServiceThatWasAskedToStopIsNotStartedAgainHoweverItEnded(t *testing.T) {
	slow := errors.New("a source did not stop in time")
	for _, ends := range []error{nil, context.Canceled, slow} {
		code, err := execute(t, true, func(ctx context.Context) error { <-ctx.Done(); return ends })
		if code != 0 {
			t.Errorf("it ended with %v, and the manager is told %d", ends, code)
		}
		if errors.Is(ends, slow) != (err != nil) { // the log is told all the same
			t.Errorf("it ended with %v, and Run with %v", ends, err)
		}
	}
}

func TestAServiceThatHangsWhenAskedToStopIsNotStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		code, err := execute(t, true, func(context.Context) error { <-release; return nil })
		close(release)
		if code != 0 || !errors.Is(err, ErrStuck) {
			t.Errorf("the manager is told %d, and Run ends with %v", code, err)
		}
	})
}

func TestAServiceThatEndsUnaskedIsStartedAgain(t *testing.T) {
	for _, ends := range []error{nil, errors.New("disk full")} {
		if code, _ := execute(t, false, func(context.Context) error { return ends }); code == 0 {
			t.Errorf("it ended with %v, and the manager is told that all is well", ends)
		}
	}
}
