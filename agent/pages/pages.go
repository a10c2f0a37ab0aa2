// Package pages guesses, from the order and time in which one program's names
// are seen, which of them somebody opened and which a page then fetched by
// itself, and finds the visit after which a filter's block page appeared. It is
// plain data driven by the times it is given; only agent/pipeline and the
// agent's verbs use it.
//
// It is a guess, so that it marks and decides nothing: a name that follows a
// page's within a second or two and belongs to another site is likely a part
// of that page (an advert, a font, a counter), but may be a link that was
// followed quickly.
package pages

import (
	"maps"
	"net/netip"
	"strings"
	"time"

	"safelight/internal/event"
)

const (
	// burst is how long a page goes on fetching names after its own, and lull
	// how long nothing is asked for before something new is opened.
	burst = 2 * time.Second
	lull  = time.Second
	// redirect is how soon a block page follows what it stands in for.
	redirect = 3 * time.Second
	// owners bounds what is remembered; each for keep after its last name.
	owners = 1024
	keep   = time.Minute
)

// Tracker remembers, of each account and program, the page it opened last. It
// is not safe for concurrent use.
type Tracker struct {
	site func(host string) string
	open map[owner]*page
}

// owner tells programs of accounts apart; of a log, users of clients.
type owner struct {
	uid     int64 // -1 is not known
	process string
	user    string
	client  string
}

type page struct {
	site   string        // of the page
	opened time.Duration // its own name was seen
	last   time.Duration // the latest name was seen
	visit  event.Observation
	seen   time.Duration // visit was
}

// New returns a Tracker. site gives the registered name that a host belongs to.
func New(site func(host string) string) *Tracker {
	return &Tracker{site: site, open: map[owner]*page{}}
}

// Seen takes a visit to a site at now, a clock that never jumps, and says
// whether it is likely a part of a page of another site.
func (t *Tracker) Seen(o event.Observation, now time.Duration) (part bool) {
	if o.Kind != event.Domain || o.Attempt {
		return false
	}
	p := t.of(o, now)
	p.visit, p.seen = o, now
	if !browser(o.Process) || !connects(o.Via) {
		return false
	}
	site := t.site(o.Name)
	quiet := p.site == "" || now-p.last > lull || now-p.opened > burst
	p.last = now
	if quiet {
		p.site, p.opened = site, now
		return false
	}
	return site != p.site
}

// Blocked takes the sight of a filter's block page and gives the visit that it
// most likely stands in for, once.
func (t *Tracker) Blocked(o event.Observation, now time.Duration) (event.Observation, bool) {
	p := t.of(o, now)
	if p.visit.Name == "" || now-p.seen > redirect {
		return event.Observation{}, false
	}
	visit := p.visit
	p.visit = event.Observation{}
	visit.Attempt, visit.Count, visit.Also = true, 1, nil
	return visit, true
}

func (t *Tracker) of(o event.Observation, now time.Duration) *page {
	k := ownerOf(o)
	p := t.open[k]
	if p != nil {
		return p
	}
	if len(t.open) >= owners {
		maps.DeleteFunc(t.open, func(_ owner, p *page) bool { return now-max(p.last, p.seen) > keep })
	}
	if len(t.open) >= owners {
		clear(t.open)
	}
	p = &page{}
	t.open[k] = p
	return p
}

func ownerOf(o event.Observation) owner {
	k := owner{uid: -1, process: o.Process, user: o.User}
	if o.UID != nil {
		k.uid = int64(*o.UID)
	}
	if o.Via == event.ViaLog {
		if k.client = o.Client; strings.IndexByte(k.client, ':') >= 0 {
			if a, err := netip.ParseAddrPort(k.client); err == nil {
				k.client = a.Addr().String()
			}
		}
	}
	return k
}

// connects leaves out what is no visit (DNS alone) and what is told when a
// connection ends (a log), so that its order says nothing.
func connects(v event.Via) bool {
	return v == event.ViaTLS || v == event.ViaQUIC || v == event.ViaHTTP
}

// browsers are programs that open pages; what another program fetches is its
// own.
var browsers = map[string]bool{
	"chrome": true, "google-chrome": true, "chromium": true, "chromium-browser": true, "headless_shell": true,
	"firefox": true, "firefox-esr": true, "firefox-bin": true, "librewolf": true, "safari": true, "com.apple.webkit.networking": true,
	"msedge": true, "microsoft-edge": true, "microsoft edge": true, "brave": true, "brave-browser": true, "opera": true,
	"vivaldi": true, "vivaldi-bin": true, "epiphany": true, "falkon": true, "google chrome": true,
}

func browser(process string) bool {
	return browsers[strings.TrimSuffix(strings.ToLower(process), ".exe")]
}
