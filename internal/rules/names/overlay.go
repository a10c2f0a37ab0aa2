package names

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// An overlay, format 1, all numbers little-endian:
//
//	 0  "SLNAMEOV"
//	 8  format, 4 bytes
//	12  changes, 4 bytes
//	16  id of the table it is for, 16 bytes
//	32  sets in the list of sets, 4 bytes
//	36  bits of a code, 8 or 16, 4 bytes
//	40  changes, 8 bytes each, sorted: the name's hash, with its lowest bits
//	    replaced by a code
//	    the list of sets, 4 bytes each
//
// The code 0 is a name that is gone, others are places in the list of sets, from
// 1. A code has 16 bits where there are, or were in what was merged, more than
// 255 sets.
const (
	overlayMagic  = "SLNAMEOV"
	overlayHeader = 40
)

// MaxChanges is how many names an overlay may change. A name that is none of
// them is taken for one at most once in 2^30 look-ups; with codes of 8 bits, once in
// 2^38.
const MaxChanges = 1 << 18

// maxOverlaySets is how many sets the names that an overlay adds may have.
const maxOverlaySets = 1<<16 - 1

// Overlay is what was added to the names of one table, and what is gone. It is
// immutable and safe for use by several goroutines.
type Overlay struct {
	base    [16]byte
	changes []byte // 8 bytes each
	sets    []byte // 4 bytes each
	bits    uint   // of a code
	shift   uint   // of a hash, gives its place in starts
	starts  []uint32
	marks   []uint64 // a bit for each longer beginning: whether a change has it
}

// markBits is how many bits longer the beginnings are of which marks has a bit
// each: about 16 for a change, so that few names are looked for in vain.
const markBits = 7

// OpenOverlay reads an overlay in place: b must stay as it is for as long as it
// is used. All of it is looked at, in a few microseconds a thousand changes, and
// what is not exactly as BuildOverlay makes it is refused.
func OpenOverlay(b []byte) (*Overlay, error) {
	o, err := openOverlay(b)
	if err != nil {
		return nil, fmt.Errorf("opening overlay of names: %w", err)
	}
	return o, nil
}

func openOverlay(b []byte) (*Overlay, error) {
	if len(b) < overlayHeader || string(b[:8]) != overlayMagic {
		return nil, errors.New("this is no overlay of names")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != format {
		return nil, fmt.Errorf("its format is %d and this program reads %d: update the program", v, format)
	}
	n, sets, width := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[32:]), binary.LittleEndian.Uint32(b[36:])
	if n > MaxChanges || width != 8 && width != 16 || width < codeBits(int(sets)) || sets > maxOverlaySets || len(b) != overlayHeader+8*int(n)+4*int(sets) {
		return nil, errors.New("its header does not agree with its length: fetch it again")
	}
	o := &Overlay{changes: b[overlayHeader : overlayHeader+8*n], sets: b[overlayHeader+8*n:], bits: uint(width)}
	copy(o.base[:], b[16:])
	if err := o.index(int(n), uint64(sets)); err != nil {
		return nil, err
	}
	return o, nil
}

// codeBits is how wide a code is where there are so many sets.
func codeBits(sets int) uint32 {
	if sets > 255 {
		return 16
	}
	return 8
}

// index checks the order and codes of n changes and notes where the hashes with
// each beginning start, one beginning for about eight changes.
func (o *Overlay) index(n int, sets uint64) error {
	beginnings := uint(bits.Len(uint(n / 8)))
	o.shift = 64 - beginnings
	o.starts = make([]uint32, 1<<beginnings+1)
	o.marks = make([]uint64, 1<<(beginnings+markBits)/64)
	for i := range n {
		c := o.change(i)
		if i > 0 && c>>o.bits <= o.change(i-1)>>o.bits {
			return errors.New("its changes are out of order: fetch it again")
		}
		if c&(1<<o.bits-1) > sets {
			return errors.New("a change has a set that is not in its list: fetch it again")
		}
		o.starts[c>>o.shift+1]++
		mark := c >> (o.shift - markBits)
		o.marks[mark/64] |= 1 << (mark % 64)
	}
	for i := 1; i < len(o.starts); i++ {
		o.starts[i] += o.starts[i-1]
	}
	return nil
}

func (o *Overlay) change(i int) uint64 { return binary.LittleEndian.Uint64(o.changes[8*i:]) }

// decode reads the code of a change: its set, or that the name is gone.
func (o *Overlay) decode(c uint64) (set uint32, gone bool) {
	code := int(c & (1<<o.bits - 1))
	if code == 0 {
		return 0, true
	}
	return binary.LittleEndian.Uint32(o.sets[4*(code-1):]), false
}

// may reports whether there can be a change of the name with this hash.
func (o *Overlay) may(h uint64) bool {
	mark := h >> (o.shift - markBits)
	return o.marks[mark/64]>>(mark%64)&1 != 0
}

// find reports a change of the name with this hash, and whether it is gone.
func (o *Overlay) find(h uint64) (set uint32, here, gone bool) {
	at := h >> o.shift
	for i := int(o.starts[at]); i < int(o.starts[at+1]); i++ {
		if c := o.change(i); c>>o.bits == h>>o.bits {
			set, gone = o.decode(c)
			return set, true, gone
		}
	}
	return 0, false, false
}

// Len is how many names it changes.
func (o *Overlay) Len() int { return len(o.changes) / 8 }

// Base is the ID of the table it is for.
func (o *Overlay) Base() [16]byte { return o.base }

// With gives the table with overlays laid over it, over those it has; of several
// that change a name the last counts. The table itself stays as it is.
func (t *Table) With(overlays ...*Overlay) (*Table, error) {
	with := *t
	with.overlays = nil
	for i := len(overlays) - 1; i >= 0; i-- {
		if overlays[i].base != t.id {
			return nil, fmt.Errorf("laying overlay over table of names: it is for table %x and this is %x: fetch the two of one version", overlays[i].base, t.id)
		}
		with.overlays = append(with.overlays, overlays[i])
	}
	with.overlays = append(with.overlays, t.overlays...)
	return &with, nil
}
