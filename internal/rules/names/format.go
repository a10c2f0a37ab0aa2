package names

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A table, format 1, all numbers little-endian:
//
//	  0  "SLNAMES\0"
//	  8  format, 4 bytes
//	 12  sets in the list of sets, 4 bytes
//	 16  key of the hash, 16 bytes
//	 32  id of the table, 16 bytes: SHA-256 of all else, cut short
//	 48  names, 8 bytes
//	 56  length of the whole, 8 bytes
//	 64  largest set, 4 bytes, and 4 of zero
//	 72  two fuses, that of all names and that of names with a rare set, each:
//	     seed 8 bytes, bits of a segment 4, segments 4
//	104  zero, 24 bytes
//	128  the list of sets, 4 bytes each
//	     the front, 10 bits a name, in blocks of 64 bytes
//	     the slots of all names, 4 bytes each: 24 bits of the hash, and above
//	     them 8 bits of code
//	     the slots of names with a rare set, 4 bytes each: the set
//
// Each part follows the one before at the next multiple of 64. A code is a place
// in the list of sets, the commonest first; the last code, 255, says that the
// set is one of the rare ones, which a table has if it has more than 255 sets.
const (
	magic      = "SLNAMES\x00"
	format     = 1
	headerSize = 128
	rareCode   = 255
	align      = 64
)

// MaxNames is how many names a table may have.
const MaxNames = 1 << 24

// layout says where the parts of a table are.
type layout struct{ sets, front, slots, rare, end int }

// lay gives the layout of a table with so many names, sets and slots.
func lay(names, sets, slots, rare int) layout {
	next := func(off, size int) int { return (off + size + align - 1) &^ (align - 1) }
	var l layout
	l.sets = headerSize
	l.front = next(l.sets, 4*sets)
	l.slots = next(l.front, frontSize(names))
	l.rare = next(l.slots, 4*slots)
	l.end = l.rare + 4*rare
	return l
}

// Open reads a table in place: b must stay as it is, and mapped, for as long as
// the table and what was made of it are used. It looks at the header alone, so
// it takes the same time for any table, and refuses what is of another format,
// cut short or out of bounds. It does not hash b again: whoever fetched it did.
// Of bytes with a true header and a false rest it gives false answers, with sets
// up to the largest in the header, and never reads beyond b.
func Open(b []byte) (*Table, error) {
	t, err := open(b)
	if err != nil {
		return nil, fmt.Errorf("opening table of names: %w", err)
	}
	return t, nil
}

func open(b []byte) (*Table, error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return nil, errors.New("this is no table of names")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != format {
		return nil, fmt.Errorf("its format is %d and this program reads %d: update the program, or build the table again", v, format)
	}
	if size := binary.LittleEndian.Uint64(b[56:]); size != uint64(len(b)) {
		return nil, fmt.Errorf("it has %d bytes and says %d: fetch it again", len(b), size)
	}
	damaged := errors.New("its header contradicts itself: fetch it again")
	t := &Table{largest: binary.LittleEndian.Uint32(b[64:])}
	copy(t.key[:], b[16:])
	copy(t.id[:], b[32:])
	t.sip = newSip(t.key)
	names, sets := binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint32(b[12:])
	for i, f := range [2]*fuse{&t.all, &t.few} {
		h := b[72+16*i:]
		*f = fuse{seed: binary.LittleEndian.Uint64(h), bits: binary.LittleEndian.Uint32(h[8:]), segments: binary.LittleEndian.Uint32(h[12:])}
		if f.bits > maxBits || uint64(f.segments)<<f.bits > 2*MaxNames {
			return nil, damaged
		}
	}
	if names > MaxNames || sets > rareCode || (names == 0) != (t.all.segments == 0) {
		return nil, damaged
	}
	l := lay(int(names), int(sets), t.all.slots(), t.few.slots())
	if l.end != len(b) {
		return nil, damaged
	}
	t.names, t.sets = int(names), b[l.sets:l.sets+4*int(sets)]
	t.front, t.slots, t.rare = b[l.front:l.front+frontSize(int(names))], b[l.slots:l.slots+4*t.all.slots()], b[l.rare:]
	return t, nil
}

// writeHeader fills in the header of b but for its id.
func (t *Table) writeHeader(b []byte) {
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], format)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(t.sets)/4))
	copy(b[16:], t.key[:])
	binary.LittleEndian.PutUint64(b[48:], uint64(t.names))
	binary.LittleEndian.PutUint64(b[56:], uint64(len(b)))
	binary.LittleEndian.PutUint32(b[64:], t.largest)
	for i, f := range [2]fuse{t.all, t.few} {
		h := b[72+16*i:]
		binary.LittleEndian.PutUint64(h, f.seed)
		binary.LittleEndian.PutUint32(h[8:], f.bits)
		binary.LittleEndian.PutUint32(h[12:], f.segments)
	}
}
