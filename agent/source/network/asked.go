package network

import (
	"strconv"

	"safelight/agent/source/etw"
	"safelight/agent/source/hostname"
	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// asked is a question to the system's resolver, or its end, as Windows told of
// it, and who asked.
type asked struct {
	seen  decode.Sighting
	owner event.Owner
}

// noFlow is the key of what has no flow of its own, so that it is never taken for
// somebody's connection.
const noFlow = ^decode.Key(0)

// newAsked reads an event; false is one that names no host. The process that asks
// stands in the event's header, and its account beside it.
func newAsked(e *etw.Event) (asked, bool, error) {
	q, err := e.Query()
	if err != nil {
		return asked{}, false, err
	}
	name, ok := hostname.Normalise(q.Name)
	if !ok {
		return asked{}, false, nil
	}
	a := asked{
		seen:  decode.Sighting{Time: e.Time, Key: noFlow, Name: name, Via: event.ViaDNS, Proto: decode.UDP, Type: q.Type},
		owner: event.Owner{PID: e.PID, SID: etw.SIDText(e.SID), At: e.Time},
	}
	if e.HasSession {
		a.owner.Session = strconv.FormatUint(uint64(e.Session), 10)
	}
	code, answered := q.RCode()
	if !q.Completed || !answered {
		return a, true, nil // whatever became of it, nobody refused it
	}
	a.seen.Response, a.seen.RCode = true, code
	for _, at := range q.Answers {
		if !at.IsUnspecified() && !at.IsLoopback() {
			a.seen.Answers = append(a.seen.Answers, at)
		}
	}
	a.seen.Sunk = len(q.Answers) > 0 && len(a.seen.Answers) == 0
	return a, true, nil
}

// arrival hands it on.
func (a *asked) arrival() *arrival {
	return &arrival{name: &a.seen, at: a.seen.Time, key: noFlow, owner: &a.owner}
}
