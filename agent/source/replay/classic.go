package replay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"safelight/agent/source/network/decode"
)

// The first four bytes of a pcap file, in the byte order of its writer.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // an old writer that put eight bytes more before each packet
)

// classicOrder says in what byte order a pcap file was written.
func classicOrder(magic []byte) (binary.ByteOrder, bool) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(magic) {
		case magicMicro, magicNano, magicModified:
			return order, true
		}
	}
	return nil, false
}

// classicFile reads the pcap format: a header of 24 bytes, then packets behind
// 16 bytes each of seconds, fraction, length here, length sent.
type classicFile struct {
	in    *input
	order binary.ByteOrder
	each  func(Frame)
}

func (f *classicFile) read() error {
	const header = 24
	b, err := f.in.body(header)
	if err != nil {
		return errors.New("reading the pcap header: the file is too short; want a pcap or pcapng file")
	}
	magic := f.order.Uint32(b)
	link, known := decode.LinkType(f.order.Uint32(b[20:]) & 0xffff) // above are flags
	record, unit := 16, time.Microsecond
	switch magic {
	case magicNano:
		unit = time.Nanosecond
	case magicModified:
		record += 8
	}
	for n := 1; ; n++ {
		b, err := f.in.next(record)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading packet %d: %w", n, err)
		}
		sec, frac, size := f.order.Uint32(b), f.order.Uint32(b[4:]), f.order.Uint32(b[8:])
		if size > maxFrame {
			return fmt.Errorf("reading packet %d: its length of %d bytes cannot be; the capture is damaged there", n, size)
		}
		data, err := f.in.body(int(size))
		if err != nil {
			return fmt.Errorf("reading packet %d: %w", n, err)
		}
		f.each(Frame{Time: time.Unix(int64(sec), int64(frac)*int64(unit)), Link: link, Known: known, Data: data})
	}
}
