package ingest

import (
	"context"
	"sync"
)

// underway counts batches between being submitted and being acknowledged.
type underway struct {
	mu       sync.Mutex
	n        int           // guarded by mu
	draining bool          // no batch enters any more; guarded by mu
	empty    chan struct{} // closed once draining and none is left
}

// enter counts a batch; false: the service stops, and takes no more.
func (u *underway) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.draining {
		return false
	}
	u.n++
	return true
}

// leave says that so many batches were answered, or never will be.
func (u *underway) leave(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n -= n
	u.done()
}

// done must be called with mu held.
func (u *underway) done() {
	if u.draining && u.n == 0 {
		select {
		case <-u.empty:
		default:
			close(u.empty)
		}
	}
}

// Drain takes no more batches, and returns when each that was taken has been
// answered, or when ctx ends. What is stored and not answered would be sent again by
// its device: known again, and in vain. Run must go on meanwhile, for it stores them.
func (s *Server) Drain(ctx context.Context) {
	u := &s.underway
	u.mu.Lock()
	u.draining = true
	u.done()
	u.mu.Unlock()
	select {
	case <-u.empty:
	case <-ctx.Done():
	}
}
