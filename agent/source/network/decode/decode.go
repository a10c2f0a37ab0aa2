package decode

import (
	"hash/maphash"
	"net/netip"
	"time"

	"safelight/internal/event"
)

// Decoder follows packets in the order they were captured. It is not safe for
// concurrent use.
type Decoder struct {
	hooks   Hooks
	flows   table
	frags   fragments
	names   nameCache
	public  publicNames
	spare   spareKeys
	dropped uint64

	// Scratch, here so that it is not allocated each time.
	p       packet
	s       Sighting
	c       Conn
	f       Fact
	dns     dnsScratch
	opened  []byte // an Initial, decrypted
	hello   hello
	request request
}

// New returns a Decoder that reports to hooks.
func New(limits Limits, hooks Hooks) *Decoder {
	d := &Decoder{hooks: hooks, names: nameCache{seed: maphash.MakeSeed()}}
	d.flows = newTable(limits.withDefaults(), d.leave)
	d.frags.lost = d.firstFragment
	return d
}

// Packet decodes one captured frame. Its bytes are not kept.
func (d *Decoder) Packet(link Link, data []byte, at time.Time) {
	if ip, ok := stripLink(link, data); ok {
		d.IP(0, ip, at)
	}
}

// IP decodes one IP packet, sent or received by the socket that key names.
func (d *Decoder) IP(key Key, data []byte, at time.Time) {
	d.p = packet{key: key, at: at}
	if (parser{&d.p, &d.frags, d.hooks.Own}).ip(data) {
		d.dispatch(&d.p)
	}
}

// dispatch hands a packet to its protocol, if it is this host's.
func (d *Decoder) dispatch(p *packet) {
	if d.hooks.Own != nil && !d.hooks.Own(p.src.Addr(), p.dst.Addr()) {
		return
	}
	switch p.proto {
	case protoUDP:
		d.datagram(p)
	case protoTCP:
		d.segment(p)
	case protoICMP, protoICMP6:
		d.icmp(p)
	}
}

// firstFragment decodes the first part of a datagram whose others did not come.
func (d *Decoder) firstFragment(g *datagram) {
	p := &packet{key: g.sock, at: g.seen, unsure: true}
	if (parser{p: p}).extensions(g.next, g.key.src, g.key.dst, g.parts[0].data, false) {
		d.dispatch(p)
	}
}

// Payload decodes bytes that a flow carried. Its bytes are not kept.
func (d *Decoder) Payload(c *Chunk) {
	p := &d.p
	*p = packet{key: c.Key, at: c.At, proto: protoTCP, src: c.Client, dst: c.Server, payload: c.Data}
	p.missing = max(0, c.Wire-len(c.Data))
	if c.Reply {
		p.src, p.dst = p.dst, p.src
	}
	if c.Proto == UDP {
		p.proto = protoUDP
		d.datagram(p)
		return
	}
	if c.Reply && !isDNSPort(c.Server.Port()) {
		d.spoke(p)
		return
	}
	p.seq, p.flags, p.inOrder = c.Seq, flagACK, !c.HasSeq
	if c.Last {
		p.flags |= flagFIN
	}
	if c.First {
		key := keyOf(p.key, protoTCP, p.src, p.dst)
		d.begin(d.flows.get(&key, p.at), &key, p, p.seq)
	}
	d.segment(p)
}

// datagram reads one UDP payload.
func (d *Decoder) datagram(p *packet) {
	if len(p.payload) == 0 {
		return
	}
	if isDNSPort(p.src.Port()) || isDNSPort(p.dst.Port()) {
		if d.message(p.payload, p, UDP) {
			return
		}
	}
	if d.tunnel(p) {
		return
	}
	if p.payload[0]&quicLong != 0 {
		d.quic(p)
	}
}

// leave is called with each flow that is about to be forgotten.
func (d *Decoder) leave(f *flow) { d.partial(f, f.seen) }

// Expire forgets connections that have been silent for too long, and tells
// what waits for bytes that did not come.
func (d *Decoder) Expire(now time.Time) {
	d.frags.expire(now, d.flows.limits.Wait)
	for i := len(d.flows.waiting) - 1; i >= 0; i-- {
		if i >= len(d.flows.waiting) { // one told and let others go
			continue
		}
		if f := d.flows.waiting[i]; now.Sub(f.seen) > d.flows.limits.Wait && d.partial(f, f.seen) {
			d.over(f)
		}
	}
	d.flows.expire(now)
}

// Flush tells the names that can be read from messages whose end never came,
// and forgets everything. It is for the end of a capture file.
func (d *Decoder) Flush() {
	for g := d.frags.oldest(); g != nil; g = d.frags.oldest() {
		d.frags.giveUp(g)
	}
	for f := d.flows.oldest(); f != nil; f = d.flows.oldest() {
		d.flows.drop(f)
	}
}

// Stats counts what was given up, and what is held.
func (d *Decoder) Stats() Stats {
	return Stats{
		Evicted: d.flows.evicted, Dropped: d.dropped, Fragments: d.frags.givenUp,
		Flows: len(d.flows.byKey), Held: d.flows.held + d.frags.held,
	}
}

// sight tells a name of f.
func (d *Decoder) sight(f *flow, name string, via event.Via, at time.Time) *Sighting {
	d.s = Sighting{Time: at, Key: f.sock, Name: name, Via: via, Proto: f.proto(), Client: f.client, Server: f.server}
	return &d.s
}

func (f *flow) proto() string {
	if f.kind == isQUIC {
		return UDP
	}
	return TCP
}

// outcome tells what became of f's connection.
func (d *Decoder) outcome(f *flow, o Outcome, at time.Time) {
	if d.hooks.Conn != nil {
		d.c = Conn{Time: at, Key: f.sock, Proto: f.proto(), Client: f.client, Server: f.server, Outcome: o}
		d.hooks.Conn(&d.c)
	}
}

// fact tells of something that hides names.
func (d *Decoder) fact(what What, key Key, proto string, client, server netip.AddrPort, at time.Time) {
	if d.hooks.Fact != nil {
		d.f = Fact{Time: at, Key: key, What: what, Proto: proto, Client: client, Server: server}
		d.hooks.Fact(&d.f)
	}
}
