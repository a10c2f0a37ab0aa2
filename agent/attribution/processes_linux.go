package attribution

import (
	"bytes"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"safelight/internal/event"
)

const (
	// freshFor is how long what was read of a process is taken for true. A pid
	// comes round again only after all others were used, and with the kernel's
	// start events at once.
	freshFor = 2 * time.Second
	// goneFor is how long a process that has ended is still known: packets are
	// looked at some time after they were sent.
	goneFor      = 10 * time.Second
	maxProcesses = 4096
	noLogin      = 1<<32 - 1
	maxAncestors = 24
	ancestorsFor = 30 * time.Second
)

// process is what is known of one.
type process struct {
	pid, ppid int
	name, exe string
	uid       uint32
	login     uint32 // noLogin where nobody signed in for it
	audit     uint32 // the audit session, noLogin for none
	kernel    bool
	hidden    bool // its program may not be looked at
	place     place
	script    string
	namespace mapping // nil where it was not looked for
	read      time.Time
	whose     bool // uid is known
	placed    bool // place is known
}

// processes remembers what was read.
type processes struct {
	files files
	now   func() time.Time
	known map[int]*process
	// recent are the pids that the kernel told of lately, latest last: the
	// first to look at for a socket.
	recent []int
	// groups are the places of cgroups by the inode of their folder.
	groups map[uint64]place
}

func newProcesses(f files, now func() time.Time) *processes {
	return &processes{files: f, now: now, known: make(map[int]*process), groups: make(map[uint64]place)}
}

// get returns a process, from memory or from /proc; uid, where the caller knows
// it, tells it from an earlier one with its number.
func (t *processes) get(pid int, uid *uint32) (*process, error) {
	had := t.known[pid]
	now := t.now()
	fits := had != nil && had.whose && (uid == nil || had.uid == *uid)
	if fits && had.placed && now.Sub(had.read) < freshFor {
		return had, nil
	}
	p, err := t.identify(pid)
	if err == nil {
		t.detail(p)
	} else {
		if fits && now.Sub(had.read) < goneFor {
			return had, nil // it has ended; packets are looked at afterwards
		}
		return nil, err
	}
	if fits && had.exe == p.exe {
		p.script, p.namespace = had.script, had.namespace
		if p.place.app == "" {
			p.place.app = had.place.app
		}
	}
	t.keep(p)
	return p, nil
}

func (t *processes) keep(p *process) {
	p.read = t.now()
	if len(t.known) >= maxProcesses {
		for pid, old := range t.known {
			if p.read.Sub(old.read) > goneFor {
				delete(t.known, pid)
			}
		}
		if len(t.known) >= maxProcesses {
			clear(t.known)
		}
	}
	t.known[p.pid] = p
}

var (
	errGone   = errors.New("the process is gone")
	errHidden = errors.New("the process may not be looked at")
)

// identify reads what a process is. pid may be a thread's, whose name is its
// own: what is wanted is the process.
func (t *processes) identify(pid int) (*process, error) {
	exe, err := t.files.link(procPath(pid, "exe")) // first: it goes first
	b, statusErr := t.files.read(procPath(pid, "status"), 8192)
	if statusErr != nil {
		return nil, goneOrHidden(statusErr)
	}
	s := parseStatus(b)
	if s.tgid != 0 && s.tgid != pid {
		pid = s.tgid
		exe, err = t.files.link(procPath(pid, "exe"))
		if b, statusErr = t.files.read(procPath(pid, "status"), 8192); statusErr != nil {
			return nil, goneOrHidden(statusErr)
		}
		s = parseStatus(b)
	}
	if s.uid == nil {
		return nil, errGone
	}
	p := &process{pid: pid, ppid: s.ppid, name: s.name, uid: *s.uid, whose: true, login: noLogin, audit: noLogin}
	switch {
	case err == nil:
		p.exe = strings.TrimSuffix(exe, " (deleted)")
	case errors.Is(err, fs.ErrPermission):
		p.hidden = true
	default:
		p.kernel = s.kernel
	}
	p.name = longName(p.name, p.exe)
	return p, nil
}

// detail reads where a process belongs.
func (t *processes) detail(p *process) {
	p.login = t.number(p.pid, "loginuid")
	p.audit = t.number(p.pid, "sessionid")
	if b, err := t.files.read(procPath(p.pid, "cgroup"), 16384); err == nil {
		p.place, p.placed = parseCgroup(b), true
	}
}

func goneOrHidden(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return errHidden
	}
	return errGone
}

func (t *processes) number(pid int, name string) uint32 {
	b, err := t.files.read(procPath(pid, name), 32)
	if err != nil {
		return noLogin
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 32)
	if err != nil {
		return noLogin
	}
	return uint32(n)
}

// longName mends a name that the kernel cut to 15 bytes.
func longName(comm, exe string) string {
	base := exe[strings.LastIndexByte(exe, '/')+1:]
	if comm == "" || (len(comm) == 15 && strings.HasPrefix(base, comm)) {
		return base
	}
	return comm
}

// heard takes in what the kernel tells of a start, without looking at /proc.
func (t *processes) heard(s event.Start) *process {
	p := &process{pid: s.PID, ppid: s.PPID, exe: s.Exe, login: noLogin, audit: noLogin}
	p.name = startName(s)
	if s.UID != nil {
		p.uid, p.whose = *s.UID, true
	}
	if s.LoginUID != nil {
		p.login = *s.LoginUID
	}
	p.place, p.placed = t.groups[s.CgroupID]
	p.script = startScript(s)
	t.keep(p)
	t.recent = append(t.recent, s.PID)
	if len(t.recent) > 2*maxRecent {
		t.recent = append(t.recent[:0], t.recent[len(t.recent)-maxRecent:]...)
	}
	return p
}

