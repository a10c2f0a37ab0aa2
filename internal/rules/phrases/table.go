package phrases

import (
	"errors"
	"fmt"
)

// Table is an opened table. It never changes; many goroutines may use it, each
// with a Scratch of its own.
type Table struct {
	words, edges, spelt, classes, partEdges, partNodes    []byte
	nWords, nEdges, nSpelt, nClasses, nPartEdges, nStates uint32
	nSpellings                                            uint32

	letters, filter []byte
	filterMask      uint32

	spelling, endsAt, ends, groups, spelled, members, partEnds, meantAt, meant array

	partRoot [256]uint32 // where a part begins, by its first byte
	size     int
}

// Open reads a table where it lies; b must not change while the table is used.
// It looks at the header alone, so that a mapped table of any size opens at
// once; damage further in makes searches miss, never fail: whoever keeps the
// file vouches for its bytes.
func Open(b []byte) (*Table, error) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return nil, errors.New("opening the phrase table: this is none: compile the rules again")
	}
	if v, n := u32(b[8:]), u32(b[12:]); v != version || n != sections {
		return nil, fmt.Errorf("opening the phrase table: it is of version %d with %d sections, want %d with %d: compile the rules with this program's release", v, n, version, sections)
	}
	var sec [sections][]byte
	for i := range sec {
		at, n := uint64(u32(b[16+8*i:])), uint64(u32(b[20+8*i:]))
		if at < headerSize || at+n > uint64(len(b)) {
			return nil, fmt.Errorf("opening the phrase table: section %d lies outside its %d bytes: fetch the rules again", i, len(b))
		}
		sec[i] = b[at : at+n : at+n]
	}
	return open(&sec, len(b))
}

func open(sec *[sections][]byte, size int) (*Table, error) {
	t := &Table{
		words: sec[secWords], edges: sec[secEdges], spelt: sec[secSpelt], classes: sec[secClasses],
		partEdges: sec[secPartEdge], partNodes: sec[secPartNode],
		letters: sec[secLetters], filter: sec[secFilter],
		spelling: sec[secSpelling], endsAt: sec[secEndsAt], ends: sec[secEnds], groups: sec[secGroups],
		spelled: sec[secSpelled], members: sec[secMembers], partEnds: sec[secPartEnds],
		meantAt: sec[secMeantAt], meant: sec[secMeant], nSpellings: uint32(len(sec[secMeantAt]) / 4), size: size,
	}
	for _, s := range []struct {
		name string
		b    []byte
		size int
		n    *uint32
	}{
		{"words", t.words, wordSize, &t.nWords},
		{"edges", t.edges, edgeSize, &t.nEdges},
		{"spelt", t.spelt, pairSize, &t.nSpelt},
		{"classes", t.classes, pairSize, &t.nClasses},
		{"part edges", t.partEdges, pairSize, &t.nPartEdges},
		{"part states", t.partNodes, stateSize, &t.nStates},
	} {
		if len(s.b) == 0 || len(s.b)%s.size != 0 {
			return nil, fmt.Errorf("opening the phrase table: its %s take %d bytes, want a multiple of %d: fetch the rules again", s.name, len(s.b), s.size)
		}
		*s.n = uint32(len(s.b) / s.size)
	}
	if n := uint32(len(t.filter)); n == 0 || n&(n-1) != 0 || n > 1<<28 {
		return nil, fmt.Errorf("opening the phrase table: a filter of %d bytes, want a power of two: fetch the rules again", n)
	}
	t.filterMask = uint32(len(t.filter)*8 - 1)
	t.openParts()
	return t, nil
}

// Size gives the bytes of the table.
func (t *Table) Size() int { return t.size }

// lookWords gives the words of s their numbers. Words read in a way that is not
// in fresh were looked up before. The slots are touched all at once first: a
// processor waits for many of them together as long as for one.
func (t *Table) lookWords(s *Scratch, fresh How) {
	s.hashes = s.hashes[:0]
	touched := byte(0)
	for i := range s.words {
		w := &s.words[i]
		h := keyIn(s.buf, w.from, w.to).hash()
		touched |= t.words[uint64(slot(h, t.nWords))*wordSize]
		s.hashes = append(s.hashes, h)
	}
	s.touched = touched
	for i := range s.words {
		if w := &s.words[i]; fresh == 0 || w.how&fresh != 0 {
			t.lookWord(s, w, s.hashes[i])
		}
	}
}

