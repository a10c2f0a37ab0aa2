package daemon

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A laptop that has just been signed in to visits hundreds of names in a minute
// and then none for long. What that minute needed would stay with the agent until
// the garbage collector has a reason to run, which may be hours: so it is given
// back when the agent comes to rest. Under load nothing is done.
const (
	restEvery = 5 * time.Second
	// A collection costs about 10 ms of a weak laptop's processor: it is worth
	// having for so much memory, and where so little is newly needed that it is
	// not wanted back at once.
	worthGiving = 2 << 20
	restBelow   = 512 << 10
)

// usage is what the heap holds, in bytes.
type usage struct {
	allocated uint64 // since the start
	spare     uint64 // held of the system without being in use, or garbage
}

// rest gives memory back, by free, when read says that the agent has come to rest.
func rest(ctx context.Context, read func() usage, free func()) error {
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	for last := read(); ; {
		select {
		case <-tick.C:
			now := read()
			if now.allocated-last.allocated < restBelow && now.spare >= worthGiving {
				free()
				now = read()
			}
			last = now
		case <-ctx.Done():
			return nil
		}
	}
}

// giveBack is rest for this process.
func giveBack(ctx context.Context) error {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	return rest(ctx, func() usage {
		metrics.Read(samples)
		u := usage{allocated: samples[0].Value.Uint64(), spare: samples[3].Value.Uint64()}
		if objects, live := samples[1].Value.Uint64(), samples[2].Value.Uint64(); objects > live {
			u.spare += objects - live
		}
		return u
	}, debug.FreeOSMemory)
}
