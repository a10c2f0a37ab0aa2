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

func openLinks(tell func()) (*links, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd) // the first error says it all
		return nil, fmt.Errorf("listening for changes of interfaces: %w", err)
	}
	l := &links{socket: os.NewFile(uintptr(fd), "netlink"), done: make(chan struct{}), tell: tell}
	go l.listen()
	return l, nil
}

func (l *links) listen() {
	defer close(l.done)
	buf := make([]byte, 1<<14)
	for {
		_, err := l.socket.Read(buf)
		switch {
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
