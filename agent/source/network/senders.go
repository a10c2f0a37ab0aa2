package network

import (
	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// maxSenders bounds each half of what senders remembers: as many as the decoder
// has connections.
const maxSenders = maxFlows

// sender is what the kernel says of whoever sends through a socket.
type sender struct {
	pid, ppid    int
	uid          uint32
	process, exe string
}

// senders remembers who sent through each socket last: a name may be told long
// after the packet that carried it, when the packet at hand is another's. When
// the young half is full the old one goes.
type senders struct{ young, old map[decode.Key]sender }

func (s *senders) note(key decode.Key, o *event.Owner) {
	if o.UID == nil {
		return
	}
	now := sender{o.PID, o.PPID, *o.UID, o.Process, o.Exe}
	if before, ok := s.young[key]; ok && before == now {
		return
	}
	if s.young == nil || len(s.young) >= maxSenders {
		s.old, s.young = s.young, make(map[decode.Key]sender)
	}
	s.young[key] = now
}

func (s *senders) find(key decode.Key) (event.Owner, bool) {
	of, ok := s.young[key]
	if !ok {
		if of, ok = s.old[key]; !ok {
			return event.Owner{}, false
		}
	}
	uid := of.uid
	o := event.Owner{PID: of.pid, Process: of.process, Exe: of.exe, UID: &uid}
	o.PPID = of.ppid
	return o, true
}
