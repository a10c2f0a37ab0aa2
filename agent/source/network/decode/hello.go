package decode

import (
	"bytes"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"safelight/internal/event"
)

// Extensions of a ClientHello (RFC 6066, RFC 7301, RFC 9849; 0xffce is the
// draft that ECH grew from).
const (
	extServerName = 0
	extALPN       = 16
	extECH        = 0xfe0d
	extESNI       = 0xffce

	clientHello     = 1
	handshakeHeader = 4
	maxHello        = 1 << 16
)

type progress uint8

const (
	more progress = iota // bytes are missing
	done                 // the message is whole
	not                  // this is something else
)

// wholeHello says whether a handshake's first bytes are a whole ClientHello,
// and returns its body.
func wholeHello(hs []byte) ([]byte, progress) {
	if len(hs) == 0 {
		return nil, more
	}
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

// hello is what a ClientHello says. Its slices point into the message.
type hello struct {
	name  []byte // of the server, as written
	named bool   // the extension was there
	outer bool   // an ECH extension was there, which may be for show (GREASE)
	esni  bool   // the server's name is encrypted, as a draft once had it
	dns   bool   // DNS is spoken: ALPN dot or doq
}

// read reads a ClientHello's body (RFC 8446, 4.1.2). The body may be cut: the
// extensions that are wholly there are read. It returns false where the body
// is no ClientHello or ends before its extensions.
func (h *hello) read(body []byte) bool {
	*h = hello{}
	s := cryptobyte.String(body)
	var session, suites, methods cryptobyte.String
	if !s.Skip(2+32) || !s.ReadUint8LengthPrefixed(&session) ||
		!s.ReadUint16LengthPrefixed(&suites) || !s.ReadUint8LengthPrefixed(&methods) {
		return false
	}
	if s.Empty() { // before there were extensions
		return true
	}
	if !s.Skip(2) {
		return false
	}
	for !s.Empty() {
		var kind uint16
		var ext cryptobyte.String
		if !s.ReadUint16(&kind) || !s.ReadUint16LengthPrefixed(&ext) {
			break
		}
		switch kind {
		case extServerName:
			h.serverName(ext)
		case extALPN:
			h.alpn(ext)
		case extECH:
			h.outer = len(ext) > 0 && ext[0] == 0 // outer, RFC 9849, 5
		case extESNI:
			h.esni = true
		}
	}
	return true
}

func (h *hello) serverName(ext cryptobyte.String) {
	var list cryptobyte.String
	if !ext.ReadUint16LengthPrefixed(&list) {
		return
	}
	for !list.Empty() {
		var kind uint8
		var name cryptobyte.String
		if !list.ReadUint8(&kind) || !list.ReadUint16LengthPrefixed(&name) {
			return
		}
		if kind == 0 {
			h.name, h.named = name, true
			return
		}
	}
}

func (h *hello) alpn(ext cryptobyte.String) {
	var list, proto cryptobyte.String
	if !ext.ReadUint16LengthPrefixed(&list) {
		return
	}
	for !list.Empty() && list.ReadUint8LengthPrefixed(&proto) {
		if bytes.Equal(proto, []byte("dot")) || bytes.HasPrefix(proto, []byte("doq")) {
			h.dns = true
		}
	}
}

// tellHello tells what a ClientHello of f says. whole says that its end was
// seen. It returns false where no name was told.
func (d *Decoder) tellHello(f *flow, body []byte, via event.Via, whole bool, at time.Time) bool {
	h := &d.hello
	if !h.read(body) {
		return false
	}
	name, ok := d.names.normal(h.name)
	if !ok { // some clients write a port behind it
		name, ok = d.names.ofHostPort(h.name)
	}
	if !ok && !whole {
		return false
	}
	if h.dns || f.server.Port() == dotPort {
		what := DoT
		if via == event.ViaQUIC {
			what = DoQ
		}
		d.fact(what, f.sock, f.proto(), f.client, f.server, at)
	}
	if !ok {
		d.fact(NoName, f.sock, f.proto(), f.client, f.server, at)
		return false
	}
	outer := h.esni || h.outer && d.public.has(name)
	if outer {
		d.fact(ECHHidden, f.sock, f.proto(), f.client, f.server, at)
	}
	s := d.sight(f, name, via, at)
	s.Outer, s.Partial = outer, !whole
	d.hooks.Name(s)
	return true
}
