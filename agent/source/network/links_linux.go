package network

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// openChanges opens a socket that tells of interfaces and addresses.
func openChanges() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("opening a netlink socket: %w", err)
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd) // the first error says it all
		return -1, fmt.Errorf("listening for changes of interfaces: %w", err)
	}
	return fd, nil
}

// aboutLinks is true: nothing else was asked for.
func aboutLinks([]byte) bool { return true }
