// Package decode turns captured packets into the host names they speak of: DNS
// questions and answers over UDP and TCP, the server name of a TLS ClientHello
// put together from its segments, and the Host of a plain HTTP request.
//
// It is pure: it opens nothing, reads no clock and starts no goroutine. Time
// comes in with each packet, memory is bounded by Limits, and whatever is not
// understood is passed over. Only agent/source/network uses it.
package decode

import (
	"net/netip"
	"time"

	"safelight/internal/event"
)

// Sighting is one name seen in one packet or stream.
type Sighting struct {
	Time time.Time
	Name string // lower-case A-label form, without a final dot
	Via  event.Via
	// Proto is "udp" or "tcp". Client asked or connected, Server was asked.
	Proto          string
	Client, Server netip.AddrPort

	// Of DNS only: the type of the question, whether this is the answer to it,
	// and the addresses the answer gave.
	Type     uint16
	Response bool
	Answers  []netip.Addr
}

// Limits bound what a Decoder remembers. Zero fields take the defaults.
type Limits struct {
	Flows int           // connections remembered at once; default 8192
	Bytes int           // bytes of unfinished messages held; default 8 MiB
	Idle  time.Duration // a connection silent for so long is forgotten; default 2 min
}

func (l Limits) withDefaults() Limits {
	if l.Flows <= 0 {
		l.Flows = 8192
	}
	if l.Bytes <= 0 {
		l.Bytes = 8 << 20
	}
	if l.Idle <= 0 {
		l.Idle = 2 * time.Minute
	}
	return l
}

// Hooks are what a Decoder tells. Name is required.
type Hooks struct {
	Name func(*Sighting)
	// Own says whether a packet between these two addresses is this host's;
	// others are not decoded. nil takes every packet (a capture file).
	Own func(src, dst netip.Addr) bool
	// Connect is told of each new connection: of TCP by its first SYN, of QUIC
	// by its first packets. It tells what was only asked for from what was used.
	Connect func(client, server netip.AddrPort, at time.Time)
}

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
	p := &d.p
	*p = packet{at: at}
	ip, ok := stripLink(link, data)
	if !ok || !p.parseIP(ip) {
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
	case d.hooks.Connect != nil && p.dst.Port() == quicPort &&
		len(p.payload) > 0 && p.payload[0]&quicLong == quicLong:
		d.hooks.Connect(p.src, p.dst, p.at)
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
