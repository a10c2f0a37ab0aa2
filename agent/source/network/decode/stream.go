package decode

import (
	"slices"
	"time"

	"safelight/agent/source/hostname"
	"safelight/internal/event"
)

const (
	// maxReach is how far into a stream a beginning is looked for, and how far
	// ahead of the gap early bytes are kept.
	maxReach = 1 << 17
	// maxPieces bounds the early segments kept for one flow.
	maxPieces = 64
)

// piece is a segment that came before the bytes ahead of it.
type piece struct {
	seq  uint32
	data []byte
}

// segment takes one TCP segment into its flow.
func (d *Decoder) segment(p *packet) {
	f := d.flow(p)
	if f == nil || len(p.payload) == 0 {
		return
	}
	seq := p.seq
	if p.flags&flagSYN != 0 { // data on a SYN (fast open) follows its number
		seq++
	}
	switch f.kind {
	case settled:
		return
	case keptHTTP:
		d.laterRequest(f, p.payload)
		return
	}
	ahead := int32(seq - f.next)
	switch {
	case ahead > maxReach:
		d.settle(f)
		return
	case ahead > 0:
		d.keep(f, seq, p.payload)
		return
	case int(-ahead) >= len(p.payload): // all of it has been seen
		return
	}
	d.take(f, p.payload[-ahead:])
	d.drain(f)
	if p.cut && f.kind == isTLS {
		d.partial(f, p.at)
	}
	if f.kind != settled && f.kind != keptHTTP {
		d.flows.hold(f)
	}
}

// flow finds the flow of a packet, or begins one at a SYN or at what looks
// like the beginning of something we read. A SYN with another number, or a
// beginning elsewhere in the stream, is a new connection on a reused port.
func (d *Decoder) flow(p *packet) *flow {
	key := keyOf(p.key, p.src, p.dst)
	reply := p.src.Port() == dnsPort
	f := d.flows.get(key, p.at)
	if p.flags&flagSYN != 0 {
		if p.flags&flagACK != 0 && !reply {
			return nil // the server's side says nothing we read
		}
		if f != nil && f.base == p.seq+1 {
			return f
		}
		if d.hooks.Conn != nil && p.flags&flagACK == 0 {
			d.hooks.Conn(&Conn{Time: p.at, Key: p.key, Proto: TCP, Client: p.src, Server: p.dst, Outcome: Asked})
		}
		return d.begin(f, key, p, reply, p.seq+1)
	}
	if len(p.payload) == 0 {
		return nil
	}
	switch {
	case f == nil, f.kind == settled && p.seq-f.base > maxReach:
		if looksLikeStart(p) {
			return d.begin(f, key, p, reply, p.seq)
		}
	case f.kind == keptHTTP && looksLikeHello(p.payload): // through a proxy, after CONNECT
		return d.begin(f, key, p, reply, p.seq)
	}
	return f
}

func looksLikeStart(p *packet) bool {
	b := p.payload
	if p.src.Port() == dnsPort || p.dst.Port() == dnsPort {
		return len(b) > 14 && int(b[0])<<8|int(b[1]) == len(b)-2
	}
	return looksLikeHello(b) || looksLikeRequest(b)
}

func (d *Decoder) begin(f *flow, key flowKey, p *packet, reply bool, base uint32) *flow {
	if f != nil {
		d.flows.drop(f)
	}
	f = d.flows.add(key, p.at)
	f.client, f.server, f.reply = p.src, p.dst, reply
	f.base, f.next = base, base
	return f
}

// keep copies a segment that came too early.
func (d *Decoder) keep(f *flow, seq uint32, data []byte) {
	if len(f.pieces) >= maxPieces {
		d.settle(f)
		return
	}
	for _, have := range f.pieces {
		if have.seq == seq && len(have.data) >= len(data) {
			return
		}
	}
	f.pieces = append(f.pieces, piece{seq, slices.Clone(data)})
	d.flows.hold(f)
}

// drain takes the early pieces that the gap's closing made next. Where pieces
// overlap, the bytes that came first in the stream's order stand.
func (d *Decoder) drain(f *flow) {
	for len(f.pieces) > 0 {
		i := slices.IndexFunc(f.pieces, func(p piece) bool { return int32(p.seq-f.next) <= 0 })
		if i < 0 {
			return
		}
		p := f.pieces[i]
		f.pieces = slices.Delete(f.pieces, i, i+1)
		if past := int(int32(f.next - p.seq)); past < len(p.data) {
			d.take(f, p.data[past:])
		}
	}
}

// take hands a flow its next bytes.
func (d *Decoder) take(f *flow, b []byte) {
	f.next += uint32(len(b))
	if f.kind == fresh {
		f.kind = kindOf(f, b)
	}
	switch f.kind {
	case isTLS:
		if body, how := f.hello.feed(b); how != more {
			if how == done {
				d.tell(f, body)
			}
			d.settle(f)
		}
	case isHTTP:
		if host, how := f.host.feed(b); how != more {
			d.tellHost(f, host, how)
			d.settle(f)
			f.kind = keptHTTP
		}
	case isDNS:
		src, dst := f.client, f.server
		if !f.dns.feed(b, func(msg []byte) { d.dns(msg, src, dst, "tcp", f.seen) }) {
			d.settle(f)
		}
	}
}

func kindOf(f *flow, b []byte) flowKind {
	switch {
	case f.reply || f.server.Port() == dnsPort:
		return isDNS
	case b[0] == recordHandshake:
		return isTLS
	case b[0] >= 'A' && b[0] <= 'Z':
		return isHTTP
	}
	return settled
}

func (d *Decoder) settle(f *flow) {
	d.flows.release(f)
	f.kind = settled
}

// partial tells the name of a ClientHello whose end will not come, if the name
// itself has.
func (d *Decoder) partial(f *flow, at time.Time) {
	if f.kind != isTLS || len(f.hello.hs) < handshakeHeader {
		return
	}
	if name, ok := serverName(f.hello.hs[handshakeHeader:]); ok {
		d.report(f, name, event.ViaTLS, at)
		d.settle(f)
	}
}

func (d *Decoder) tell(f *flow, body []byte) {
	if name, ok := serverName(body); ok {
		d.report(f, name, event.ViaTLS, f.seen)
	}
}

func (d *Decoder) tellHost(f *flow, host []byte, how progress) {
	if how != done {
		return
	}
	if name, ok := hostname.OfHostPort(host); ok {
		d.report(f, name, event.ViaHTTP, f.seen)
	}
}

// laterRequest reads a further request of a kept connection, where its head is
// in one segment.
func (d *Decoder) laterRequest(f *flow, b []byte) {
	if looksLikeRequest(b) {
		host, how := requestHost(b)
		d.tellHost(f, host, how)
	}
}

func (d *Decoder) report(f *flow, name string, via event.Via, at time.Time) {
	d.hooks.Name(&Sighting{
		Time: at, Name: name, Via: via, Proto: "tcp", Client: f.client, Server: f.server,
	})
}
