// Package execbpf sees every program that starts, however briefly it lives,
// through a BPF program on the kernel's sched_process_exec tracepoint. It needs
// Linux 5.10 or later with BTF, and CAP_BPF with CAP_PERFMON; elsewhere Open
// returns an Unavailable with the reason. Arguments are never read (G11). Only
// agent/source/process uses it.
package execbpf

import (
	"time"

	"safelight/agent/source/kernel"
)

// Unavailable is why exec events are not to be had here; find it with
// errors.As.
type Unavailable = kernel.Unavailable //nolint:errname // read as a state: Unavailable

// Event is a program that started.
type Event struct {
	Time time.Time // of the start of the program
	// PID is the process's (the thread group's), PPID its parent's.
	PID, PPID int
	UID       uint32 // the real one, at the start of the program
	// LoginUID is the account that logged in and started it all, whoever it has
	// become since (sudo); HasLogin is false where the kernel does not know.
	LoginUID uint32
	HasLogin bool
	// Session is the POSIX session: the pid of its leader.
	Session int
	// CgroupID is the inode number of the process's folder in cgroup v2.
	CgroupID uint64
	// Started is when the process began, in nanoseconds since boot; with PID it
	// names a process for good, across programs and reuse of numbers.
	Started uint64
	// Comm is the first 15 bytes of the program's name.
	Comm string
	// Filename is what was given to execve: it may be relative, and of a script
	// with a #! line it is the script.
	Filename string
	// Exe is the absolute path of the program that runs, in the process's own
	// mount namespace; of a script it is the interpreter. It is empty if the path
	// is longer than 1,024 bytes or 40 parts.
	Exe string
}
