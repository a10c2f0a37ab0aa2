package decode

import (
	"net/netip"
	"time"

	"safelight/internal/event"
)

// Decoder follows packets in the order they were captured. It is not safe for
// concurrent use.
type Decoder struct {
	hooks Hooks
	flows table
	p     packet // the packet at hand; here so that it is not allocated each time
}

// New returns a Decoder that reports to hooks.
func New(limits Limits, hooks Hooks) *Decoder {
	return &Decoder{hooks: hooks, flows: newTable(limits.withDefaults())}
}

// Packet decodes one captured packet.
func (d *Decoder) Packet(link Link, data []byte, at time.Time) {
	if ip, ok := stripLink(link, data); ok {
		d.IP(0, ip, at)
	}
}

// DNSPorts are the ports at which messages are read as DNS.
var DNSPorts = []uint16{dnsPort}

// IP decodes one IP packet, sent or received by the socket that key names.
func (d *Decoder) IP(key Key, data []byte, at time.Time) {
	p := &d.p
	*p = packet{key: key, at: at}
	if !p.parseIP(data) {
		return
	}
	if d.hooks.Own != nil && !d.hooks.Own(p.src.Addr(), p.dst.Addr()) {
		return
	}
	switch p.proto {
	case protoUDP:
		d.datagram(p)
	case protoTCP:
		d.segment(p)
	}
}

// Payload decodes bytes that a flow carried.
func (d *Decoder) Payload(c *Chunk) {
	p := &d.p
	*p = packet{key: c.Key, at: c.At, src: c.Client, dst: c.Server, payload: c.Data, cut: c.Wire > len(c.Data)}
	if c.Reply {
		p.src, p.dst = p.dst, p.src
	}
	if c.Proto == UDP {
		d.datagram(p)
		return
	}
	p.seq, p.flags = c.Seq, flagACK
	if !c.HasSeq {
		if f := d.flows.get(keyOf(p.key, p.src, p.dst), c.At); f != nil && !c.First {
			p.seq = f.next
		}
	}
	if c.First {
		p.flags, p.seq = flagSYN, p.seq-1
	}
	d.segment(p)
}

// Stats counts what was given up.
func (d *Decoder) Stats() Stats { return Stats{Flows: len(d.flows.byKey), Held: d.flows.held} }

// Expire forgets connections that have been silent for too long.
func (d *Decoder) Expire(now time.Time) { d.flows.expire(now) }

// Flush reports the names that can be read from ClientHellos whose end never
// came, and forgets everything. It is for the end of a capture file.
func (d *Decoder) Flush() {
	for f := d.flows.oldest(); f != nil; f = d.flows.oldest() {
		d.partial(f, f.seen)
		d.flows.drop(f)
	}
}

// Flows returns how many connections are remembered, and Held how many bytes
// of unfinished messages.
func (d *Decoder) Flows() int { return len(d.flows.byKey) }

// Held returns how many bytes of unfinished messages are held.
func (d *Decoder) Held() int { return d.flows.held }

const (
	dnsPort  = 53
	quicPort = 443
	quicLong = 0xc0 // both bits are set in the packets that open a connection
)

func (d *Decoder) datagram(p *packet) {
	switch {
	case p.src.Port() == dnsPort || p.dst.Port() == dnsPort:
		d.dns(p.payload, p.src, p.dst, "udp", p.at)
	case d.hooks.Conn != nil && p.dst.Port() == quicPort &&
		len(p.payload) > 0 && p.payload[0]&quicLong == quicLong:
		d.hooks.Conn(&Conn{Time: p.at, Key: p.key, Proto: UDP, Client: p.src, Server: p.dst, Outcome: Asked})
	}
}

// dns reports the names of one DNS message between src and dst.
func (d *Decoder) dns(msg []byte, src, dst netip.AddrPort, proto string, at time.Time) {
	s := Sighting{Time: at, Via: event.ViaDNS, Proto: proto, Client: src, Server: dst}
	eachQuestion(msg, func(q question) {
		s.Name, s.Type, s.Response, s.Answers = q.name, q.kind, q.response, q.answers
		if q.response {
			s.Client, s.Server = dst, src
		}
		d.hooks.Name(&s)
	})
}
