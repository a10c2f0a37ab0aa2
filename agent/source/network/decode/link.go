package decode

import "encoding/binary"

// Link says what a captured packet begins with.
type Link uint8

// The link layers that are understood.
const (
	Raw      Link = iota // an IPv4 or IPv6 header at once
	Ethernet             // with any number of VLAN tags, or LLC/SNAP, or PPPoE
	Cooked               // Linux cooked capture, version 1
	Cooked2              // Linux cooked capture, version 2
	Null                 // BSD loopback (NULL, LOOP): four bytes of address family
	PPP                  // with or without its HDLC framing
	PPPoE                // a PPPoE header, without Ethernet's
	CHDLC                // Cisco's HDLC
	NFLOG                // what Linux's netfilter logs
	PKTAP                // macOS: a header that says what link follows
)

const (
	etherIPv4   = 0x0800
	etherIPv6   = 0x86dd
	etherPPPoE  = 0x8864
	etherVLAN   = 0x8100
	etherQinQ   = 0x88a8
	etherQinQ91 = 0x9100 // before 802.1ad
	maxEther    = 1500   // up to it the field is a length (IEEE 802.3)
	maxTags     = 4

	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
)

// stripLink returns the IP packet within a captured frame.
func stripLink(link Link, b []byte) ([]byte, bool) {
	switch link {
	case Raw:
		return b, true
	case Ethernet:
		return stripHeader(b, 12, 14)
	case Cooked:
		return stripHeader(b, 14, 16)
	case Cooked2:
		return stripHeader(b, 0, 20)
	case CHDLC:
		return stripHeader(b, 2, 4)
	case Null:
		if len(b) < 4 {
			return nil, false
		}
		return b[4:], true
	case PPP:
		return stripPPP(b)
	case PPPoE:
		return stripPPPoE(b)
	case NFLOG:
		return stripNFLOG(b)
	case PKTAP:
		return stripPKTAP(b)
	}
	return nil, false
}

// stripNFLOG finds the packet among the attributes of a logged one, each
// behind its length and type in the byte order of the host, which is little
// wherever such captures come from.
func stripNFLOG(b []byte) ([]byte, bool) {
	const header, payload = 4, 9
	for b = b[min(len(b), header):]; len(b) >= 4; {
		size, kind := int(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint16(b[2:])
		if size < 4 || size > len(b) {
			return nil, false
		}
		if kind == payload {
			return b[4:size], true
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return nil, false
}

// stripPKTAP takes off a header that gives its own length and the link type of
// what follows.
func stripPKTAP(b []byte) ([]byte, bool) {
	const short = 108
	if len(b) < short {
		return nil, false
	}
	size := binary.LittleEndian.Uint32(b)
	if size < short || size > uint32(len(b)) {
		return nil, false
	}
	link, ok := LinkType(binary.LittleEndian.Uint32(b[8:]))
	if !ok || link == PKTAP {
		return nil, false
	}
	return stripLink(link, b[size:])
}

// LinkType says which link a capture's link-layer type means (the registry
// LINKTYPE_ of pcap); false for those that are not decoded.
func LinkType(t uint32) (Link, bool) {
	switch t {
	case 1:
		return Ethernet, true
	case 12, 14, 101, 228, 229: // 12 and 14 are what some systems wrote for raw IP
		return Raw, true
	case 0, 108:
		return Null, true
	case 9, 50:
		return PPP, true
	case 51:
		return PPPoE, true
	case 104:
		return CHDLC, true
	case 113:
		return Cooked, true
	case 276:
		return Cooked2, true
	case 239:
		return NFLOG, true
	case 149, 258:
		return PKTAP, true
	}
	return 0, false
}

// stripHeader takes off a link's header, which holds an EtherType.
func stripHeader(b []byte, protoAt, header int) ([]byte, bool) {
	if len(b) < header {
		return nil, false
	}
	return stripTags(binary.BigEndian.Uint16(b[protoAt:]), b[header:])
}

// stripTags walks over VLAN tags (802.1Q, 802.1ad and its older number), SNAP
// headers and PPPoE.
func stripTags(proto uint16, b []byte) ([]byte, bool) {
	for range maxTags {
		switch {
		case proto == etherIPv4, proto == etherIPv6:
			return b, true
		case proto == etherPPPoE:
			return stripPPPoE(b)
		case proto == etherVLAN, proto == etherQinQ, proto == etherQinQ91:
			if len(b) < 4 {
				return nil, false
			}
			proto, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		case proto <= maxEther: // LLC with SNAP: AA AA 03, three bytes of whose, an EtherType
			if len(b) < 8 || b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 {
				return nil, false
			}
			proto, b = binary.BigEndian.Uint16(b[6:]), b[8:]
		default:
			return nil, false
		}
	}
	return nil, false
}

// stripPPPoE takes off the header of a session's data (RFC 2516).
func stripPPPoE(b []byte) ([]byte, bool) {
	if len(b) < 6 || b[0] != 0x11 || b[1] != 0 {
		return nil, false
	}
	return stripPPP(b[6:])
}

// stripPPP takes off PPP's protocol number, which may be one byte long (RFC
// 1661), and HDLC's address and control before it (RFC 1662).
func stripPPP(b []byte) ([]byte, bool) {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	if len(b) < 2 {
		return nil, false
	}
	proto, size := binary.BigEndian.Uint16(b), 2
	if b[0]&1 != 0 {
		proto, size = uint16(b[0]), 1
	}
	if proto != pppIPv4 && proto != pppIPv6 {
		return nil, false
	}
	return b[size:], true
}
