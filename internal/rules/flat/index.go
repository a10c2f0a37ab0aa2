package flat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Key is a text and a number that it stands for. A text may stand for several.
type Key struct {
	Text  Span
	Value uint32
}

// entry is the size of a Key in an index: where its text is, how long, its value.
const entry = 12

// Index finds the numbers that a text stands for. It is a table of slots, each
// nought or one more than the number of an entry; at least half are nought, so
// that a search that begins at a text's own slot soon ends. Its bytes are the
// number of entries, that of slots, the entries and the slots.
//
// The hash takes no key: what is put in was signed, and a host that is looked up
// meets a run of slots as long as signed names make it.
type Index struct {
	texts   Texts
	entries []byte
	slots   []byte
	mask    uint32
}

// MakeIndex lays an index out. Texts that are equal keep their keys' order.
func MakeIndex(texts Texts, keys []Key) []byte {
	slots := uint32(2) << bits.Len(uint(len(keys)))
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(keys)))
	out = binary.LittleEndian.AppendUint32(out, slots)
	table := make([]byte, 4*int(slots))
	for i, k := range keys {
		out = binary.LittleEndian.AppendUint32(out, k.Text.At)
		out = binary.LittleEndian.AppendUint32(out, k.Text.Len)
		out = binary.LittleEndian.AppendUint32(out, k.Value)
		at := hash(texts.Bytes(k.Text)) & (slots - 1)
		for binary.LittleEndian.Uint32(table[4*at:]) != 0 {
			at = (at + 1) & (slots - 1)
		}
		binary.LittleEndian.PutUint32(table[4*at:], uint32(i+1))
	}
	return append(out, table...)
}

// OpenIndex reads an index over texts whose values are all below limit.
func OpenIndex(b []byte, texts Texts, limit int) (Index, error) {
	if len(b) < 8 {
		return Index{}, errors.New("an index is cut short")
	}
	n, slots := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if slots&(slots-1) != 0 || uint64(slots) < 2*uint64(n) || slots == 0 || uint64(len(b)) != 8+entry*uint64(n)+4*uint64(slots) {
		return Index{}, fmt.Errorf("an index of %d texts and %d slots has %d bytes", n, slots, len(b))
	}
	x := Index{texts: texts, entries: b[8 : 8+entry*int(n)], slots: b[8+entry*int(n):], mask: slots - 1}
	for i := range n {
		if k := x.key(i); !texts.Has(k.Text) || uint64(k.Value) >= uint64(limit) {
			return Index{}, fmt.Errorf("text %d of an index points outside", i)
		}
	}
	return x, x.checkSlots(n)
}

// checkSlots refuses slots that point outside, and a table without the empty
// slots at which a search ends.
func (x Index) checkSlots(n uint32) error {
	taken := uint32(0)
	for at := 0; at < len(x.slots); at += 4 {
		i := binary.LittleEndian.Uint32(x.slots[at:])
		if i > n {
			return fmt.Errorf("slot %d of an index points outside", at/4)
		}
		if i > 0 {
			taken++
		}
	}
	if taken != n {
		return fmt.Errorf("an index of %d texts has %d slots taken", n, taken)
	}
	return nil
}

// Len is how many keys there are.
func (x Index) Len() int { return len(x.entries) / entry }

func (x Index) key(i uint32) Key {
	e := x.entries[entry*int(i):][:entry]
	return Key{
		Span{binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:])},
		binary.LittleEndian.Uint32(e[8:]),
	}
}

// Each calls visit with the numbers that text stands for, in the order in which
// they were put in, until visit returns false. It allocates nothing.
func Each[T string | []byte](x Index, text T, visit func(value uint32) bool) {
	if len(x.entries) == 0 {
		return
	}
	for at := hash(text) & x.mask; ; at = (at + 1) & x.mask {
		i := binary.LittleEndian.Uint32(x.slots[4*at:])
		if i == 0 {
			return
		}
		if k := x.key(i - 1); string(x.texts.Bytes(k.Text)) == string(text) && !visit(k.Value) {
			return
		}
	}
}

// All calls visit with every key, in order, until visit returns false.
func (x Index) All(visit func(k Key) bool) {
	for i := range uint32(x.Len()) {
		if !visit(x.key(i)) {
			return
		}
	}
}

// hash is FNV-1a of 64 bits, its halves laid over each other.
func hash[T string | []byte](text T) uint32 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return uint32(h ^ h>>32)
}
