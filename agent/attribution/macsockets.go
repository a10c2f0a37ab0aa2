package attribution

import (
	"net/netip"
	"time"

	"safelight/agent/macos"
)

const (
	// macConnected is how long a table's word on a connection is taken: its two
	// ends are hardly given to another program sooner.
	macConnected = time.Second
	// macLoose is the same of a socket that is only bound: its port may be.
	macLoose = 20 * time.Millisecond
	// macReads is how many tables a second are read at most, and macBurst how
	// many at once. One takes some tenths of a millisecond.
	macReads = 50
	macBurst = 10
)

// macSockets finds sockets in the tables that macOS has of them, which are read
// whole: there is no asking for one.
type macSockets struct {
	read   func(proto string) ([]macos.Socket, error)
	own    func(proto string) (ownSocket, error)
	now    func() time.Time
	proven map[string]bool
	failed map[string]time.Time // when a table was not as it should be
	tables map[string]*macTable
	left   float64 // of macBurst
	filled time.Time
}

type macTable struct {
	at        time.Time
	connected map[flow]macos.Socket
	bound     map[uint16][]macos.Socket // by local port
}

func newMacSockets(s macSystem, now func() time.Time) *macSockets {
	return &macSockets{
		read: s.sockets, own: s.own, now: now, proven: make(map[string]bool), failed: make(map[string]time.Time),
		tables: make(map[string]*macTable), left: macBurst, filled: now(),
	}
}

// find returns the flow's socket. Its error says why there is none, in the
// package's words.
func (s *macSockets) find(f flow) (macos.Socket, error) {
	if t := s.tables[f.proto]; t != nil {
		age := s.now().Sub(t.at)
		if one, ok := t.connected[f]; ok && age <= macConnected {
			return one, nil
		}
		if one, err, ok := t.loose(f); ok && age <= macLoose {
			return one, err
		}
	}
	if !s.may() {
		return macos.Socket{}, why(whyTooLong)
	}
	if !s.prove(f.proto) {
		return macos.Socket{}, why(whyUnproven)
	}
	t, err := s.table(f.proto)
	if err != nil {
		return macos.Socket{}, why(whyRefused)
	}
	if one, ok := t.connected[f]; ok {
		return one, nil
	}
	if one, err, ok := t.loose(f); ok {
		return one, err
	}
	return macos.Socket{}, why(whyClosed)
}

// may takes one read from what is allowed.
func (s *macSockets) may() bool {
	now := s.now()
	s.left = min(macBurst, s.left+max(0, now.Sub(s.filled).Seconds())*macReads)
	s.filled = now
	if s.left < 1 {
		return false
	}
	s.left--
	return true
}

func (s *macSockets) table(proto string) (*macTable, error) {
	all, err := s.read(proto)
	if err != nil {
		return nil, err
	}
	t := &macTable{s.now(), make(map[flow]macos.Socket, len(all)), make(map[uint16][]macos.Socket)}
	for _, one := range all {
		if one.Remote.Port() != 0 {
			t.connected[macFlow(proto, one.Local, one.Remote)] = one
		} else if proto == "udp" { // a TCP socket without a far end listens, and owns no connection
			t.bound[one.Local.Port()] = append(t.bound[one.Local.Port()], one)
		}
	}
	s.tables[proto] = t
	return t, nil
}

// loose finds a socket that is bound to the flow's own end, or to its port on
// any address. Several of one process are one; several of one account leave the
// process open; several accounts are nobody's.
func (t *macTable) loose(f flow) (one macos.Socket, err error, ok bool) { //nolint:revive // an answer may be that it is not known
	for _, s := range t.bound[f.local.Port()] {
		if a := s.Local.Addr(); !a.IsUnspecified() && a.Unmap() != f.local.Addr() {
			continue
		}
		if anyOfOtherVersion(s.Local.Addr(), f.local.Addr()) {
			continue
		}
		switch {
		case !ok:
			one, ok = s, true
		case one.UID != s.UID:
			return macos.Socket{}, why(whySeveral), true
		case one.PID != s.PID:
			one.PID, one.For = 0, 0
		}
	}
	return one, nil, ok
}

// anyOfOtherVersion: a socket on any IPv4 address carries no IPv6; one on any
// IPv6 address may carry both.
func anyOfOtherVersion(bound, local netip.Addr) bool {
	return bound.IsUnspecified() && bound.Is4() && local.Is6()
}
