package fold

import (
	"net/netip"
	"slices"
	"time"

	"safelight/internal/event"
)

// entry is one name of one owner.
type entry struct {
	owner   owner
	touched time.Time // last seen
	opened  time.Time // last emitted; starts the window
	visit   bool      // what was last emitted was a visit
	part    bool      // and a part of another site's page
	// everVisited says that a visit was emitted as long as the entry lives.
	everVisited bool
	repeats     int // visits or attempts since
	questions   int // DNS questions since
	vias        []event.Via

	// While a DNS question waits for its visit:
	waiting   bool
	due       time.Time
	held      *event.Observation // nil at other times: most entries never hold one
	answers   []netip.Addr
	followers []follower // who connected to one of them
	crowded   bool       // and more than are kept
	heldOn    bool       // beyond its grace, for what they may tell
	connected bool
}

// owner is what tells one person's visit from another's. Where accounts have no
// number (Windows), their names do.
type owner struct {
	via     event.Via
	uid     *uint32
	process string
	user    string
	client  string
}

func ownerOf(o event.Observation) owner {
	w := owner{via: o.Via, uid: o.UID, process: o.Process}
	if o.Via == event.ViaLog {
		w.client = o.Client
	}
	if o.Via == event.ViaLog || o.UID == nil {
		w.user = o.User
	}
	return w
}

func (e *entry) own(o event.Observation) { e.owner = ownerOf(o) }

// adopt lets a waiting question take a better-known owner from its repeat.
func (e *entry) adopt(o event.Observation) {
	if better(o, *e.held) {
		o.Time = e.held.Time
		*e.held = o
		e.own(o)
	}
}

func better(a, b event.Observation) bool {
	if a.UID == nil || b.UID == nil {
		return a.UID != nil || b.UID == nil && a.User != "" && b.User == ""
	}
	if system(*b.UID) != system(*a.UID) {
		return system(*b.UID)
	}
	return b.PID == 0 && a.PID != 0
}

// repeatedBy says whether o is more of what was last told. A DNS server's log
// shows questions alone: once one was refused, the next type asked for makes no
// visit of it, while a refusal is news after an answer. Whoever opens a site of
// which a page fetched something before is news, too.
func (e *entry) repeatedBy(o event.Observation) bool {
	if e.part && !o.ThirdParty {
		return false
	}
	if o.LogOf == event.ViaDNS {
		return !o.Attempt || !e.visit
	}
	return o.Attempt || e.visit
}

type match int

const (
	none  match = iota
	loose       // nothing speaks against it
	exact
)

// system says whether an account is the system's or a service's: resolvers run
// under such, and ask DNS on a person's behalf.
func system(uid uint32) bool { return !event.IsPerson(uid) }

// match says how well o fits the entry's owner.
func (e *entry) match(o event.Observation) match {
	a, b := e.owner, ownerOf(o)
	if a.via == event.ViaLog || b.via == event.ViaLog {
		if a.via == b.via && a.user == b.user && a.client == b.client {
			return exact
		}
		return none
	}
	if a.uid == nil || b.uid == nil {
		return a.named(b)
	}
	same := *a.uid == *b.uid
	switch {
	case a.via == event.ViaDNS && system(*a.uid), b.via == event.ViaDNS && system(*b.uid):
		if same {
			return exact
		}
		return loose
	case !same:
		return none
	case a.via == event.ViaDNS || b.via == event.ViaDNS:
		return exact
	case a.process == b.process || a.process == "" || b.process == "":
		return exact
	}
	return none
}

// named is match for accounts without a number, by their names.
func (w owner) named(b owner) match {
	switch {
	case w.user == "" || b.user == "":
		return loose
	case w.user == b.user:
		return exact
	}
	return none
}

func (e *entry) addVia(v event.Via) {
	if !slices.Contains(e.vias, v) {
		e.vias = append(e.vias, v)
	}
}

// also lists the other ways the name was seen.
func (e *entry) also(via event.Via) []event.Via {
	var others []event.Via
	for _, v := range e.vias {
		if v != via {
			others = append(others, v)
		}
	}
	return others
}
