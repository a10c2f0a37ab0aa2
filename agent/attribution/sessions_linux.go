package attribution

import (
	"strconv"
	"time"

	"safelight/internal/event"
)

// sessionsFor is how long a session's file is believed: people sign out.
const sessionsFor = 5 * time.Second

// sessions reads logind's files; it asks no daemon. Where there is no logind,
// there are none.
type sessions struct {
	files files
	now   func() time.Time
	known map[string]knownSession
	users map[uint32]knownUser
}

type knownSession struct {
	session
	ok    bool
	until time.Time
}

type knownUser struct {
	userOf
	until time.Time
}

func newSessions(f files, now func() time.Time) *sessions {
	return &sessions{files: f, now: now, known: make(map[string]knownSession), users: make(map[uint32]knownUser)}
}

// get returns an open session.
func (s *sessions) get(id string) (session, bool) {
	if !sessionID(id) {
		return session{}, false
	}
	if got, ok := s.known[id]; ok && s.now().Before(got.until) {
		return got.session, got.ok
	}
	got := knownSession{until: s.now().Add(sessionsFor)}
	if b, err := s.files.read("run/systemd/sessions/"+id, 64<<10); err == nil {
		got.session, got.ok = parseSession(id, b)
		got.ok = got.ok && !got.closed
	}
	if len(s.known) >= 1024 {
		clear(s.known)
	}
	s.known[id] = got
	return got.session, got.ok
}

// only returns the session of an account whose process is in none itself, as
// desktops start theirs from the account's own manager: the one with a display,
// or the only one there is.
func (s *sessions) only(uid uint32) (session, bool) {
	got, ok := s.users[uid]
	if !ok || !s.now().Before(got.until) {
		got = knownUser{until: s.now().Add(sessionsFor)}
		if b, err := s.files.read("run/systemd/users/"+strconv.FormatUint(uint64(uid), 10), 64<<10); err == nil {
			got.userOf = parseUser(b)
		}
		if len(s.users) >= 1024 {
			clear(s.users)
		}
		s.users[uid] = got
	}
	if found, ok := s.get(got.display); ok && found.uid == uid {
		return found, true
	}
	var one session
	n := 0
	for _, id := range got.sessions {
		if found, ok := s.get(id); ok && found.uid == uid && found.class != "manager" {
			one = found
			n++
		}
	}
	return one, n == 1
}

// of finds the session of a process of uid. A session of somebody else is none
// of theirs: su leaves a process in the session it was called in.
func (s *sessions) of(uid uint32, at place, audit uint32) (session, bool) {
	for _, id := range []string{at.session, auditSession(audit)} {
		if found, ok := s.get(id); ok && found.uid == uid {
			return found, true
		}
	}
	return s.only(uid)
}

// auditSession is logind's name of a session that the kernel's audit numbered.
func auditSession(n uint32) string {
	if n == 1<<32-1 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}

// remoteParents are the servers under which people from elsewhere work.
var remoteParents = map[string]event.Remote{
	"sshd": event.RemoteSSH, "sshd-session": event.RemoteSSH, "sshd-auth": event.RemoteSSH, "dropbear": event.RemoteSSH,
	"xrdp-sesman": event.RemoteRDP, "xrdp-sesexec": event.RemoteRDP, "xrdp": event.RemoteRDP,
}
