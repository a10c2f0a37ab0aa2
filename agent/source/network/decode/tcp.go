package decode

import (
	"cmp"
	"slices"
	"time"
)

const (
	// maxReach is how far into a stream a beginning is looked for, and how far
	// ahead of the gap early bytes are kept.
	maxReach = 1 << 17
	// maxPieces bounds the early segments kept for one flow.
	maxPieces = 64
)

// piece is a segment that came before the bytes ahead of it.
type piece struct {
	seq     uint32
	data    []byte
	missing int // bytes after data that the capture cut away
}

// segment takes one TCP segment into its flow.
func (d *Decoder) segment(p *packet) {
	switch {
	case p.flags&flagRST != 0:
		d.reset(p)
		return
	case p.flags&(flagSYN|flagACK) == flagSYN|flagACK:
		d.accepted(p)
		if !isDNSPort(p.src.Port()) {
			return // the server's side says nothing else that we read
		}
	}
	f := d.flow(p)
	if f == nil {
		return
	}
	if !f.established && !f.reply && p.flags&flagSYN == 0 {
		f.established = true
		d.outcome(f, Established, p.at)
	}
	if len(p.payload) > 0 && f.kind != settled {
		d.order(f, p)
	}
	if f.kind == settled {
		return
	}
	if p.flags&flagFIN != 0 && p.seq+uint32(len(p.payload)) == f.next {
		d.partial(f, p.at)
		d.settle(f)
		return
	}
	switch {
	case f.work == nil:
	case f.idle():
		d.flows.release(f)
	default:
		d.flows.hold(f) // may forget f
	}
}

// idle says whether f is between two messages.
func (f *flow) idle() bool {
	w := f.work
	return (f.kind == isHTTP || f.kind == isDNS || f.kind == fresh) &&
		len(w.pieces) == 0 && len(w.buf) == 0 && w.http.phase == inHead
}

// flow finds the flow of a packet, or begins one at a SYN or at what looks
// like the beginning of something we read. A SYN with another number, or a
// beginning elsewhere in the stream, is a new connection on a reused port.
func (d *Decoder) flow(p *packet) *flow {
	key := keyOf(p.key, protoTCP, p.src, p.dst)
	f := d.flows.get(&key, p.at)
	if p.flags&flagSYN != 0 {
		p.seq++ // data on a SYN (fast open) follows its number
		if f != nil && f.base == p.seq {
			return f
		}
		return d.begin(f, &key, p, p.seq)
	}
	if p.inOrder && f != nil {
		p.seq = f.next
		return f
	}
	if len(p.payload) == 0 {
		return f
	}
	switch {
	case f == nil:
		if looksLikeStart(p) && !d.isServer(p) {
			return d.midway(nil, &key, p)
		}
	case f.kind == settled && p.seq-f.base > maxReach, int32(p.seq-f.base) < 0:
		if looksLikeStart(p) {
			return d.midway(f, &key, p)
		}
	}
	return f
}

// isServer says whether p comes from the server of a flow that we know.
func (d *Decoder) isServer(p *packet) bool {
	if isDNSPort(p.src.Port()) {
		return false
	}
	back := keyOf(p.key, protoTCP, p.dst, p.src)
	return d.flows.peek(&back) != nil
}

func looksLikeStart(p *packet) bool {
	b := p.payload
	if isDNSPort(p.src.Port()) || isDNSPort(p.dst.Port()) {
		return len(b) > 14 && int(b[0])<<8|int(b[1]) == len(b)-2 || looksLikeHello(b)
	}
	return looksLikeHello(b) || looksLikeRequest(b)
}

// begin makes a flow whose first byte is numbered base, and tells of it.
func (d *Decoder) begin(f *flow, key *flowKey, p *packet, base uint32) *flow {
	if f != nil {
		d.flows.drop(f)
	}
	f = d.flows.add(key, p.at)
	f.sock, f.client, f.server = p.key, p.src, p.dst
	f.base, f.next = base, base
	f.reply = isDNSPort(p.src.Port())
	if !f.reply {
		d.outcome(f, Asked, p.at)
	}
	return f
}

