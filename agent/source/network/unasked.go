package network

import (
	"maps"
	"net/netip"
	"strings"
	"time"

	"safelight/internal/event"
)

// unasked counts what a system that tells only of its own resolver cannot tell:
// browsers' connections to addresses that the resolver gave nobody. Such a browser
// looks names up by itself, as with DNS over HTTPS, and those names are not seen.
// It looks at the list of connections now and then, so it counts fewer than there
// were, and no QUIC.
type unasked struct {
	answered map[netip.Addr]time.Time
	known    map[connection]struct{}
	began    time.Time // addresses are all remembered since
	looked   time.Time
}

// connection is one of the system's list. It is compared, and not kept beyond the
// next look.
type connection struct {
	pid    int
	local  uint16
	remote netip.AddrPort
}

// lister is a capture that can list connections.
type lister interface{ connections() ([]connection, error) }

const (
	lookEvery = 30 * time.Second
	// settling is how long after the beginning a browser may still go by what it
	// was answered before.
	settling = 5 * time.Minute
	// answersFor is how long a browser may go by an answer, whatever its life: a
	// tab is left open over night.
	answersFor  = 24 * time.Hour
	maxAnswered = 16384
	httpsPort   = 443

	ownResolver = "own_resolver" // under Hidden
)

// lookers are the browsers that can look names up by themselves, without the
// ending of their files.
var lookers = map[string]bool{
	"chrome": true, "msedge": true, "firefox": true, "brave": true, "opera": true, "vivaldi": true, "librewolf": true, "waterfox": true, "chromium": true,
}

func looksUp(process string) bool {
	return lookers[strings.TrimSuffix(strings.ToLower(process), ".exe")]
}

// gave notes what the resolver answered, whoever asked.
func (u *unasked) gave(addresses []netip.Addr, now time.Time) {
	if u.answered == nil {
		u.answered, u.began = make(map[netip.Addr]time.Time), now
	}
	if len(u.answered) >= maxAnswered {
		maps.DeleteFunc(u.answered, func(_ netip.Addr, at time.Time) bool { return now.Sub(at) > time.Hour })
	}
	if len(u.answered) >= maxAnswered {
		clear(u.answered)
		u.began = now
	}
	for _, a := range addresses {
		u.answered[a.Unmap()] = now
	}
}

// look counts the new ones among all connections that a browser made without
// asking. process names the program of a PID.
func (u *unasked) look(all []connection, now time.Time, process func(pid int) string) (n uint64) {
	first := u.known == nil
	before := u.known
	u.known = make(map[connection]struct{}, len(all))
	for _, c := range all {
		u.known[c] = struct{}{}
		_, had := before[c]
		if first || had || c.remote.Port() != httpsPort || u.asked(c.remote.Addr().Unmap(), now) {
			continue
		}
		if looksUp(process(c.pid)) {
			n++
		}
	}
	if u.began.IsZero() {
		u.began = now
	}
	if now.Sub(u.began) < settling {
		return 0
	}
	return n
}

// asked says whether somebody was given the address, or whether it says nothing:
// those of the device and of its own network are often typed, or a filter's.
func (u *unasked) asked(to netip.Addr, now time.Time) bool {
	at, ok := u.answered[to]
	return ok && now.Sub(at) <= answersFor || to.IsLoopback() || to.IsPrivate() || to.IsLinkLocalUnicast() || to.IsUnspecified()
}

// lookForUnasked looks where the capture can list connections, now and then.
func (w *watch) lookForUnasked() {
	from, ok := w.capture.(lister)
	if !ok || w.now.Sub(w.unasked.looked) < lookEvery {
		return
	}
	w.unasked.looked = w.now
	all, err := from.connections()
	if err != nil {
		return // it is a count beside, and names are told all the same
	}
	if n := w.unasked.look(all, w.now, w.programOf); n > 0 {
		w.hide(ownResolver, n)
	}
}

func (w *watch) programOf(pid int) string {
	if c, ok := w.src.cfg.Owners.(Completer); ok {
		return c.Complete(event.Owner{PID: pid}).Process
	}
	return ""
}
