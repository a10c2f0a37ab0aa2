package attribution

import (
	"errors"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"safelight/internal/event"
)

// Resolver finds owners. Make it with New; Close it when done. It is safe for
// concurrent use.
type Resolver struct {
	now    func() time.Time
	people *people

	mu        sync.Mutex // guards what follows
	sockets   finder
	holders   *holders
	flows     *flows
	processes *processes
	sessions  *sessions
	// containers is when a container with accounts of its own was last seen.
	containers time.Time
}

// New returns a Resolver for this machine.
func New(cfg Config) *Resolver {
	if cfg.Root == "" {
		cfg.Root = "/"
	}
	if cfg.Directory == nil {
		cfg.Directory = getent
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	f := files{cfg.Root}
	proc := filepath.Join(cfg.Root, "proc")
	return &Resolver{
		now: cfg.Now, people: newPeople(f, cfg.Now, cfg.Directory), sockets: newFinder(proc),
		holders: newHolders(proc, cfg.Now), flows: newFlows(cfg.Now), processes: newProcesses(f, cfg.Now), sessions: newSessions(f, cfg.Now),
	}
}

// Close lets go of what the Resolver holds open.
func (r *Resolver) Close() error {
	r.people.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sockets.close()
}

// Lookup says who owns the flow between local, an address of this host, and
// remote; proto is "tcp" or "udp". False means that not even the account is
// known. Whatever is missing, Owner.Unknown says why.
func (r *Resolver) Lookup(proto string, local, remote netip.AddrPort) (event.Owner, bool) {
	f := flow{proto, netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}
	r.mu.Lock()
	owner, who, ok := r.knownOwner(f)
	r.mu.Unlock()
	if who != nil {
		r.name(&owner, *who)
		ok = ok && owner.User != ""
	}
	return owner, ok
}

// Opened finds the owner of a TCP connection that is just being made, for the
// Lookup that comes once it tells a name: by then its socket may be gone.
func (r *Resolver) Opened(local, remote netip.AddrPort) {
	f := flow{"tcp", netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flows.forget(f)
	if owner, _, ok := r.socketOwner(f); !ok && owner.Unknown == whyClosed {
		r.flows.putGone(f)
	}
}

// knownOwner spares the kernel a question about a connection whose beginning
// was seen a moment ago: what could not be found then is not there now either.
// Questions and answers have no beginning.
func (r *Resolver) knownOwner(f flow) (event.Owner, *who, bool) {
	if f.proto == "tcp" {
		if got, ok := r.flows.get(f); ok && got.gone {
			return unknownOwner(why(whyClosed)), nil, false
		} else if ok {
			return got.owner, &got.who, true
		}
	}
	return r.socketOwner(f)
}

// socketOwner finds what needs the lock; the names of accounts, which may take
// their time, are found without it.
func (r *Resolver) socketOwner(f flow) (event.Owner, *who, bool) {
	s, err := r.sockets.find(f.proto, f.local, f.remote)
	if err != nil {
		if got, ok := r.flows.get(f); ok && !got.gone {
			return got.owner, &got.who, true // its socket was seen open a moment ago
		}
		return unknownOwner(err), nil, false
	}
	open := func() bool {
		now, err := r.sockets.find(f.proto, f.local, f.remote)
		return err == nil && now.inode == s.inode
	}
	owner := event.Owner{UID: &s.uid} // the socket's: who asked, whatever the process is now
	var p *process
	var reason why
	if s.inode == 0 {
		reason = whyClosed
	} else if pid, err := r.holders.pid(s, r.processes.recent, open); err != nil {
		reason = whyNoProcess
		errors.As(err, &reason)
	} else if p, err = r.processes.get(pid, nil); err != nil {
		owner.PID, reason = pid, whyGone
	}
	w := r.describe(&owner, p, reason)
	r.flows.put(f, owner, w)
	return owner, &w, true
}

// Complete adds what is missing to an owner whose PID is known, and its UID
// perhaps: the kernel told whose it is, so no socket is looked for.
func (r *Resolver) Complete(owner event.Owner) event.Owner {
	if owner.UID != nil { // the caller's may be written over
		uid := *owner.UID
		owner.UID = &uid
	}
	r.mu.Lock()
	w := r.complete(&owner)
	r.mu.Unlock()
	r.name(&owner, w)
	return owner
}

func (r *Resolver) complete(owner *event.Owner) who {
	if owner.PID <= 0 && owner.UID == nil {
		return who{reason: event.ReasonKernel, words: whyKernel}
	}
	var reason why
	p, err := r.processes.get(owner.PID, owner.UID)
	switch {
	case errors.Is(err, errHidden):
		reason = whyHidden
	case err != nil:
		reason = whyGone
	case owner.UID == nil:
		uid := p.uid
		owner.UID = &uid
	case p.uid != *owner.UID && (owner.Exe == "" || owner.Exe != p.exe):
		p, reason = nil, whyGone // another process has its number by now
	case owner.Exe != "" && owner.Exe != p.exe:
		before := *p // it has started another program since
		before.name, before.exe, before.script = owner.Process, owner.Exe, ""
		p = &before
	}
	return r.describe(owner, p, reason)
}

// Process says what runs as pid, and under which account.
func (r *Resolver) Process(pid int) (event.Owner, bool) {
	owner := r.Complete(event.Owner{PID: pid})
	return owner, owner.UID != nil
}

// Started takes in a program's start and says whose it is. With look, /proc is
// read too, which finds the script, the app and the session and costs some tens
// of microseconds; without, only for what was not told of name and account. An
// owner without Process and Exe was gone before it could be
// read.
func (r *Resolver) Started(s event.Start, look bool) event.Owner {
	r.mu.Lock()
	p := r.processes.heard(s)
	r.processes.look(p, s, look)
	owner := event.Owner{PID: s.PID}
	var reason why
	if p.whose {
		uid := p.uid
		owner.UID = &uid
	} else {
		reason = whyGone
	}
	w := r.describe(&owner, p, reason)
	if look {
		r.parents(&owner, p, w)
	}
	r.mu.Unlock()
	r.name(&owner, w)
	return owner
}
