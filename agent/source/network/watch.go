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

// housekeeping is how often silent flows are forgotten and drops are counted
// while packets come.
const housekeeping = time.Second

// watch is one run of the source: packets in, observations out.
type watch struct {
	src     *Source
	sink    source.Sink
	decoder *decode.Decoder
	folder  *fold.Folder
	own     *ownAddresses
	now     time.Time // of the batch at hand, with the monotonic clock
	kept    time.Time
}

func newWatch(s *Source, sink source.Sink) *watch {
	w := &watch{
		src: s, sink: sink, own: newOwnAddresses(),
		folder: fold.New(fold.Config{Grace: s.cfg.Grace, Window: s.cfg.Window}),
	}
	w.decoder = decode.New(decode.Limits{}, decode.Hooks{
		Name: w.name,
		Own:  func(src, dst netip.Addr) bool { return w.own.has(src, w.now) || w.own.has(dst, w.now) },
		Conn: func(c *decode.Conn) {
			if c.Outcome == decode.Asked {
				w.folder.Connected(c.Server.Addr().Unmap())
			}
		},
	})
	return w
}

func (w *watch) loop(ctx context.Context, c capturer) error {
	packet := func(link decode.Link, data []byte, at time.Time) { w.decoder.Packet(link, data, at) }
	for {
		w.now = w.src.cfg.Now()
		err := c.read(ctx, w.wait(), packet)
		if ctx.Err() != nil {
			w.folder.Flush(w.src.cfg.Now(), w.emit)
			return nil
		}
		if err != nil {
			return err
		}
		w.now = w.src.cfg.Now()
		w.folder.Tick(w.now, w.emit)
		if w.now.Sub(w.kept) >= housekeeping {
			w.kept = w.now
			w.decoder.Expire(w.now)
			w.src.lost.Add(c.lost())
		}
	}
}

// wait says how long the next read may wait for a packet: until a question's
// grace is over, or for good.
func (w *watch) wait() time.Duration {
	due, ok := w.folder.Next()
	if !ok {
		return -1
	}
	return max(0, due.Sub(w.now))
}

// name takes a decoded name.
func (w *watch) name(s *decode.Sighting) {
	if s.Via == event.ViaDNS && !isVisitType(s.Type) {
		return
	}
	if s.Response && w.folder.Knows(event.Domain, s.Name) {
		w.folder.Answered(s.Name, s.Answers)
		return // the question was told already
	}
	w.src.seen.Add(1)
	o := observation(s)
	if w.src.cfg.Owners != nil {
		local, remote := s.Client, s.Server
		if !w.own.has(local.Addr(), w.now) { // this host is the one that was asked
			local, remote = remote, local
		}
		owner, _ := w.src.cfg.Owners.Lookup(s.Proto, local, remote)
		o.SetOwner(owner)
	}
	if w.src.cfg.Unfolded {
		w.emit(o)
		return
	}
	w.folder.Add(o, w.now, w.emit)
	if s.Response {
		w.folder.Answered(s.Name, s.Answers)
	}
}

// isVisitType leaves out the questions that no visit asks: mail, reverse
// look-ups, service discovery.
func isVisitType(t uint16) bool {
	return t == decode.TypeA || t == decode.TypeAAAA || t == decode.TypeHTTPS
}

func observation(s *decode.Sighting) event.Observation {
	return event.Observation{
		Time: s.Time.UTC(), Kind: event.Domain, Name: s.Name, Via: s.Via,
		Client: s.Client.String(), Server: s.Server.String(),
	}
}

func (w *watch) emit(o event.Observation) {
	if !w.sink.Offer(source.Observed{Observation: o}) {
		w.src.refused.Add(1)
	}
}
