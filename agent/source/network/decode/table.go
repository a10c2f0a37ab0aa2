package decode

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// A flow is one direction of a TCP connection.
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
	client, server netip.AddrPort
	reply          bool // runs from server to client
	seen           time.Time
	base, next     uint32
	kind           flowKind

	pieces []piece
	hello  helloStream
	host   hostStream
	dns    dnsStream
	held   int // bytes counted against the table's limit

	newer, older *flow
}

type flowKind uint8

const (
	fresh    flowKind = iota // nothing has come yet
	isTLS                    // collecting a ClientHello
	isHTTP                   // collecting the head of a request
	isDNS                    // messages, each behind its length
	settled                  // told, or nothing we read; kept to know retransmissions
	keptHTTP                 // told; later requests may name another host
)

// flowKey is src, dst, their ports and the socket's key as bytes: it hashes without pointers.
type flowKey [44]byte

func keyOf(key Key, src, dst netip.AddrPort) (k flowKey) {
	a, b := src.Addr().As16(), dst.Addr().As16()
	copy(k[:], a[:])
	copy(k[16:], b[:])
	k[32], k[33] = byte(src.Port()>>8), byte(src.Port())
	k[34], k[35] = byte(dst.Port()>>8), byte(dst.Port())
	binary.NativeEndian.PutUint64(k[36:], uint64(key))
	return k
}

// table holds flows, the least recently touched last, within its limits.
type table struct {
	limits Limits
	byKey  map[flowKey]*flow
	root   flow // sentinel: root.older is the newest, root.newer the oldest
	spare  *flow
	held   int
}

func newTable(limits Limits) table {
	return table{limits: limits, byKey: make(map[flowKey]*flow, 64)}
}

func (t *table) oldest() *flow {
	if t.root.newer == &t.root {
		return nil
	}
	return t.root.newer
}

// get returns the flow under key as the newest, or nil.
func (t *table) get(key flowKey, at time.Time) *flow {
	f := t.byKey[key]
	if f != nil {
		f.seen = at
		t.unlink(f)
		t.push(f)
	}
	return f
}

// add makes room and returns a new flow under key.
func (t *table) add(key flowKey, at time.Time) *flow {
	if len(t.byKey) >= t.limits.Flows {
		t.drop(t.oldest())
	}
	f := t.spare
	if f == nil {
		f = new(flow)
	}
	t.spare = nil
	*f = flow{key: key, seen: at}
	t.byKey[key] = f
	t.push(f)
	return f
}

func (t *table) drop(f *flow) {
	t.release(f)
	t.unlink(f)
	delete(t.byKey, f.key)
	t.spare = f
}

// release lets go of what a flow holds.
func (t *table) release(f *flow) {
	t.held -= f.held
	f.held, f.pieces = 0, nil
	f.hello, f.host, f.dns = helloStream{}, hostStream{}, dnsStream{}
}

// hold counts what f holds now, and lets the oldest others go if it is too much.
func (t *table) hold(f *flow) {
	n := cap(f.hello.hs) + cap(f.host.buf) + cap(f.dns.buf)
	for _, p := range f.pieces {
		n += len(p.data)
	}
	t.held += n - f.held
	f.held = n
	for t.held > t.limits.Bytes && t.oldest() != nil {
		t.drop(t.oldest())
	}
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
