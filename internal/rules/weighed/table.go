package weighed

import (
	"encoding/binary"
	"errors"
	"fmt"

	"safelight/internal/rules/flat"
)

// Table is terms, read where they lie. Many goroutines may use it.
type Table struct {
	words  flat.Index
	alone  []byte
	pairs  []byte
	points []byte
	mask   uint32
	sums   int
}

// Open reads what Build made, which has to be for so many sums. The bytes must stay
// as they are. What is not in order is refused: nothing in it is trusted before.
func Open(raw []byte, sums int) (*Table, error) {
	t, err := open(raw, sums)
	if err != nil {
		return nil, fmt.Errorf("opening the table of weighed words: %w", err)
	}
	return t, nil
}

func open(raw []byte, sums int) (*Table, error) {
	parts, err := flat.Split(magic, raw, sections)
	if err != nil {
		return nil, err
	}
	t := &Table{alone: parts[aloneSection], pairs: parts[pairSection], points: parts[pointSection]}
	slots := uint64(len(t.pairs)) / pairSize
	switch {
	case len(t.alone)%placeSize != 0 || len(t.pairs)%pairSize != 0 || len(t.points)%pointSize != 0 || len(t.points) < pointSize:
		return nil, errors.New("a section is cut short")
	case slots == 0 || slots&(slots-1) != 0 || slots > 1<<31:
		return nil, fmt.Errorf("it has %d slots for pairs", slots)
	}
	t.mask = uint32(slots - 1)
	if n := binary.LittleEndian.Uint32(t.points); uint64(n) != uint64(sums) || n > MaxSums {
		return nil, fmt.Errorf("it is for %d sums, want %d", n, sums)
	}
	t.points, t.sums = t.points[4:], sums
	words := len(t.alone) / placeSize
	if t.words, err = flat.OpenIndex(parts[wordSection], flat.Texts(parts[textSection]), words); err != nil {
		return nil, fmt.Errorf("words: %w", err)
	}
	return t, t.check(uint32(words))
}

// check refuses points that lie outside or add to no sum, and pairs without an
// empty slot, at which a search ends.
func (t *Table) check(words uint32) error {
	for at := 0; at < len(t.points); at += pointSize {
		if sum := binary.LittleEndian.Uint16(t.points[at:]); int(sum) >= t.sums {
			return fmt.Errorf("points add to sum %d of %d", sum, t.sums)
		}
	}
	for at := 0; at < len(t.alone); at += placeSize {
		if !t.has(binary.LittleEndian.Uint32(t.alone[at:]), binary.LittleEndian.Uint32(t.alone[at+4:])) {
			return fmt.Errorf("word %d has points that are not there", at/placeSize)
		}
	}
	free := false
	for at := 0; at < len(t.pairs); at += pairSize {
		p := t.pairs[at:][:pairSize]
		n := binary.LittleEndian.Uint32(p[12:])
		if n == 0 {
			free = true
			continue
		}
		if binary.LittleEndian.Uint32(p) >= words || binary.LittleEndian.Uint32(p[4:]) >= words || !t.has(binary.LittleEndian.Uint32(p[8:]), n) {
			return fmt.Errorf("pair %d is not in order", at/pairSize)
		}
	}
	if !free {
		return errors.New("no slot for pairs is free")
	}
	return nil
}

func (t *Table) has(at, n uint32) bool {
	return uint64(at)+uint64(n) <= uint64(len(t.points)/pointSize) && n <= MaxSums
}

// Number gives 1 more than the number of a folded word, or 0 for one that no term
// has.
func (t *Table) Number(word []byte) (n uint32) {
	flat.Each(t.words, word, func(v uint32) bool {
		n = v + 1
		return false
	})
	return n
}

// of gives the points of a word alone, by what Number says of it.
func (t *Table) of(word uint32) []byte {
	p := t.alone[placeSize*int(word-1):]
	return t.at(binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:]))
}

// ofPair gives the points of two words side by side.
func (t *Table) ofPair(a, b uint32) []byte {
	a, b = a-1, b-1
	for at := pairHash(a, b) & t.mask; ; at = (at + 1) & t.mask {
		p := t.pairs[pairSize*int(at):][:pairSize]
		n := binary.LittleEndian.Uint32(p[12:])
		if n == 0 {
			return nil
		}
		if binary.LittleEndian.Uint32(p) == a && binary.LittleEndian.Uint32(p[4:]) == b {
			return t.at(binary.LittleEndian.Uint32(p[8:]), n)
		}
	}
}

func (t *Table) at(at, n uint32) []byte { return t.points[pointSize*int(at):][:pointSize*int(n)] }
