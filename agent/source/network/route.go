package network

import "encoding/binary"

// routeMessage says whether a message of a BSD routing socket (route(4), macOS)
// tells of an interface or an address, and not of a route, of which a busy
// machine hears many a second:
//
//	length(2) version(1) type(1) ...
//
// A read returns one message; one that is cut short is taken for a change.
func routeMessage(b []byte) bool {
	const header, version = 4, 5
	if len(b) < header || int(binary.LittleEndian.Uint16(b)) < header || b[2] != version {
		return true
	}
	switch b[3] {
	case 0x0c, 0x0d, 0x0e, 0x12: // NEWADDR, DELADDR, IFINFO, IFINFO2
		return true
	}
	return false
}
