package network

import "encoding/binary"

// answer tells the decoder that the connection which p resets had been made.
// The kernel knows that it was, and that nothing came back on it; the decoder
// knows it by the server's SYN, which is not captured for its sake alone. So
// the SYN is made again from the reset: the same ends, the number before.
func (w *watch) answer(p *arrival) {
	at, ok := tcpAt(p.data)
	if !ok {
		return
	}
	const seqAt, flagsAt, syn, ack = 4, 13, 0x02, 0x10
	number := binary.BigEndian.Uint32(p.data[at+seqAt:])
	flags := p.data[at+flagsAt]
	binary.BigEndian.PutUint32(p.data[at+seqAt:], number-1)
	p.data[at+flagsAt] = syn | ack
	w.decoder.IP(p.key, p.data, p.at)
	binary.BigEndian.PutUint32(p.data[at+seqAt:], number)
	p.data[at+flagsAt] = flags
}

// tcpAt finds the TCP header of an IP packet without extension headers.
func tcpAt(b []byte) (int, bool) {
	const tcp, tcpHeader = 6, 20
	at, proto := 0, byte(0)
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		at, proto = int(b[0]&15)*4, b[9]
	case len(b) >= 40 && b[0]>>4 == 6:
		at, proto = 40, b[6]
	}
	return at, proto == tcp && len(b) >= at+tcpHeader
}
