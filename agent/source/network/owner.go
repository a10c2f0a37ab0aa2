package network

import (
	"net/netip"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

const whyLate = "the name was told after its connection fell silent, and whose that was is not known"

// owner says whose a name is: as the kernel said of its socket, or as is found.
// A name is not always that of the packet at hand: what never ended is told
// when it has been waited for, or must make room.
func (w *watch) owner(s *decode.Sighting) event.Owner {
	if s.Key == 0 && w.late(s) {
		return nobody()
	}
	return w.ownerOf(s.Key, s.Proto, s.Client, s.Server)
}

// late says whether the ends of a flow, by which alone it is known, may be
// another's by now: those of UDP once its packet has gone by, those of TCP once
// a connection begins between them anew.
func (w *watch) late(s *decode.Sighting) bool {
	p := w.packet
	if s.Proto == decode.UDP {
		return p == nil || !s.Time.Equal(p.at)
	}
	return s.Partial && p != nil && begins(p.data)
}

// begins says whether b begins a TCP connection.
func begins(b []byte) bool {
	const flagsAt, syn = 13, 0x02
	at, ok := tcpAt(b)
	return ok && b[at+flagsAt]&syn != 0
}

func nobody() event.Owner {
	return event.Owner{Unknown: whyLate, Origin: event.Origin{Reason: event.ReasonExited}}
}

// ownerOf says whose a flow is, by its socket where the capture knows that.
func (w *watch) ownerOf(key decode.Key, proto string, local, remote netip.AddrPort) event.Owner {
	atHand := w.packet != nil && w.packet.key == key
	switch {
	case key == 0:
	case atHand && w.packet.owner != nil:
		return w.complete(w.packet.owner)
	default:
		if known, ok := w.senders.find(key); ok {
			return w.complete(&known)
		}
		if !atHand {
			return nobody() // who has its ends now is another question
		}
	}
	if w.src.cfg.Owners == nil {
		return event.Owner{}
	}
	if key == 0 && !w.own.has(local.Addr(), w.now) { // this host is the one that was asked
		local, remote = remote, local
	}
	owner, _ := w.src.cfg.Owners.Lookup(proto, local, remote)
	return owner
}

func (w *watch) complete(known *event.Owner) event.Owner {
	if c, ok := w.src.cfg.Owners.(Completer); ok {
		return c.Complete(*known)
	}
	return clone(known)
}

// clone keeps an owner beyond the call that handed it over.
func clone(o *event.Owner) event.Owner {
	kept := *o
	if o.UID != nil {
		uid := *o.UID
		kept.UID = &uid
	}
	return kept
}
