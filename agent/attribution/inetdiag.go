package attribution

import (
	"encoding/binary"
	"net/netip"
)

// The kernel's socket diagnosis: one request names a flow, one reply gives its
// socket. Numbers are in the machine's order, addresses and ports in the
// network's.
//
//	request  nlmsghdr(16) family proto ext pad states(4) id(48)
//	reply    nlmsghdr(16) family state timer retrans id(48)
//	         expires(4) rqueue(4) wqueue(4) uid(4) inode(4)
//	id       sport(2) dport(2) src(16) dst(16) interface(4) cookie(8)
const (
	nlHeader     = 16
	diagID       = 48
	diagRequest  = nlHeader + 8 + diagID
	diagReply    = nlHeader + 4 + diagID + 20
	diagByFamily = 20
	nlRequest    = 1
	nlError      = 2

	familyIPv4 = 2
	familyIPv6 = 10
	ipTCP      = 6
	ipUDP      = 17
)

// appendDiagRequest asks for the socket between local and remote.
func appendDiagRequest(b []byte, seq uint32, proto uint8, local, remote netip.AddrPort) []byte {
	if proto == ipUDP { // the kernel looks UDP up as for an incoming packet
		local, remote = remote, local
	}
	family := byte(familyIPv6)
	if local.Addr().Is4() {
		family = familyIPv4
	}
	ne := binary.NativeEndian
	b = ne.AppendUint32(b, diagRequest)
	b = ne.AppendUint16(b, diagByFamily)
	b = ne.AppendUint16(b, nlRequest)
	b = ne.AppendUint32(b, seq)
	b = ne.AppendUint32(b, 0)
	b = append(b, family, proto, 0, 0)
	b = ne.AppendUint32(b, 0xffffffff) // in any state
	b = binary.BigEndian.AppendUint16(b, local.Port())
	b = binary.BigEndian.AppendUint16(b, remote.Port())
	b = appendAddr(appendAddr(b, local.Addr()), remote.Addr())
	b = ne.AppendUint32(b, 0)          // on any interface
	b = ne.AppendUint64(b, ^uint64(0)) // without a cookie
	return b
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		four := a.As4()
		return append(append(b, four[:]...), make([]byte, 12)...)
	}
	sixteen := a.As16()
	return append(b, sixteen[:]...)
}

// parseDiagReply reads the reply to request seq. ok is false for a reply to
// another request, which is to be passed over.
func parseDiagReply(b []byte, seq uint32) (s socket, ok bool, err error) {
	ne := binary.NativeEndian
	if len(b) < nlHeader || ne.Uint32(b[8:]) != seq {
		return socket{}, false, nil
	}
	switch ne.Uint16(b[4:]) {
	case nlError:
		return socket{}, true, why(whyClosed)
	case diagByFamily:
		if len(b) < diagReply {
			return socket{}, true, why(whyRefused)
		}
		s = socket{uid: ne.Uint32(b[diagReply-8:]), inode: ne.Uint32(b[diagReply-4:])}
		if s.inode == 0 && s.uid == 0 {
			// A socket that its process has closed reads as root's, unless the
			// kernel kept whose it was: any other number is the one it had.
			return socket{}, true, why(whyClosed)
		}
		return s, true, nil
	}
	return socket{}, false, nil
}