// lookWord gives a word's number and where phrases beginning with it go on.
func (t *Table) lookWord(s *Scratch, w *word, hash uint64) {
	key, long := keyIn(s.buf, w.from, w.to), isLong(w.to-w.from)
	i := slot(hash, t.nWords)
	for range maxProbes {
		e := t.words[uint64(i)*wordSize:][:wordSize]
		id := u32(e[16:])
		s.steps++
		if id == 0 {
			break
		}
		if u64(e) == key.a && u64(e[8:]) == key.b && id&longWord != 0 == long && (!long || string(t.spell(id&^longWord)) == string(s.buf[w.from:w.to])) {
			w.id, w.node = id&^longWord, u32(e[20:])
			return
		}
		if i++; i == t.nWords {
			i = 0
		}
	}
	t.lookStretched(s, w)
}

// eitherOne reads 1, !, | and a capital I as i in the words that no phrase has with
// an l there: people write both in one line, "k1ll myse1f".
func (t *Table) eitherOne(s *Scratch) {
	for i := range s.words {
		w := &s.words[i]
		from := s.text[w.start:w.end]
		if w.how&(Digits|LookAlike) == 0 || w.id != 0 || int(w.to-w.from) != len(from) {
			continue // of what was put together, no letter stands where its sign does
		}
		was := *w
		s.steps += len(from)
		if !s.ones(w, from, 'i') {
			continue
		}
		w.alt, w.how = 0, w.how&^Stretched
		if t.lookWord(s, w, keyIn(s.buf, w.from, w.to).hash()); w.id == 0 {
			s.ones(w, from, 'l')
			*w = was
		}
	}
}

// ones writes a letter wherever a word was read from one of 1, ! and |, or from a
// capital I drawn like an l, and reports whether it was anywhere.
func (s *Scratch) ones(w *word, from string, as byte) (some bool) {
	drawn := false // a capital I here is drawn like an l
	for k := range len(from) {
		c := from[k]
		drawn = drawn && c == 'I' || isSmall(c)
		if c == '1' || c == '!' || c == '|' || c == 'I' && drawn && s.drawn {
			s.buf[int(w.from)+k] = as
			some = true
		}
	}
	return some
}

// spell gives a word's letters.
func (t *Table) spell(id uint32) []byte {
	from, to := t.spelling.at(id-1), t.spelling.at(id)
	if from > to || uint64(to) > uint64(len(t.letters)) {
		return nil
	}
	return t.letters[from:to]
}

// lookStretched finds the words that w may be a stretched spelling of.
func (t *Table) lookStretched(s *Scratch, w *word) {
	text := s.buf[w.from:w.to]
	if len(text) < 3 {
		return
	}
	s.steps += len(text) / 8
	if !stretched(text) {
		return
	}
	h := squeezedHash(text)
	s.steps += len(text)
	t.pairs(s, t.classes, t.nClasses, h, func(place uint32) bool {
		w.alt = place + 1
		w.how |= Stretched
		return false
	})
}

// pairs visits the places under a hash until visit has enough.
func (t *Table) pairs(s *Scratch, b []byte, n uint32, h uint64, visit func(place uint32) bool) {
	i := slot(h, n)
	for range maxProbes {
		e := b[uint64(i)*pairSize:][:pairSize]
		place := u32(e[4:])
		if place == 0 {
			return
		}
		s.steps++
		if u32(e) == uint32(h) && !visit(place-1) {
			return
		}
		if i++; i == n {
			i = 0
		}
	}
}

// step follows an edge; 0 if there is none.
func (t *Table) step(s *Scratch, node, id uint32) uint32 {
	node &= nodeID
	s.steps++
	h := mix(uint64(node)<<32|uint64(id), forEdges)
	if bit := uint32(h) & t.filterMask; t.filter[bit/8]&(1<<(bit%8)) == 0 {
		return 0
	}
	i := slot(h, t.nEdges)
	for range maxProbes {
		e := t.edges[uint64(i)*edgeSize:][:edgeSize]
		child := u32(e[8:])
		if child == 0 || u32(e) == node && u32(e[4:]) == id {
			return child
		}
		if i++; i == t.nEdges {
			i = 0
		}
	}
	return 0
}
