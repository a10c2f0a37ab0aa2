package attribution

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
)

// status is what is used of /proc/PID/status:
//
//	Name:	curl
//	Tgid:	4242
//	PPid:	4100
//	Uid:	1000	1000	1000	1000
//	Kthread:	0
type status struct {
	name       string
	tgid, ppid int
	uid        *uint32 // the real one: who started it, not whom a setuid program acts as
	kernel     bool    // a thread of the kernel
}

// kthreadd is the parent of all the kernel's threads.
const kthreadd = 2

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
		case "PPid":
			s.ppid, _ = strconv.Atoi(value)
		case "Kthread":
			s.kernel = s.kernel || value == "1"
		case "Uid":
			if f := strings.Fields(value); len(f) > 0 {
				if n, err := strconv.ParseUint(f[0], 10, 32); err == nil {
					uid := uint32(n)
					s.uid = &uid
				}
			}
		}
	}
	s.kernel = s.kernel || s.ppid == kthreadd || s.tgid == kthreadd
	return s
}
