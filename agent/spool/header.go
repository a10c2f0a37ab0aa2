package spool

import "hash/crc32"

const (
	headerMagic = 0x31734c53 // "SLs1"
	headerFixed = 16 + 16 + 8 + 8*Lanes + 8 + 8
)

// header opens a segment, and is a snapshot of the whole spool at the moment
// that the segment was begun:
//
//	magic, crc32c, length, lane (4 bytes each) | epoch 16 | number | next seq of
//	lane 1 … 4 | highest commit (8 bytes each) | number of checkpoints | …
type header struct {
	epoch       [16]byte
	lane        uint8
	number      uint64
	next        [Lanes + 1]uint64 // by lane, from 1
	commit      uint64
	checkpoints map[string]checkpoint
}

func (h *header) encode() []byte {
	b := make([]byte, 16, headerFixed)
	b = append(b, h.epoch[:]...)
	b = le.AppendUint64(b, h.number)
	for _, next := range h.next[1:] {
		b = le.AppendUint64(b, next)
	}
	b = le.AppendUint64(b, h.commit)
	b = le.AppendUint64(b, uint64(len(h.checkpoints)))
	b = appendCheckpoints(b, h.checkpoints)
	le.PutUint32(b, headerMagic)
	le.PutUint32(b[8:], uint32(len(b)))
	b[12] = h.lane
	le.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b
}

// decodeHeader reads a header and says where the first frame begins.
func decodeHeader(b []byte) (*header, int, error) {
	if len(b) < headerFixed || le.Uint32(b) != headerMagic {
		return nil, 0, errBadFrame
	}
	length := le.Uint32(b[8:])
	if length < headerFixed || uint64(length) > uint64(len(b)) || le.Uint32(b[4:]) != crc32.Checksum(b[8:length], castagnoli) {
		return nil, 0, errBadFrame
	}
	r := reader{b: b[16:length]}
	h := &header{epoch: [16]byte(r.take(16)), lane: b[12], number: r.uint64()}
	for l := 1; l <= Lanes; l++ {
		h.next[l] = r.uint64()
	}
	h.commit = r.uint64()
	h.checkpoints = r.checkpoints(uint32(min(r.uint64(), MaxSources)))
	if r.bad || len(r.b) != 0 {
		return nil, 0, errBadFrame
	}
	return h, align(int(length)), nil
}
