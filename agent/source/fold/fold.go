// Package fold gathers what is seen again and again into one observation: a
// page is many connections, a connection is preceded by its DNS questions, and
// a log has a line for each request. The first visit is passed on at once, for
// an alert must not wait; its repeats within a window are counted.
//
// A Folder is plain data driven by the times it is given. Sources and the
// agent's verbs use it; it imports internal/event only.
package fold

import (
	"net/netip"
	"slices"
	"time"

	"safelight/internal/event"
)

// Config sets a Folder's times. Zero fields take the defaults.
type Config struct {
	// Grace is how long a DNS question waits for the visit that it precedes
	// before it is passed on by itself; default 2 s.
	Grace time.Duration
	// Window is how long repeats are counted before they are told again;
	// default 1 min.
	Window time.Duration
	// Names bounds what is remembered; default 16384.
	Names int
	// Unseen says that connections are not seen here at all. A question is then an
	// attempt only where it was refused: whether one followed nobody knows.
	Unseen bool
}

// Emit takes what a Folder passes on.
type Emit func(event.Observation)

// Folder folds observations. It is not safe for concurrent use.
//
// The Count of what it emits is how often that was seen since it was last
// emitted, this time included; DNS questions count only where DNS is all there
// was, because one visit asks several.
type Folder struct {
	cfg     Config
	names   map[name][]*entry
	entries int
	waiting []*entry // DNS questions in their grace, the first due first
	pruned  time.Time
}

type name struct {
	kind event.Kind
	name string
}

// memory is how many windows an entry outlives the last sight of it. A name
// asked for again while an older connection to it may still be open is no
// attempt.
const memory = 10

// New returns an empty Folder.
func New(cfg Config) *Folder {
	if cfg.Grace <= 0 {
		cfg.Grace = 2 * time.Second
	}
	if cfg.Window <= 0 {
		cfg.Window = time.Minute
	}
	if cfg.Names <= 0 {
		cfg.Names = 16384
	}
	return &Folder{cfg: cfg, names: make(map[name][]*entry)}
}

// Add takes one observation seen at now and emits it, or holds it back, or
// counts it.
func (f *Folder) Add(o event.Observation, now time.Time, emit Emit) {
	f.Tick(now, emit)
	f.Named(o)
	e := f.find(o)
	if e == nil {
		e = f.remember(o, now, emit)
	}
	e.touched = now
	open := !e.opened.IsZero() && now.Sub(e.opened) < f.cfg.Window
	switch {
	case o.Via == event.ViaDNS && !o.Attempt:
		f.asked(e, o, now, open)
	case open && e.repeatedBy(o):
		e.repeats++
		e.addVia(o.Via)
	default:
		f.visited(e, o, now, emit)
	}
}

// asked takes a DNS question: it waits for the visit that may follow.
func (f *Folder) asked(e *entry, o event.Observation, now time.Time, open bool) {
	if e.waiting {
		e.questions++
		e.adopt(o)
		return
	}
	if open {
		e.addVia(o.Via)
		if !e.visit {
			e.questions++
		}
		return
	}
	held := o // a copy of its own, so that the others are not allocated
	e.held, e.waiting, e.due = &held, true, now.Add(f.cfg.Grace)
	e.connected = f.cfg.Unseen
	e.answers = nil
	e.questions++
	f.wait(e)
}

// wait puts e among those that wait, behind those due before it.
func (f *Folder) wait(e *entry) {
	i := len(f.waiting)
	for i > 0 && f.waiting[i-1].due.After(e.due) {
		i--
	}
	f.waiting = slices.Insert(f.waiting, i, e)
}

// visited passes on a visit, or an attempt that a log reports.
func (f *Folder) visited(e *entry, o event.Observation, now time.Time, emit Emit) {
	if e.waiting {
		f.stopWaiting(e)
		e.addVia(event.ViaDNS)
	}
	o.Count = 1 + e.repeats
	for _, v := range o.Also { // the source saw it so itself
		e.addVia(v)
	}
	o.Also = e.also(o.Via)
	e.own(o)
	e.opened, e.repeats, e.questions, e.vias = now, 0, 0, nil
	e.visit, e.part = !o.Attempt, o.ThirdParty
	e.everVisited = e.everVisited || e.visit
	e.addVia(o.Via)
	emit(o)
}

