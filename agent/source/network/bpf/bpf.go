// Package bpf captures, by BPF programs on a cgroup of version 2, the few
// packets that carry host names, each with the process and the account that
// sent it. It needs Linux 5.10 or later with BTF, a mounted cgroup v2, and
// CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; elsewhere Open returns an Unavailable
// with the reason. It decodes nothing and keeps no packet. Only
// agent/source/network uses it.
package bpf

import (
	"time"

	"safelight/agent/source/kernel"
)

// Unavailable is why packets cannot be captured by BPF here; find it with
// errors.As.
type Unavailable = kernel.Unavailable //nolint:errname // read as a state: Unavailable

// Config is what Open needs. Its zero value watches the whole machine.
type Config struct {
	// Cgroup is the folder of a cgroup of version 2; its sockets and those of
	// all below it are watched. Empty means where cgroup v2 is mounted: all.
	Cgroup string
	// Linger is how long packets may gather after the first one before they are
	// handed over together; zero means 20 ms.
	Linger time.Duration
	Now    func() time.Time
}

// Packet is one captured packet. It is good only during the call that hands it
// over.
type Packet struct {
	Time time.Time
	// Data begins with the IP header. It may hold several datagrams or segments
	// where a network card would have cut them.
	Data []byte
	// Cookie names the socket for good, across reuse of its port.
	Cookie uint64
	// Interface is the number of the one it leaves or came by.
	Interface int
	// Ingress is set for DNS answers and resets.
	Ingress bool
	// Unanswered is set for a reset of a connection that was made and carried
	// nothing back.
	Unanswered bool
	// Owner is nil if it is not known: the socket was in use before Open.
	Owner *Owner
}

// Owner is who connected the socket, or sent through it last.
type Owner struct {
	PID  int    // the process's (the thread group's)
	PPID int    // its parent's, when it first connected
	UID  uint32 // the real one
	// Comm is the first 15 bytes of the program's name, Exe its absolute path in
	// the process's mount namespace. Both are empty if the kernel's word of them
	// was lost, Exe also if it is longer than 1,024 bytes or 40 parts.
	Comm, Exe string
}
