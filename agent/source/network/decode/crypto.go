package decode

import "slices"

const (
	maxCrypto = 32 << 10 // of a ClientHello over QUIC
	maxSpans  = 128
)

// cryptoStream puts the CRYPTO frames of a connection together. Browsers
// shuffle and overlap them on purpose.
//
//	spans   [0,58)      [62,1058)        [1838,1850)
//	buf     ==========......===============......====
type cryptoStream struct {
	buf   []byte
	spans []span // in order, apart from one another
}

type span struct{ from, to int }

// add takes one frame. Where frames overlap, the bytes that came first stand.
// It returns false when there is too much of it.
func (s *cryptoStream) add(offset uint64, data []byte) bool {
	if offset > maxCrypto || int(offset)+len(data) > maxCrypto {
		return false
	}
	from, to := int(offset), int(offset)+len(data)
	if len(data) == 0 {
		return true
	}
	if to > len(s.buf) {
		s.buf = slices.Grow(s.buf, max(to, 2048)-len(s.buf))[:to]
	}
	at := from
	i := 0
	for i < len(s.spans) && s.spans[i].to < from {
		i++
	}
	joined := span{from, to}
	j := i
	for ; j < len(s.spans) && s.spans[j].from <= to; j++ {
		have := s.spans[j]
		if at < have.from {
			copy(s.buf[at:have.from], data[at-from:])
		}
		at = max(at, have.to)
		joined.from, joined.to = min(joined.from, have.from), max(joined.to, have.to)
	}
	if at < to {
		copy(s.buf[at:to], data[at-from:])
	}
	s.spans = slices.Replace(s.spans, i, j, joined)
	return len(s.spans) <= maxSpans
}

// start returns the bytes from the beginning up to the first gap.
func (s *cryptoStream) start() []byte {
	if len(s.spans) == 0 || s.spans[0].from > 0 {
		return nil
	}
	return s.buf[:s.spans[0].to]
}
