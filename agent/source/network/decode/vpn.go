package decode

import "encoding/binary"

const (
	ikePort    = 500
	ikeNATPort = 4500

	wireGuardInitiation = 148    // bytes, always
	openVPNReset        = 7 << 3 // and the number of the key, 0
	openVPNReset3       = 10 << 3
)

// tunnel tells of the message with which a VPN's client begins. The forms are
// strict, for other traffic must not look like them.
func (d *Decoder) tunnel(p *packet) bool {
	var what What
	switch b := p.payload; {
	case isWireGuard(b):
		what = WireGuard
	case isOpenVPN(b):
		what = OpenVPN
	case p.dst.Port() == ikePort && isIKE(b):
		what = IKE
	case p.dst.Port() == ikeNATPort && len(b) > 4 && binary.BigEndian.Uint32(b) == 0 && isIKE(b[4:]):
		what = IKE // RFC 3948, 2.2
	default:
		return false
	}
	d.fact(what, p.key, UDP, p.src, p.dst, p.at)
	return true
}

// isWireGuard knows a handshake initiation: type 1 and three reserved bytes
// (the WireGuard paper, 5.4.2).
func isWireGuard(b []byte) bool {
	return len(b) == wireGuardInitiation && binary.LittleEndian.Uint32(b) == 1
}

// isOpenVPN knows a client's hard reset: the opcode, eight bytes of session,
// then nothing more than an empty list of acknowledgements and packet number 0,
// with tls-auth's digest, packet number and time between, or tls-crypt's tag.
func isOpenVPN(b []byte) bool {
	if len(b) < 14 || b[0] != openVPNReset && b[0] != openVPNReset3 {
		return false
	}
	plain := binary.BigEndian.Uint32(b[len(b)-4:]) == 0 && b[len(b)-5] == 0
	switch len(b) {
	case 14: // bare
		return plain
	case 14 + 16 + 8, 14 + 20 + 8, 14 + 64 + 8: // MD5, SHA-1, SHA-512
		return plain
	case 14 + 32 + 8: // SHA-256 or tls-crypt
		return plain || binary.BigEndian.Uint32(b[9:]) <= 1<<28
	}
	return b[0] == openVPNReset3 && len(b) > 14+32+8 && binary.BigEndian.Uint32(b[9:]) <= 1<<28
}

// isOpenVPNStream knows the same over TCP, behind its length.
func isOpenVPNStream(b []byte) bool {
	return len(b) > 2 && int(binary.BigEndian.Uint16(b)) == len(b)-2 && isOpenVPN(b[2:])
}

// isIKE knows the first message of an exchange of keys: the responder has no
// number yet (RFC 7296, 3.1; RFC 2408, 3.1).
func isIKE(b []byte) bool {
	const header = 28
	if len(b) < header || binary.BigEndian.Uint64(b) == 0 || binary.BigEndian.Uint64(b[8:]) != 0 ||
		int(binary.BigEndian.Uint32(b[24:])) != len(b) {
		return false
	}
	const saInit, mainMode, aggressive = 34, 2, 4
	switch version, exchange := b[17], b[18]; version {
	case 0x20:
		return exchange == saInit
	case 0x10:
		return exchange == mainMode || exchange == aggressive
	}
	return false
}
