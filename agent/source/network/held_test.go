package network

import (
	"slices"
	"testing"
	"time"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// A browser begins QUIC and TLS side by side.
func TestAVisitSeenTwoWaysSaysBoth(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	seen := func(name string, via event.Via, pid int, uid uint32) event.Observation {
		return event.Observation{Kind: event.Domain, Name: name, Via: via, PID: pid, UID: &uid}
	}
	var h held
	for i, o := range []event.Observation{
		seen("a.example", event.ViaQUIC, 7, 1000), seen("a.example", event.ViaTLS, 7, 1000), seen("a.example", event.ViaTLS, 7, 1000),
		seen("b.example", event.ViaTLS, 7, 1000), seen("a.example", event.ViaHTTP, 8, 1000), seen("a.example", event.ViaHTTP, 7, 1001),
	} {
		h.add(o, &decode.Sighting{}, began.Add(time.Duration(i)*time.Millisecond))
	}
	var first []event.Observation
	h.release(began.Add(holdFor), func(o event.Observation) { first = append(first, o) })
	if len(first) != 1 || first[0].Via != event.ViaQUIC || !slices.Equal(first[0].Also, []event.Via{event.ViaTLS}) {
		t.Errorf("told %+v; want QUIC's, with TLS beside it, and no other program's or account's", first)
	}
	if rest, ok := h.next(); !ok || !rest.Equal(began.Add(holdFor+time.Millisecond)) {
		t.Errorf("next at %v, %v; the others are counted as repeats", rest, ok)
	}
}
