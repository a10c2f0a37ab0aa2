package health

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"time"

	"safelight/agent/source"
)

// every is how often everything is looked at.
const every = time.Minute

// Places are the files that matter, of this system and this installation. What is
// empty is not looked at.
type Places struct {
	Hosts   string   // the hosts file
	Program string   // the agent's own
	Units   []string // what starts it: files, or folders of such
	Notices []string // what tells people of it
}

// Parts are what a Watcher is built of. All are needed but where they say so.
type Parts struct {
	// Dir is where it keeps what it saw last.
	Dir     string
	Version string
	Places  Places
	Clock   Clock
	// SleepCounts says that the monotonic clock goes on while the device sleeps, and
	// that its run is the boot's.
	SleepCounts bool
	// Put makes a fact durable.
	Put func(Fact) error
	// Own are the names that the collector is reached by; Helpline says whether a name
	// is a helpline's site.
	Own      func() []string
	Helpline func(name string) bool
	// Servers are the name servers in use; Network names the network the device is on:
	// the same text on the same network, "" on none.
	Servers func() []string
	Network func() string
	Sources func() []source.Status
	// Connected says whether the collector answers now; Names is how many names were
	// seen so far, which grows while the network works.
	Connected func() bool
	Names     func() uint64
	// Lay puts the page for everybody back where it is missing, and says what was; nil:
	// there is none.
	Lay func() ([]string, error)
	Log *slog.Logger
}

// Watcher looks once a minute. Run is its only goroutine.
type Watcher struct {
	Parts
	kept   kept
	wrote  string // kept, as it was last written
	teller teller

	last    mark           // of the look before; of the run before at the first
	began   bool           // a look was made
	program programFile    // as the agent was started from it
	missing map[string]int // looks that a notice was missing in
	lost    map[string]int // looks that a source saw nothing in
	gone    map[string]bool
	away    away

	layFailed string // why the page could not be laid at the last look
}

// New reads what the run before left. What cannot be read is begun anew, and said.
func New(p Parts) *Watcher {
	w := &Watcher{Parts: p, missing: map[string]int{}, lost: map[string]int{}, gone: map[string]bool{}}
	if _, err := readJSON(w.keptFile(), &w.kept); err != nil {
		p.Log.Warn("what was seen of the device last cannot be read, beginning anew", "error", err.Error())
		w.kept = kept{}
	}
	if w.kept.Told == nil || len(w.kept.Told) > maxTopicsInFile {
		w.kept.Told = map[string]*told{}
	}
	if w.kept.Sources == nil {
		w.kept.Sources = map[string]string{}
	}
	for topic, t := range w.kept.Told {
		if t == nil {
			delete(w.kept.Told, topic)
		}
	}
	w.teller = teller{topics: w.kept.Told, put: p.Put}
	return w
}

func (w *Watcher) keptFile() string { return filepath.Join(w.Dir, "health.json") }
func (w *Watcher) markFile() string { return filepath.Join(w.Dir, "alive.json") }

// Run looks until ctx ends, and then notes that the agent was stopped and did not end
// by itself.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			bye := w.now()
			bye.Goodbye = true
			w.note(context.WithoutCancel(ctx), writeMark(w.markFile(), bye))
			return nil
		case <-tick.C:
		}
	}
}

func (w *Watcher) now() mark {
	wall, boot, mono := w.Clock()
	return mark{Wall: wall.UTC(), Boot: boot, Mono: mono}
}

// Look looks at everything once.
func (w *Watcher) Look(ctx context.Context) {
	now := w.now()
	if !w.began {
		w.lookBack(ctx, now)
	}
	w.lookAtClock(now)
	w.lookAtHosts(now)
	w.lookAtServers(now)
	w.lookAtProgram(now)
	w.lookAtUnits(now)
	w.lookAtSources(now)
	w.lookAtNotices(ctx, now)
	w.lookForCollector(now)
	w.kept.Version = w.Version
	w.began, w.last = true, now
	w.teller.flush(now.Wall)
	w.note(ctx, w.keep())
	w.note(ctx, writeMark(w.markFile(), now))
}

// keep writes what is kept, where it is another than before.
func (w *Watcher) keep() error {
	data, err := json.Marshal(w.kept)
	if err != nil || string(data) == w.wrote {
		return err
	}
	if err := writeKept(w.keptFile(), w.kept); err != nil {
		return err
	}
	w.wrote = string(data)
	return nil
}

func (w *Watcher) note(ctx context.Context, err error) {
	if err != nil {
		w.Log.WarnContext(ctx, "watching over the agent", "error", err.Error())
	}
}

func (w *Watcher) tell(now mark, topic, detail string) {
	w.teller.tell(Fact{topic, detail}, now.Wall)
}
