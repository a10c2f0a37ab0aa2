package attribution

import (
	"regexp"
	"strings"
)

// place is what the names of a process's control groups say:
//
//	0::/user.slice/user-1000.slice/session-3.scope
//	0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-org.mozilla.firefox-2034.scope
//	0::/system.slice/docker-4f1c...e2.scope
//	12:memory:/docker/4f1c...e2
type place struct {
	session   string // of logind
	app       string // "kind:name", as event.Origin has it
	id        string // a container's full id
	container bool   // its account numbers may be its own
}

var (
	sessionScope = regexp.MustCompile(`^session-([a-z]?[0-9]{1,10})\.scope$`)
	flatpakScope = regexp.MustCompile(`^(?:app-)?flatpak-(.+)-[0-9]+\.scope$`)
	snapScope    = regexp.MustCompile(`^snap\.([a-z0-9_-]+)\.`)
	hexID        = regexp.MustCompile(`^(?:(docker|libpod|crio|cri-containerd|nerdctl)-)?([0-9a-f]{64})(?:\.scope)?$`)
	nspawnUnit   = regexp.MustCompile(`^(?:systemd-nspawn@(.+)\.service|machine-(.+)\.scope)$`)
)

// engines names the engines by the prefix of their scopes or by the folder
// that their containers lie in.
var engines = map[string]string{
	"docker": "docker", "libpod": "podman", "libpod_parent": "podman", "crio": "kubernetes", "cri-containerd": "kubernetes",
	"kubepods": "kubernetes", "kubepods.slice": "kubernetes",
}

// parseCgroup reads /proc/PID/cgroup. Older systems have a line for each
// controller: whichever says something counts.
func parseCgroup(b []byte) place {
	var p place
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 {
			p.read(parts[2])
		}
	}
	return p
}

func (p *place) read(path string) {
	engine := ""
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if e, ok := engines[s]; ok {
			engine = e
		}
		switch {
		case s == "":
		case sessionScope.MatchString(s):
			p.session = sessionScope.FindStringSubmatch(s)[1]
		case flatpakScope.MatchString(s):
			p.name("flatpak", unescape(flatpakScope.FindStringSubmatch(s)[1]))
		case snapScope.MatchString(s):
			p.name("snap", snapScope.FindStringSubmatch(s)[1])
		case hexID.MatchString(s):
			m := hexID.FindStringSubmatch(s)
			if e, ok := engines[m[1]]; ok {
				engine = e
			}
			if engine == "" {
				engine = "container"
			}
			p.id, p.container = m[2], true
			p.name(engine, m[2][:12])
		case strings.HasPrefix(s, "lxc.payload."):
			p.container = true
			p.name("lxc", strings.TrimPrefix(s, "lxc.payload."))
		case s == "lxc" && i+1 < len(segments) && segments[i+1] != "":
			p.container = true
			p.name("lxc", segments[i+1])
		case nspawnUnit.MatchString(s):
			m := nspawnUnit.FindStringSubmatch(s)
			p.container = true
			p.name("machine", unescape(m[1]+m[2]))
		}
	}
}

func (p *place) name(kind, name string) {
	if p.app == "" && len(name) <= 200 {
		p.app = kind + ":" + name
	}
}

// unescape undoes systemd's way of writing a unit's name: "\x2d" is "-".
func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			hi, lo := hexDigit(s[i+2]), hexDigit(s[i+3])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "")
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
