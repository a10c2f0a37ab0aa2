package watch

import (
	"slices"
	"sync"
	"time"
)

const (
	// A message of an agent that has ended may be read this long after the first
	// of the one that was started in its place.
	settle = 5 * time.Second
	// Running agents of one device that are remembered.
	maxRunning = 128
)

// Copies tells copies of a device apart. A disk that was copied holds the same
// key, certificate and spool, so nothing of those can; but each run of an agent
// names itself anew, and an agent that was replaced by a later run of itself
// never speaks again. One that does has a copy beside it: the later one is told
// to become a device of its own.
//
//	A          first seen
//	A B        a restart, or a copy: nobody knows yet
//	A B A      a copy: B is told to split
//
// It is memory of this process only: after a restart it is learnt anew within a
// heartbeat. It also answers enrol's question who may split.
type Copies struct {
	mu      sync.Mutex // guards everything declared below
	devices map[string][]*run
}

// run is one run of an agent.
type run struct {
	instance string
	arrived  time.Time
	told     bool
	key      [32]byte // the one it came with to split
}

// NewCopies makes an empty memory.
func NewCopies() *Copies { return &Copies{devices: map[string][]*run{}} }

// saw notes that a run speaks, and returns how many later ones it proves to be
// copies.
func (c *Copies) saw(device, instance string, now time.Time) (copies int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	runs := c.devices[device]
	i := slices.IndexFunc(runs, func(r *run) bool { return r.instance == instance })
	if i < 0 {
		runs = append(runs, &run{instance: instance, arrived: now})
		c.devices[device] = runs[max(0, len(runs)-maxRunning):]
		return 0
	}
	for _, later := range runs[i+1:] {
		if !later.told && now.Sub(later.arrived) >= settle {
			later.told = true
			copies++
		}
	}
	return copies
}

func (c *Copies) told(device, instance string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.devices[device], func(r *run) bool { return r.instance == instance && r.told })
}

// MaySplit implements enrol.Splits.
func (c *Copies) MaySplit(device string, instance []byte, keyHash [32]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.devices[device] {
		if r.instance != string(instance) || !r.told {
			continue
		}
		if r.key == [32]byte{} {
			r.key = keyHash
		}
		return r.key == keyHash
	}
	return false
}
