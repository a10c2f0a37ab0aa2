package attribution

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"safelight/internal/event"
)

// win says whose programs are on Windows. What it reads of the system is handed
// in, so that what it makes of it is tested everywhere.
//
//	a program's own token          its account; or the one in whose name the event
//	                               was written, where a service acts for somebody
//	it ended before it was read    the account of the process that started it, if that is
//	                               a person's in the same session: a person's program
//	                               starts others as that person; what runs as somebody
//	                               else is started by a service (runas, UAC)
//	Windows' resolver service      unknown (resolver): it asks for others
//	the kernel (PID 4)             unknown (kernel)
type win struct {
	system   winSystem
	accounts *sidAccounts
	sessions map[string]winSession
	listed   time.Time // when the sessions were read
	now      func() time.Time
}

// winSystem is what is read of Windows.
type winSystem struct {
	// process reads what runs as pid; errGone and errHidden say why not.
	process func(pid int) (winProcess, error)
	// session says where the person of a session sits.
	session func(id uint32) winSession
	// words is what a process was started with. It is read of interpreters alone,
	// searched for the script and let go (G11). file says whether there is such a
	// file.
	words func(pid int) []string
	file  func(path string) bool
	// resolver is the process that asks DNS for everybody, or 0.
	resolver func() int
}

// winProcess is what is read of a process. exe may be empty where the system does
// not say; session is that of its token, "0" the services'.
type winProcess struct {
	pid, ppid         int
	exe, sid, session string
	began             time.Time
}

// winSession is where the person of a session sits. Nobody sits at one that was
// left (fast user switching, a connection that was cut).
type winSession struct {
	console bool
	remote  event.Remote
}

// Why a process cannot be read.
var (
	errWinGone   = errors.New("there is no such process")
	errWinHidden = errors.New("the process may not be looked at")
)

const (
	kernelPID = 4 // and 0, which idles
	// seatsFor is how long it is believed where people sit.
	seatsFor = 5 * time.Second
	// sameTime is how far two readings of one process's beginning are apart.
	sameTime = 50 * time.Millisecond
)

func newWin(system winSystem, accounts *sidAccounts, now func() time.Time) *win {
	return &win{system: system, accounts: accounts, now: now, sessions: make(map[string]winSession)}
}

// complete adds what is missing to an owner whose PID is known, and perhaps its
// SID and session.
func (w *win) complete(owner event.Owner) event.Owner {
	switch {
	case personSID(owner.SID): // in whose name a service, or the kernel, asked
	case owner.PID <= kernelPID:
		return unknownWin(owner, event.ReasonKernel, whyKernel)
	case owner.PID == w.system.resolver():
		return unknownWin(owner, event.ReasonResolver, whyResolver)
	}
	p, err := w.system.process(owner.PID)
	if err == nil && !owner.At.IsZero() && p.began.After(owner.At.Add(sameTime)) {
		err = errWinGone // another has its number by now
	}
	if err == nil {
		w.describe(&owner, p)
	}
	return w.whose(owner, p, err)
}

// started says whose a program is that has just started. With look its parent is
// named too.
func (w *win) started(s event.Start, look bool) event.Owner {
	owner := event.Owner{PID: s.PID, Process: s.Comm, Exe: s.Exe}
	owner.PPID, owner.Session = s.PPID, s.Session
	if s.Package != "" {
		owner.App = "msix:" + s.Package
	}
	p, err := w.system.process(s.PID)
	if err == nil && !s.Time.IsZero() && p.began.Sub(s.Time).Abs() > sameTime {
		err = errWinGone
	}
	if err == nil {
		w.describe(&owner, p)
		if look {
			owner.Script = w.script(owner)
		}
	} else if by, ok := w.creator(s); ok {
		owner.SID, err = by.sid, nil
	}
	if look && owner.PPID > kernelPID {
		if up, uerr := w.system.process(owner.PPID); uerr == nil && !up.began.After(p.since(s)) {
			owner.Parent = winBase(up.exe)
		}
	}
	return w.whose(owner, p, err)
}

