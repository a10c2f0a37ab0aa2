package macos

import (
	"bytes"
	"path"
	"strings"
	"syscall"
	"time"
)

// Process is an entry of the kernel's process table.
type Process struct {
	PID, Parent int
	UID         uint32 // the real one: who started it
	Name        string // its program's, perhaps cut to 16 bytes
	Started     time.Time
	Ended       bool // it waits for its parent to hear of it
}

// nameLimit is how much the kernel keeps of a program's name (MAXCOMLEN).
const nameLimit = 16

// FullName is a process's name, the end of which the program's file may know.
func FullName(name, exe string) string {
	if base := path.Base(exe); exe != "" && (name == "" || len(name) == nameLimit && strings.HasPrefix(base, name)) {
		return base
	}
	return name
}

// kernel is what is asked of it about a process's file.
type kernel struct {
	info func(pid int, what uintptr, b []byte) (n uintptr, errno syscall.Errno)
	args func(pid int) ([]byte, error)
}

// exe is Exe. The kernel's own word for the file is proc_pidpath's
// (PROC_PIDPATHINFO): it writes the path, ended by a zero, and says no length:
// where it succeeds it returns 0 (XNU, bsd/kern/proc_info.c).
func (k kernel) exe(pid int) string {
	const path, size = 11, 4 * 1024
	b := make([]byte, size)
	_, errno := k.info(pid, path, b)
	switch {
	case errno == 0 && b[0] == '/':
		return text(b)
	case errno == syscall.ESRCH, errno == syscall.EPERM:
		return ""
	}
	args, err := k.args(pid)
	if err != nil {
		return ""
	}
	exe, _ := parseArgs(args)
	return exe
}

// parseArgs finds the program's path in what the sysctl kern.procargs2 says of a
// process:
//
//	number of arguments(4) path NUL... argument NUL... environment...
//
// Nothing behind the path is looked at (G11). The process can write over it, so
// it is asked only where proc_info does not answer; a relative path says
// nothing.
func parseArgs(b []byte) (exe string, ok bool) {
	const count = 4
	if len(b) <= count {
		return "", false
	}
	end := bytes.IndexByte(b[count:], 0)
	if end <= 0 || b[count] != '/' {
		return "", false
	}
	return string(b[count : count+end]), true
}

// App names the application that a program belongs to: the outermost bundle
// that its path goes through, without its ending.
//
//	/Applications/Safari.app/Contents/MacOS/Safari                       Safari
//	/Applications/Tor Browser.app/Contents/MacOS/firefox                 Tor Browser
//	.../Google Chrome.app/Contents/Frameworks/.../Helper.app/.../Helper  Google Chrome
//
// Empty for a program that is in none.
func App(exe string) string {
	const ending, inside, limit = ".app", "/Contents/", 200
	for at := 0; ; {
		i := strings.Index(exe[at:], ending+inside)
		if i < 0 {
			return ""
		}
		at += i
		if name := exe[strings.LastIndexByte(exe[:at], '/')+1 : at]; name != "" && len(name) <= limit {
			return name
		}
		at += len(ending)
	}
}
