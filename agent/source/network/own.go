package network

import (
	"net"
	"net/netip"
	"time"
)

// recheck is how soon a foreign address may make the list be read again.
const recheck = 200 * time.Millisecond

// ownAddresses knows which addresses are this host's, so that the packets it
// only passes on (a hotspot's, a container bridge's) are not decoded (G11).
type ownAddresses struct {
	known map[netip.Addr]struct{}
	read  time.Time
	list  func() ([]net.Addr, error)
	// changes counts the changes of interfaces and addresses; seen is its count
	// when the list was read.
	changes func() uint64
	seen    uint64
}

func newOwnAddresses(changes func() uint64) *ownAddresses {
	return &ownAddresses{list: net.InterfaceAddrs, changes: changes}
}

// has says whether a is this host's. Addresses change: an unknown one makes
// the list be read again, if the system told of a change, and once in a while.
func (l *ownAddresses) has(a netip.Addr, now time.Time) bool {
	a = a.Unmap()
	if a.IsLoopback() {
		return true
	}
	if _, ok := l.known[a]; ok {
		return true
	}
	if l.known != nil && now.Sub(l.read) < recheck && l.changes() == l.seen {
		return false
	}
	l.refresh(now)
	_, ok := l.known[a]
	return ok
}

func (l *ownAddresses) refresh(now time.Time) {
	l.read, l.seen = now, l.changes()
	if l.known == nil {
		l.known = make(map[netip.Addr]struct{})
	}
	found, err := l.list()
	if err != nil {
		return // the last list still stands
	}
	clear(l.known)
	for _, one := range found {
		if n, ok := one.(*net.IPNet); ok {
			if a, ok := netip.AddrFromSlice(n.IP); ok {
				l.known[a.Unmap()] = struct{}{}
			}
		}
	}
}
