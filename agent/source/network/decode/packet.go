package decode

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Link says what a captured packet begins with.
type Link uint8

// The link layers that are understood.
const (
	Raw      Link = iota // an IPv4 or IPv6 header at once
	Ethernet             // with any number of VLAN tags
	Cooked               // Linux cooked capture, version 1
	Cooked2              // Linux cooked capture, version 2
	Null                 // BSD loopback: four bytes of address family
)

const (
	protoTCP = 6
	protoUDP = 17

	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	maxTags   = 4
)

const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// packet is the part of a packet that decoding needs. Its payload points into
// the capture buffer and is good only until the next packet.
type packet struct {
	key      Key
	at       time.Time
	src, dst netip.AddrPort
	proto    uint8
	flags    uint8
	seq      uint32
	payload  []byte
	cut      bool // the capture holds less of the packet than was sent
}

// stripLink returns the IP packet within a captured frame.
func stripLink(link Link, b []byte) ([]byte, bool) {
	switch link {
	case Raw:
		return b, true
	case Ethernet:
		return stripEthernet(b)
	case Cooked:
		return stripCooked(b, 14, 16)
	case Cooked2:
		return stripCooked(b, 0, 20)
	case Null:
		if len(b) < 4 {
			return nil, false
		}
		return b[4:], true
	}
	return nil, false
}

func stripEthernet(b []byte) ([]byte, bool) {
	if len(b) < 14 {
		return nil, false
	}
	return stripTags(binary.BigEndian.Uint16(b[12:]), b[14:])
}

func stripCooked(b []byte, protoAt, header int) ([]byte, bool) {
	if len(b) < header {
		return nil, false
	}
	return stripTags(binary.BigEndian.Uint16(b[protoAt:]), b[header:])
}

// stripTags walks over VLAN tags (802.1Q, 802.1ad and its older number).
func stripTags(proto uint16, b []byte) ([]byte, bool) {
	for range maxTags {
		switch proto {
		case etherIPv4, etherIPv6:
			return b, true
		case 0x8100, 0x88a8, 0x9100:
			if len(b) < 4 {
				return nil, false
			}
			proto, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		default:
			return nil, false
		}
	}
	return nil, false
}

// parseIP reads an IPv4 or IPv6 packet down to its transport payload.
func (p *packet) parseIP(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch b[0] >> 4 {
	case 4:
		return p.parseIPv4(b)
	case 6:
		return p.parseIPv6(b)
	}
	return false
}

func (p *packet) parseIPv4(b []byte) bool {
	if len(b) < 20 {
		return false
	}
	header := int(b[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // the card was to fill it in (segmentation offload)
		total = len(b)
	}
	if header < 20 || total < header || len(b) < header {
		return false
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	if fragment&0x1fff != 0 { // only the first fragment tells a name
		return false
	}
	p.cut = fragment&0x2000 != 0
	src, _ := netip.AddrFromSlice(b[12:16])
	dst, _ := netip.AddrFromSlice(b[16:20])
	return p.parseTransport(b[9], src, dst, p.trim(b, total)[header:])
}

// trim takes off what the link added after the packet, and notes what the
// capture cut away.
func (p *packet) trim(b []byte, total int) []byte {
	if len(b) < total {
		p.cut = true
		return b
	}
	return b[:total]
}

// IPv6 extension headers that may stand before the transport header.
const (
	extHopByHop    = 0
	extRouting     = 43
	extFragment    = 44
	extAuth        = 51
	extDestination = 60
	extMobility    = 135
	extHIP         = 139
	extShim6       = 140
	maxExtensions  = 16
)

func (p *packet) parseIPv6(b []byte) bool {
	const header = 40
	if len(b) < header {
		return false
	}
	total := header + int(binary.BigEndian.Uint16(b[4:]))
	if total == header { // a jumbogram, or segmentation offload
		total = len(b)
	}
	src, _ := netip.AddrFromSlice(b[8:24])
	dst, _ := netip.AddrFromSlice(b[24:40])
	next, rest := b[6], p.trim(b, total)[header:]
	for range maxExtensions {
		var size int
		switch next {
		case extHopByHop, extRouting, extDestination, extMobility, extHIP, extShim6:
			if len(rest) < 8 {
				return false
			}
			size = (int(rest[1]) + 1) * 8
		case extAuth:
			if len(rest) < 8 {
				return false
			}
			size = (int(rest[1]) + 2) * 4
		case extFragment:
			if len(rest) < 8 || binary.BigEndian.Uint16(rest[2:])&0xfff8 != 0 {
				return false
			}
			p.cut = p.cut || rest[3]&1 != 0
			size = 8
		default:
			return p.parseTransport(next, src, dst, rest)
		}
		if len(rest) < size {
			return false
		}
		next, rest = rest[0], rest[size:]
	}
	return false
}

func (p *packet) parseTransport(proto uint8, src, dst netip.Addr, b []byte) bool {
	if len(b) < 8 {
		return false
	}
	p.proto = proto
	p.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	switch proto {
	case protoUDP:
		p.payload = b[8:]
		return true
	case protoTCP:
		if len(b) < 20 {
			return false
		}
		header := int(b[12]>>4) * 4
		if header < 20 || len(b) < header {
			return false
		}
		p.seq = binary.BigEndian.Uint32(b[4:])
		p.flags = b[13]
		p.payload = b[header:]
		return true
	}
	return false
}
