package attribution

import (
	"time"

	"safelight/internal/event"
)

// describe writes what is known of p into owner, and says whose it is. p is nil
// where nothing of the process is known; reason is then why.
func (r *Resolver) describe(owner *event.Owner, p *process, reason why) who {
	owner.Unknown = string(reason)
	if p != nil {
		owner.PID, owner.PPID = p.pid, p.ppid
		if p.name != "" {
			owner.Process = p.name
		}
		if owner.Exe == "" {
			owner.Exe = p.exe
		}
		owner.App = p.place.app
		if up := r.processes.known[p.ppid]; up != nil && up.whose {
			owner.Parent = up.name
		}
	}
	w := r.decide(owner.UID, p, reason)
	if p != nil {
		w.script = p.script
	}
	if w.known {
		r.seat(owner, p, w.uid)
	}
	return w
}

// decide says whose account it is; the package's own comment has the table.
func (r *Resolver) decide(uid *uint32, p *process, reason why) who {
	unknown := func(reason event.Reason, words string) who { return who{reason: reason, words: words} }
	switch {
	case uid == nil:
		return unknown(reason.reason(), string(reason))
	case p != nil && p.kernel:
		return unknown(event.ReasonKernel, whyKernel)
	case p != nil && p.place.container:
		r.containers = r.now()
		if m := r.processes.uidMap(p); m.own() {
			if root, ok := m.root(); ok && person(root) {
				return who{uid: root, known: true, container: true}
			}
		}
		return unknown(event.ReasonContainer, whyContainer)
	case (p == nil || !p.placed) && person(*uid) && !r.containers.IsZero() && r.now().Sub(r.containers) < containersFor:
		// It may have been a container's, whose numbers are others' here.
		return unknown(event.ReasonExited, whyGone)
	case person(*uid) || p == nil:
		return who{uid: *uid, known: true}
	case resolver(p.exe, p.name, *uid):
		return unknown(event.ReasonResolver, whyResolver)
	case person(p.uid):
		return who{uid: p.uid, known: true, as: uid}
	case person(p.login) && r.signedIn(p):
		return who{uid: p.login, known: true, as: uid}
	}
	return who{uid: *uid, known: true}
}

// containersFor is how long after a container was seen a process that was gone
// may have been of one.
const containersFor = time.Hour

// signedIn says whether the person that the kernel says p came from still has to
// do with it. What outlives their session, or was taken over by the system, is
// the system's: a service that a technician restarted once acts for everybody.
func (r *Resolver) signedIn(p *process) bool {
	for _, id := range []string{p.place.session, auditSession(p.audit)} {
		if s, ok := r.sessions.get(id); ok && s.uid == p.login && p.place.session == s.id {
			return true
		}
	}
	_, ok := r.processes.ancestor(p, func(up *process) bool { return up.uid == p.login })
	return ok
}

// seat says where the person sits.
func (r *Resolver) seat(owner *event.Owner, p *process, uid uint32) {
	at, audit := place{}, uint32(noLogin)
	if p != nil {
		at, audit = p.place, p.audit
	}
	if s, ok := r.sessions.of(uid, at, audit); ok {
		owner.Session, owner.Seat, owner.Remote = s.id, s.seat, s.remote
	}
}

// parents names the parent and, where no session says where the person sits,
// looks for a server of far sessions above. Root's programs alone count as one.
func (r *Resolver) parents(owner *event.Owner, p *process, w who) {
	if up, ok := r.processes.ancestor(p, func(*process) bool { return true }); ok {
		owner.Parent = up.name
	}
	if owner.Session != "" || !w.known || !person(w.uid) {
		return
	}
	server, ok := r.processes.ancestor(p, func(up *process) bool {
		_, is := remoteParents[up.name]
		return is && up.uid == 0
	})
	if ok {
		owner.Remote = remoteParents[server.name]
	}
}

// name finds the names of accounts. It may wait for the directory, so it is
// called without the lock.
func (r *Resolver) name(owner *event.Owner, w who) { r.people.name(owner, w, person) }
