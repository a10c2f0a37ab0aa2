package decode

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	protoICMP  = 1
	protoTCP   = 6
	protoUDP   = 17
	protoICMP6 = 58
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
	missing  int  // bytes of the payload that the capture cut away
	unsure   bool // more may be missing: a datagram's first fragment alone
	inOrder  bool // seq is not known: what comes follows on what came
}

// parser takes IP packets apart.
type parser struct {
	p     *packet
	frags *fragments
	own   func(src, dst netip.Addr) bool // nil for every packet
}

// ip reads an IPv4 or IPv6 packet down to its transport payload.
func (r parser) ip(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch b[0] >> 4 {
	case 4:
		return r.ip4(b)
	case 6:
		return r.ip6(b)
	}
	return false
}

func (r parser) ip4(b []byte) bool {
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
	src, dst := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	body := r.trim(b, total)[header:]
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x3fff != 0 {
		return r.fragment(fragment{
			key:  fragmentKey{src, dst, uint32(binary.BigEndian.Uint16(b[4:])), b[9]},
			next: b[9], at: int(frag&0x1fff) * 8, more: frag&0x2000 != 0, body: body,
		})
	}
	return r.transport(b[9], src, dst, body)
}

// trim takes off what the link added after the packet, and notes what the
// capture cut away.
func (r parser) trim(b []byte, total int) []byte {
	if len(b) < total {
		r.p.missing = total - len(b)
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

func (r parser) ip6(b []byte) bool {
	const header = 40
	if len(b) < header {
		return false
	}
	total := header + int(binary.BigEndian.Uint16(b[4:]))
	if total == header { // a jumbogram, or segmentation offload
		total = len(b)
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	return r.extensions(b[6], src, dst, r.trim(b, total)[header:], true)
}

// extensions walks over the extension headers; fragments says whether one of
// them may be a fragment's.
func (r parser) extensions(next uint8, src, dst netip.Addr, rest []byte, fragments bool) bool {
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
			if len(rest) < 8 || !fragments {
				return false
			}
			at := binary.BigEndian.Uint16(rest[2:])
			if at&0xfff9 != 0 {
				return r.fragment(fragment{
					key:  fragmentKey{src, dst, binary.BigEndian.Uint32(rest[4:]), extFragment},
					next: rest[0], at: int(at &^ 7), more: at&1 != 0, body: rest[8:],
				})
			}
			size = 8 // the whole packet in one fragment (RFC 6946)
		default:
			return r.transport(next, src, dst, rest)
		}
		if len(rest) < size {
			return false
		}
		next, rest = rest[0], rest[size:]
	}
	return false
}

// fragment goes on with the datagram that f completes, if it does.
func (r parser) fragment(f fragment) bool {
	if r.own != nil && !r.own(f.key.src, f.key.dst) { // not even kept (G11)
		return false
	}
	if r.p.missing > 0 { // its end is not there to put in
		f.more = true
	}
	whole, next, done := r.frags.add(f, r.p.key, r.p.at)
	if !done {
		return false
	}
	r.p.missing = 0
	return r.extensions(next, f.key.src, f.key.dst, whole, false)
}

func (r parser) transport(proto uint8, src, dst netip.Addr, b []byte) bool {
	p := r.p
	p.proto = proto
	if proto == protoICMP || proto == protoICMP6 {
		p.src, p.dst, p.payload = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0), b
		return true
	}
	if len(b) < 8 {
		return false
	}
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
