// Package attribution says who a flow or a process belongs to: the process,
// its program, the app it is part of, the account and where the person sits, as
// far as this device can tell. What it cannot tell stays unknown, with the
// reason; it never guesses: an alert about the wrong child is worse than one
// about nobody.
//
// The account is always that of the process or socket, never "the one at the
// screen": on a machine with two people signed in, each has their own. On Linux:
//
//	a person's account runs it       that account
//	the system runs it, and a        the one who signed in (loginuid), said to
//	person's session holds it        run as another: sudo, su
//	the system's resolver            unknown (resolver): it asks for others
//	a container with accounts of     unknown (container), unless its user
//	its own                          namespace belongs to a person
//	the system runs it               the system's account
//
// Finding is a file per operating system; parsing what the system says is
// apart from reading it. The sources ask it through interfaces of their own;
// only agent/daemon and the agent's verbs build it.
package attribution

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"safelight/internal/event"
)

// Config is what New needs. Its zero value reads this machine.
type Config struct {
	// Root is where the machine's file system begins; default "/".
	Root string
	// Directory asks the account services that lie behind the files for a uid's
	// line of passwd(5); nothing and no error means that there is none. Default:
	// getent.
	Directory func(ctx context.Context, uid uint32) ([]byte, error)
	Now       func() time.Time
}

// Why an owner is not known, in words; event.Reason says it of the account.
const (
	whyClosed    = "the connection's socket was gone before its owner could be read"
	whyNoProcess = "no process was seen to hold the socket"
	whyTooLong   = "finding the process that holds the socket took too long"
	whyHolders   = "the agent may not see which process holds the socket"
	whyNoAccount = "the account has no name on this device"
	whyDirectory = "the directory of accounts did not answer in time"
	whyNoSystem  = "owners of connections cannot be read on this operating system"
	whyGone      = "the process ended before it could be read"
	whyHidden    = "the agent may not look at the process"
	whyRefused   = "the system does not say whose socket it is"
	whyResolver  = "the system's name resolver asked, and does not say for whom"
	whyKernel    = "the kernel itself sent it"
	whySeveral   = "programs of several accounts share the port"
	whyUnproven  = "the system's table of sockets is not as this version of the agent knows it"
	whyContainer = "it runs in a container, whose accounts are not this device's"
)

// socket is what the system says of a flow's end on this host. inode is 0 where
// its process has closed it already.
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

// reason is the word for why nothing is known of a flow.
func (w why) reason() event.Reason {
	switch w {
	case whyNoProcess, whyTooLong:
		return event.ReasonNoHolder
	case whyHolders, whyHidden, whyRefused:
		return event.ReasonNotPermitted
	case whyNoSystem, whyUnproven:
		return event.ReasonUnsupported
	case whySeveral:
		return event.ReasonSeveral
	}
	return event.ReasonExited
}

func unknownOwner(err error) event.Owner {
	reason := why(whyRefused)
	errors.As(err, &reason)
	return event.Owner{Unknown: err.Error(), Origin: event.Origin{Reason: reason.reason()}}
}

var _ interface {
	Lookup(string, netip.AddrPort, netip.AddrPort) (event.Owner, bool)
	Opened(netip.AddrPort, netip.AddrPort)
	Complete(event.Owner) event.Owner
	Started(event.Start, bool) event.Owner
	Close() error
} = (*Resolver)(nil)
