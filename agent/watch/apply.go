package watch

import (
	"context"
	"sync"

	safelightv1 "safelight/proto/safelight/v1"
)

// applier brings policies into force beside the heartbeat: over a weak line a
// large list takes minutes to fetch, and the device must not look dead meanwhile.
type applier struct {
	next    chan *safelightv1.Directive // the newest that waits; those before it are out of date
	results chan *safelightv1.DirectiveResult
	running sync.WaitGroup
}

func (w *Watcher) startApplier(ctx context.Context) *applier {
	a := &applier{next: make(chan *safelightv1.Directive, 1), results: make(chan *safelightv1.DirectiveResult)}
	a.running.Go(func() {
		for {
			select {
			case d := <-a.next:
				res := w.obey(ctx, d)
				select {
				case a.results <- res:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return a
}

// put is called by one goroutine.
func (a *applier) put(d *safelightv1.Directive) {
	select {
	case <-a.next:
	default:
	}
	a.next <- d
}
