package decode

import (
	"encoding/binary"

	"safelight/agent/source/network/initial"
)

const (
	quicLong    = 0x80 // the header form of packets that open a connection
	maxCID      = 20
	quicInitial = 0 // in version 1's numbering
	quic0RTT    = 1
	quicHands   = 2
	quicRetry   = 3
)

// longHeader is a QUIC packet with a long header (RFC 9000, 17.2). Its slices
// point into the datagram.
type longHeader struct {
	version    uint32
	suite      *initial.Suite
	kind       uint8 // in version 1's numbering
	dcid, scid []byte
	token      bool   // an Initial with a token: it follows a Retry, or an earlier visit
	packet     []byte // the whole packet
	pnAt       int    // where in packet its number is
}

// readLong reads the first packet of b. ok is false where it has no long
// header of a version that is known; cut says that its end is not there.
func readLong(b []byte) (h longHeader, ok, cut bool) {
	if len(b) < 7 || b[0]&quicLong == 0 {
		return h, false, false
	}
	h.version = binary.BigEndian.Uint32(b[1:])
	if h.suite = initial.SuiteOf(h.version); h.suite == nil {
		return h, false, false
	}
	at := 5
	if h.dcid, at, ok = shortBytes(b, at); !ok {
		return h, false, false
	}
	if h.scid, at, ok = shortBytes(b, at); !ok {
		return h, false, false
	}
	h.kind = b[0] >> 4 & 3
	if h.suite.Renumbers {
		h.kind = (h.kind + 3) & 3 // RFC 9369, 3.2: Initial is 1, Retry 0
	}
	if h.kind == quicRetry {
		h.packet = b
		return h, true, false
	}
	if h.kind == quicInitial {
		size, next, ok := varint(b, at)
		if !ok || size > uint64(len(b)-next) {
			return h, false, false
		}
		h.token = size > 0
		at = next + int(size)
	}
	size, at, ok := varint(b, at)
	if !ok {
		return h, false, false
	}
	if size > uint64(len(b)-at) {
		return h, true, true
	}
	h.pnAt, h.packet = at, b[:at+int(size)]
	return h, true, false
}

// shortBytes reads a connection id behind its length.
func shortBytes(b []byte, at int) ([]byte, int, bool) {
	if at >= len(b) {
		return nil, 0, false
	}
	n := int(b[at])
	at++
	if n > maxCID || at+n > len(b) {
		return nil, 0, false
	}
	return b[at : at+n], at + n, true
}

// varint reads a variable-length integer (RFC 9000, 16).
func varint(b []byte, at int) (v uint64, next int, ok bool) {
	if at >= len(b) {
		return 0, 0, false
	}
	size := 1 << (b[at] >> 6)
	if at+size > len(b) {
		return 0, 0, false
	}
	v = uint64(b[at] & 0x3f)
	for _, c := range b[at+1 : at+size] {
		v = v<<8 | uint64(c)
	}
	return v, at + size, true
}

const (
	framePadding = 0x00
	framePing    = 0x01
	frameACK     = 0x02
	frameACKECN  = 0x03
	frameCrypto  = 0x06
	frameClose   = 0x1c
)

// cryptoFrames calls each for every CRYPTO frame of an Initial's payload. It
// returns false at what may not stand in one (RFC 9000, 17.2.2).
func cryptoFrames(b []byte, each func(at uint64, data []byte)) bool {
	for at := 0; at < len(b); {
		kind := b[at]
		at++
		var ok bool
		switch kind {
		case framePadding, framePing:
		case frameACK, frameACKECN:
			if at, ok = skipACK(b, at, kind == frameACKECN); !ok {
				return false
			}
		case frameCrypto:
			var offset, size uint64
			if offset, at, ok = varint(b, at); !ok {
				return false
			}
			if size, at, ok = varint(b, at); !ok || size > uint64(len(b)-at) {
				return false
			}
			each(offset, b[at:at+int(size)])
			at += int(size)
		case frameClose:
			return true // nothing of interest follows
		default:
			return false
		}
	}
	return true
}

// skipACK steps over an ACK frame (RFC 9000, 19.3).
func skipACK(b []byte, at int, ecn bool) (int, bool) {
	var v [4]uint64 // largest, delay, ranges, first range
	for i := range v {
		var ok bool
		if v[i], at, ok = varint(b, at); !ok {
			return 0, false
		}
	}
	rest := 2 * v[2]
	if ecn {
		rest += 3
	}
	if v[2] > uint64(len(b)) {
		return 0, false
	}
	for range rest {
		var ok bool
		if _, at, ok = varint(b, at); !ok {
			return 0, false
		}
	}
	return at, true
}
