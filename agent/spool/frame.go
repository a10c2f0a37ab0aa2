package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	frameMagic  = 0x31664c53 // "SLf1"
	frameHeader = 40
	frameAlign  = 8
	maxFrame    = 8 << 20

	flagPrepared = 1
	flagCommit   = 2
)

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	errBadFrame = errors.New("no valid frame here")
	le          = binary.LittleEndian
)

// frame is what one batch put into one lane. After decoding, its byte slices
// lie in the buffer it was read from.
type frame struct {
	commit      uint64
	flags       uint8
	first       uint64
	records     [][]byte
	checkpoints map[string]checkpoint
}

// seed starts a checksum off with the epoch and the lane.
func seed(epoch [16]byte, lane uint8) uint32 {
	return crc32.Update(crc32.Checksum(epoch[:], castagnoli), castagnoli, []byte{lane})
}

// appendFrame writes the frame behind b, padded to frameAlign.
func appendFrame(b []byte, f *frame, seed uint32) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHeader)...)
	for _, r := range f.records {
		b = le.AppendUint32(b, uint32(len(r)))
		b = append(b, r...)
	}
	b = appendCheckpoints(b, f.checkpoints)
	h := b[start:]
	le.PutUint32(h[0:], frameMagic)
	le.PutUint32(h[8:], uint32(len(h)))
	h[12] = f.flags
	le.PutUint64(h[16:], f.commit)
	le.PutUint64(h[24:], f.first)
	le.PutUint32(h[32:], uint32(len(f.records)))
	le.PutUint32(h[36:], uint32(len(f.checkpoints)))
	le.PutUint32(h[4:], crc32.Update(seed, castagnoli, h[8:]))
	for len(b)%frameAlign != start%frameAlign {
		b = append(b, 0)
	}
	return b
}

func appendCheckpoints(b []byte, list map[string]checkpoint) []byte {
	for source, c := range list {
		b = le.AppendUint16(b, uint16(len(source)))
		b = append(b, source...)
		b = le.AppendUint64(b, c.commit)
		b = le.AppendUint32(b, uint32(len(c.value)))
		b = append(b, c.value...)
	}
	return b
}

// decodeFrame reads the frame at the start of b and says how much room it
// takes. It never panics, whatever b holds.
func decodeFrame(b []byte, seed uint32) (*frame, int, error) {
	length, ok := frameLength(b)
	if !ok || length > len(b) || le.Uint32(b[4:]) != crc32.Update(seed, castagnoli, b[8:length]) {
		return nil, 0, errBadFrame
	}
	f := &frame{flags: b[12], commit: le.Uint64(b[16:]), first: le.Uint64(b[24:])}
	if f.flags != flagPrepared && f.flags != flagCommit || f.commit == 0 || f.first == 0 {
		return nil, 0, errBadFrame
	}
	r := reader{b: b[frameHeader:length]}
	records := le.Uint32(b[32:])
	if uint64(records)*4 > uint64(length) || f.first+uint64(records) < f.first {
		return nil, 0, errBadFrame
	}
	for range records {
		f.records = append(f.records, r.take(int(r.uint32())))
	}
	f.checkpoints = r.checkpoints(le.Uint32(b[36:]))
	if r.bad || len(r.b) != 0 {
		return nil, 0, errBadFrame
	}
	return f, align(length), nil
}

// frameLength reads a plausible frame's length, padding excluded.
func frameLength(b []byte) (int, bool) {
	if len(b) < frameHeader || le.Uint32(b) != frameMagic {
		return 0, false
	}
	n := le.Uint32(b[8:])
	return int(n), n >= frameHeader && n <= maxFrame
}

func align(n int) int { return (n + frameAlign - 1) / frameAlign * frameAlign }

// reader takes fields off a buffer; once something is missing it stays bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return le.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return le.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return le.Uint64(b)
	}
	return 0
}

func (r *reader) checkpoints(n uint32) map[string]checkpoint {
	out := map[string]checkpoint{}
	for range n {
		source := string(r.take(int(r.uint16())))
		commit := r.uint64()
		value := r.take(int(r.uint32()))
		if r.bad {
			return nil
		}
		out[source] = checkpoint{commit: commit, value: append([]byte{}, value...)}
	}
	return out
}
