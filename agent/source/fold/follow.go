package fold

import (
	"net/netip"
	"slices"
	"time"

	"safelight/internal/event"
)

// A device's own resolver asks for everybody: whose question it was shows only
// in who then connects to the address that was answered. follower is somebody
// who did, while the question waited. A connection that tells another name was
// made for that one, and names nobody here: many sites share an address.
type follower struct {
	client, server string
	owner          event.Owner
	at             time.Time
}

const (
	// unheard is how long a connection may take to tell a name of its own: a
	// hello of which a part is lost is told after 2 s.
	unheard = 2200 * time.Millisecond
	// maxFollowers bounds those of one question; of more, nobody can be told.
	maxFollowers = 16
)

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

// Followed notes who connected at now from client to server, an address that
// Follows asked about.
func (f *Folder) Followed(client, server netip.AddrPort, owner event.Owner, now time.Time) {
	for _, e := range f.waiting {
		if e.held.Reason != event.ReasonResolver || !slices.Contains(e.answers, server.Addr().Unmap()) {
			continue
		}
		if len(e.followers) == maxFollowers {
			e.crowded = true
			continue
		}
		e.followers = append(e.followers, follower{client.String(), server.String(), owner, now})
	}
}

// Named forgets the followers whose connection turned out to be for a name of
// its own. Whoever holds o back before Add must say so first: a question must
// not be given away meanwhile.
func (f *Folder) Named(o event.Observation) {
	if o.Via == event.ViaDNS || o.Client == "" {
		return
	}
	for _, e := range f.waiting {
		e.followers = slices.DeleteFunc(e.followers, func(by follower) bool { return by.client == o.Client && by.server == o.Server })
	}
}

// unheardUntil is when each of the followers has had the time to tell a name of
// its own; zero without any.
func (e *entry) unheardUntil() time.Time {
	var last time.Time
	for i := range e.followers {
		if at := e.followers[i].at.Add(unheard); at.After(last) {
			last = at
		}
	}
	return last
}

// whose gives a question that nobody was known to have asked to the one account
// that followed it up. A connection that may tell a name yet speaks for nobody,
// and leaves the question the resolver's.
func (e *entry) whose(o *event.Observation, now time.Time) {
	if o.Reason != event.ReasonResolver || e.crowded || e.unheardUntil().After(now) {
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
