package attribution

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// parseProcNet finds the socket between local and remote in one of the tables
// under /proc/net (tcp, tcp6, udp, udp6):
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//	 0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0
//
// A socket that is bound but not connected (UDP) matches by its own end, a
// wildcard address included, if no connected one does.
func parseProcNet(r io.Reader, local, remote netip.AddrPort) (socket, bool) {
	lines := bufio.NewScanner(r)
	var loose socket
	found := false
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 {
			continue
		}
		mine, ok := parseHexAddr(f[1])
		if !ok || mine.Port() != local.Port() {
			continue
		}
		theirs, ok := parseHexAddr(f[2])
		s, whole := parseOwner(f[7], f[9])
		if !ok || !whole {
			continue
		}
		here := mine.Addr() == local.Addr()
		switch {
		case here && theirs == remote:
			return s, true
		case theirs.Port() == 0 && (here || mine.Addr().IsUnspecified()) && f[3] != stateListen:
			loose, found = s, true
		}
	}
	return loose, found
}

// stateListen is a listening TCP socket, which owns none of its connections.
const stateListen = "0A"

func parseOwner(uid, inode string) (socket, bool) {
	u, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return socket{}, false
	}
	i, err := strconv.ParseUint(inode, 10, 32)
	if err != nil || i == 0 {
		return socket{}, false
	}
	return socket{uid: uint32(u), inode: uint32(i)}, true
}

// parseHexAddr reads "0100007F:1F90": the address as 32-bit words in the
// machine's order, the port in the usual one.
func parseHexAddr(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	if !ok {
		return netip.AddrPort{}, false
	}
	b, err := hex.DecodeString(host)
	if err != nil || (len(b) != 4 && len(b) != 16) {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), true
}
