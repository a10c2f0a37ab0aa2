package decode

import (
	"time"

	"safelight/internal/event"
)

const (
	recordHeader    = 5
	recordHandshake = 22
	maxRecord       = 1<<14 + 256
	dotPort         = 853
)

// looksLikeHello says whether b begins as the record of a ClientHello does. It
// is how a connection whose SYN was not seen is recognised.
func looksLikeHello(b []byte) bool {
	return len(b) >= recordHeader+1 && b[0] == recordHandshake && b[1] == 3 && b[2] <= 4 &&
		b[recordHeader] == clientHello
}

// helloStream takes the ClientHello out of a TCP stream. A hello may span
// segments, and records too; its handshake bytes gather in work.buf.
type helloStream struct {
	head  [recordHeader]byte
	headN int
	left  int // bytes still to come of the record at hand
}

// feed takes the stream's next bytes. With done it returns the ClientHello's
// body, which is good until the next call.
func (s *helloStream) feed(b []byte, hs *[]byte) ([]byte, progress) {
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
		if len(*hs) > 0 {
			*hs = append(*hs, part...)
			part = *hs
		}
		body, how := wholeHello(part)
		if how != more {
			return body, how
		}
		if len(*hs) == 0 {
			*hs = append(*hs, part...)
		}
	}
	return nil, more
}

// takeHello hands the stream's next bytes to the ClientHello being gathered.
func (d *Decoder) takeHello(f *flow, b []byte) {
	if f.work == nil && d.wholeRecord(f, b) {
		return
	}
	w := d.flows.working(f)
	body, how := w.hello.feed(b, &w.buf)
	switch how {
	case more:
	case done:
		d.tellHello(f, body, event.ViaTLS, true, f.seen)
		d.settle(f)
	case not:
		d.watch(f)
	}
}

// wholeRecord reads a ClientHello that lies in one record in one segment.
func (d *Decoder) wholeRecord(f *flow, b []byte) bool {
	if !looksLikeHello(b) {
		return false
	}
	n := int(b[3])<<8 | int(b[4])
	if n > maxRecord || len(b) < recordHeader+n {
		return false
	}
	body, how := wholeHello(b[recordHeader : recordHeader+n])
	if how != done {
		return false
	}
	d.tellHello(f, body, event.ViaTLS, true, f.seen)
	d.settle(f)
	return true
}

// partialHello tells the name of a ClientHello whose end will not come.
func (d *Decoder) partialHello(f *flow, at time.Time) bool {
	buf := f.work.buf
	if len(buf) < handshakeHeader || buf[0] != clientHello {
		return false
	}
	f.work.buf = buf[:0] // told or not, it is told no more
	return d.tellHello(f, buf[handshakeHeader:], event.ViaTLS, false, at)
}
