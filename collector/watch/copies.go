package watch

import (
	"slices"
	"sync"
	"time"

	"safelight/collector/model"
)

const (
	// A message of an agent that has ended may be read this long after the first
	// of the one that was started in its place.
	settle = 5 * time.Second
	// Running agents of one device that are remembered: an image of a school's laptops
	// that all enrolled as one is told apart at once. Of more than so many, those that
	// were heard longest ago are learnt anew.
	maxRunning = 1024
	// A run that was not heard for so long is over, or asleep, and is learnt anew when it
	// wakes: an agent calls at least every minute.
	runEnds = time.Hour
	// copiesShown is how long after the newest copy was noticed IT is shown how many.
	copiesShown = 24 * time.Hour
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
	devices map[string]*copied
}

// copied is a device, and the runs of agents that have its key.
type copied struct {
	runs        []*run // in the order in which they came
	noticed     int    // copies, since first
	own         int    // of those, that became devices of their own
	first, last time.Time
}

// run is one run of an agent.
type run struct {
	instance string
	arrived  time.Time
	heard    time.Time
	told     bool
	split    bool     // it has a device of its own
	key      [32]byte // the one it came with to split
}

// NewCopies makes an empty memory.
func NewCopies() *Copies { return &Copies{devices: map[string]*copied{}} }

// saw notes that a run speaks, and returns how many later ones it proves to be
// copies.
func (c *Copies) saw(device, instance string, now time.Time) (copies int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.devices[device]
	if d == nil {
		d = &copied{}
		c.devices[device] = d
	}
	i := slices.IndexFunc(d.runs, func(r *run) bool { return r.instance == instance })
	if i < 0 {
		d.arrive(&run{instance: instance, arrived: now, heard: now})
		return 0
	}
	d.runs[i].heard = now
	for _, later := range d.runs[i+1:] {
		if !later.told && now.Sub(later.arrived) >= settle {
			later.told = true
			copies++
		}
	}
	if copies > 0 {
		if now.Sub(d.last) > copiesShown { // of another day
			d.noticed, d.own, d.first = 0, 0, now
		}
		d.noticed += copies
		d.last = now
	}
	return copies
}

// arrive takes a run in, and keeps what is remembered of the device small.
func (d *copied) arrive(r *run) {
	d.runs = slices.DeleteFunc(d.runs, func(old *run) bool { return r.arrived.Sub(old.heard) > runEnds })
	if len(d.runs) >= maxRunning {
		oldest := 0
		for i, old := range d.runs {
			if old.heard.Before(d.runs[oldest].heard) {
				oldest = i
			}
		}
		d.runs = slices.Delete(d.runs, oldest, oldest+1)
	}
	d.runs = append(d.runs, r)
}

func (c *Copies) find(device, instance string) *run {
	d := c.devices[device]
	if d == nil {
		return nil
	}
	i := slices.IndexFunc(d.runs, func(r *run) bool { return r.instance == instance })
	if i < 0 {
		return nil
	}
	return d.runs[i]
}

func (c *Copies) told(device, instance string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.find(device, instance)
	return r != nil && r.told
}

// MaySplit implements enrol.Splits.
func (c *Copies) MaySplit(device string, instance []byte, keyHash [32]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.find(device, string(instance))
	if r == nil || !r.told {
		return false
	}
	if r.key == [32]byte{} {
		r.key = keyHash
	}
	return r.key == keyHash
}

// HasSplit implements enrol.Splits.
func (c *Copies) HasSplit(device string, instance []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.find(device, string(instance)); r != nil && !r.split {
		r.split = true
		c.devices[device].own++
	}
}

// of is what is known of one device's copies.
func (c *Copies) of(device string) model.Copied {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.devices[device]
	return model.Copied{Noticed: d.noticed, First: d.first}
}

// Copied says how many copies of each device were noticed lately, and how many of them
// are not devices of their own yet.
func (c *Copies) Copied(now time.Time) map[string]model.Copied {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]model.Copied{}
	for id, d := range c.devices {
		if d.noticed == 0 {
			continue
		}
		waiting := 0
		for _, r := range d.runs {
			if r.told && !r.split && now.Sub(r.heard) <= runEnds {
				waiting++
			}
		}
		if waiting > 0 || now.Sub(d.last) <= copiesShown {
			all[id] = model.Copied{Noticed: d.noticed, Own: min(d.own, d.noticed), Waiting: waiting, First: d.first}
		}
	}
	return all
}
