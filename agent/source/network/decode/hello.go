package decode

import (
	"golang.org/x/crypto/cryptobyte"

	"safelight/agent/source/hostname"
)

const (
	recordHeader    = 5
	recordHandshake = 22
	maxRecord       = 1<<14 + 256
	clientHello     = 1
	handshakeHeader = 4
	maxHello        = 1 << 16
	extServerName   = 0
)

// looksLikeHello says whether b begins as the record of a ClientHello does. It
// is how a connection whose SYN was not seen is recognised.
func looksLikeHello(b []byte) bool {
	return len(b) >= recordHeader+1 && b[0] == recordHandshake && b[1] == 3 && b[2] <= 4 &&
		b[recordHeader] == clientHello
}

// helloStream takes the ClientHello out of a TCP stream. A hello may span
// segments, and records too.
type helloStream struct {
	head  [recordHeader]byte
	headN int
	left  int    // bytes still to come of the record at hand
	hs    []byte // handshake bytes so far, kept only when they span calls
}

type progress uint8

const (
	more progress = iota // bytes are missing
	done                 // the message is whole
	not                  // this is something else
)

// feed takes the stream's next bytes. With done it returns the ClientHello's
// body, which is good until the next call.
func (s *helloStream) feed(b []byte) ([]byte, progress) {
	for len(b) > 0 {
		if s.left == 0 {
			n := copy(s.head[s.headN:], b)
			s.headN += n
			b = b[n:]
			if s.headN < recordHeader {
				return nil, more
			}
			s.headN = 0
			s.left = int(s.head[3])<<8 | int(s.head[4])
			if s.head[0] != recordHandshake || s.head[1] != 3 || s.left == 0 || s.left > maxRecord {
				return nil, not
			}
			continue
		}
		part := b[:min(s.left, len(b))]
		b = b[len(part):]
		s.left -= len(part)
		if s.hs != nil {
			s.hs = append(s.hs, part...)
			part = s.hs
		}
		body, how := wholeHello(part)
		if how != more {
			return body, how
		}
		if s.hs == nil {
			s.hs = append(make([]byte, 0, max(2048, len(part))), part...)
		}
	}
	return nil, more
}

func wholeHello(hs []byte) ([]byte, progress) {
	if hs[0] != clientHello {
		return nil, not
	}
	if len(hs) < handshakeHeader {
		return nil, more
	}
	n := int(hs[1])<<16 | int(hs[2])<<8 | int(hs[3])
	switch {
	case n > maxHello:
		return nil, not
	case len(hs) < handshakeHeader+n:
		return nil, more
	}
	return hs[handshakeHeader : handshakeHeader+n], done
}

// serverName reads the server name of a ClientHello's body. The body may be
// cut: extensions that are wholly there are read.
func serverName(body []byte) (string, bool) {
	s := cryptobyte.String(body)
	var session, suites, methods cryptobyte.String
	if !s.Skip(2+32) || !s.ReadUint8LengthPrefixed(&session) ||
		!s.ReadUint16LengthPrefixed(&suites) || !s.ReadUint8LengthPrefixed(&methods) || !s.Skip(2) {
		return "", false
	}
	for !s.Empty() {
		var kind uint16
		var ext cryptobyte.String
		if !s.ReadUint16(&kind) || !s.ReadUint16LengthPrefixed(&ext) {
			return "", false
		}
		if kind == extServerName {
			return serverNameList(ext)
		}
	}
	return "", false
}

func serverNameList(ext cryptobyte.String) (string, bool) {
	var list cryptobyte.String
	if !ext.ReadUint16LengthPrefixed(&list) {
		return "", false
	}
	for !list.Empty() {
		var kind uint8
		var name cryptobyte.String
		if !list.ReadUint8(&kind) || !list.ReadUint16LengthPrefixed(&name) {
			return "", false
		}
		if kind == 0 {
			return hostname.Normalise([]byte(name))
		}
	}
	return "", false
}
