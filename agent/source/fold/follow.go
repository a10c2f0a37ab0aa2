package fold

import (
	"net/netip"
	"slices"

	"safelight/internal/event"
)

// A device's own resolver asks for everybody: whose question it was shows only
// in who then connects to the address that was answered. follower is somebody
// who did, while the question waited. A connection that tells another name was
// made for that one, and names nobody here: many sites share an address.
type follower struct {
	client, server string
	owner          event.Owner
}

// Follows says whether it matters who connects to an address now: exactly one
// waiting question of a resolver has it for an answer. Where two have, nobody
// can say which of them the connection is for.
func (f *Folder) Follows(to netip.Addr) bool {
	n := 0
	for _, e := range f.waiting {
		if e.held.Reason == event.ReasonResolver && slices.Contains(e.answers, to) {
			n++
		}
	}
	return n == 1
}

// Followed notes who connected from client to server, an address that Follows
// asked about.
func (f *Folder) Followed(client, server netip.AddrPort, owner event.Owner) {
	for _, e := range f.waiting {
		if e.held.Reason == event.ReasonResolver && slices.Contains(e.answers, server.Addr().Unmap()) && len(e.followers) < 16 {
			e.followers = append(e.followers, follower{client.String(), server.String(), owner})
		}
	}
}

// named forgets the followers whose connection turned out to be for a name of
// its own.
func (f *Folder) named(o event.Observation) {
	if o.Via == event.ViaDNS || o.Client == "" {
		return
	}
	for _, e := range f.waiting {
		e.followers = slices.DeleteFunc(e.followers, func(by follower) bool { return by.client == o.Client && by.server == o.Server })
	}
}

// whose gives a question that nobody was known to have asked to the one account
// that followed it up.
func (e *entry) whose(o *event.Observation) {
	if o.Reason != event.ReasonResolver {
		return
	}
	var one *event.Owner
	for i := range e.followers {
		by := &e.followers[i].owner
		switch {
		case by.UID == nil || by.User == "":
			return // somebody whom nobody knows may be anybody
		case one == nil:
			one = by
		case *one.UID != *by.UID || one.User != by.User:
			o.Reason, o.Unknown = event.ReasonSeveral, "the system's name resolver asked, and more than one account then connected"
			return
		}
	}
	if one != nil {
		o.SetOwner(*one)
	}
}
