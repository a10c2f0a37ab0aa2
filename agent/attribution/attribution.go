// Package attribution says who a flow or a process belongs to: the process,
// its program and the account, as far as this device can tell. What it cannot
// tell stays unknown, with the reason; it never guesses.
//
// Finding is a file per operating system; parsing what the system says is
// apart from reading it. The network source asks it through an interface of its
// own; only agent/daemon and the agent's verbs build it.
package attribution

import (
	"net/netip"
	"os/user"
	"strconv"
	"time"

	"safelight/internal/event"
)

// Config is what New needs. Its zero value reads this machine.
type Config struct {
	// Proc is where the process file system is mounted; default /proc.
	Proc string
	// Account finds the name of a uid; default os/user.
	Account func(uid uint32) (string, error)
	Now     func() time.Time
}

func (c Config) withDefaults() Config {
	if c.Proc == "" {
		c.Proc = "/proc"
	}
	if c.Account == nil {
		c.Account = func(uid uint32) (string, error) {
			u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
			if err != nil {
				return "", err
			}
			return u.Username, nil
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Why an owner is not known.
const (
	whyClosed    = "the connection's socket was gone before its owner could be read"
	whyNoProcess = "no process was seen to hold the socket"
	whyTooLong   = "finding the process that holds the socket took too long"
	whyNoAccount = "the account has no name on this device"
	whyNoSystem  = "owners of connections cannot be read on this operating system"
	whyGone      = "the process ended before it could be read"
	whyRefused   = "the system does not say whose socket it is"
)

// socket is what the system says of a flow's end on this host.
type socket struct {
	uid   uint32
	inode uint32
}

// finder finds the socket of a flow. Its error says why there is none, in the
// words above.
type finder interface {
	find(proto string, local, remote netip.AddrPort) (socket, error)
	close() error
}

// why is an error that is a reason for not knowing.
type why string

func (w why) Error() string { return string(w) }

var _ interface {
	Lookup(string, netip.AddrPort, netip.AddrPort) (event.Owner, bool)
} = (*Resolver)(nil)
