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
//	36  1 if the list has a set for each change, else 0, 4 bytes
//	40  changes, 8 bytes each, sorted: the first word of the name's hash without
//	    its low byte, and in that byte 0 for a name that is gone, or a code
//	    the list of sets, 4 bytes each
//
// A code is a place in the list of sets, from 1. Where there are more than 255
// sets the code is 1, and the list has a set for each change, in their order.
const (
	overlayMagic  = "SLNAMEOV"
	overlayHeader = 40
)

// MaxChanges is how many names an overlay may change. With fewer than 2^20, a
// name that is neither is taken for one of them at most once in 2^36 look-ups.
const MaxChanges = 1 << 20

// Overlay is what was added to the names of one table, and what is gone. It is
// immutable and safe for use by several goroutines.
type Overlay struct {
	base    [16]byte
	changes []byte // 8 bytes each
	sets    []byte // 4 bytes each
	each    bool   // a set for each change
	shift   uint   // of a hash, gives its place in starts
	starts  []uint32
}

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
	n, sets, each := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[32:]), binary.LittleEndian.Uint32(b[36:])
	if n > MaxChanges || each > 1 || each == 1 && sets != n || each == 0 && sets > 255 || len(b) != overlayHeader+8*int(n)+4*int(sets) {
		return nil, errors.New("its header does not agree with its length: fetch it again")
	}
	o := &Overlay{changes: b[overlayHeader : overlayHeader+8*n], sets: b[overlayHeader+8*n:], each: each == 1}
	copy(o.base[:], b[16:])
	if err := o.index(int(n), uint64(sets)); err != nil {
		return nil, err
	}
	return o, nil
}

// index checks the order and codes of n changes and notes where the hashes with
// each beginning start, one beginning for about eight changes.
func (o *Overlay) index(n int, sets uint64) error {
	beginnings := uint(bits.Len(uint(n / 8)))
	o.shift = 64 - beginnings
	o.starts = make([]uint32, 1<<beginnings+1)
	most := sets
	if o.each {
		most = 1
	}
	for i := range n {
		c := o.change(i)
		if i > 0 && c>>8 <= o.change(i-1)>>8 {
			return errors.New("its changes are out of order: fetch it again")
		}
		if c&0xff > most {
			return errors.New("a change has a set that is not in its list: fetch it again")
		}
		o.starts[c>>o.shift+1]++
	}
	for i := 1; i < len(o.starts); i++ {
		o.starts[i] += o.starts[i-1]
	}
	return nil
}

func (o *Overlay) change(i int) uint64 { return binary.LittleEndian.Uint64(o.changes[8*i:]) }

// set is the set of a change that is an addition.
func (o *Overlay) set(i int) uint32 {
	if o.each {
		return binary.LittleEndian.Uint32(o.sets[4*i:])
	}
	return binary.LittleEndian.Uint32(o.sets[4*(o.change(i)&0xff-1):])
}

// find reports a change of the name whose hash begins with first, and whether it
// is gone.
func (o *Overlay) find(first uint64) (set uint32, here, gone bool) {
	at := first >> o.shift
	for i := int(o.starts[at]); i < int(o.starts[at+1]); i++ {
		c := o.change(i)
		if c>>8 < first>>8 {
			continue
		}
		if c>>8 > first>>8 {
			break
		}
		if c&0xff == 0 {
			return 0, true, true
		}
		return o.set(i), true, false
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
