package replay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"safelight/agent/source/network/decode"
)

// Blocks of the pcapng format.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacketOld = 2
	blockSimple    = 3
	blockPacket    = 6

	orderMagic = 0x1a2b3c4d
	maxBlock   = 16 << 20 // of any kind; packets are bounded by maxFrame

	optEnd      = 0
	optTSResol  = 9
	optTSOffset = 14
)

func isNG(magic []byte) bool { return binary.BigEndian.Uint32(magic) == blockSection }

// ngFile reads the pcapng format: blocks, each its type, length, body and
// length again. A section begins anew with its own byte order and interfaces.
type ngFile struct {
	in     *input
	each   func(Frame)
	order  binary.ByteOrder
	faces  []face
	blocks int
}

// face is one interface of a section.
type face struct {
	link   decode.Link
	known  bool
	snap   int
	resol  uint8         // if_tsresol
	offset time.Duration // if_tsoffset
}

func (f *ngFile) read() error {
	for {
		f.blocks++
		err := f.block()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading block %d: %w", f.blocks, err)
		}
	}
}

var errDamaged = errors.New("its lengths contradict each other; the capture is damaged there")

// block reads one block.
func (f *ngFile) block() error {
	head, err := f.in.next(8)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head) == blockSection {
		return f.section([4]byte(head[4:]))
	}
	kind, size := f.order.Uint32(head), f.order.Uint32(head[4:])
	if size < 12 || size > maxBlock || size%4 != 0 {
		return errDamaged
	}
	body, err := f.in.body(int(size) - 8)
	if err != nil {
		return err
	}
	body = body[:len(body)-4] // the length again
	switch kind {
	case blockInterface:
		return f.face(body)
	case blockPacket:
		return f.packet(body)
	case blockPacketOld:
		return f.packetOld(body)
	case blockSimple:
		return f.simple(body)
	}
	return nil // others say nothing of packets
}

// section begins a section, whose length stood before its byte order is known.
func (f *ngFile) section(length [4]byte) error {
	magic, err := f.in.body(4)
	if err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(magic) == orderMagic:
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(magic) == orderMagic:
		f.order = binary.BigEndian
	default:
		return errors.New("a section's byte order is neither; the capture is damaged there")
	}
	size := f.order.Uint32(length[:])
	if size < 28 || size > maxBlock || size%4 != 0 {
		return errDamaged
	}
	f.faces = f.faces[:0]
	_, err = f.in.body(int(size) - 12)
	return err
}

func (f *ngFile) face(b []byte) error {
	if len(b) < 8 {
		return errDamaged
	}
	one := face{snap: int(f.order.Uint32(b[4:])), resol: 6}
	one.link, one.known = decode.LinkType(uint32(f.order.Uint16(b)))
	for b = b[8:]; len(b) >= 4; {
		code, size := f.order.Uint16(b), int(f.order.Uint16(b[2:]))
		if code == optEnd || 4+size > len(b) {
			break
		}
		switch value := b[4 : 4+size]; {
		case code == optTSResol && size == 1:
			one.resol = value[0]
		case code == optTSOffset && size == 8:
			one.offset = time.Duration(f.order.Uint64(value)) * time.Second
		}
		b = b[min(len(b), 4+(size+3)&^3):]
	}
	f.faces = append(f.faces, one)
	return nil
}

// packet reads an enhanced packet block.
func (f *ngFile) packet(b []byte) error {
	if len(b) < 20 {
		return errDamaged
	}
	return f.emit(f.order.Uint32(b), b[4:12], f.order.Uint32(b[12:]), b[20:])
}

// packetOld reads the block that the enhanced one replaced.
func (f *ngFile) packetOld(b []byte) error {
	if len(b) < 20 {
		return errDamaged
	}
	return f.emit(uint32(f.order.Uint16(b)), b[4:12], f.order.Uint32(b[12:]), b[20:])
}

// simple reads a block that has neither time nor interface: it is of the
// first, and cut to its snap length.
func (f *ngFile) simple(b []byte) error {
	if len(b) < 4 || len(f.faces) == 0 {
		return errDamaged
	}
	size := min(f.order.Uint32(b), uint32(len(b)-4))
	if snap := f.faces[0].snap; snap > 0 {
		size = min(size, uint32(snap))
	}
	return f.emit(0, nil, size, b[4:])
}

func (f *ngFile) emit(index uint32, stamp []byte, size uint32, data []byte) error {
	if int64(index) >= int64(len(f.faces)) {
		return fmt.Errorf("it is of interface %d, of which nothing is said; the capture is damaged there", index)
	}
	if int64(size) > int64(len(data)) || size > maxFrame {
		return errDamaged
	}
	i := f.faces[index]
	at := time.Time{}
	if stamp != nil {
		at = i.time(uint64(f.order.Uint32(stamp))<<32 | uint64(f.order.Uint32(stamp[4:])))
	}
	f.each(Frame{Time: at, Link: i.link, Known: i.known, Data: data[:size]})
	return nil
}

// time reads a time stamp in the interface's units: a power of ten, or of two.
func (i face) time(stamp uint64) time.Time {
	exp := i.resol & 0x7f
	if i.resol&0x80 != 0 {
		sec, frac := stamp>>min(exp, 63), stamp&(1<<min(exp, 63)-1)
		ns := uint64(float64(frac) / float64(uint64(1)<<min(exp, 63)) * 1e9)
		return time.Unix(int64(sec), int64(ns)).Add(i.offset)
	}
	unit := uint64(1)
	for range min(exp, 19) {
		unit *= 10
	}
	ns := uint64(float64(stamp%unit) / float64(unit) * 1e9)
	if unit <= 1e9 {
		ns = stamp % unit * (1e9 / unit)
	}
	return time.Unix(int64(stamp/unit), int64(ns)).Add(i.offset)
}
