package decode

import (
	"bytes"
	"encoding/binary"
	"time"

	"safelight/agent/source/network/initial"
	"safelight/internal/event"
)

const (
	maxConns    = 4    // QUIC connections followed on one pair of ports
	quicSize    = 1200 // of the datagrams that open a connection (RFC 9000, 14.1)
	quicKeySize = 1 << 10
)

// quicFlow is what one client sends from one port to one server: one QUIC
// connection, or several that share the port.
type quicFlow struct {
	conns []*quicConn // the newest last
}

// quicConn is one attempt at a connection. A Retry begins another.
type quicConn struct {
	version uint32
	dcid    [maxCID]byte // the client's choice, of which the keys are made
	dcidN   int
	later   [maxCID]byte // the server's choice, once the client uses it
	laterN  int
	keys    *initial.Keys
	hello   cryptoStream
	name    string // told
	done    bool
}

func (q *quicFlow) size() int {
	n := 0
	for _, c := range q.conns {
		if !c.done {
			n += cap(c.hello.buf) + quicKeySize
		}
	}
	return n
}

func (c *quicConn) is(h *longHeader) bool {
	return c.version == h.version && bytes.Equal(h.dcid, c.dcid[:c.dcidN])
}

func (c *quicConn) isLater(h *longHeader) bool {
	return c.laterN > 0 && bytes.Equal(h.dcid, c.later[:c.laterN])
}

// quic reads the packets of one UDP datagram, which may be several (RFC 9000,
// 12.2), as may datagrams be that segmentation offload left in one.
func (d *Decoder) quic(p *packet) {
	key := keyOf(p.key, protoUDP, p.src, p.dst)
	f := d.flows.get(&key, p.at)
	for b := p.payload; len(b) > 0; {
		h, ok, cut := readLong(b)
		if !ok {
			d.unknownQUIC(p, b)
			break
		}
		if f == nil {
			back := keyOf(p.key, protoUDP, p.dst, p.src)
			if s := d.flows.peek(&back); s != nil {
				d.quicAnswer(s, &h, p.at)
				return
			}
		}
		if cut {
			break
		}
		switch h.kind {
		case quicInitial:
			f = d.initial(f, &key, &h, p)
		case quicHands:
			if f != nil && !f.established { // only who was answered can send it
				f.established = true
				d.outcome(f, Established, p.at)
			}
		}
		b = bytes.TrimLeft(b[len(h.packet):], "\x00")
	}
	if f != nil && f.quic.size() > 0 {
		d.flows.hold(f) // may forget f
	} else if f != nil {
		d.flows.release(f)
	}
}

// unknownQUIC tells of a first packet of a version that cannot be read.
func (d *Decoder) unknownQUIC(p *packet, b []byte) {
	const fixed = quicLong | 0x40
	if p.dst.Port() == 443 && len(b) >= quicSize && b[0]&fixed == fixed && len(b) == len(p.payload) &&
		b[5] >= 8 && b[5] <= maxCID && initial.SuiteOf(binary.BigEndian.Uint32(b[1:])) == nil {
		d.fact(QUICUnknown, p.key, UDP, p.src, p.dst, p.at)
		d.outcome(&flow{kind: isQUIC, sock: p.key, client: p.src, server: p.dst}, Asked, p.at)
	}
}

// quicAnswer notes that a server answered, other than to send the client away
// to prove its address.
func (d *Decoder) quicAnswer(f *flow, h *longHeader, at time.Time) {
	if f.kind == isQUIC && h.kind != quicRetry && !f.established && !f.ended {
		f.established = true
		d.outcome(f, Established, at)
	}
}

// initial reads a client's Initial. The flow is made when its first one could
// be opened, which proves who is the client.
func (d *Decoder) initial(f *flow, key *flowKey, h *longHeader, p *packet) *flow {
	var frames []byte
	c := f.conn(h)
	if c != nil {
		if c.done {
			return f
		}
		frames = d.open(c.keys, h)
	} else if c, frames = d.followed(f, h); c == nil {
		if c, frames = d.opensNew(h); c == nil {
			return f
		}
		f = d.quicFlow(f, key, p)
		f.quic.add(c)
	}
	if frames == nil || c.done {
		return f
	}
	if !cryptoFrames(frames, func(at uint64, data []byte) {
		if !c.hello.add(at, data) {
			c.finish()
		}
	}) {
		c.finish()
	}
	d.helloSoFar(f, c, h)
	return f
}

