package fingerprint

import (
	"context"
	"errors"

	"safelight/internal/event"
)

// inTime reads a sum and waits for it no longer than readWithin. A file on a network
// share or a FUSE mount that does not answer holds whoever opens it for as long as it
// likes, and no signal ends that: the read is left behind and the next one begins,
// unless it is of a file that hangs already.
func (r *Reader) inTime(ctx context.Context, o event.Observation) (string, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-r.turn }()
	if !r.room(o.Exe) {
		return "", ErrSlow
	}
	reading, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	type answer struct {
		sum string
		err error
	}
	done := make(chan answer, 1)
	left := false // r.mu guards it
	go func() {
		sum, err := r.sum(reading, o)
		done <- answer{sum, err}
		r.mu.Lock()
		defer r.mu.Unlock()
		if left {
			if r.hanging[o.Exe]--; r.hanging[o.Exe] == 0 {
				delete(r.hanging, o.Exe)
			}
		}
	}()
	var got answer
	select {
	case got = <-done:
	case <-reading.Done():
		got.err = reading.Err()
		r.mu.Lock()
		if left = len(done) == 0; left { // else it has just ended
			r.hanging[o.Exe]++
		}
		r.mu.Unlock()
	}
	if errors.Is(got.err, context.DeadlineExceeded) && ctx.Err() == nil {
		return "", ErrSlow
	}
	return got.sum, got.err
}

// room says that a file may be begun: it does not hang already, and not so many
// others do. Of a file that nobody knows the name of the number alone tells.
func (r *Reader) room(exe string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := 0
	for _, n := range r.hanging {
		all += n
	}
	return all < maxHanging && (exe == "" || r.hanging[exe] == 0)
}
