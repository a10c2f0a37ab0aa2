package network

import (
	"context"
	"net/netip"
	"time"

	"safelight/agent/source"
	"safelight/agent/source/fold"
	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

const (
	// housekeeping is how often silent flows are forgotten and losses counted.
	housekeeping = time.Second
	// idle is the longest wait for a packet: what the interfaces and the kernel
	// did meanwhile is looked at after it.
	idle = 5 * time.Second
	// relink is how often the interfaces are looked at while they change.
	relink = 200 * time.Millisecond

	// What is remembered at once, in the memory of a school laptop: names of the
	// last minutes, connections whose first bytes are not all there, those bytes.
	maxNames = 4096
	maxFlows = 4096
	maxBytes = 4 << 20
)

// watch is one run of the source: packets in, observations out.
type watch struct {
	src     *Source
	sink    source.Sink
	capture capturer
	links   *links
	decoder *decode.Decoder
	folder  *fold.Folder
	held    held
	own     *ownAddresses
	packet  *arrival // the one at hand, or nil
	senders senders
	unasked unasked
	now     time.Time // of the batch at hand, with the monotonic clock
	waited  bool      // now is from before the wait for a batch
	kept    time.Time
	checked time.Time
	changes uint64    // of the links, when they were last looked at
	linked  time.Time // when that was
}

func newWatch(s *Source, sink source.Sink, c capturer, l *links) *watch {
	w := &watch{
		src: s, sink: sink, capture: c, links: l, own: newOwnAddresses(l.changes),
		folder: fold.New(fold.Config{Grace: s.cfg.Grace, Window: s.cfg.Window, Names: maxNames, Unseen: c.way() == ETW}),
	}
	w.decoder = decode.New(decode.Limits{Flows: maxFlows, Bytes: maxBytes}, decode.Hooks{
		Name: w.name,
		Own: func(src, dst netip.Addr) bool {
			if w.packet == nil {
				return true // it was asked of the packet that was kept
			}
			return w.packet.key != 0 || w.own.has(src, w.now) || w.own.has(dst, w.now)
		},
		Conn: w.conn,
		Fact: w.fact,
	})
	return w
}

func (w *watch) loop(ctx context.Context) error {
	defer w.end()
	for {
		w.now, w.waited = w.src.cfg.Now(), true
		err := w.capture.read(ctx, w.wait(), w.take)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.settle(); err != nil {
			return err
		}
	}
}

// end tells what waits, whatever ended the run.
func (w *watch) end() {
	w.now = w.src.cfg.Now()
	w.held.release(w.now.Add(holdFor), w.visit)
	w.folder.Flush(w.now, w.emit)
	w.src.lost.Store(w.capture.lost())
}

// settle does what is due when packets were read.
func (w *watch) settle() error {
	w.now = w.src.cfg.Now()
	if due, ok := w.folder.Next(); ok && !due.After(w.now) {
		w.decoder.Expire(w.now) // a name that waits for its end may speak against an owner
	}
	w.held.release(w.now, w.visit)
	w.folder.Tick(w.now, w.emit)
	return w.keep()
}

// wait says how long the next read may wait for a packet.
func (w *watch) wait() time.Duration {
	wait := idle
	if due, ok := w.folder.Next(); ok {
		wait = min(wait, due.Sub(w.now))
	}
	if due, ok := w.held.next(); ok {
		wait = min(wait, due.Sub(w.now))
	}
	if w.changed() {
		wait = min(wait, w.linked.Add(relink).Sub(w.now))
	}
	return max(0, wait)
}

// take decodes one packet.
func (w *watch) take(p *arrival) {
	if w.waited {
		w.now, w.waited = w.src.cfg.Now(), false
	}
	w.packet = p
	if p.key != 0 && p.owner != nil {
		w.senders.note(p.key, p.owner)
	}
	if p.unanswered {
		w.answer(p)
	}
	if p.name != nil {
		w.name(p.name)
	} else {
		w.decoder.IP(p.key, p.data, p.at)
	}
	w.packet = nil // what is told until the next is told of an earlier one
}

// keep does what need not be done for each packet. An error ends the run: whoever
// began it begins another, with all that it needs opened anew.
func (w *watch) keep() error {
	if err := w.links.check(); err != nil {
		return err
	}
	if w.changed() && w.now.Sub(w.linked) >= relink {
		w.changes, w.linked = w.links.changes(), w.now
		w.relink()
	}
	if w.now.Sub(w.kept) < housekeeping {
		return nil
	}
	w.kept = w.now
	w.decoder.Expire(w.now)
	w.src.lost.Store(w.capture.lost())
	if w.now.Sub(w.checked) < idle {
		return nil
	}
	w.checked = w.now
	w.lookForUnasked()
	return w.capture.check()
}

func (w *watch) changed() bool { return w.links.changes() != w.changes }

// relink looks at the interfaces again after a change.
func (w *watch) relink() {
	up := upInterfaces()
	err := w.capture.changed()
	w.src.change(func(st *source.Status) {
		st.Interfaces = up
		st.State, st.Detail = source.Running, w.capture.detail()
		if err != nil {
			st.State, st.Detail = source.Unavailable, err.Error()
		}
	})
}

// name takes a decoded name.
func (w *watch) name(s *decode.Sighting) {
	if w.packet != nil && w.packet.name != nil {
		w.unasked.gave(s.Answers, w.now)
	}
	if s.Via == event.ViaDNS && !isVisitType(s.Type) {
		return
	}
	if s.Response && w.folder.Knows(event.Domain, s.Name) {
		w.answered(s)
		return // the question was told already
	}
	w.src.seen.Add(1)
	o := observation(s)
	o.SetOwner(w.owner(s))
	switch {
	case w.src.cfg.Unfolded:
		w.emit(o)
	case s.Via == event.ViaDNS:
		w.visit(o)
		w.answered(s)
	default:
		w.folder.Named(o) // it is held back, and a question may be due meanwhile
		w.held.add(o, s, w.now)
	}
}

func (w *watch) visit(o event.Observation) { w.folder.Add(o, w.now, w.emit) }

// answered notes where a name is said to be. A sink-hole's address is nowhere.
func (w *watch) answered(s *decode.Sighting) {
	switch {
	case !s.Response:
	case s.Sunk, s.RCode != 0 && len(s.Answers) == 0:
		w.folder.Refused(s.Name)
	default:
		w.folder.Answered(s.Name, s.Answers)
	}
}

// conn takes what became of a connection (G10): one that the server answered
// makes a visit of the question that led to it; one that was cut off before
// the server said anything makes an attempt of the visit.
func (w *watch) conn(c *decode.Conn) {
	switch {
	case c.Outcome == decode.Established, c.Outcome == decode.Asked && c.Proto == decode.UDP:
		to := c.Server.Addr().Unmap()
		w.folder.Connected(to)
		if w.folder.Follows(to) {
			w.folder.Followed(c.Client, c.Server, w.ownerOf(c.Key, c.Proto, c.Client, c.Server), w.now)
		}
	case c.Outcome == decode.Asked:
		w.opened(c)
	case c.Outcome == decode.Reset, c.Outcome == decode.Refused:
		w.held.failed(c)
	}
}

// opened lets the owner of a connection be found as soon as it is tried: a
// short-lived one may be gone when it tells a name. BPF knows owners without.
func (w *watch) opened(c *decode.Conn) {
	if o, ok := w.src.cfg.Owners.(Opener); ok && c.Key == 0 && w.own.has(c.Client.Addr(), w.now) {
		o.Opened(c.Client, c.Server)
	}
}

var hidden = map[decode.What]string{
	decode.DoT: "dot", decode.DoQ: "doq", decode.ECHHidden: "ech", decode.NoName: "no_name",
	decode.WireGuard: "wireguard", decode.OpenVPN: "openvpn", decode.IKE: "ike", decode.QUICUnknown: "quic_unknown",
}

// fact counts what hides names.
func (w *watch) fact(f *decode.Fact) { w.hide(hidden[f.What], 1) }

func (w *watch) hide(by string, n uint64) {
	w.src.change(func(st *source.Status) {
		if st.Hidden == nil {
			st.Hidden = make(map[string]uint64)
		}
		st.Hidden[by] += n
	})
}

// isVisitType leaves out the questions that no visit asks: mail, reverse
// look-ups, service discovery.
func isVisitType(t uint16) bool {
	return t == decode.TypeA || t == decode.TypeAAAA || t == decode.TypeHTTPS
}

func observation(s *decode.Sighting) event.Observation {
	o := event.Observation{Time: s.Time.UTC(), Kind: event.Domain, Name: s.Name, Via: s.Via}
	if s.Client.IsValid() { // a name that came without a packet has no ends
		o.Client, o.Server = s.Client.String(), s.Server.String()
	}
	return o
}

func (w *watch) emit(o event.Observation) {
	if !w.sink.Offer(source.Observed{Observation: o}) {
		w.src.refused.Add(1)
	}
}
