package attribution

import (
	"strconv"
	"strings"

	"safelight/internal/event"
)

// entry is an account as the account database has it:
//
//	pupil07:x:1007:1007:A Pupil:/home/pupil07:/bin/bash
//	SCHOOL\pupil07:*:10007:10000::/home/SCHOOL/pupil07:/bin/bash        (winbind)
//	pupil07@school.example:*:184601107:184600513::/home/pupil07:/bin/bash (SSSD)
type entry struct {
	login string
	uid   uint32
	home  string
}

// parsePasswd finds a uid in lines of that form: /etc/passwd, or what getent
// says.
func parsePasswd(b []byte, uid uint32) (entry, bool) {
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) < 6 || f[0] == "" || strings.HasPrefix(f[0], "#") || f[0][0] == '+' || f[0][0] == '-' {
			continue
		}
		n, err := strconv.ParseUint(f[2], 10, 32)
		if err == nil && uint32(n) == uid && len(f[0]) <= 255 {
			return entry{login: f[0], uid: uid, home: f[5]}, true
		}
	}
	return entry{}, false
}

// parseSubuid finds whose range a number lies in; the owner stands there by
// name or by number:
//
//	pupil07:100000:65536
//	1008:165536:65536
func parseSubuid(b []byte, uid uint32) (owner string, ok bool) {
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] == "" {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 == nil && err2 == nil && uint64(uid) >= first && uint64(uid) < first+count {
			return f[0], true
		}
	}
	return "", false
}

// passwdUID is a name's uid in lines of /etc/passwd.
func passwdUID(b []byte, login string) (uint32, bool) {
	for line := range strings.Lines(string(b)) {
		f := strings.Split(line, ":")
		if len(f) < 6 || f[0] != login {
			continue
		}
		n, err := strconv.ParseUint(f[2], 10, 32)
		return uint32(n), err == nil
	}
	return 0, false
}

// mapping is /proc/PID/uid_map: which accounts of this device those inside a
// user namespace are.
//
//	0       1000          1
//	1     100000      65536
type mapping []mapped

type mapped struct{ inside, outside, count uint64 }

func parseUIDMap(b []byte) mapping {
	var m mapping
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 || len(m) == 340 { // the kernel allows no more
			continue
		}
		var n [3]uint64
		good := true
		for i := range n {
			var err error
			n[i], err = strconv.ParseUint(f[i], 10, 32)
			good = good && err == nil
		}
		if good {
			m = append(m, mapped{n[0], n[1], n[2]})
		}
	}
	return m
}

// own says whether the namespace has accounts of its own.
func (m mapping) own() bool {
	return len(m) > 0 && (len(m) > 1 || m[0].inside != m[0].outside || m[0].count < 1<<32-1)
}

// root is the account outside that is root inside: whose namespace it is.
func (m mapping) root() (uint32, bool) {
	for _, r := range m {
		if r.inside == 0 && r.count > 0 {
			return uint32(r.outside), true
		}
	}
	return 0, false
}

// person says whether an account is one that people sign in to, and not the
// system's.
func person(uid uint32) bool { return event.IsPerson(uid) }
