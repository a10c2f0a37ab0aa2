package watch

import (
	"context"
	"log/slog"
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
	// were heard longest ago are left to the store.
	maxRunning = 1024
	// A run that was not heard for so long is over, or asleep, and is left to the store:
	// an agent calls at least every minute.
	runEnds = time.Hour
	// copiesShown is how long after the newest copy was noticed IT is shown how many.
	copiesShown = 24 * time.Hour
	// heldFor is how long no copy of a device is told to split after one was held: IT
	// may give leave for more, and time passes.
	heldFor = time.Minute
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
// Which is the later one is kept in the store, so that a laptop that slept for a day,
// and a collector that was started again, change nothing about it; and collectors that
// share a store learn there of what each has on the line (meet). It also answers enrol's
// question who may split.
type Copies struct {
	school model.SchoolID
	runs   Runs
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex // guards everything declared below
	devices map[string]*copied
}

// copied is a device, and the runs of agents that have its key.
type copied struct {
	runs        []*run // awake ones, in the order in which they were first known
	noticed     int    // copies, since first
	own         int    // of those, that became devices of their own
	first, last time.Time
	held        time.Time // none is told to split before
}

// run is one run of an agent.
type run struct {
	instance string
	arrived  time.Time
	heard    time.Time
	learnt   time.Time // when this process came to know of it
	told     time.Time // zero: it was not
	split    bool      // it has a device of its own
	key      [32]byte  // the one it came with to split
	saved    time.Time // heard, as the store has it
	dirty    bool      // the store does not have the rest
}

// NewCopies makes a memory that begins with what the store has; Load takes it up, and
// Run keeps the store up to date.
func NewCopies(school model.SchoolID, runs Runs, now func() time.Time, log *slog.Logger) *Copies {
	return &Copies{school: school, runs: runs, now: now, log: log, devices: map[string]*copied{}}
}

// saw notes that a run speaks, and returns how many runs are proven to be copies: later
// ones, and itself where an earlier one spoke elsewhere.
func (c *Copies) saw(ctx context.Context, device, instance string, now time.Time) (copies int) {
	stored, err := c.stored(ctx, device, instance, now)
	if err != nil { // taken for a new run, the one that was known first would split
		if ctx.Err() == nil {
			c.log.ErrorContext(ctx, "looking for when an agent was first heard failed: it is looked for again when the agent calls next", "device", device, "error", err.Error())
		}
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.device(device)
	i := d.index(instance)
	if i < 0 {
		if stored == nil { // it was put out since it was looked for: it calls again
			return 0
		}
		i = d.arrive(stored, now)
		if told := stored.told; !told.IsZero() && d.last.Before(told) { // by another collector, since we met
			d.notice(1, told)
			if stored.split {
				d.own++
			}
		}
	}
	d.runs[i].heard = now
	told := now.Truncate(time.Microsecond) // as the store keeps it
	for _, r := range d.copiesBy(i, now) {
		r.told, r.dirty = told, true
		copies++
	}
	d.notice(copies, told)
	return copies
}

// copiesBy are the runs that are proven to be copies as one speaks, of those that were not told.
func (d *copied) copiesBy(speaks int, now time.Time) (copies []*run) {
	self := d.runs[speaks]
	for _, later := range d.runs[speaks+1:] {
		if later.told.IsZero() && now.Sub(later.learnt).Abs() >= settle {
			copies = append(copies, later)
		}
	}
	// By another collector's clock, which may differ: so it takes longer.
	elsewhere := func(earlier *run) bool { return earlier.heard.Sub(self.arrived) >= meetBack }
	if self.told.IsZero() && slices.ContainsFunc(d.runs[:speaks], elsewhere) {
		copies = append(copies, self)
	}
	return copies
}

// device finds or makes a device's. The caller holds mu.
func (c *Copies) device(id string) *copied {
	d := c.devices[id]
	if d == nil {
		d = &copied{}
		c.devices[id] = d
	}
	return d
}

func (d *copied) index(instance string) int {
	return slices.IndexFunc(d.runs, func(r *run) bool { return r.instance == instance })
}

// notice counts copies that were told at a time.
func (d *copied) notice(copies int, at time.Time) {
	if copies == 0 {
		return
	}
	if at.Sub(d.last) > copiesShown { // of another day
		d.noticed, d.own, d.first = 0, 0, at
	}
	d.noticed += copies
	if at.After(d.last) { // several collectors notice
		d.last = at
	}
}

// over says whether a run ended or sleeps, and is left to the store. One that was told
// lately is not yet, or what another collector wrote of it would be counted again.
func (r *run) over(now time.Time) bool {
	return now.Sub(r.heard) > runEnds && now.Sub(r.told) > 2*meetBack
}

// full leaves what is over to the store, and says whether there is room for no more.
func (d *copied) full(now time.Time) bool {
	d.runs = slices.DeleteFunc(d.runs, func(old *run) bool { return old.over(now) })
	return len(d.runs) >= maxRunning
}

// arrive takes a run in where it belongs, and keeps what is remembered of the device
// small. It returns its place.
func (d *copied) arrive(r *run, now time.Time) int {
	if d.full(now) {
		oldest := 0
		for i, old := range d.runs {
			if old.heard.Before(d.runs[oldest].heard) {
				oldest = i
			}
		}
		d.runs = slices.Delete(d.runs, oldest, oldest+1)
	}
	if n := len(d.runs); r.saved.IsZero() && n > 0 { // nobody knows it: it is the newest
		r.arrived = latest(d.runs, r.arrived)
	}
	i := slices.IndexFunc(d.runs, func(old *run) bool { return old.arrived.After(r.arrived) })
	if i < 0 {
		i = len(d.runs)
	}
	d.runs = slices.Insert(d.runs, i, r)
	return i
}

// latest is a time, or the moment after all that is known of runs.
func latest(runs []*run, at time.Time) time.Time {
	for _, r := range runs {
		at = after(r.arrived, at)
		at = after(r.heard, at)
	}
	return at
}

// known is a run that the store has.
func known(r model.Run, now time.Time) *run {
	out := &run{instance: r.Instance, arrived: r.Arrived, heard: r.Heard, learnt: now, told: r.Told, split: r.Own, saved: r.Heard}
	copy(out.key[:], r.KeyHash)
	return out
}

func (c *Copies) find(device, instance string) *run {
	d := c.devices[device]
	if d == nil {
		return nil
	}
	i := d.index(instance)
	if i < 0 {
		return nil
	}
	return d.runs[i]
}

// told says whether a run is to split now: it was told to, or may be told again.
func (c *Copies) told(device, instance string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.find(device, instance)
	return r != nil && !r.told.IsZero() && !now.Before(c.devices[device].held)
}

// MaySplit implements enrol.Splits.
func (c *Copies) MaySplit(device string, instance []byte, keyHash [32]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.find(device, string(instance))
	if r == nil || r.told.IsZero() {
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
		r.heard, r.dirty = c.now(), true // other collectors then see that it did
		c.devices[device].own++
	}
}

// Held implements enrol.Splits.
func (c *Copies) Held(device string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.device(device).held = c.now().Add(heldFor)
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
		waiting := 0
		for _, r := range d.runs {
			if !r.told.IsZero() && !r.split && now.Sub(r.heard) <= runEnds {
				waiting++
			}
		}
		if waiting > 0 || d.noticed > 0 && now.Sub(d.last) <= copiesShown {
			own := min(d.own, d.noticed)
			all[id] = model.Copied{Noticed: max(d.noticed, own+waiting), Own: own, Waiting: waiting, First: d.first}
		}
	}
	return all
}
