// Package rungroup runs the named parts of a program together and stops them in
// order, so that nothing upstream still sends when what is downstream closes.
// agent/daemon and collector/server use it; it imports nothing of ours.
package rungroup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Actor is a part that runs until its ctx ends. It returns nil then, and an
// error if it cannot go on.
type Actor struct {
	Name string
	Run  func(ctx context.Context) error
}

// ErrSlow means that an actor did not stop within the grace given.
var ErrSlow = errors.New("did not stop in time")

type ended struct {
	index int
	err   error
}

// Run starts the actors and blocks. When ctx ends, or the first actor returns,
// it stops the others one after another, in the order given, waiting for each,
// all within grace. It returns what the first to stop said, with its name, or
// nil if ctx ended first.
func Run(ctx context.Context, log *slog.Logger, grace time.Duration, actors ...Actor) error {
	done := make(chan ended, len(actors))
	cancels := make([]context.CancelFunc, len(actors))
	for i, a := range actors {
		// Not a child of ctx: the order of stopping is ours.
		actorCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancels[i] = cancel
		go func() { done <- ended{i, a.Run(actorCtx)} }()
	}
	stopped := make([]bool, len(actors))
	var first error
	select {
	case <-ctx.Done():
	case e := <-done:
		stopped[e.index] = true
		first = fmt.Errorf("%s stopped: %w", actors[e.index].Name, orEarly(e.err))
	}
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	slow := stopInOrder(log, actors, cancels, stopped, done, deadline.C)
	return errors.Join(first, slow)
}

var errEarly = errors.New("it ended without being asked to")

func orEarly(err error) error {
	if err == nil {
		return errEarly
	}
	return err
}

func stopInOrder(log *slog.Logger, actors []Actor, cancels []context.CancelFunc, stopped []bool, done <-chan ended, deadline <-chan time.Time) error {
	for i := range actors {
		cancels[i]()
		for !stopped[i] {
			select {
			case e := <-done:
				stopped[e.index] = true
				if e.err != nil && !errors.Is(e.err, context.Canceled) {
					log.Error("a part stopped with an error", "part", actors[e.index].Name, "error", e.err.Error())
				}
			case <-deadline:
				for _, cancel := range cancels {
					cancel()
				}
				return fmt.Errorf("%s: %w", actors[i].Name, ErrSlow)
			}
		}
	}
	return nil
}