// script is the file that an interpreter runs.
func (w *win) script(owner event.Owner) string {
	if _, _, ok := winInterpreterOf(owner.Exe); !ok {
		return ""
	}
	script := winScript(owner.Exe, w.system.words(owner.PID))
	if script == "" || !w.system.file(script) {
		return ""
	}
	return foldUsers(script)
}

// since is when a program began, as far as anybody said.
func (p winProcess) since(s event.Start) time.Time {
	if s.Time.IsZero() {
		return p.began
	}
	return s.Time
}

// creator is the process that had a program started, where its account must be
// the program's too.
func (w *win) creator(s event.Start) (winProcess, bool) {
	if s.Creator <= kernelPID || s.Time.IsZero() {
		return winProcess{}, false
	}
	by, err := w.system.process(s.Creator)
	ok := err == nil && !by.began.After(s.Time) && personSID(by.sid) && by.session == s.Session
	return by, ok
}

func (w *win) describe(owner *event.Owner, p winProcess) {
	if owner.Exe == "" {
		owner.Exe = p.exe
	}
	if owner.Process == "" {
		owner.Process = winBase(owner.Exe)
	}
	if owner.PPID == 0 {
		owner.PPID = p.ppid
	}
}

// whose names the account and where its person sits. err is why p was not read.
func (w *win) whose(owner event.Owner, p winProcess, err error) event.Owner {
	told := owner.SID
	switch {
	case told != "":
	case err == nil && p.sid != "":
		owner.SID = p.sid
	case errors.Is(err, errWinHidden) || err == nil:
		return unknownWin(owner, event.ReasonNotPermitted, whyHidden)
	default:
		return unknownWin(owner, event.ReasonExited, whyGone)
	}
	if err != nil {
		owner.Unknown = whyGone // its program, or a part of it
		if errors.Is(err, errWinHidden) {
			owner.Unknown = whyHidden
		}
	}
	if owner.Session == "" && err == nil {
		owner.Session = p.session
	}
	a := w.accounts.find(owner.SID)
	owner.User, owner.Domain = a.login, a.domain
	if a.login == "" {
		owner.Reason = a.reason
		owner.Unknown = whyNoAccount
		if a.reason == event.ReasonDirectory {
			owner.Unknown = whyDirectory
		}
	}
	if told != "" && err == nil && p.sid != "" && p.sid != told {
		owner.RunsAs = w.accounts.find(p.sid).login
	}
	if personSID(owner.SID) {
		w.seat(&owner)
	} else {
		owner.Session = "" // services have one, and nobody sits in it
	}
	return owner
}

func unknownWin(owner event.Owner, reason event.Reason, words string) event.Owner {
	owner.User, owner.Domain, owner.Reason, owner.Unknown = "", "", reason, words
	return owner
}

// seat says where the person of the owner's session sits.
func (w *win) seat(owner *event.Owner) {
	id, err := strconv.ParseUint(owner.Session, 10, 32)
	if err != nil || id == 0 { // no session, or that of services: a scheduled task
		return
	}
	if now := w.now(); w.listed.IsZero() || now.Sub(w.listed).Abs() > seatsFor {
		clear(w.sessions)
		w.listed = now
	}
	at, ok := w.sessions[owner.Session]
	if !ok {
		at = w.system.session(uint32(id))
		w.sessions[owner.Session] = at
	}
	if at.console {
		owner.Seat = "console"
	}
	owner.Remote = at.remote
}

func winBase(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

// personSID says whether an account is one that people have: local ones and those
// of a domain, or of Entra ID. All others are Windows' own.
func personSID(sid string) bool {
	const local, cloud = "S-1-5-21-", "S-1-12-1-"
	return strings.HasPrefix(sid, local) || strings.HasPrefix(sid, cloud)
}
