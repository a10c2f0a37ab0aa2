package network

import (
	"encoding/binary"
	"net/netip"
)

// tcpConnections reads a table of connections as Windows gives it
// (MIB_TCPTABLE_OWNER_PID and MIB_TCP6TABLE_OWNER_PID): a count, then rows. Only
// those that are established are taken. A table that is cut is read as far as it goes.
//
//	IPv4:  | state | local | port | remote | port | pid |               of 4 bytes each
//	IPv6:  | local 16 | scope | port | remote 16 | scope | port | state | pid |
func tcpConnections(b []byte, v6 bool) []connection {
	const head, established = 4, 5
	row := tcpRow{size: 24, state: 0, local: 8, remote: 12, address: 4, port: 16, pid: 20}
	if v6 {
		row = tcpRow{size: 56, local: 20, remote: 24, address: 16, port: 44, state: 48, pid: 52}
	}
	if len(b) < head {
		return nil
	}
	n := min(int(binary.LittleEndian.Uint32(b)), (len(b)-head)/row.size)
	var all []connection
	for r := b[head:]; n > 0; n, r = n-1, r[row.size:] {
		address, ok := netip.AddrFromSlice(r[row.remote : row.remote+row.address])
		if !ok || binary.LittleEndian.Uint32(r[row.state:]) != established {
			continue
		}
		all = append(all, connection{
			pid:    int(binary.LittleEndian.Uint32(r[row.pid:])),
			local:  binary.BigEndian.Uint16(r[row.local:]), // ports stand as on the wire
			remote: netip.AddrPortFrom(address.Unmap(), binary.BigEndian.Uint16(r[row.port:])),
		})
	}
	return all
}

// tcpRow says where things stand in a row.
type tcpRow struct{ size, state, local, remote, address, port, pid int }
