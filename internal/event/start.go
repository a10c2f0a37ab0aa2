package event

import "time"

// Start is a program that started, as the operating system told of it: what is
// not told is zero. It holds no arguments (G11).
type Start struct {
	Time      time.Time
	PID, PPID int
	UID       *uint32 // the process's, on this device and not in a container
	// LoginUID is the account that signed in and from which all came; nil where
	// the system does not know.
	LoginUID *uint32
	CgroupID uint64 // Linux: the inode of its folder in cgroup v2
	// Comm is the process's name, perhaps cut to 15 bytes.
	Comm string
	// Filename is what was started: perhaps relative, of a script the script.
	Filename string
	Exe      string // the program's absolute path

	// Windows: the process that had it started, which need not be its parent; the
	// session, and the package it is part of, without its version.
	Creator          int
	Session, Package string
}
