package network

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/agent/source"
	"safelight/internal/event"
)

func TestMain(m *testing.M) {
	if !become() {
		goleak.VerifyTestMain(m)
	}
}

// sink hands what it is given to a channel.
type sink struct {
	got chan event.Observation
}

func newSink() *sink { return &sink{make(chan event.Observation, 1000)} }

func (*sink) Put(context.Context, source.Observed) error {
	panic("packets cannot wait: want Offer")
}

func (s *sink) Offer(o source.Observed) bool {
	if o.Checkpoint != nil {
		panic("packets cannot be replayed: want no checkpoint")
	}
	select {
	case s.got <- o.Observation:
		return true
	default:
		return false
	}
}

// owners says that everything is pupil07's.
type owners struct {
	mu    sync.Mutex
	asked []string
}

func (w *owners) Lookup(proto string, local, remote netip.AddrPort) (event.Owner, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, proto+" "+local.String()+" "+remote.String())
	uid := uint32(1007)
	return event.Owner{PID: 42, Process: "browser", UID: &uid, User: "pupil07"}, true
}

// Complete implements Completer.
func (w *owners) Complete(o event.Owner) event.Owner {
	o = clone(&o)
	o.User = "pupil07"
	return o
}

func (w *owners) wasAsked(flow string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.asked, flow)
}

func TestAnAddressThatCameLaterIsOurs(t *testing.T) {
	var listed []net.Addr
	changes := uint64(0)
	l := newOwnAddresses(func() uint64 { return changes })
	l.list = func() ([]net.Addr, error) { return listed, nil }
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	late := netip.MustParseAddr("192.0.2.7")
	if l.has(late, at) {
		t.Error("an address of nobody's is ours")
	}
	listed = []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 7), Mask: net.CIDRMask(24, 32)}}
	if l.has(late, at.Add(recheck/2)) {
		t.Error("the list was read again at once")
	}
	if !l.has(late, at.Add(recheck)) {
		t.Error("a new address is not ours")
	}
	if !l.has(netip.MustParseAddr("::ffff:192.0.2.7"), at.Add(recheck)) || !l.has(netip.MustParseAddr("127.0.0.53"), at) {
		t.Error("a mapped or a loopback address is not ours")
	}
	moved := netip.MustParseAddr("192.0.2.8")
	listed = []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 8), Mask: net.CIDRMask(24, 32)}}
	if changes++; !l.has(moved, at.Add(recheck)) {
		t.Error("the system told of a change, and the list was not read again")
	}
}
