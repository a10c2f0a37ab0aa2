package bpfdev

import (
	"encoding/binary"
	"time"
)

// What a read returns is records, each a header, a frame, and padding up to a
// multiple of four bytes (bpf(4); struct bpf_hdr in net/bpf.h). Numbers are in
// the machine's order, which is little-endian on every Mac there is.
//
//	0   seconds(4)      since 1970, a struct timeval32
//	4   microseconds(4)
//	8   captured(4)     bytes of the frame that are here
//	12  length(4)       bytes that it had
//	16  header(2)       where the frame begins; at least 18
//
// The header is as long as puts what follows the link's header on a multiple of
// four: 18 bytes before Ethernet's 14, 20 before the loopback's four.
const (
	recordHeader = 18
	recordAlign  = 4
)

// each walks the records of one read. It stops at what is no whole record: the
// kernel returns none in part. It returns how many bytes it understood.
func each(b []byte, take func(frame []byte, at time.Time)) int {
	le := binary.LittleEndian
	for at := 0; ; {
		rest := b[at:]
		if len(rest) < recordHeader {
			return at
		}
		from, captured := int(le.Uint16(rest[16:])), uint64(le.Uint32(rest[8:]))
		if from < recordHeader || uint64(from)+captured > uint64(len(rest)) {
			return at
		}
		to := from + int(captured)
		seconds, micros := le.Uint32(rest), le.Uint32(rest[4:])
		take(rest[from:to:to], time.Unix(int64(seconds), int64(micros)*1000))
		next := (to + recordAlign - 1) &^ (recordAlign - 1)
		if next >= len(rest) { // the last one need not be padded
			return at + to
		}
		at += next
	}
}
