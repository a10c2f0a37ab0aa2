package decode

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// A flow is one direction of a TCP connection, or what a client sends from one
// UDP port to a QUIC server.
//
//	          base                next
//	           |                   |
//	stream ----+===================+......####......##......
//	            already taken       gap  pieces (came early)
//
// Bytes before next have been handed on and are never looked at again, so a
// retransmission cannot change them. base comes from the SYN; where the SYN
// was not seen it is the first packet that looks like a beginning.
type flow struct {
	key            flowKey
	sock           Key
	client, server netip.AddrPort
	seen           time.Time
	base, next     uint32
	answer         uint32 // the server's first sequence number, if answered
	kind           flowKind
	reply          bool // runs from server to client
	answered       bool // the server's SYN was seen
	established    bool // and told
	ended          bool // refused or reset, and told

	host string // the last HTTP host told
	work *work  // while a message is unfinished, else nil
	quic *quicFlow
	held int // bytes counted against the table's limit
	wait int // place among those that wait, from 1; 0 is none

	newer, older *flow
}

type flowKind uint8

const (
	fresh    flowKind = iota // nothing has come yet
	isTLS                    // collecting a ClientHello
	isHTTP                   // HTTP/1 requests, one after another
	isH2                     // HTTP/2 frames
	isDNS                    // messages, each behind its length
	isQUIC                   // a UDP flow
	watching                 // not understood so far; segments may begin anew
	settled                  // told, or nothing we read; kept to know retransmissions
)

// work is what a flow holds while a message is unfinished. It is reused.
type work struct {
	pieces []piece
	buf    []byte // bytes of the unfinished message
	hello  helloStream
	http   httpStream
	h2     *h2Stream
}

func (w *work) size() int {
	n := cap(w.buf)
	for i := range w.pieces {
		n += len(w.pieces[i].data)
	}
	if w.h2 != nil {
		n += w.h2.size()
	}
	return n
}

// flowKey is src, dst, their ports, the socket's key and the protocol as
// bytes: it hashes without pointers.
type flowKey [45]byte

func keyOf(key Key, proto uint8, src, dst netip.AddrPort) (k flowKey) {
	a, b := src.Addr().As16(), dst.Addr().As16()
	copy(k[:], a[:])
	copy(k[16:], b[:])
	binary.BigEndian.PutUint16(k[32:], src.Port())
	binary.BigEndian.PutUint16(k[34:], dst.Port())
	binary.NativeEndian.PutUint64(k[36:], uint64(key))
	k[44] = proto
	return k
}

// table holds flows, the least recently touched last, within its limits.
type table struct {
	limits  Limits
	byKey   map[flowKey]*flow
	root    flow // sentinel: root.older is the newest, root.newer the oldest
	spare   *flow
	works   []*work // spares
	waiting []*flow // those with an unfinished message
	held    int
	evicted uint64
	// leaving is called with each flow that is forgotten, before it is.
	leaving func(*flow)
}

// maxSpareBuf is the longest buffer that is kept for reuse, maxSpares how many.
const (
	maxSpareBuf = 8 << 10
	maxSpares   = 16
)

func newTable(limits Limits, leaving func(*flow)) table {
	return table{limits: limits, leaving: leaving, byKey: make(map[flowKey]*flow, 64)}
}

func (t *table) oldest() *flow {
	if t.root.newer == &t.root {
		return nil
	}
	return t.root.newer
}

// get returns the flow under key as the newest, or nil.
func (t *table) get(key *flowKey, at time.Time) *flow {
	f := t.root.older // the newest: bulk comes in runs
	if f == nil || f.key != *key {
		if f = t.byKey[*key]; f == nil {
			return nil
		}
		t.unlink(f)
		t.push(f)
	}
	f.seen = at
	return f
}

// peek returns the flow under key without touching it.
func (t *table) peek(key *flowKey) *flow { return t.byKey[*key] }

// add makes room and returns a new flow under key.
func (t *table) add(key *flowKey, at time.Time) *flow {
	if len(t.byKey) >= t.limits.Flows {
		t.evicted++
		t.drop(t.oldest())
	}
	f := t.spare
	if f == nil {
		f = new(flow)
	}
	t.spare = nil
	*f = flow{key: *key, seen: at}
	t.byKey[*key] = f
	t.push(f)
	return f
}

func (t *table) drop(f *flow) {
	t.leaving(f)
	t.release(f)
	t.unlink(f)
	delete(t.byKey, f.key)
	f.quic = nil
	t.spare = f
}

// working returns what f holds, making it if need be.
func (t *table) working(f *flow) *work {
	if f.work == nil {
		if n := len(t.works); n > 0 {
			f.work, t.works = t.works[n-1], t.works[:n-1]
		} else {
			f.work = new(work)
		}
	}
	return f.work
}

// release lets go of what a flow holds.
func (t *table) release(f *flow) {
	t.held -= f.held
	f.held = 0
	t.rest(f)
	w := f.work
	if w == nil {
		return
	}
	f.work = nil
	clear(w.pieces)
	*w = work{pieces: w.pieces[:0], buf: w.buf[:0]}
	if len(t.works) < maxSpares && cap(w.buf) <= maxSpareBuf {
		t.works = append(t.works, w)
	}
}

// hold counts what f holds now, and lets the oldest others go if it is too
// much.
func (t *table) hold(f *flow) {
	n := 0
	if f.work != nil {
		n = f.work.size()
	}
	if f.quic != nil {
		n += f.quic.size()
	}
	t.held += n - f.held
	f.held = n
	if f.wait == 0 && n > 0 {
		t.waiting = append(t.waiting, f)
		f.wait = len(t.waiting)
	}
	for t.held > t.limits.Bytes && len(t.waiting) > 0 {
		t.evicted++
		t.drop(t.longestWaiting())
	}
}

// longestWaiting returns the flow that has been silent longest of those that
// hold something.
func (t *table) longestWaiting() *flow {
	found := t.waiting[0]
	for _, f := range t.waiting {
		if f.seen.Before(found.seen) {
			found = f
		}
	}
	return found
}

// rest takes f from among those that wait.
func (t *table) rest(f *flow) {
	if f.wait == 0 {
		return
	}
	last := len(t.waiting) - 1
	moved := t.waiting[last]
	t.waiting[f.wait-1] = moved
	moved.wait = f.wait
	t.waiting[last] = nil
	t.waiting = t.waiting[:last]
	f.wait = 0
}

func (t *table) expire(now time.Time) {
	for f := t.oldest(); f != nil && now.Sub(f.seen) > t.limits.Idle; f = t.oldest() {
		t.drop(f)
	}
}

func (t *table) push(f *flow) {
	if t.root.older == nil {
		t.root.older, t.root.newer = &t.root, &t.root
	}
	f.older, f.newer = t.root.older, &t.root
	f.older.newer = f
	t.root.older = f
}

func (t *table) unlink(f *flow) {
	f.older.newer, f.newer.older = f.newer, f.older
	f.older, f.newer = nil, nil
}
