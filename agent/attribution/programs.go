package attribution

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"safelight/internal/event"
)

// status is what is used of /proc/PID/status:
//
//	Name:	curl
//	Tgid:	4242
//	Uid:	1000	1000	1000	1000
type status struct {
	name string
	tgid int
	uid  *uint32 // the effective one
}

func parseStatus(b []byte) status {
	var s status
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			continue
		}
		switch value = strings.TrimSpace(value); key {
		case "Name":
			s.name = value
		case "Tgid":
			s.tgid, _ = strconv.Atoi(value)
		case "Uid":
			if f := strings.Fields(value); len(f) >= 2 {
				if n, err := strconv.ParseUint(f[1], 10, 32); err == nil {
					uid := uint32(n)
					s.uid = &uid
				}
			}
		}
	}
	return s
}

// program reads what runs as pid, which may be a thread's: the thread's name
// is its own, so the name is taken from the process it belongs to.
func program(proc string, pid int) (event.Owner, error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	b, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return event.Owner{}, why(whyGone)
	}
	s := parseStatus(b)
	if s.tgid != 0 && s.tgid != pid {
		pid = s.tgid
		dir = filepath.Join(proc, strconv.Itoa(pid))
		if b, err := os.ReadFile(filepath.Join(dir, "status")); err == nil {
			s = parseStatus(b)
		}
	}
	exe, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil {
		exe = "" // a kernel's thread, or not for us to see
	}
	return event.Owner{PID: pid, Process: s.name, Exe: strings.TrimSuffix(exe, " (deleted)"), UID: s.uid}, nil
}
