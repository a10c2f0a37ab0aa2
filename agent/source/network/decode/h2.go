package decode

import (
	"encoding/binary"

	"golang.org/x/net/http2/hpack"

	"safelight/internal/event"
)

// HTTP/2 without TLS, begun by its preface at once or after an upgrade (RFC
// 9113, 3). The preface's first line and the empty one are taken as a request's.
const (
	h2PrefaceRest  = "SM\r\n\r\n"
	h2FrameHeader  = 9
	h2Headers      = 1
	h2Continuation = 9
	h2EndHeaders   = 0x4
	h2Padded       = 0x8
	h2Priority     = 0x20
	maxHeaderBlock = 64 << 10
	maxHeaderTable = 16 << 10 // servers ask for 4 KiB unless told otherwise
)

// h2Stream reads the frames that a client sends. Header blocks must all be
// decoded, because later ones refer to earlier ones; everything else is
// stepped over.
type h2Stream struct {
	dec     *hpack.Decoder
	preface int // bytes of it seen
	head    [h2FrameHeader]byte
	headN   int
	left    int    // bytes of the frame's payload still to come
	block   []byte // the header block so far
	host    string
}

func newH2Stream() *h2Stream {
	s := &h2Stream{}
	s.dec = hpack.NewDecoder(4096, func(h hpack.HeaderField) {
		if h.Name == ":authority" || h.Name == "host" && s.host == "" {
			s.host = h.Value
		}
	})
	s.dec.SetAllowedMaxDynamicTableSize(maxHeaderTable)
	s.dec.SetMaxStringLength(maxHeaderBlock)
	return s
}

func (s *h2Stream) size() int { return maxHeaderTable + cap(s.block) }

// takeH2 takes the stream's next bytes. It returns nothing: HTTP/2 does not
// turn into something else.
func (d *Decoder) takeH2(f *flow, b []byte) []byte {
	s := f.work.h2
	for len(b) > 0 {
		switch {
		case s.preface < len(h2PrefaceRest):
			if b[0] != h2PrefaceRest[s.preface] {
				d.watch(f)
				return nil
			}
			s.preface++
			b = b[1:]
		case s.left > 0:
			n := min(s.left, len(b))
			s.block = append(s.block, b[:n]...)
			s.left -= n
			b = b[n:]
			if s.left == 0 && !d.frameEnd(f, s) {
				d.watch(f)
				return nil
			}
		default:
			n := copy(s.head[s.headN:], b)
			s.headN += n
			b = b[n:]
			if s.headN < h2FrameHeader {
				return nil
			}
			s.headN = 0
			size := int64(binary.BigEndian.Uint32(s.head[:]) >> 8)
			if kind := s.head[3]; kind != h2Headers && kind != h2Continuation {
				b = skip(f, size, b)
				continue
			}
			if s.left = int(size); size == 0 && s.head[4]&h2EndHeaders == 0 {
				continue
			}
			if len(s.block)+s.left > maxHeaderBlock || s.left == 0 && !d.frameEnd(f, s) {
				d.dropped++
				d.watch(f)
				return nil
			}
		}
	}
	return nil
}

// frameEnd takes off a HEADERS frame's padding and priority, and decodes the
// block if this was its last frame.
func (d *Decoder) frameEnd(f *flow, s *h2Stream) bool {
	flags := s.head[4]
	if s.head[3] == h2Headers {
		b, pad := s.block, 0
		if flags&h2Padded != 0 {
			if len(b) == 0 {
				return false
			}
			pad, b = int(b[0]), b[1:]
		}
		if flags&h2Priority != 0 {
			if len(b) < 5 {
				return false
			}
			b = b[5:]
		}
		if pad > len(b) {
			return false
		}
		s.block = append(s.block[:0], b[:len(b)-pad]...)
	}
	if flags&h2EndHeaders == 0 {
		return true
	}
	s.host = ""
	_, err := s.dec.Write(s.block)
	if err == nil {
		err = s.dec.Close()
	}
	s.block = s.block[:0]
	if err != nil {
		return false
	}
	d.tellAuthority(f, s.host)
	return true
}

func (d *Decoder) tellAuthority(f *flow, raw string) {
	name, ok := d.names.ofHostPort([]byte(raw))
	if ok && name != f.host {
		f.host = name
		d.hooks.Name(d.sight(f, name, event.ViaHTTP, f.seen))
	}
}
