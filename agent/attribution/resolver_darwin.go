package attribution

import (
	"net/netip"
	"time"

	"safelight/agent/macos"
	"safelight/internal/event"
)

// Resolver finds owners. Make it with New; Close it when done. It is safe for
// concurrent use.
type Resolver struct {
	mac    *mac
	people *people
}

// New returns a Resolver for this machine.
func New(cfg Config) *Resolver {
	if cfg.Root == "" {
		cfg.Root = "/"
	}
	if cfg.Directory == nil {
		cfg.Directory = macos.Passwd
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	system := macSystem{macos.Sockets, macos.Find, macos.Exe, macos.Console, macos.People, openOwn}
	return &Resolver{newMac(system, cfg.Now), newPeople(files{cfg.Root}, cfg.Now, cfg.Directory)}
}

// Close lets go of what the Resolver holds open.
func (r *Resolver) Close() error {
	r.people.close()
	return nil
}

// Lookup says who owns the flow between local, an address of this host, and
// remote; proto is "tcp" or "udp". False means that not even the account is
// known. Whatever is missing, Owner.Unknown says why.
func (r *Resolver) Lookup(proto string, local, remote netip.AddrPort) (event.Owner, bool) {
	owner, w := r.mac.lookup(macFlow(proto, local, remote))
	if w == nil {
		return owner, false
	}
	return r.named(owner, *w), w.known
}

// Opened finds the owner of a TCP connection that is just being made, for the
// Lookup that comes once it tells a name: by then its socket may be gone.
func (r *Resolver) Opened(local, remote netip.AddrPort) {
	r.mac.opened(macFlow("tcp", local, remote))
}

// Complete adds what is missing to an owner whose PID is known, and its UID
// perhaps.
func (r *Resolver) Complete(owner event.Owner) event.Owner {
	if owner.UID != nil { // the caller's may be written over
		uid := *owner.UID
		owner.UID = &uid
	}
	w := r.mac.complete(&owner)
	return r.named(owner, w)
}

// Started says whose a program is that has just started.
func (r *Resolver) Started(s event.Start, _ bool) event.Owner {
	return r.Complete(event.Owner{PID: s.PID, Process: s.Comm, Exe: s.Exe, UID: s.UID})
}

// Process says what runs as pid, and under which account.
func (r *Resolver) Process(pid int) (event.Owner, bool) {
	owner := r.Complete(event.Owner{PID: pid})
	return owner, owner.UID != nil
}

func (r *Resolver) named(owner event.Owner, w who) event.Owner {
	r.people.name(&owner, w, macos.Person)
	if w.known && macos.Person(w.uid) {
		r.mac.signedIn(&owner)
	}
	return owner
}
