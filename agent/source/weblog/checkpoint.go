package weblog

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
)

// headLength is how much of a file's beginning says that it is the same file.
const headLength = 256

// place is a position in a file that can be found again after a restart, a
// rotation or a truncation. A file's number alone will not do: file systems
// give it to the next file, and copytruncate keeps it for other contents.
type place struct {
	dev, inode uint64
	offset     int64
	headLen    uint16 // how many of the first bytes head is of
	head       [16]byte
}

// As bytes: version, dev, inode, offset, headLen, head; big-endian.
const (
	placeVersion = 1
	placeSize    = 1 + 8 + 8 + 8 + 2 + 16
)

var errCheckpoint = errors.New("checkpoint of another version or damaged")

func (p place) encode() []byte {
	b := make([]byte, 0, placeSize)
	b = append(b, placeVersion)
	b = binary.BigEndian.AppendUint64(b, p.dev)
	b = binary.BigEndian.AppendUint64(b, p.inode)
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	b = binary.BigEndian.AppendUint16(b, p.headLen)
	return append(b, p.head[:]...)
}

func decodePlace(b []byte) (place, error) {
	if len(b) != placeSize || b[0] != placeVersion {
		return place{}, errCheckpoint
	}
	p := place{
		dev:     binary.BigEndian.Uint64(b[1:]),
		inode:   binary.BigEndian.Uint64(b[9:]),
		offset:  int64(binary.BigEndian.Uint64(b[17:])),
		headLen: binary.BigEndian.Uint16(b[25:]),
	}
	copy(p.head[:], b[27:])
	if p.offset < 0 || p.headLen > headLength || int64(p.headLen) > p.offset {
		return place{}, errCheckpoint
	}
	return p, nil
}

func hashHead(b []byte) (h [16]byte) {
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}

// heads are the hashes of each of a file's beginnings, up to headLength bytes.
// They stand in for the bytes, which hold paths and queries (G11).
type heads struct {
	running hash.Hash
	sums    [][16]byte // sums[n] is of the first n bytes
}

func newHeads() heads { return heads{running: sha256.New(), sums: [][16]byte{hashHead(nil)}} }

func (h *heads) length() int        { return len(h.sums) - 1 }
func (h *heads) sum(n int) [16]byte { return h.sums[n] }

// add takes the bytes that follow those taken before.
func (h *heads) add(b []byte) {
	for i := 0; i < len(b) && h.length() < headLength; i++ {
		h.running.Write(b[i : i+1])
		var sum [sha256.Size]byte
		h.sums = append(h.sums, [16]byte(h.running.Sum(sum[:0])))
	}
}
