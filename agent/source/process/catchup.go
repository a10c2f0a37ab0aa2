package process

import (
	"context"
	"time"

	"safelight/internal/event"
)

// caughtUp are the processes that polling told by its last look, when a better way read
// already: that way tells those of them too which started after it began to.
type caughtUp struct {
	told  map[int]struct{}
	until time.Time // when polling had looked; no process with the PID is the same after that
}

// catchUp tells, before w is said to work, what started since polling looked last: it
// takes a while to begin a better way, and nobody looks meanwhile.
func (s *Source) catchUp(ctx context.Context, w way, caught *caughtUp, tell func(event.Start)) {
	for _, other := range s.ways {
		polls, ok := other.(*polling)
		if !ok || other == w {
			continue
		}
		told := make(map[int]struct{})
		polls.handOver(ctx, func(start event.Start) {
			told[start.PID] = struct{}{}
			tell(start)
		})
		caught.told, caught.until = told, s.cfg.Now()
	}
}

// unless tells what was not caught up with.
func (c *caughtUp) unless(tell func(event.Start)) func(event.Start) {
	return func(start event.Start) {
		if !start.Time.IsZero() && !start.Time.After(c.until) {
			if _, ok := c.told[start.PID]; ok {
				return
			}
		}
		tell(start)
	}
}
