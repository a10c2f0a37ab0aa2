package decode

import (
	"encoding/binary"
	"net/netip"
)

const (
	icmpUnreachable  = 3
	icmp6Unreachable = 1
	icmpHeader       = 8
)

// icmp reads a destination unreachable (RFC 792, RFC 4443): it quotes the head
// of the packet that was refused, by which the connection is known.
func (d *Decoder) icmp(p *packet) {
	b := p.payload
	if len(b) < icmpHeader || p.proto == protoICMP && b[0] != icmpUnreachable ||
		p.proto == protoICMP6 && b[0] != icmp6Unreachable {
		return
	}
	proto, src, dst, ok := quoted(b[icmpHeader:])
	if !ok || src.Addr() != p.dst.Addr() {
		return
	}
	key := keyOf(p.key, proto, src, dst)
	if f := d.flows.peek(&key); f != nil && !f.established && !f.ended {
		f.ended = true
		d.outcome(f, Refused, p.at)
	}
}

// quoted reads the ends of a packet of which little more than the header is
// there.
func quoted(b []byte) (proto uint8, src, dst netip.AddrPort, ok bool) {
	var from, to netip.Addr
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		proto, from, to = b[9], netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		b = b[min(len(b), int(b[0]&0xf)*4):]
	case len(b) >= 40 && b[0]>>4 == 6:
		proto, from, to = b[6], netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		b = b[40:]
	}
	if len(b) < 4 || proto != protoTCP && proto != protoUDP {
		return 0, src, dst, false
	}
	return proto, netip.AddrPortFrom(from, binary.BigEndian.Uint16(b)),
		netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:])), true
}
