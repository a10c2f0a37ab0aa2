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

// As bytes: version, dev, inode, offset, headLen, head; big-endian. Version 2
// adds a byte of flags and the answers behind.
const (
	placeVersion      = 1
	checkpointVersion = 2
	placeSize         = 1 + 8 + 8 + 8 + 2 + 16

	flagAnswers = 1
	// maxBehind bounds the answers behind a place: a checkpoint of the spool has
	// room for 4 KiB. Answers beyond it are read again after a restart.
	maxBehind = 1024
)

var errCheckpoint = errors.New("checkpoint of another version or damaged")

// checkpoint is a place from which to read on, and what to know there.
type checkpoint struct {
	place
	answers bool // the log has answers on lines of their own
	// behind are how far behind the place lines end that were told already, the
	// nearest first.
	behind []int64
}

func (c checkpoint) encode() []byte {
	p := c.place
	b := make([]byte, 0, placeSize+1+2*len(c.behind))
	b = append(b, checkpointVersion)
	b = binary.BigEndian.AppendUint64(b, p.dev)
	b = binary.BigEndian.AppendUint64(b, p.inode)
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	b = binary.BigEndian.AppendUint16(b, p.headLen)
	b = append(b, p.head[:]...)
	flags := byte(0)
	if c.answers {
		flags = flagAnswers
	}
	b = append(b, flags)
	last := int64(0)
	for _, at := range c.behind[:min(len(c.behind), maxBehind)] {
		b = binary.AppendUvarint(b, uint64(at-last))
		last = at
	}
	return b
}

// decodeCheckpoint reads both versions. The first did not say whether the log
// has answers; that it has them is found out soon enough where it has not.
func decodeCheckpoint(b []byte) (checkpoint, error) {
	if len(b) < placeSize || b[0] != placeVersion && b[0] != checkpointVersion {
		return checkpoint{}, errCheckpoint
	}
	p, err := decodePlace(b[1:placeSize])
	c := checkpoint{place: p, answers: true}
	rest := b[placeSize:]
	if err != nil || b[0] == placeVersion {
		if len(rest) > 0 {
			err = errCheckpoint
		}
		return c, err
	}
	if len(rest) == 0 || rest[0] > flagAnswers {
		return checkpoint{}, errCheckpoint
	}
	c.answers = rest[0] == flagAnswers
	c.behind, err = decodeBehind(rest[1:])
	return c, err
}

func decodeBehind(b []byte) ([]int64, error) {
	var behind []int64
	last := uint64(0)
	for len(b) > 0 {
		step, n := binary.Uvarint(b)
		if n <= 0 || step == 0 || step > 1<<40 || len(behind) == maxBehind {
			return nil, errCheckpoint
		}
		last += step
		behind, b = append(behind, int64(last)), b[n:]
	}
	return behind, nil
}

// decodePlace reads what follows the version.
func decodePlace(b []byte) (place, error) {
	p := place{
		dev:     binary.BigEndian.Uint64(b),
		inode:   binary.BigEndian.Uint64(b[8:]),
		offset:  int64(binary.BigEndian.Uint64(b[16:])),
		headLen: binary.BigEndian.Uint16(b[24:]),
	}
	copy(p.head[:], b[26:])
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
