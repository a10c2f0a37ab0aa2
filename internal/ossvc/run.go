package ossvc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// StopWithin is how long a program has to end after it was asked to. Service
// managers kill what takes much longer; a program that is killed in the middle
// of a write is better told about here, where it can be mended.
const StopWithin = 10 * time.Second

// ErrStuck says that the program did not end in time.
var ErrStuck = errors.New("the program did not stop in time")

// Run runs program until it returns, ctx ends, or the service manager or Ctrl-C
// asks it to stop; its context is then cancelled. Under a manager that waits to
// be told, the service counts as started at once, so a program opens its
// connections after that and never before. Run returns the program's error; an
// error that is only the cancellation it was sent counts as none.
//
// A program that ends by itself ends Run: the manager then restarts the service.
func Run(ctx context.Context, name string, program func(context.Context) error) error {
	if err := runUnderManager(ctx, name, program); err != nil {
		return fmt.Errorf("running %s: %w", name, err)
	}
	return nil
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