// conn returns the connection that an Initial's destination is known to be of.
func (f *flow) conn(h *longHeader) *quicConn {
	if f == nil {
		return nil
	}
	for _, c := range f.quic.conns {
		if c.is(h) || c.isLater(h) {
			return c
		}
	}
	return nil
}

// followed finds the connection whose server chose a new id, which the client
// now uses: its keys stay (RFC 9001, 5.2).
func (d *Decoder) followed(f *flow, h *longHeader) (*quicConn, []byte) {
	if f == nil {
		return nil, nil
	}
	for i := len(f.quic.conns) - 1; i >= 0; i-- {
		c := f.quic.conns[i]
		if c.keys == nil || c.version != h.version {
			continue
		}
		if frames := d.open(c.keys, h); frames != nil {
			c.laterN = copy(c.later[:], h.dcid)
			if c.done {
				c.keys = nil
			}
			return c, frames
		}
	}
	return nil, nil
}

// opensNew tries an Initial as the first of a connection.
func (d *Decoder) opensNew(h *longHeader) (*quicConn, []byte) {
	keys := h.suite.Derive(h.dcid)
	if keys == nil {
		return nil, nil
	}
	frames := d.open(keys, h)
	if frames == nil {
		return nil, nil
	}
	c := &quicConn{version: h.version, keys: keys}
	c.dcidN = copy(c.dcid[:], h.dcid)
	return c, frames
}

func (d *Decoder) open(keys *initial.Keys, h *longHeader) (frames []byte) {
	if keys == nil {
		return nil
	}
	frames, d.opened, _ = keys.Open(d.opened, h.packet, h.pnAt)
	return frames
}

func (d *Decoder) quicFlow(f *flow, key *flowKey, p *packet) *flow {
	if f == nil {
		f = d.flows.add(key, p.at)
		f.kind, f.sock, f.client, f.server = isQUIC, p.key, p.src, p.dst
		f.quic = &quicFlow{}
		d.outcome(f, Asked, p.at)
	}
	return f
}

func (q *quicFlow) add(c *quicConn) {
	if len(q.conns) == maxConns {
		copy(q.conns, q.conns[1:])
		q.conns = q.conns[:maxConns-1]
	}
	q.conns = append(q.conns, c)
}

// finish lets go of the message.
func (c *quicConn) finish() {
	c.done = true
	c.hello = cryptoStream{}
}

// spareKeys are the connections whose message is read and whose keys are kept,
// the newest of them: until the client uses the server's id, they show that an
// Initial with a new id begins no new connection.
type spareKeys struct {
	conns [64]*quicConn
	at    int
}

func (s *spareKeys) keep(c *quicConn) {
	if old := s.conns[s.at]; old != nil {
		old.keys = nil
	}
	s.conns[s.at] = c
	s.at = (s.at + 1) % len(s.conns)
}

// helloSoFar tells the ClientHello when it is whole.
func (d *Decoder) helloSoFar(f *flow, c *quicConn, h *longHeader) {
	if c.done {
		return
	}
	body, how := wholeHello(c.hello.start())
	if how == more {
		return
	}
	if how == done {
		// After a Retry the same is said again.
		if again := d.again(f, c, body); !h.token || !again {
			d.tellHello(f, body, event.ViaQUIC, true, f.seen)
		}
	}
	c.finish()
	d.spare.keep(c)
}

// again notes the name that c tells, and says whether another connection of
// the flow told it before.
func (d *Decoder) again(f *flow, c *quicConn, body []byte) bool {
	if d.hello.read(body) {
		c.name, _ = d.names.normal(d.hello.name)
	}
	for _, o := range f.quic.conns {
		if o != c && o.name != "" && o.name == c.name {
			return true
		}
	}
	return false
}

// partialQUIC tells the names of ClientHellos whose ends will not come.
func (d *Decoder) partialQUIC(f *flow, at time.Time) bool {
	told := false
	for _, c := range f.quic.conns {
		if b := c.hello.start(); !c.done && len(b) > handshakeHeader && b[0] == clientHello {
			if d.tellHello(f, b[handshakeHeader:], event.ViaQUIC, false, at) {
				told = true
				c.finish()
			}
		}
	}
	return told
}
