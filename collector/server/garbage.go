package server

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

const (
	// headroom is how much garbage may gather before it is collected. The runtime's
	// own measure, as much again as is in use, would have ten thousand connected
	// devices cost twice what they need, and have a quiet collector with hardly
	// anything in use collect all the time once events pour in.
	headroom = 32 << 20
	// The bounds keep a collection's cost in proportion at either end.
	leastPercent, mostPercent = 10, 400
	watchGarbage              = 5 * time.Second
)

// tendGarbage keeps the memory that garbage takes at headroom, however much is in
// use, until ctx ends. It gives way to GOGC where that is set.
func tendGarbage(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	now := 100
	tick := time.NewTicker(watchGarbage)
	defer tick.Stop()
	for {
		used := sumOf([]string{"/gc/heap/live:bytes", "/memory/classes/heap/stacks:bytes", "/gc/scan/globals:bytes"})
		if next := garbagePercent(used); next != now {
			debug.SetGCPercent(next)
			now = next
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// garbagePercent is how much of what is in use, in bytes, headroom comes to.
func garbagePercent(used int64) int {
	return int(min(mostPercent, max(leastPercent, headroom*100/max(1, used))))
}
