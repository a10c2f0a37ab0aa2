package network

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// openChanges opens a routing socket, which tells of routes as well.
func openChanges() (int, error) {
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
	if err != nil {
		return -1, fmt.Errorf("opening a routing socket: %w", err)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd) // the first error says it all
		return -1, fmt.Errorf("listening for changes of interfaces: %w", err)
	}
	return fd, nil
}

func aboutLinks(message []byte) bool { return routeMessage(message) }
