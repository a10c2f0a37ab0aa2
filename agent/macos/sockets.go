package macos

import (
	"encoding/binary"
	"net/netip"
)

// Socket is a socket of TCP or UDP and whose it is.
type Socket struct {
	Local, Remote netip.AddrPort
	UID           uint32 // the effective account that made it
	PID           int    // the process that last used it
	// For is the process that PID acts for, as the kernel was told by it; it is
	// PID itself, or 0, where it acts for none.
	For int
}

// The sysctl net.inet.{tcp,udp}.pcblist_n returns a head, records, and the head
// again. Each begins on a multiple of eight bytes with its length and what it is:
//
//	head        length(4) count(4) generation(8) generation(8)
//	inpcb       length(4) 0x10(4) ... 16 foreign port(2) local port(2)
//	            ... 44 IP versions(1) ... 48 foreign(16) 64 local(16)
//	socket      length(4) 0x01(4) ... 64 uid(4) last pid(4) effective pid(4)
//	buffers, statistics, and of TCP its state
//
// Ports are in the network's order. An IPv4 address is the last four bytes of
// its sixteen. Later systems put fields behind these, so what is longer is read.
const (
	headLength  = 24
	kindSocket  = 0x01
	kindPCB     = 0x10
	pcbLength   = 80
	socketSize  = 76
	version4    = 0x01
	version6    = 0x02
	recordAlign = 8
)

// ParseSockets reads such a table. What is broken ends it; what came before is
// returned.
func ParseSockets(b []byte) []Socket {
	le := binary.LittleEndian
	if len(b) < headLength || le.Uint32(b) < headLength {
		return nil
	}
	var all []Socket
	var one Socket
	ends := false // one has its ends, and waits for its owner
	for at := align(uint64(le.Uint32(b))); at+8 <= uint64(len(b)); {
		rest := b[at:]
		length := uint64(le.Uint32(rest))
		if length < 8 || length > uint64(len(rest)) {
			break
		}
		switch kind := le.Uint32(rest[4:]); {
		case kind == kindPCB && length >= pcbLength:
			one, ends = parseEnds(rest)
		case kind == kindSocket && length >= socketSize && ends:
			one.UID, one.PID, one.For = le.Uint32(rest[64:]), pid(rest[68:]), pid(rest[72:])
			all = append(all, one)
			ends = false
		}
		at += align(length)
	}
	return all
}

func align(n uint64) uint64 { return (n + recordAlign - 1) &^ (recordAlign - 1) }

func pid(b []byte) int { return int(int32(binary.LittleEndian.Uint32(b))) }

func parseEnds(b []byte) (Socket, bool) {
	versions := b[44]
	if versions&(version4|version6) == 0 {
		return Socket{}, false
	}
	be := binary.BigEndian
	foreign, local := b[48:64], b[64:80]
	return Socket{
		Local:  netip.AddrPortFrom(parseAddr(local, versions), be.Uint16(b[18:])),
		Remote: netip.AddrPortFrom(parseAddr(foreign, versions), be.Uint16(b[16:])),
	}, true
}

// parseAddr reads an address. A socket of both versions that has no address yet
// is of either; the kernel keeps the interface's number within a link-local one.
func parseAddr(b []byte, versions byte) netip.Addr {
	if versions&version4 != 0 && versions&version6 == 0 {
		return netip.AddrFrom4([4]byte(b[12:16]))
	}
	six := [16]byte(b)
	if six[0] == 0xfe && six[1]&0xc0 == 0x80 {
		six[2], six[3] = 0, 0
	}
	a := netip.AddrFrom16(six)
	if versions&version4 != 0 && versions&version6 != 0 && [12]byte(b[:12]) == [12]byte{} && [4]byte(b[12:]) != [4]byte{} {
		return netip.AddrFrom4([4]byte(b[12:16]))
	}
	return a.Unmap()
}
