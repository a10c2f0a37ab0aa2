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
	// suspects are what browsers ask that may be web proxies, while they visit no site
	// without.
	suspects map[proxied]*asks
}

// proxied is a browser and what may be its web proxy.
type proxied struct {
	browser string
	remote  netip.AddrPort
}

// asks are the looks at which there were new connections to one, and how many were new.
type asks struct{ looks, connections uint64 }

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
	// proxyLooks is at how many looks a browser must have asked a web proxy anew, and
	// visited no site without since the first of them: a page of the school's own may be
	// at such a port too, and nothing else be open for a moment.
	proxyLooks  = 3
	maxSuspects = 256

	// Under Hidden.
	ownResolver = "own_resolver"
	webProxy    = "web_proxy"
)

// proxyPorts are those at which schools' web proxies commonly listen. A browser that
// is set to one asks it for every site, by name, and the resolver for none: all that
// is seen of it is such connections, and none of its own to a site. What listens there
// on the device itself is left out: it is nearly always somebody's own page (a notebook,
// a server for a lesson).
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
func (u *unasked) look(all []connection, now time.Time, process func(pid int) string) (n, behind uint64) {
	first := u.known == nil
	before := u.known
	u.known = make(map[connection]struct{}, len(all))
	browser := browsers(process)
	direct, through := make(map[string]bool), make(map[proxied]uint64)
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
		case proxyPorts[port] && !c.remote.Addr().Unmap().IsLoopback() && !first && !had:
			if name := browser(c.pid); name != "" {
				through[proxied{name, c.remote}]++
			}
		}
	}
	behind = u.behind(direct, through)
	if u.began.IsZero() {
		u.began = now
	}
	if now.Sub(u.began) < settling {
		return 0, behind
	}
	return n, behind
}

// behind counts the new connections to what has shown itself to be a web proxy. direct
// are the browsers that visit sites without.
func (u *unasked) behind(direct map[string]bool, through map[proxied]uint64) (n uint64) {
	if u.suspects == nil {
		u.suspects = make(map[proxied]*asks)
	}
	maps.DeleteFunc(u.suspects, func(p proxied, _ *asks) bool { return direct[p.browser] })
	for p, connections := range through {
		if direct[p.browser] {
			continue
		}
		of := u.suspects[p]
		if of == nil {
			if len(u.suspects) >= maxSuspects { // no device has so many proxies
				clear(u.suspects)
			}
			of = &asks{}
			u.suspects[p] = of
		}
		of.looks++
		of.connections += connections
		if of.looks >= proxyLooks {
			n += of.connections
			of.connections = 0
		}
	}
	return n
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
	n, behind := w.unasked.look(all, w.now, w.programOf)
	if n > 0 {
		w.hide(ownResolver, n)
	}
	if behind > 0 {
		w.hide(webProxy, behind)
	}
}

func (w *watch) programOf(pid int) string {
	if c, ok := w.src.cfg.Owners.(Completer); ok {
		return c.Complete(event.Owner{PID: pid}).Process
	}
	return ""
}
