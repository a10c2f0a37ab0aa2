//go:build linux || darwin

package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// links listens for interfaces and addresses that come, go, or change: another
// Wi-Fi, a VPN that comes up, a machine that wakes.
type links struct {
	socket *os.File
	done   chan struct{}
	tell   func() // after each change
	// count goes up with each change. What else happened meanwhile is read from
	// the system, for messages may be lost.
	count atomic.Uint64
	// failed is why it listens no more, or nil.
	failed atomic.Pointer[error]
}

// openLinks calls tell after each change, from a goroutine of its own.
func openLinks(tell func()) (*links, error) {
	fd, err := openChanges()
	if err != nil {
		return nil, err
	}
	l := &links{socket: os.NewFile(uintptr(fd), "changes"), done: make(chan struct{}), tell: tell}
	go l.listen()
	return l, nil
}

func (l *links) listen() {
	defer close(l.done)
	buf := make([]byte, 1<<14)
	for {
		n, err := l.socket.Read(buf)
		switch {
		case err == nil && !aboutLinks(buf[:n]):
		case err == nil, errors.Is(err, unix.ENOBUFS): // more changes than the socket holds
			l.count.Add(1)
			l.tell()
		case errors.Is(err, os.ErrClosed):
			return
		default:
			err = fmt.Errorf("listening for changes of interfaces: %w", err)
			l.failed.Store(&err)
			l.tell()
			return
		}
	}
}

func (l *links) changes() uint64 { return l.count.Load() }

// check returns why changes are not heard of any more, or nil.
func (l *links) check() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *links) close() error {
	err := l.socket.Close()
	<-l.done
	return err
}

// upInterfaces names the interfaces that carry packets.
func upInterfaces() []string {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var up []string
	for _, one := range all {
		if one.Flags&net.FlagUp != 0 && one.Flags&net.FlagRunning != 0 {
			up = append(up, one.Name)
		}
	}
	return up
}
