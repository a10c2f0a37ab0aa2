//go:build windows

package ossvc

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

const howToGainPrivilege = "run the same command in a window opened with \"Run as administrator\""

func privileged() bool { return windows.GetCurrentProcessToken().IsElevated() }

// runUnderManager talks to the service control manager itself rather than
// through the library: a program that ends by itself then ends the service with
// a failure, which is what makes the manager's recovery actions start it again.
func runUnderManager(ctx context.Context, name string, program func(context.Context) error) error {
	asService, err := svc.IsWindowsService()
	if err != nil {
		return fmt.Errorf("asking whether this is a service: %w", err)
	}
	if !asService {
		ctx, release := signal.NotifyContext(ctx, os.Interrupt)
		defer release()
		return supervise(ctx, program)
	}
	h := &handler{ctx: ctx, program: program}
	if err := svc.Run(name, h); err != nil {
		return fmt.Errorf("speaking with the service control manager: %w", err)
	}
	return h.err
}

// handler answers the service control manager. svc.Run calls Execute once, from
// one goroutine, and h.err is read after it returned.
type handler struct {
	ctx     context.Context
	program func(context.Context) error
	err     error
}

func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, say chan<- svc.Status) (bool, uint32) {
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- supervise(ctx, h.program) }()

	say <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case h.err = <-done:
			if h.err != nil || ctx.Err() == nil {
				return true, 1 // it ended unasked, or badly: recovery actions apply
			}
			return false, 0
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				say <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				say <- svc.Status{State: svc.StopPending, WaitHint: uint32(StopWithin.Milliseconds())}
				cancel()
			}
		}
	}
}