// Tick emits the DNS questions whose grace is over. No connection to what was
// answered makes it an attempt.
func (f *Folder) Tick(now time.Time, emit Emit) {
	for len(f.waiting) > 0 && !f.waiting[0].due.After(now) {
		if e := f.waiting[0]; !f.holdOn(e, now) {
			f.release(e, now, emit)
		}
	}
	if now.Sub(f.pruned) > f.cfg.Window {
		f.prune(now)
	}
}

// Flush emits everything that waits.
func (f *Folder) Flush(now time.Time, emit Emit) {
	for len(f.waiting) > 0 {
		f.release(f.waiting[0], now, emit)
	}
}

// Next says when Tick has something to do.
func (f *Folder) Next() (time.Time, bool) {
	if len(f.waiting) == 0 {
		return time.Time{}, false
	}
	return f.waiting[0].due, true
}

// holdOn lets a question wait once more, where a connection that followed it may
// tell a name of its own yet. Its due is after now then.
func (f *Folder) holdOn(e *entry, now time.Time) bool {
	until := e.unheardUntil()
	if e.heldOn || e.held.Reason != event.ReasonResolver || !until.After(now) {
		return false
	}
	f.waiting = slices.Delete(f.waiting, 0, 1)
	e.heldOn, e.due = true, until
	f.wait(e)
	return true
}

func (f *Folder) release(e *entry, now time.Time, emit Emit) {
	o := *e.held
	e.whose(&o, now)
	f.stopWaiting(e)
	o.Attempt = !e.connected && !e.everVisited
	o.Count = e.questions
	e.opened, e.repeats, e.questions, e.vias = now, 0, 0, nil
	e.visit, e.part = false, false
	e.addVia(event.ViaDNS)
	emit(o)
}

func (f *Folder) stopWaiting(e *entry) {
	e.waiting, e.crowded, e.heldOn = false, false, false
	e.held, e.answers, e.followers = nil, nil, nil
	if i := slices.Index(f.waiting, e); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
	}
}

// Knows says whether name is remembered, so that an answer need not be told
// beside its question.
func (f *Folder) Knows(kind event.Kind, called string) bool {
	return len(f.names[name{kind, called}]) > 0
}

// Answered notes the addresses that DNS gave for a name that waits.
func (f *Folder) Answered(called string, addresses []netip.Addr) {
	for _, e := range f.names[name{event.Domain, called}] {
		if e.waiting {
			e.answers = append(e.answers, addresses...)
			e.connected = e.connected || f.cfg.Unseen && len(addresses) > 0
		}
	}
}

// Refused notes that a name that waits is said not to be, or to be nowhere. What
// was answered otherwise, for an address of the other kind, stands.
func (f *Folder) Refused(called string) {
	for _, e := range f.names[name{event.Domain, called}] {
		if e.waiting && f.cfg.Unseen && len(e.answers) == 0 {
			e.connected = false
		}
	}
}

// Connected notes a connection: a waiting name with that address was more than
// asked for, whatever the connection carries.
func (f *Folder) Connected(to netip.Addr) {
	for _, e := range f.waiting {
		if slices.Contains(e.answers, to) {
			e.connected = true
		}
	}
}

// find returns the entry that o belongs to: the closest owner's, the latest of
// those.
func (f *Folder) find(o event.Observation) *entry {
	var best *entry
	var rank match
	for _, e := range f.names[name{o.Kind, o.Name}] {
		if m := e.match(o); m > none && m >= rank {
			best, rank = e, m
		}
	}
	return best
}

func (f *Folder) remember(o event.Observation, now time.Time, emit Emit) *entry {
	if f.entries >= f.cfg.Names {
		if f.prune(now); f.entries >= f.cfg.Names {
			f.Flush(now, emit)
			clear(f.names)
			f.entries = 0
		}
	}
	e := &entry{}
	e.own(o)
	k := name{o.Kind, o.Name}
	f.names[k] = append(f.names[k], e)
	f.entries++
	return e
}

func (f *Folder) prune(now time.Time) {
	f.pruned = now
	f.entries = 0
	for k, list := range f.names {
		list = slices.DeleteFunc(list, func(e *entry) bool {
			return !e.waiting && now.Sub(e.touched) > memory*f.cfg.Window
		})
		if len(list) == 0 {
			delete(f.names, k)
			continue
		}
		f.names[k] = list
		f.entries += len(list)
	}
}