// midway makes a flow of a connection whose SYN was not seen.
func (d *Decoder) midway(f *flow, key *flowKey, p *packet) *flow {
	if f != nil {
		d.flows.drop(f)
	}
	f = d.flows.add(key, p.at)
	f.sock, f.client, f.server = p.key, p.src, p.dst
	f.base, f.next = p.seq, p.seq
	f.reply, f.established = isDNSPort(p.src.Port()), true
	return f
}

// accepted notes the server's SYN.
func (d *Decoder) accepted(p *packet) {
	key := keyOf(p.key, protoTCP, p.dst, p.src)
	f := d.flows.peek(&key)
	if f == nil || f.ended {
		return
	}
	f.answer, f.answered = p.seq+1, true
	if !f.established {
		f.established = true
		d.outcome(f, Established, p.at)
	}
}

// spoke notes that a server sent something, however it was captured.
func (d *Decoder) spoke(p *packet) {
	key := keyOf(p.key, p.proto, p.dst, p.src)
	if f := d.flows.peek(&key); f != nil && !f.established {
		f.established = true
		d.outcome(f, Established, p.at)
	}
}

// reset takes a RST. The client's ends the flow. The server's refuses the
// connection, or cuts it off before the server said anything: its number is
// then still the first.
func (d *Decoder) reset(p *packet) {
	key := keyOf(p.key, protoTCP, p.src, p.dst)
	if f := d.flows.peek(&key); f != nil {
		d.flows.drop(f)
		return
	}
	key = keyOf(p.key, protoTCP, p.dst, p.src)
	f := d.flows.peek(&key)
	if f == nil || f.ended {
		return
	}
	switch {
	case !f.established:
		f.ended = true
		d.outcome(f, Refused, p.at)
	case f.answered && p.seq == f.answer:
		f.ended = true
		d.outcome(f, Reset, p.at)
	}
}

// order puts a segment where it belongs in its flow's stream.
func (d *Decoder) order(f *flow, p *packet) {
	d.place(f, piece{p.seq, p.payload, p.missing})
	if p.unsure && f.kind != settled {
		d.giveUp(f)
	}
}

func (d *Decoder) place(f *flow, s piece) {
	if f.kind == watching && !d.resume(f, s) {
		return
	}
	ahead := int32(s.seq - f.next)
	switch {
	case ahead > maxReach:
		d.giveUp(f)
		if f.kind == settled {
			return
		}
		d.partial(f, f.seen)
		if d.watch(f); d.resume(f, s) {
			d.takePiece(f, s)
		}
	case ahead > 0:
		d.keep(f, s)
	case int(-ahead) >= len(s.data)+s.missing: // all of it has been seen
	default:
		d.takePiece(f, s)
		d.drain(f)
	}
}

// takePiece hands on what is new in s, which begins at f.next or before.
func (d *Decoder) takePiece(f *flow, s piece) {
	end := s.seq + uint32(len(s.data)+s.missing)
	if past := int(int32(f.next - s.seq)); past < len(s.data) {
		d.take(f, s.data[past:])
	}
	if s.missing > 0 && int32(end-f.next) > 0 {
		d.giveUp(f)
		f.next = end
	}
}

// keep copies a segment that came too early.
func (d *Decoder) keep(f *flow, s piece) {
	w := d.flows.working(f)
	for i := range w.pieces {
		if w.pieces[i].seq == s.seq && len(w.pieces[i].data) >= len(s.data) {
			return
		}
	}
	s.data = slices.Clone(s.data)
	w.pieces = append(w.pieces, s)
	if len(w.pieces) > maxPieces || w.size() > 2*maxReach {
		d.giveUp(f)
	}
}

