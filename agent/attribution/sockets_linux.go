package attribution

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// diag asks the kernel for one socket at a time; where it will not answer, the
// tables under /proc/net are read instead, which costs more.
type diag struct {
	fd   int // -1 where there is none
	seq  uint32
	buf  []byte
	proc string
}

func newFinder(proc string) finder {
	d := &diag{fd: -1, buf: make([]byte, 8192), proc: proc}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return d
	}
	// The kernel answers as it takes the request, so a wait means no answer.
	wait := unix.Timeval{Usec: 50_000}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		_ = unix.Close(fd)
		return d
	}
	d.fd = fd
	return d
}

func (d *diag) close() error {
	if d.fd < 0 {
		return nil
	}
	fd := d.fd
	d.fd = -1
	return unix.Close(fd)
}

func (d *diag) find(proto string, local, remote netip.AddrPort) (socket, error) {
	if d.fd >= 0 {
		s, err := d.ask(proto, local, remote)
		var reason why
		if err == nil || errors.As(err, &reason) {
			return s, err
		}
	}
	return d.tables(proto, local, remote)
}

func (d *diag) ask(proto string, local, remote netip.AddrPort) (socket, error) {
	number := uint8(ipTCP)
	if proto == "udp" {
		number = ipUDP
	}
	d.seq++
	request := appendDiagRequest(d.buf[:0], d.seq, number, local, remote)
	if err := unix.Sendto(d.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return socket{}, fmt.Errorf("asking the kernel for a socket: %w", err)
	}
	for {
		n, _, err := unix.Recvfrom(d.fd, d.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return socket{}, fmt.Errorf("reading the kernel's answer on a socket: %w", err)
		}
		if s, mine, err := parseDiagReply(d.buf[:n], d.seq); mine {
			return s, err
		}
	}
}

func (d *diag) tables(proto string, local, remote netip.AddrPort) (socket, error) {
	// An IPv6 socket may carry an IPv4 flow.
	for _, table := range []string{proto, proto + "6"} {
		f, err := os.Open(filepath.Join(d.proc, "net", table))
		if err != nil {
			continue
		}
		s, ok := parseProcNet(f, local, remote)
		_ = f.Close()
		if ok {
			return s, nil
		}
	}
	return socket{}, why(whyClosed)
}
