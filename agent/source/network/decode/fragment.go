package decode

import (
	"bytes"
	"net/netip"
	"slices"
	"time"
)

// Bounds of what is put together again.
const (
	maxDatagrams    = 64
	maxFragments    = 64 // of one datagram
	maxFragmentHeld = 512 << 10
	maxDatagram     = 1<<16 - 1
)

// fragment is one part of a datagram.
type fragment struct {
	key  fragmentKey
	next uint8 // the protocol of what the datagram holds
	at   int   // where in it body belongs
	more bool  // others follow
	body []byte
}

type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8
}

// datagram is one whose fragments are coming.
type datagram struct {
	key   fragmentKey
	sock  Key
	seen  time.Time
	next  uint8
	parts []part // in order of place, never overlapping
	total int    // its length, or -1 until the last fragment came
	bad   bool   // parts overlapped: the rest is refused too (RFC 5722, 3)
}

type part struct {
	at   int
	data []byte
}

// fragments puts datagrams together. Parts that overlap make a datagram bad,
// unless they are copies: what a host would make of them cannot be known.
type fragments struct {
	byKey   map[fragmentKey]*datagram
	held    int
	givenUp uint64
	buf     []byte // of the datagram last completed
	// lost is called with the first part of a datagram that is given up.
	lost func(*datagram)
}

// add takes a fragment. When it is the one that was missing, the datagram's
// payload is returned, which is good until the next call.
func (s *fragments) add(f fragment, sock Key, now time.Time) (whole []byte, next uint8, done bool) {
	if f.at+len(f.body) > maxDatagram || len(f.body) == 0 {
		return nil, 0, false
	}
	for s.held > maxFragmentHeld {
		s.giveUp(s.oldest())
	}
	d := s.byKey[f.key]
	if d == nil {
		d = s.begin(f.key, sock, now)
	}
	d.seen = now
	if d.bad {
		return nil, 0, false
	}
	if !s.put(d, f) {
		s.spoil(d)
		return nil, 0, false
	}
	if whole := s.whole(d); whole != nil {
		s.forget(d)
		return whole, d.next, true
	}
	return nil, 0, false
}

func (s *fragments) begin(key fragmentKey, sock Key, now time.Time) *datagram {
	if len(s.byKey) >= maxDatagrams {
		s.giveUp(s.oldest())
	}
	if s.byKey == nil {
		s.byKey = make(map[fragmentKey]*datagram)
	}
	d := &datagram{key: key, sock: sock, seen: now, total: -1}
	s.byKey[key] = d
	return d
}

func (s *fragments) oldest() (found *datagram) {
	for _, d := range s.byKey {
		if found == nil || d.seen.Before(found.seen) {
			found = d
		}
	}
	return found
}

// put places f among d's parts; false if it contradicts them.
func (s *fragments) put(d *datagram, f fragment) bool {
	end := f.at + len(f.body)
	if !f.more {
		if d.total >= 0 && d.total != end {
			return false
		}
		d.total = end
	}
	if f.at == 0 {
		d.next = f.next
	}
	i, _ := slices.BinarySearchFunc(d.parts, f.at, func(p part, at int) int { return p.at - at })
	if i < len(d.parts) && d.parts[i].at == f.at && bytes.Equal(d.parts[i].data, f.body) {
		return true // a copy
	}
	if i > 0 && d.parts[i-1].at+len(d.parts[i-1].data) > f.at ||
		i < len(d.parts) && d.parts[i].at < end || len(d.parts) >= maxFragments {
		return false
	}
	d.parts = slices.Insert(d.parts, i, part{f.at, slices.Clone(f.body)})
	s.held += len(f.body)
	return true
}

// whole returns the datagram if every part is there.
func (s *fragments) whole(d *datagram) []byte {
	if d.total < 0 {
		return nil
	}
	at := 0
	for _, p := range d.parts {
		if p.at != at {
			return nil
		}
		at += len(p.data)
	}
	if at != d.total {
		return nil
	}
	s.buf = s.buf[:0]
	for _, p := range d.parts {
		s.buf = append(s.buf, p.data...)
	}
	return s.buf
}

// spoil drops what d holds and keeps it, so that its other parts are refused.
func (s *fragments) spoil(d *datagram) {
	s.letGo(d)
	d.bad = true
	s.givenUp++
}

func (s *fragments) letGo(d *datagram) {
	for _, p := range d.parts {
		s.held -= len(p.data)
	}
	d.parts = nil
}

func (s *fragments) forget(d *datagram) {
	s.letGo(d)
	delete(s.byKey, d.key)
}

func (s *fragments) giveUp(d *datagram) {
	if !d.bad {
		s.givenUp++
		if len(d.parts) > 0 && d.parts[0].at == 0 {
			s.lost(d)
		}
	}
	s.forget(d)
}

// expire gives up what waited for longer than wait.
func (s *fragments) expire(now time.Time, wait time.Duration) {
	for _, d := range s.byKey {
		if now.Sub(d.seen) > wait {
			s.giveUp(d)
		}
	}
}
