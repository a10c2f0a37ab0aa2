package network

import (
	"maps"
	"net/netip"
	"strings"
	"time"

	"safelight/internal/event"
)

// unasked counts what a system that tells only of its own resolver cannot tell:
// browsers' connections to addresses that the resolver gave nobody, and to web
// proxies. Such a browser looks names up by itself, as with DNS over HTTPS, or has the
// proxy do it, and those names are not seen.
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

	// Under Hidden.
	ownResolver = "own_resolver"
	webProxy    = "web_proxy"
)

// proxyPorts are those at which schools' web proxies commonly listen. A browser that
// is set to one asks it for every site, by name, and the resolver for none: all that
// is seen of it is such connections, and none of its own to a site.
var proxyPorts = map[uint16]bool{800: true, 3128: true, 3129: true, 8000: true, 8080: true, 8081: true, 8088: true, 8888: true, 9090: true, 9400: true}

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

// look counts the new ones among all connections that a browser made without asking,
// and those to web proxies. process names the program of a PID.
func (u *unasked) look(all []connection, now time.Time, process func(pid int) string) (n, proxied uint64) {
	first := u.known == nil
	before := u.known
	u.known = make(map[connection]struct{}, len(all))
	browser := browsers(process)
	direct, through := make(map[string]bool), make(map[string]uint64)
	for _, c := range all {
		u.known[c] = struct{}{}
		_, had := before[c]
		switch port := c.remote.Port(); {
		case port == httpsPort && !nearby(c.remote.Addr()):
			name := browser(c.pid)
			direct[name] = true
			if name != "" && !first && !had && !u.asked(c.remote.Addr().Unmap(), now) {
				n++
			}
		case proxyPorts[port] && !first && !had:
			through[browser(c.pid)]++
		}
	}
	for name, count := range through {
		if name != "" && !direct[name] {
			proxied += count
		}
	}
	if u.began.IsZero() {
		u.began = now
	}
	if now.Sub(u.began) < settling {
		return 0, proxied
	}
	return n, proxied
}

// browsers names the program of a PID, empty where it is no browser, and asks once
// for each.
func browsers(process func(pid int) string) func(pid int) string {
	known := make(map[int]string)
	return func(pid int) string {
		name, ok := known[pid]
		if !ok {
			if name = strings.ToLower(process(pid)); !looksUp(name) {
				name = ""
			}
			known[pid] = name
		}
		return name
	}
}

// asked says whether somebody was given the address.
func (u *unasked) asked(to netip.Addr, now time.Time) bool {
	at, ok := u.answered[to]
	return ok && now.Sub(at) <= answersFor
}

// nearby says of an address that a connection to it says nothing: those of the device
// and of its own network are often typed, or a filter's.
func nearby(to netip.Addr) bool {
	to = to.Unmap()
	return to.IsLoopback() || to.IsPrivate() || to.IsLinkLocalUnicast() || to.IsUnspecified()
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
	n, proxied := w.unasked.look(all, w.now, w.programOf)
	if n > 0 {
		w.hide(ownResolver, n)
	}
	if proxied > 0 {
		w.hide(webProxy, proxied)
	}
}

func (w *watch) programOf(pid int) string {
	if c, ok := w.src.cfg.Owners.(Completer); ok {
		return c.Complete(event.Owner{PID: pid}).Process
	}
	return ""
}
