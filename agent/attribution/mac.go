package attribution

import (
	"net/netip"
	"sync"
	"time"

	"safelight/agent/macos"
	"safelight/internal/event"
)

// macSystem is what macOS says, as package macos reads it.
type macSystem struct {
	sockets func(proto string) ([]macos.Socket, error)
	process func(pid int) (macos.Process, bool)
	exe     func(pid int) string
	console func() (uint32, bool)
	people  func() []macos.SignedIn
	own     func(proto string) (ownSocket, error)
}

// mac finds owners on macOS:
//
//	a person's account owns the socket    that account
//	the system's owns it, and a person    that person, said to be run as another:
//	runs the process, or what began it    sudo, su, set-uid programs
//	the system's resolver owns it         unknown (resolver): it asks for others
//	the system's owns it                  the system's account
//
// A process that another asked to connect for it (a browser's network service)
// is told as that other where both are the same person's.
type mac struct {
	now    func() time.Time
	system macSystem

	mu      sync.Mutex // guards what follows
	sockets *macSockets
	flows   *flows
	there   map[string]macos.SignedIn // by account, as of thereAt
	thereAt time.Time
}

func newMac(s macSystem, now func() time.Time) *mac {
	return &mac{now: now, system: s, sockets: newMacSockets(s, now), flows: newFlows(now)}
}

// opened remembers whose a TCP connection is that is just being made.
func (m *mac) opened(f flow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flows.forget(f)
	m.socketOwner(f)
}

// lookup is Resolver.Lookup without the names of accounts; the who is nil where
// not even the account is known.
func (m *mac) lookup(f flow) (event.Owner, *who) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.proto == "tcp" {
		if got, ok := m.flows.get(f); ok {
			return got.owner, &got.who
		}
	}
	return m.socketOwner(f)
}

func (m *mac) socketOwner(f flow) (event.Owner, *who) {
	s, err := m.sockets.find(f)
	if err != nil {
		if got, ok := m.flows.get(f); ok {
			return got.owner, &got.who
		}
		return unknownOwner(err), nil
	}
	owner := event.Owner{UID: &s.UID}
	p, known := m.actor(s)
	var reason why
	if !known {
		owner.PID, reason = s.PID, whyGone
	}
	w := m.describe(&owner, p, reason)
	m.flows.put(f, owner, w)
	return owner, &w
}

// macProcess is a process and the file that it runs.
type macProcess struct {
	macos.Process
	exe string
}

func (m *mac) find(pid int) (macProcess, bool) {
	p, ok := m.system.process(pid)
	if !ok {
		return macProcess{}, false
	}
	return macProcess{p, m.system.exe(pid)}, true
}

// actor is the process that a socket's packets are for.
func (m *mac) actor(s macos.Socket) (*macProcess, bool) {
	p, ok := m.find(s.PID)
	if !ok {
		return nil, false
	}
	if s.For > 0 && s.For != s.PID && !resolves(p.exe, p.Name) {
		if by, ok := m.find(s.For); ok && by.UID == s.UID {
			return &by, true
		}
	}
	return &p, true
}

// describe writes what is known of p into owner, whose UID is known, and says
// whose it is. p is nil where nothing of the process is known; reason is then why.
func (m *mac) describe(owner *event.Owner, p *macProcess, reason why) who {
	owner.Unknown = string(reason)
	if p != nil {
		owner.PID, owner.PPID, owner.Exe = p.PID, p.Parent, p.exe
		owner.Process = macos.FullName(p.Name, p.exe)
		if app := macos.App(p.exe); app != "" {
			owner.App = "bundle:" + app
		}
		if up, ok := m.system.process(p.Parent); ok {
			owner.Parent = up.Name
		}
	}
	w := m.decide(*owner.UID, p)
	if w.known && macos.Person(w.uid) {
		m.seat(owner, p, w.uid)
	}
	return w
}

func (m *mac) decide(uid uint32, p *macProcess) who {
	switch {
	case macos.Person(uid) || p == nil:
		return who{uid: uid, known: true}
	case resolves(p.exe, p.Name):
		return who{reason: event.ReasonResolver, words: whyResolver}
	case macos.Person(p.UID):
		return who{uid: p.UID, known: true, as: &uid}
	}
	if up, ok := m.ancestor(p, func(up macos.Process) bool { return macos.Person(up.UID) }); ok {
		return who{uid: up.UID, known: true, as: &uid}
	}
	return who{uid: uid, known: true}
}

// maxAbove bounds the walk to the first process: a chain that is read while
// processes end and begin could be a circle.
const maxAbove = 32

func (m *mac) ancestor(p *macProcess, is func(macos.Process) bool) (macos.Process, bool) {
	child := p.Process
	for range maxAbove {
		up, ok := m.system.process(child.Parent)
		if !ok || up.PID <= 1 || up.Started.After(child.Started) { // its number is another's by now
			return macos.Process{}, false
		}
		if is(up) {
			return up, true
		}
		child = up
	}
	return macos.Process{}, false
}

// seat says where the person sits: elsewhere where a server of far sessions, of
// the system's, is above the process; at the screen where the screen is theirs.
func (m *mac) seat(owner *event.Owner, p *macProcess, uid uint32) {
	if p != nil {
		server, ok := m.ancestor(p, func(up macos.Process) bool { return macFar[up.Name] != "" && up.UID == 0 })
		if ok {
			owner.Remote = macFar[server.Name]
			return
		}
	}
	if at, ok := m.system.console(); ok && at == uid {
		owner.Seat = "console"
	}
}

var macFar = map[string]event.Remote{
	"sshd": event.RemoteSSH, "sshd-session": event.RemoteSSH, "sshd-auth": event.RemoteSSH,
}

const signedInFor = 5 * time.Second

// signedIn adds what the system's list of people says of an account that is
// nowhere yet: behind another's session at the screen, or elsewhere alone.
func (m *mac) signedIn(owner *event.Owner) {
	if owner.User == "" || owner.Seat != "" || owner.Remote != "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); m.there == nil || now.Sub(m.thereAt) > signedInFor {
		m.there, m.thereAt = make(map[string]macos.SignedIn), now
		for _, one := range m.system.people() {
			if had, twice := m.there[one.Account]; twice {
				one.Screen, one.Far = one.Screen || had.Screen, one.Far && had.Far
			}
			m.there[one.Account] = one
		}
	}
	switch at := m.there[owner.User]; {
	case at.Screen:
		owner.Seat = "console"
	case at.Far:
		owner.Remote = event.RemoteSSH
	}
}

// complete adds what is missing to an owner whose PID is known.
func (m *mac) complete(owner *event.Owner) who {
	p, ok := m.find(owner.PID)
	switch {
	case !ok && owner.UID == nil:
		owner.Unknown = whyGone
		return who{reason: event.ReasonExited, words: whyGone}
	case !ok || owner.Exe != "" && p.exe != "" && owner.Exe != p.exe:
		return m.left(owner)
	}
	if owner.UID == nil {
		owner.UID = &p.UID
	}
	return m.describe(owner, &p, "")
}

// left decides by what was told of a process that is gone, or runs another
// program by now.
func (m *mac) left(owner *event.Owner) who {
	if app := macos.App(owner.Exe); app != "" {
		owner.App = "bundle:" + app
	}
	told := *owner
	w := m.describe(owner, nil, whyGone)
	owner.Process, owner.Exe, owner.App = told.Process, told.Exe, told.App
	return w
}

func macFlow(proto string, local, remote netip.AddrPort) flow {
	return flow{proto, netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}
}