// drain takes the early pieces that the gap's closing made next. Where pieces
// overlap, the bytes that came first in the stream's order stand.
func (d *Decoder) drain(f *flow) {
	for f.work != nil && len(f.work.pieces) > 0 {
		i := slices.IndexFunc(f.work.pieces, func(s piece) bool { return int32(s.seq-f.next) <= 0 })
		if i < 0 {
			return
		}
		s := f.work.pieces[i]
		f.work.pieces = slices.Delete(f.work.pieces, i, i+1)
		d.takePiece(f, s)
	}
}

// giveUp stops waiting for the bytes of a gap: what can be told is, and the
// rest is watched for another beginning.
func (d *Decoder) giveUp(f *flow) {
	if !d.partial(f, f.seen) && f.kind != fresh && f.host == "" {
		d.dropped++
	}
	var pieces []piece
	if f.work != nil {
		pieces, f.work.pieces = f.work.pieces, nil
	}
	if f.kind == isTLS || f.kind == isDNS {
		d.settle(f)
		return
	}
	d.watch(f)
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(int32(a.seq-f.base), int32(b.seq-f.base)) })
	for _, s := range pieces {
		if f.kind != settled {
			d.place(f, s)
		}
	}
}

// watch lets go of what f holds and waits for a segment that begins anew.
func (d *Decoder) watch(f *flow) {
	d.flows.release(f)
	f.kind = watching
}

// resume begins anew at a segment that looks like it: a request after a gap,
// a ClientHello after STARTTLS or a proxy's greeting.
func (d *Decoder) resume(f *flow, s piece) bool {
	if looksLikeHello(s.data) || looksLikeRequest(s.data) {
		f.kind, f.next = fresh, s.seq
		return true
	}
	f.next = s.seq + uint32(len(s.data)+s.missing)
	if f.host == "" && f.next-f.base > maxReach {
		d.settle(f)
	}
	return false
}

// take hands a flow its next bytes.
func (d *Decoder) take(f *flow, b []byte) {
	f.next += uint32(len(b))
	for len(b) > 0 {
		if f.kind == fresh {
			f.kind = d.kindOf(f, b)
		}
		switch f.kind {
		case isTLS:
			d.takeHello(f, b)
			return
		case isHTTP:
			b = d.takeHTTP(f, b)
		case isH2:
			b = d.takeH2(f, b)
		case isDNS:
			d.takeMessages(f, b)
			return
		default:
			return
		}
	}
}

func (d *Decoder) kindOf(f *flow, b []byte) flowKind {
	switch {
	case looksLikeHello(b): // on DNS's port too: a tunnel
		return isTLS
	case looksLikeRequest(b):
		return isHTTP
	case f.reply || isDNSPort(f.server.Port()):
		return isDNS
	case b[0] == recordHandshake:
		return isTLS
	case b[0] >= 'A' && b[0] <= 'Z', b[0] == '\r', b[0] == '\n':
		return isHTTP
	case isOpenVPNStream(b):
		d.fact(OpenVPN, f.sock, TCP, f.client, f.server, f.seen)
		return settled
	}
	return watching
}

// over ends the wait for a message's end. A later request may still come.
func (d *Decoder) over(f *flow) {
	if f.kind == isHTTP {
		d.watch(f)
		return
	}
	d.settle(f)
}

func (d *Decoder) settle(f *flow) {
	d.flows.release(f)
	if f.kind != isQUIC {
		f.kind = settled
	}
}

// partial tells the name of a message whose end will not come, if the name
// itself has. It returns false where nothing was told.
func (d *Decoder) partial(f *flow, at time.Time) bool {
	switch {
	case f.kind == isTLS && f.work != nil:
		return d.partialHello(f, at)
	case f.kind == isHTTP && f.work != nil:
		return d.partialHTTP(f, at)
	case f.kind == isQUIC:
		return d.partialQUIC(f, at)
	}
	return false
}
