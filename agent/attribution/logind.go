package attribution

import (
	"strconv"
	"strings"

	"safelight/internal/event"
)

// session is what is used of a file under /run/systemd/sessions:
//
//	# This is private data. Do not parse.
//	UID=1000
//	USER=pupil07
//	ACTIVE=1
//	STATE=active
//	REMOTE=0
//	TYPE=wayland
//	CLASS=user
//	SEAT=seat0
//	SERVICE=gdm-password
//
// The format is systemd's own and old: what is missing leaves a field empty.
// Where the person sits (REMOTE_HOST) is not read.
type session struct {
	id     string
	uid    uint32
	seat   string
	remote event.Remote
	class  string
	closed bool
}

func parseSession(id string, b []byte) (session, bool) {
	f := parseVars(b)
	uid, err := strconv.ParseUint(f["UID"], 10, 32)
	if err != nil {
		return session{}, false
	}
	s := session{id: id, uid: uint32(uid), seat: f["SEAT"], class: f["CLASS"], closed: f["STATE"] == "closing"}
	switch service := f["SERVICE"]; {
	case strings.HasPrefix(service, "xrdp"), strings.Contains(service, "remote-desktop"):
		s.remote = event.RemoteRDP // xrdp does not tell logind that it is remote
	case f["REMOTE"] != "1":
	case strings.HasPrefix(service, "sshd"):
		s.remote = event.RemoteSSH
	default:
		s.remote = event.RemoteOther
	}
	return s, true
}

// userOf is what is used of a file under /run/systemd/users:
//
//	NAME=pupil07
//	STATE=active
//	DISPLAY=3
//	SESSIONS=3 7
type userOf struct {
	name     string
	display  string
	sessions []string
}

func parseUser(b []byte) userOf {
	f := parseVars(b)
	u := userOf{name: f["NAME"], display: f["DISPLAY"]}
	for _, id := range strings.Fields(f["SESSIONS"]) {
		if sessionID(id) && len(u.sessions) < 64 {
			u.sessions = append(u.sessions, id)
		}
	}
	return u
}

// sessionID says whether id is one that logind makes; it becomes a file's name.
func sessionID(id string) bool {
	return id != "" && len(id) <= 16 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// parseVars reads KEY=value lines as a shell would that knows only quotes and
// backslashes.
func parseVars(b []byte) map[string]string {
	vars := make(map[string]string)
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || key == "" || key[0] == '#' {
			continue
		}
		vars[key] = unquote(value)
	}
	return vars
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		s = s[1 : len(s)-1]
	}
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
