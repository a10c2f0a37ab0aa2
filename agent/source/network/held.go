package network

import (
	"net/netip"
	"slices"
	"time"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// holdFor is how long a visit waits to hear whether its connection is cut off:
// filters answer a name they do not like with a reset, at once.
const holdFor = 150 * time.Millisecond

// held keeps visits until it is clear what became of their connections, oldest
// first.
type held struct {
	waiting []heldVisit
	from    int // the first that was not passed on yet
	// ways counts those that wait, by how they were seen: mostly there is one
	// way, and nothing to look for.
	ways map[event.Via]int
}

type heldVisit struct {
	due            time.Time
	key            decode.Key
	client, server netip.AddrPort
	event.Observation
}

func (h *held) add(o event.Observation, s *decode.Sighting, now time.Time) {
	if h.ways == nil {
		h.ways = make(map[event.Via]int)
	}
	h.ways[o.Via]++
	h.waiting = append(h.waiting, heldVisit{now.Add(holdFor), s.Key, s.Client, s.Server, o})
}

// failed marks the visits of a connection that was cut off.
func (h *held) failed(c *decode.Conn) {
	for i := h.from; i < len(h.waiting); i++ {
		v := &h.waiting[i]
		if v.key == c.Key && v.client == c.Client && v.server == c.Server {
			v.Attempt = true
		}
	}
}

// next says when release has something to do.
func (h *held) next() (time.Time, bool) {
	if h.from == len(h.waiting) {
		return time.Time{}, false
	}
	return h.waiting[h.from].due, true
}

// alsoSeen notes the other ways in which the visit at hand was seen: a browser
// begins QUIC and TLS side by side, and it is one visit.
func (h *held) alsoSeen(v *heldVisit) {
	if h.ways[v.Via] == len(h.waiting)-h.from {
		return
	}
	for i := h.from; i < len(h.waiting); i++ {
		o := &h.waiting[i]
		if o.Name == v.Name && o.Via != v.Via && o.Attempt == v.Attempt && o.PID == v.PID && sameUID(o.UID, v.UID) && !slices.Contains(v.Also, o.Via) {
			v.Also = append(v.Also, o.Via)
		}
	}
}

func sameUID(a, b *uint32) bool { return a == b || a != nil && b != nil && *a == *b }

// release passes on what is due.
func (h *held) release(now time.Time, visit func(event.Observation)) {
	for h.from < len(h.waiting) && !h.waiting[h.from].due.After(now) {
		v := &h.waiting[h.from]
		h.from++
		h.ways[v.Via]--
		h.alsoSeen(v)
		visit(v.Observation)
		*v = heldVisit{}
	}
	if h.from > len(h.waiting)/2 {
		rest := copy(h.waiting, h.waiting[h.from:])
		clear(h.waiting[rest:])
		h.waiting, h.from = h.waiting[:rest], 0
	}
}
