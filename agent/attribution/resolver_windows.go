package attribution

import (
	"net/netip"
	"sync"
	"time"

	"safelight/internal/event"
)

// Resolver finds owners. It is safe for concurrent use.
type Resolver struct {
	mu  sync.Mutex // guards what follows
	win *win
}

// New returns a Resolver for this machine. Of cfg Windows takes the clock alone.
func New(cfg Config) *Resolver {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	services := &resolverService{now: cfg.Now}
	system := winSystem{process: readProcess, session: readSession, words: readWords, file: (&fileAsker{ask: isFile}).is, resolver: services.pid}
	return &Resolver{win: newWin(system, newSIDAccounts(readAccount, cfg.Now), cfg.Now)}
}

// Close does nothing here: nothing is held open.
func (*Resolver) Close() error { return nil }

// Lookup says that the owner of a flow is not known: Windows tells names with
// their owners, and packets are not captured.
func (*Resolver) Lookup(string, netip.AddrPort, netip.AddrPort) (event.Owner, bool) {
	return event.Owner{Unknown: whyNoSystem, Origin: event.Origin{Reason: event.ReasonUnsupported}}, false
}

// Opened does nothing here.
func (*Resolver) Opened(netip.AddrPort, netip.AddrPort) {}

// Complete adds what is missing to an owner whose PID is known, and perhaps its
// SID, its session and when it was seen.
func (r *Resolver) Complete(owner event.Owner) event.Owner {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.win.complete(owner)
}

// Started says whose a program is that has just started; with look it names its
// parent too.
func (r *Resolver) Started(s event.Start, look bool) event.Owner {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.win.started(s, look)
}

// Process says what runs as pid, and under which account.
func (r *Resolver) Process(pid int) (event.Owner, bool) {
	owner := r.Complete(event.Owner{PID: pid})
	return owner, owner.User != ""
}
