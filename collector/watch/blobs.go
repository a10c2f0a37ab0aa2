package watch

import (
	"context"
	"sync"

	"safelight/collector/model"
)

// sharing reads a policy's file once for all devices that fetch it at a time: the
// morning after a table of names was built anew, a school's devices all ask for
// the same 30 MB. Nothing is kept once the last has it.
type sharing struct {
	blobs Blobs

	mu   sync.Mutex // guards open, and users of what is in it
	open map[blobKey]*shared
}

type blobKey struct {
	school model.SchoolID
	sha    [32]byte
}

type shared struct {
	users int
	ready chan struct{} // closed once data and err are there
	data  []byte
	err   error
}

func newSharing(b Blobs) *sharing { return &sharing{blobs: b, open: map[blobKey]*shared{}} }

// get reads a file; done must be called when its bytes are needed no longer.
func (s *sharing) get(ctx context.Context, school model.SchoolID, sha [32]byte) (data []byte, done func(), err error) {
	key := blobKey{school, sha}
	s.mu.Lock()
	b, reading := s.open[key]
	if !reading {
		b = &shared{ready: make(chan struct{})}
		s.open[key] = b
	}
	b.users++
	s.mu.Unlock()
	done = sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if b.users--; b.users == 0 {
			delete(s.open, key)
		}
	})
	if !reading {
		// Others wait for it, whatever becomes of the device that asked first.
		b.data, b.err = s.blobs.Blob(context.WithoutCancel(ctx), school, sha)
		close(b.ready)
	}
	select {
	case <-b.ready:
		return b.data, done, b.err
	case <-ctx.Done():
		return nil, done, ctx.Err()
	}
}
