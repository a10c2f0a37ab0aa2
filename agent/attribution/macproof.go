package attribution

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// ownSocket is one of the agent's own, of which everything is known.
type ownSocket struct {
	flow  flow
	pid   int
	uid   uint32
	close func() error
}

// macAgain is how long a table that was found wrong is not asked again.
const macAgain = 10 * time.Minute

// prove says whether the table of a protocol can be believed. Nobody promises its
// layout: should a later system move a field, another child could be taken for the
// one who asked. So the agent looks for a connection of its own in it first, and
// believes no table that does not have it as it is.
func (s *macSockets) prove(proto string) bool {
	if s.proven[proto] {
		return true
	}
	if at, failed := s.failed[proto]; failed && s.now().Sub(at) < macAgain {
		return false
	}
	if s.holds(proto) {
		s.proven[proto] = true
		return true
	}
	s.failed[proto] = s.now()
	return false
}

// holds says whether the table has the agent's own connection.
func (s *macSockets) holds(proto string) bool {
	own, err := s.own(proto)
	if err != nil {
		return false
	}
	defer func() { _ = own.close() }() // nothing was sent through it
	all, err := s.read(proto)
	if err != nil {
		return false
	}
	for _, one := range all {
		if macFlow(proto, one.Local, one.Remote) == own.flow {
			return one.PID == own.pid && one.UID == own.uid
		}
	}
	return false
}

// openOwn connects the agent to itself.
func openOwn(proto string) (ownSocket, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var listen net.ListenConfig
	const loopback = "127.0.0.1:0"
	var to net.Addr
	var far interface{ Close() error }
	switch proto {
	case "tcp":
		l, err := listen.Listen(ctx, "tcp4", loopback)
		if err != nil {
			return ownSocket{}, fmt.Errorf("opening a socket of our own: %w", err)
		}
		to, far = l.Addr(), l
	default:
		l, err := listen.ListenPacket(ctx, "udp4", loopback)
		if err != nil {
			return ownSocket{}, fmt.Errorf("opening a socket of our own: %w", err)
		}
		to, far = l.LocalAddr(), l
	}
	var dial net.Dialer
	c, err := dial.DialContext(ctx, proto+"4", to.String())
	if err != nil {
		return ownSocket{}, errors.Join(fmt.Errorf("connecting to ourselves: %w", err), far.Close())
	}
	local, err1 := netip.ParseAddrPort(c.LocalAddr().String())
	remote, err2 := netip.ParseAddrPort(c.RemoteAddr().String())
	if err := errors.Join(err1, err2); err != nil {
		return ownSocket{}, errors.Join(err, c.Close(), far.Close())
	}
	return ownSocket{
		macFlow(proto, local, remote), os.Getpid(), uint32(os.Geteuid()),
		func() error { return errors.Join(c.Close(), far.Close()) },
	}, nil
}
