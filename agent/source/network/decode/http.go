package decode

import (
	"bytes"
	"time"

	"safelight/internal/event"
)

const (
	// maxHead is how much of a request's head is kept while its end has not
	// come.
	maxHead = 32 << 10
	// maxSkip is how far a body may reach; of a longer one only a later
	// segment that begins a request is read.
	maxSkip = 1 << 30
	maxLine = 1 << 10 // of a chunk's size
)

type httpPhase uint8

const (
	inHead httpPhase = iota
	inSize           // before a chunk's size
	inTrailer
)

// httpStream is where a connection's requests have come to. What is unfinished
// of a head or line lies in work.buf. Bodies are stepped over by moving the
// flow's next, so that their segments cost nothing.
type httpStream struct {
	phase   httpPhase
	scanned int  // bytes of the head in which its end is not
	request bool // the head's first line is a request's
}

// takeHTTP hands the stream's next bytes to the request at hand. It returns
// what is left of them when they turn into something else.
func (d *Decoder) takeHTTP(f *flow, b []byte) (rest []byte) {
	for len(b) > 0 && f.kind == isHTTP {
		switch {
		case f.work == nil || f.work.http.phase == inHead:
			b = d.takeHead(f, b)
		default:
			b = d.takeChunkLine(f, b)
		}
	}
	return b
}

// takeHead takes bytes of a request's head.
func (d *Decoder) takeHead(f *flow, b []byte) (rest []byte) {
	if f.work == nil || len(f.work.buf) == 0 {
		if b = bytes.TrimLeft(b, "\r\n"); len(b) == 0 { // RFC 9112, 2.2
			return nil
		}
		if n := headEnd(b, 0); n > 0 {
			return d.wholeHead(f, b[:n], b[n:])
		}
	}
	w := d.flows.working(f)
	room := maxHead - len(w.buf)
	before := len(w.buf)
	w.buf = append(w.buf, b[:min(len(b), room)]...)
	if !w.http.couldBe(w.buf, &d.request) {
		d.watch(f)
		return nil
	}
	if n := headEnd(w.buf, w.http.scanned); n > 0 {
		rest = b[n-before:]
		head := w.buf
		w.buf = w.buf[:0]
		w.http = httpStream{}
		return d.wholeHead(f, head[:n], rest)
	}
	w.http.scanned = len(w.buf)
	if len(w.buf) == maxHead {
		d.giveUp(f)
	}
	return nil
}

// couldBe says whether the beginning of a head is a request's, as far as it
// goes.
func (s *httpStream) couldBe(head []byte, r *request) bool {
	if s.request {
		return true
	}
	line, _, whole := cutLine(head)
	if !whole {
		return methodOf(head) != not
	}
	s.request = r.requestLine(line)
	return s.request
}

// wholeHead tells the hosts of a request and steps over its body.
func (d *Decoder) wholeHead(f *flow, head, rest []byte) []byte {
	r := &d.request
	if !r.read(head) {
		d.watch(f)
		return nil
	}
	d.tellHosts(f, r, false, f.seen)
	switch {
	case r.preface:
		f.kind = isH2
		d.flows.working(f).h2 = newH2Stream()
		return rest
	case r.connect: // what follows may be anything
		f.kind = fresh
		return rest
	case r.chunked:
		d.flows.working(f).http.phase = inSize
		return rest
	case r.length < 0 || r.length > maxSkip:
		d.watch(f)
		return nil
	}
	return skip(f, r.length, rest)
}

// skip steps over n bytes of the stream, of which rest is the beginning.
func skip(f *flow, n int64, rest []byte) []byte {
	if n <= int64(len(rest)) {
		return rest[n:]
	}
	f.next += uint32(n - int64(len(rest)))
	return nil
}

// takeChunkLine takes bytes of a chunked body that are not of a chunk (RFC
// 9112, 7.1): its size, the end of its line, or a trailer.
func (d *Decoder) takeChunkLine(f *flow, b []byte) (rest []byte) {
	w := f.work
	end := bytes.IndexByte(b, '\n') + 1
	if end == 0 {
		end = len(b)
	}
	if len(w.buf)+end > maxLine {
		d.watch(f)
		return nil
	}
	w.buf = append(w.buf, b[:end]...)
	rest = b[end:]
	if w.buf[len(w.buf)-1] != '\n' {
		return nil
	}
	line := bytes.TrimRight(w.buf, "\r\n")
	w.buf = w.buf[:0]
	switch {
	case w.http.phase == inTrailer && len(line) == 0:
		w.http = httpStream{}
	case w.http.phase == inTrailer, len(line) == 0:
	default:
		size := hexNumber(line)
		switch {
		case size == 0:
			w.http.phase = inTrailer
		case size < 0 || size > maxSkip:
			d.watch(f)
			return nil
		}
		return skip(f, size, rest)
	}
	return rest
}

// hexNumber reads a chunk's size, before its extensions.
func hexNumber(line []byte) int64 {
	n, digits := int64(0), 0
	for _, c := range line {
		var v byte
		switch {
		case c >= '0' && c <= '9':
			v = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = c | 0x20 - 'a' + 10
		default:
			if digits == 0 || c != ';' && c != ' ' && c != '\t' {
				return -1
			}
			return n
		}
		n = n<<4 | int64(v)
		if digits++; digits > 12 {
			return -1
		}
	}
	if digits == 0 {
		return -1
	}
	return n
}

// partialHTTP tells the host of a request whose head's end will not come.
func (d *Decoder) partialHTTP(f *flow, at time.Time) bool {
	w := f.work
	if w.http.phase != inHead || len(w.buf) == 0 {
		return false
	}
	head := w.buf
	w.buf = w.buf[:0]
	if !d.request.read(head) || d.request.preface {
		return false
	}
	return d.tellHosts(f, &d.request, true, at)
}

// tellHosts tells the hosts of a request that are not the connection's last. A
// connection's requests for one host are one visit.
func (d *Decoder) tellHosts(f *flow, r *request, partial bool, at time.Time) bool {
	told := false
	last := f.host
	for _, raw := range r.hosts[:r.n] {
		name, ok := d.names.ofHostPort(raw)
		if !ok {
			continue
		}
		told = true
		if name == last || name == f.host {
			continue
		}
		f.host = name
		s := d.sight(f, name, event.ViaHTTP, at)
		s.Partial = partial
		d.hooks.Name(s)
	}
	return told
}
