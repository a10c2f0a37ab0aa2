package phrases

import (
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"math/bits"
	"slices"
)

var le = binary.LittleEndian

// slots is an open hash table in the making: entries of a fixed size, a free
// one is all zero at the four bytes from mark.
type slots struct {
	b          []byte
	size, mark int
	n          uint32
}

// newSlots makes room for n entries, with spare quarters of them free besides.
func newSlots(n, size, mark int, spare int) *slots {
	room := n + n*spare/4 + 1
	return &slots{b: make([]byte, room*size), size: size, mark: mark, n: uint32(room)}
}

var errCrowded = errors.New("building the phrase table: too many words fall on one place: leave some phrases out")

// put gives the place where an entry with this hash goes.
func (t *slots) put(h uint64) ([]byte, error) {
	i := slot(h, t.n)
	for range maxProbes {
		e := t.b[int(i)*t.size:][:t.size]
		if le.Uint32(e[t.mark:]) == 0 {
			return e, nil
		}
		if i++; i == t.n {
			i = 0
		}
	}
	return nil, errCrowded
}

func (b *builder) layWords(sec *[sections][]byte) error {
	t := newSlots(len(b.words), wordSize, 16, 3)
	for i, w := range b.words {
		id := uint32(i + 1)
		key := keyOf(w)
		e, err := t.put(key.hash())
		if err != nil {
			return err
		}
		if isLong(uint32(len(w))) {
			id |= longWord
		}
		le.PutUint64(e, key.a)
		le.PutUint64(e[8:], key.b)
		le.PutUint32(e[16:], id)
		if first, ok := b.next[edge{0, uint32(i + 1)}]; ok {
			le.PutUint32(e[20:], b.flagged(first))
		}
		sec[secSpelling] = le.AppendUint32(sec[secSpelling], uint32(len(sec[secLetters])))
		sec[secLetters] = append(sec[secLetters], w...)
	}
	sec[secSpelling] = le.AppendUint32(sec[secSpelling], uint32(len(sec[secLetters])))
	sec[secWords] = t.b
	return nil
}

func (b *builder) layEdges(sec *[sections][]byte) error {
	t := newSlots(len(b.nodes), edgeSize, 8, 4)
	bitset := make([]byte, 1<<max(3, bits.Len(uint(len(b.nodes)))))
	for i, n := range b.nodes[1:] {
		if n.parent == 0 {
			continue
		}
		h := mix(uint64(n.parent)<<32|uint64(n.word), forEdges)
		e, err := t.put(h)
		if err != nil {
			return err
		}
		le.PutUint32(e, n.parent)
		le.PutUint32(e[4:], n.word)
		le.PutUint32(e[8:], b.flagged(uint32(i+1)))
		bit := uint32(h) & uint32(len(bitset)*8-1)
		bitset[bit/8] |= 1 << (bit % 8)
	}
	sec[secEdges], sec[secFilter] = t.b, bitset
	return nil
}

// layGroups gives where each group stands.
func (b *builder) layGroups(sec *[sections][]byte) []uint32 {
	places := make([]uint32, len(b.groups))
	for i, g := range b.groups {
		places[i] = uint32(len(sec[secGroups]) / 4)
		second := uint32(g.within)<<16 | uint32(len(g.nodes))
		if g.headOnly {
			second |= headOnly
		}
		if g.ordered {
			second |= ordered
		}
		sec[secGroups] = le.AppendUint32(sec[secGroups], g.ref)
		sec[secGroups] = le.AppendUint32(sec[secGroups], second)
		for _, n := range g.nodes {
			sec[secGroups] = le.AppendUint32(sec[secGroups], n)
		}
	}
	return places
}

// layEnds writes what ends at each node: a ref by itself, or 1<<31 and where in
// secEnds there are how many and which.
func (b *builder) layEnds(sec *[sections][]byte, places []uint32) {
	for _, n := range b.nodes[1:] {
		count := n.ending()
		switch {
		case count == 0:
			return
		case count == 1 && len(n.ends) == 1:
			sec[secEndsAt] = le.AppendUint32(sec[secEndsAt], n.ends[0])
			continue
		}
		sec[secEndsAt] = le.AppendUint32(sec[secEndsAt], isList|uint32(len(sec[secEnds])/4))
		sec[secEnds] = le.AppendUint32(sec[secEnds], uint32(count))
		for _, ref := range n.ends {
			sec[secEnds] = le.AppendUint32(sec[secEnds], ref)
		}
		if n.kept {
			sec[secEnds] = le.AppendUint32(sec[secEnds], isKept)
		}
		for _, m := range n.groups {
			sec[secEnds] = le.AppendUint32(sec[secEnds], isGroup|m.element<<27|places[m.group])
		}
		for _, set := range n.sets {
			sec[secEnds] = le.AppendUint32(sec[secEnds], isSet|set)
		}
	}
}

// putPair writes a slot of a tag and a place.
func (t *slots) putPair(h uint64, place uint32) error {
	e, err := t.put(h)
	if err != nil {
		return err
	}
	le.PutUint32(e, uint32(h))
	le.PutUint32(e[4:], place+1)
	return nil
}

func (b *builder) laySpelt(sec *[sections][]byte) error {
	t := newSlots(len(b.spelt), pairSize, 4, 1)
	for _, row := range slices.Sorted(maps.Keys(b.spelt)) {
		if err := t.putPair(keyOf(row).hash(), uint32(len(sec[secSpelled])/4)); err != nil {
			return err
		}
		s := b.spelt[row]
		sec[secSpelled] = le.AppendUint32(sec[secSpelled], uint32(len(s.refs)))
		for _, ref := range s.refs {
			sec[secSpelled] = le.AppendUint32(sec[secSpelled], ref)
		}
		for i, id := range s.words {
			if i == len(s.words)-1 {
				id |= lastOne
			}
			sec[secSpelled] = le.AppendUint32(sec[secSpelled], id)
		}
	}
	sec[secSpelt] = t.b
	return nil
}

// layClasses puts words that are the same without their doubled letters
// together, in the order of the list.
func (b *builder) layClasses(sec *[sections][]byte) error {
	ids := make([]uint32, len(b.words))
	hashes := make([]uint64, len(b.words))
	classes := 0
	for i, w := range b.words {
		ids[i], hashes[i] = uint32(i), squeezedHash([]byte(w))
	}
	// By hash, then by the order of the list: words of one hash and other
	// letters stand in one class, and are told apart when they are compared.
	slices.SortStableFunc(ids, func(x, y uint32) int { return cmp.Compare(hashes[x], hashes[y]) })
	for i := range ids {
		if i == 0 || hashes[ids[i]] != hashes[ids[i-1]] {
			classes++
		}
	}
	t := newSlots(classes, pairSize, 4, 1)
	for i, at := range ids {
		if i == 0 || hashes[at] != hashes[ids[i-1]] {
			if err := t.putPair(hashes[at], uint32(i)); err != nil {
				return err
			}
		}
		id, node := at+1, uint32(0)
		if first, ok := b.next[edge{0, id}]; ok {
			node = b.flagged(first)
		}
		if i == len(ids)-1 || hashes[ids[i+1]] != hashes[at] {
			id |= lastOne
		}
		sec[secMembers] = le.AppendUint32(sec[secMembers], id)
		sec[secMembers] = le.AppendUint32(sec[secMembers], node)
	}
	sec[secClasses] = t.b
	return nil
}
