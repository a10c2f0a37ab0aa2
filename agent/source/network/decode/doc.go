// Package decode turns captured traffic into the host names it speaks of: DNS
// questions and answers, the server names of TLS and QUIC ClientHellos, the
// hosts of HTTP requests. Beside names it tells what became of a connection
// and what hides names (encrypted DNS, ECH, VPNs), so that both can be counted.
//
// It is pure: it opens nothing, reads no clock and starts no goroutine. Time
// comes in with each packet, memory is bounded by Limits, and whatever is not
// understood is passed over. agent/source/network feeds it live, and
// agent/source/replay from files; nobody else should.
//
// # Feeding it
//
// Make a Decoder with New and hand it, in the order captured, any mix of
//
//	Packet(link, frame, at)   a frame that begins with a link layer
//	IP(key, packet, at)       an IP packet; key names its socket where known
//	Payload(&Chunk{...})      bytes of a flow, with or without addresses,
//	                          in either direction, numbered or in order
//
// A Key is opaque (SO_COOKIE on Linux). Two sockets never share one, so a port
// that is used again is a new flow at once. With Key 0 a flow is known by its
// addresses, and the capture must pass SYNs for port reuse to be safe.
//
// Beside that, call Expire about once a second: it tells what waits for bytes
// that did not come. Flush does the same for everything, at the end of a file.
// Stats counts what was given up. A Decoder is for one goroutine.
//
// # What a capture should pass
//
// From this host: UDP to the DNSPorts; UDP whose first byte has its top bit set
// (QUIC's long headers, on any port) or that may be a VPN's first message; TCP
// SYN, FIN, RST and segments with payload, of which only the first 64 KiB of
// most connections matter; fragments. To this host: UDP and TCP from the
// DNSPorts. For outcomes (Conn) also SYN+ACK, RST, and ICMP's destination
// unreachable. What is missing costs what depends on it, and nothing else.
//
// # What it tells
//
// Hooks.Name gets each Sighting, Hooks.Conn each Conn, Hooks.Fact each Fact; all
// are good only during the call, on the feeding goroutine. A name told by TLS,
// QUIC or HTTP is a visit; DNS supports it. A Conn with Refused or Reset, a DNS
// answer whose RCode is not 0 or that is Sunk, make an attempt of it (G10).
package decode
