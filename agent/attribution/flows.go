package attribution

import (
	"net/netip"
	"time"

	"safelight/internal/event"
)

const (
	// flowsFor is how long a flow whose socket is closed is still its owner's:
	// packets are looked at after they were sent. It is short, since another
	// program may be given the same port.
	flowsFor = 2 * time.Second
	maxFlows = 4096
)

// flow is a connection, or questions and answers, between this host and
// another.
type flow struct {
	proto         string
	local, remote netip.AddrPort
}

// flows remembers whose sockets were seen open.
type flows struct {
	now   func() time.Time
	known map[flow]knownFlow
}

type knownFlow struct {
	owner event.Owner
	who   who
	gone  bool // its socket was, when the flow began
	at    time.Time
}

func newFlows(now func() time.Time) *flows { return &flows{now: now, known: make(map[flow]knownFlow)} }

func (f *flows) get(of flow) (knownFlow, bool) {
	got, ok := f.known[of]
	return got, ok && f.now().Sub(got.at) <= flowsFor
}

func (f *flows) put(of flow, owner event.Owner, w who) { f.keep(of, knownFlow{owner: owner, who: w}) }

// putGone remembers that a flow's socket was gone before it could be asked for.
func (f *flows) putGone(of flow) { f.keep(of, knownFlow{gone: true}) }

func (f *flows) keep(of flow, what knownFlow) {
	if len(f.known) >= maxFlows {
		clear(f.known)
	}
	what.at = f.now()
	f.known[of] = what
}

// forget makes way for a new connection between the same ends.
func (f *flows) forget(of flow) { delete(f.known, of) }

// who is the account that an owner comes down to, before its name is found.
type who struct {
	uid    uint32
	known  bool
	as     *uint32 // the account it runs under, where uid is who signed in
	reason event.Reason
	words  string
	// container is whether uid is whom a container's namespace belongs to.
	container bool
	script    string // not folded yet
}
