package selfcheck

import (
	"strings"
	"sync"
	"time"

	"safelight/internal/event"
)

// Domain is what checks ask for names under. Names below .invalid belong to
// nobody (RFC 6761, 6.4).
const Domain = "check.safelight.invalid"

// linger is for how long after its end what belongs to a check is still taken
// out, should a source tell of it late.
const linger = 5 * time.Minute

// Marks knows which observations belong to a check. It may be asked from any
// goroutine.
type Marks struct {
	now func() time.Time

	mu     sync.Mutex // guards everything declared below, and what is in the trials
	trials []*trial
	last   map[string]time.Time // by source: when anything came of it
}

// NewMarks makes a Marks that knows no check. now has the monotonic clock.
func NewMarks(now func() time.Time) *Marks { return &Marks{now: now, last: map[string]time.Time{}} }

// trial is one check under way, or just over.
type trial struct {
	nonce string
	pid   int    // of the program, while it can have no other's; 0: not started
	exe   string // its file
	over  bool   // the program has been waited for: its number may be another's
	hosts map[string]bool
	pids  []int     // who asks for hosts
	until time.Time // zero: it runs

	tried map[string]time.Time // what was tried, and when
	seen  map[string]sight
	news  chan struct{} // told that something was seen
}

// sight is how a try was seen.
type sight struct {
	source string
	via    event.Via
	at     time.Time
}

const program = "program"

func (m *Marks) begin(nonce string) *trial {
	t := &trial{nonce: nonce, tried: map[string]time.Time{}, seen: map[string]sight{}, hosts: map[string]bool{}, news: make(chan struct{}, 1)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trials = append(m.trials, t)
	return t
}

// end has the trial's marks known for a while longer, and no longer believed.
func (m *Marks) end(t *trial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.until = m.now().Add(linger)
}

// try notes that something is tried now, before it is.
func (m *Marks) try(t *trial, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.tried[what] = m.now()
}

// Took says whether an observation belongs to a check, and is nobody's. Until the
// check is over it also counts as seen: once, and only what was tried.
func (m *Marks) Took(source string, o event.Observation) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.last[source] = now
	if len(m.trials) == 0 {
		return false
	}
	m.forget(now)
	for _, t := range m.trials {
		if what, ours := t.belongs(o); ours {
			t.note(what, sight{source, o.Via, now})
			return true
		}
	}
	return false
}

// forget drops what is long over. It needs mu.
func (m *Marks) forget(now time.Time) {
	kept := m.trials[:0]
	for _, t := range m.trials {
		if t.until.IsZero() || now.Before(t.until) {
			kept = append(kept, t)
		}
	}
	clear(m.trials[len(kept):])
	m.trials = kept
}

// belongs says of which try an observation is; empty: of none that is waited for.
func (t *trial) belongs(o event.Observation) (what string, ours bool) {
	switch o.Kind {
	case event.Domain:
		if label, ok := strings.CutSuffix(o.Name, "."+t.nonce+"."+Domain); ok {
			return label, true
		}
		return "", t.hosts[o.Name] && t.ownVisit(o)
	case event.Process:
		if t.pid == 0 || o.PID != t.pid || t.over && o.Exe != t.exe || o.Exe != "" && o.Exe != t.exe {
			return "", false
		}
		return program, true
	}
	return "", false
}

// ownVisit says that nobody but this process can have asked: its number, or one
// that the source could not tell, in the short time of a filter's test during
// which no pupil is signed in.
func (t *trial) ownVisit(o event.Observation) bool {
	if o.PID == 0 {
		return o.User == ""
	}
	for _, pid := range t.pids {
		if o.PID == pid {
			return true
		}
	}
	return o.Reason == event.ReasonResolver
}

func (t *trial) note(what string, s sight) {
	if _, tried := t.tried[what]; !tried || !t.until.IsZero() {
		return
	}
	if _, again := t.seen[what]; again {
		return
	}
	t.seen[what] = s
	select {
	case t.news <- struct{}{}:
	default:
	}
}

// sightOf says whether a try was seen, how, and after how long.
func (m *Marks) sightOf(t *trial, what string) (s sight, delay time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok = t.seen[what]
	return s, s.at.Sub(t.tried[what]), ok
}

// lastOf says when anything last came of a source; zero: never.
func (m *Marks) lastOf(source string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[source]
}

// start starts the program. Nothing is looked at meanwhile, so that what a source
// tells of it at once finds its number known.
func (m *Marks) start(t *trial, begin func() (pid int, exe string, err error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.tried[program] = m.now()
	pid, exe, err := begin()
	t.pid, t.exe = pid, exe
	return err
}

// ended says that the program has been waited for.
func (m *Marks) ended(t *trial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.over = true
}

// visiting has visits to the hosts by this process taken out.
func (m *Marks) visiting(t *trial, hosts []string, pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range hosts {
		t.hosts[h] = true
	}
	t.pids = append(t.pids, pid)
}

func (m *Marks) wasTried(t *trial, what string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !t.tried[what].IsZero()
}