const maxRecent = 16

// startName is the name of what was started: the file's whole name where comm
// is its cut beginning.
func startName(s event.Start) string {
	for _, file := range []string{s.Filename, s.Exe} {
		base := file[strings.LastIndexByte(file, '/')+1:]
		if base != "" && strings.HasPrefix(base, s.Comm) && (len(s.Comm) == 15 || base == s.Comm) {
			return base
		}
	}
	if s.Comm == "" || strings.HasPrefix(s.Filename, "/proc/") || strings.HasPrefix(s.Filename, "/dev/fd/") {
		return s.Exe[strings.LastIndexByte(s.Exe, '/')+1:]
	}
	return s.Comm
}

// startScript is the script that was started by itself, by its #! line.
func startScript(s event.Start) string {
	base := s.Filename[strings.LastIndexByte(s.Filename, '/')+1:]
	if s.Filename == "" || s.Exe == "" || strings.HasPrefix(s.Filename, "/proc/") || strings.HasPrefix(s.Filename, "/dev/fd/") {
		return ""
	}
	if _, ok := interpreterOf(s.Exe); !ok || base == s.Exe[strings.LastIndexByte(s.Exe, '/')+1:] {
		return ""
	}
	if _, ok := interpreterOf(s.Filename); ok {
		return "" // another name of the interpreter: python3 of python3.11
	}
	return s.Filename
}

// look completes what the kernel told with what /proc still shows; where all is
// false, only what a program cannot be told without.
func (t *processes) look(p *process, s event.Start, all bool) {
	if !all && s.UID != nil && (s.Comm != "" || s.Exe != "") {
		return
	}
	now, err := t.identify(p.pid)
	if err != nil || now.uid != p.uid && s.UID != nil {
		return
	}
	if s.Exe != "" && now.exe != "" && now.exe != s.Exe {
		return // it runs another program by now, of which the kernel tells too
	}
	if p.exe == "" {
		p.exe = now.exe
	}
	if s.Comm == "" {
		p.name = now.name
	}
	if s.UID == nil {
		p.uid, p.whose = now.uid, true
	}
	if p.ppid == 0 {
		p.ppid = now.ppid
	}
	p.kernel, p.hidden = now.kernel, now.hidden
	if !all {
		return
	}
	t.detail(now)
	if s.LoginUID == nil {
		p.login = now.login
	}
	p.audit, p.place, p.placed = now.audit, now.place, now.placed
	if s.CgroupID != 0 && now.placed {
		if len(t.groups) >= 1024 {
			clear(t.groups)
		}
		t.groups[s.CgroupID] = p.place
	}
	t.lookScript(p)
	t.lookApp(p)
}

// lookScript finds the script of an interpreter. The command line is read,
// searched and let go; only a word that is the name of a file is kept (G11).
func (t *processes) lookScript(p *process) {
	in, ok := interpreterOf(p.exe)
	if !ok {
		return
	}
	script := p.script
	if script == "" {
		b, err := t.files.read(procPath(p.pid, "cmdline"), 16384)
		if err != nil {
			return
		}
		script = in.file(words(b))
	}
	p.script = ""
	switch {
	case script == "":
	case isWindowsPath(script):
		p.script = script // whose end was looked at; the drives are Wine's own
	case script[0] == '/':
		if t.files.plain(procPath(p.pid, "root") + script) {
			p.script = script
		}
	default:
		cwd, err := t.files.link(procPath(p.pid, "cwd"))
		if err == nil && t.files.plain(procPath(p.pid, "cwd")+"/"+script) {
			p.script = joinClean(cwd, script)
		}
	}
	if p.script != "" && longName(p.name, p.script) != p.name {
		p.name = longName(p.name, p.script)
	}
}

// lookApp finds what packages a program where its control group does not say.
func (t *processes) lookApp(p *process) {
	if p.place.app != "" {
		return
	}
	if name := snapOf(p.exe); name != "" {
		p.place.app = "snap:" + name
		return
	}
	if mount := appImageMount(p.exe); mount != "" {
		name := mountStem(mount)
		if b, err := t.files.read(procPath(p.pid, "mountinfo"), 256<<10); err == nil {
			if file := parseAppImage(b, mount); file != "" {
				name = file
			}
		}
		p.place.app = "appimage:" + name
		return
	}
	if strings.HasPrefix(p.exe, "/app/") {
		if b, err := t.files.read(procPath(p.pid, "root")+"/.flatpak-info", 16384); err == nil {
			if name := parseFlatpakInfo(b); name != "" {
				p.place.app = "flatpak:" + name
			}
		}
	}
}

// ancestor walks from a process to the top of its tree, until stop. Shells and
// servers live long: what was read of them is believed for ancestorsFor.
func (t *processes) ancestor(p *process, stop func(*process) bool) (*process, bool) {
	seen := p.pid
	for range maxAncestors {
		if p.ppid <= 1 || p.ppid == seen {
			return nil, false
		}
		up := t.known[p.ppid]
		if up == nil || !up.whose || up.name == "" || t.now().Sub(up.read) > ancestorsFor {
			var err error
			if up, err = t.identify(p.ppid); err != nil {
				return nil, false
			}
			t.keep(up)
		}
		if stop(up) {
			return up, true
		}
		p = up
	}
	return nil, false
}

// uidMap reads whose user namespace a process is in.
func (t *processes) uidMap(p *process) mapping {
	if p.namespace == nil {
		if b, err := t.files.read(procPath(p.pid, "uid_map"), 16384); err == nil {
			p.namespace = parseUIDMap(b)
		}
	}
	return p.namespace
}

func joinClean(dir, file string) string {
	return strings.TrimSuffix(dir, "/") + "/" + strings.TrimPrefix(file, "./")
}
