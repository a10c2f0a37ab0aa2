package ossvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// StopWithin is how long a program has to end after it was asked to. Service
// managers kill what takes much longer; a program that is killed in the middle
// of a write is better told about here, where it can be mended.
const StopWithin = 10 * time.Second

// ErrStuck says that the program did not end in time.
var ErrStuck = errors.New("the program did not stop in time")

// Program is what Run runs.
type Program struct {
	Name string
	// Service says that the service manager started it: its arguments carry
	// --service, both those of Install and those of the installers. Windows's
	// manager waits to be spoken to; asking the system instead whether this is a
	// service goes by the parent's session, and is wrong where that is another.
	Service bool
	Log     *slog.Logger
	Run     func(context.Context) error
}

// Run runs a program until it returns, ctx ends, or the service manager or Ctrl-C
// asks it to stop; its context is then cancelled. Under a manager that waits to
// be told, the service counts as started at once, so a program opens its
// connections after that and never before. Run returns the program's error; an
// error that is only the cancellation it was sent counts as none. A service's
// error is logged too, since nobody reads what a service returns.
//
// A program that ends by itself ends Run: the manager then restarts the service.
func Run(ctx context.Context, p Program) error {
	run := runHere
	if p.Service {
		run = runAsService
	}
	err := run(ctx, p)
	if err == nil {
		return nil
	}
	if p.Service {
		p.Log.ErrorContext(ctx, "the service ended", slog.String("error", err.Error()))
	}
	return Failed(p.Name, p.Service, fmt.Errorf("running %s: %w", p.Name, err))
}

// Failed returns err, which ended a program or kept it from having a log. A
// service's goes to the system's log too, where the manager keeps nothing that a
// program prints: Windows' event log.
func Failed(name string, service bool, err error) error {
	if err == nil || !service {
		return err
	}
	return tellSystem(name, err)
}

// supervise runs program, cancels it when ctx ends, and waits no longer than
// StopWithin for it.
func supervise(ctx context.Context, program func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- program(ctx) }()
	select {
	case err := <-done:
		return stopped(ctx, err)
	case <-ctx.Done():
	}
	late := time.NewTimer(StopWithin)
	defer late.Stop()
	select {
	case err := <-done:
		return stopped(ctx, err)
	case <-late.C:
		return fmt.Errorf("%w (%s)", ErrStuck, StopWithin)
	}
}

// stopped drops the cancellation that was asked for.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
