package phrases

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// The automaton for parts of words is that of Aho and Corasick (1975) over
// folded bytes: one state a letter of each part, and from each the state to
// fall back to where no letter goes on. State 0 is the root.

// layParts lays the automaton out. Without parts it has the root alone.
func (b *builder) layParts(sec *[sections][]byte) error {
	a := automaton{next: []map[byte]uint32{{}}, refs: [][]uint32{nil}, depth: []uint32{0}}
	for _, p := range b.parts {
		a.add(p)
	}
	a.link()
	edges := newSlots(len(a.next), pairSize, 4, 4)
	for _, state := range a.order {
		for _, c := range a.letters(state) {
			key := state<<8 | uint32(c)
			e, err := edges.put(mix(uint64(key), forEdges))
			if err != nil {
				return err
			}
			le.PutUint32(e, key)
			le.PutUint32(e[4:], a.next[state][c])
		}
	}
	sec[secPartEdge] = edges.b
	for state := range a.next {
		place := uint32(0)
		for i, ref := range a.refs[state] {
			if i == 0 {
				place = uint32(len(sec[secPartEnds])/4) + 1
			}
			if i == len(a.refs[state])-1 {
				ref |= lastOne
			}
			sec[secPartEnds] = le.AppendUint32(sec[secPartEnds], ref)
		}
		for _, v := range [...]uint32{a.fail[state], a.shorter[state], place, a.depth[state]} {
			sec[secPartNode] = le.AppendUint32(sec[secPartNode], v)
		}
	}
	return nil
}

type automaton struct {
	next          []map[byte]uint32
	refs          [][]uint32
	depth         []uint32
	fail, shorter []uint32 // shorter: the longest part that ends here and is shorter
	order         []uint32 // nearest the root first
}

func (a *automaton) add(p part) {
	state := uint32(0)
	for i := range len(p.text) {
		to, ok := a.next[state][p.text[i]]
		if !ok {
			to = uint32(len(a.next))
			a.next = append(a.next, map[byte]uint32{})
			a.refs = append(a.refs, nil)
			a.depth = append(a.depth, uint32(i+1))
			a.next[state][p.text[i]] = to
		}
		state = to
	}
	if !slices.Contains(a.refs[state], p.ref) {
		a.refs[state] = append(a.refs[state], p.ref)
	}
}

func (a *automaton) letters(state uint32) []byte {
	var out []byte
	for c := range a.next[state] {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

func (a *automaton) link() {
	a.fail, a.shorter = make([]uint32, len(a.next)), make([]uint32, len(a.next))
	for i := range a.next {
		a.order = append(a.order, uint32(i))
	}
	slices.SortStableFunc(a.order, func(x, y uint32) int { return cmp.Compare(a.depth[x], a.depth[y]) })
	for _, state := range a.order {
		for _, c := range a.letters(state) {
			to := a.next[state][c]
			if state != 0 {
				a.fail[to] = a.fallback(a.fail[state], c)
			}
			a.shorter[to] = a.shorter[a.fail[to]]
			if len(a.refs[a.fail[to]]) > 0 {
				a.shorter[to] = a.fail[to]
			}
		}
	}
}

// fallback goes on with c from state or from the first it falls back to that
// can.
func (a *automaton) fallback(state uint32, c byte) uint32 {
	for {
		if to, ok := a.next[state][c]; ok {
			return to
		}
		if state == 0 {
			return 0
		}
		state = a.fail[state]
	}
}

// openParts notes where each part may begin.
func (t *Table) openParts() {
	if t.nStates < 2 {
		return
	}
	var s Scratch
	for c := range t.partRoot {
		t.partRoot[c] = t.partNext(&s, uint32(c))
	}
}

// partNext follows an edge of the automaton; 0 if there is none.
func (t *Table) partNext(s *Scratch, key uint32) uint32 {
	i := slot(mix(uint64(key), forEdges), t.nPartEdges)
	for range maxProbes {
		e := t.partEdges[uint64(i)*pairSize:][:pairSize]
		to := u32(e[4:])
		s.steps++
		if to == 0 || u32(e) == key {
			return min(to, t.nStates-1)
		}
		if i++; i == t.nPartEdges {
			i = 0
		}
	}
	return 0
}

// state gives what is known of a state.
func (t *Table) state(state uint32) (fail, shorter, place, depth uint32) {
	e := t.partNodes[uint64(state)*stateSize:][:stateSize]
	return min(u32(e), t.nStates-1), min(u32(e[4:]), t.nStates-1), u32(e[8:]), u32(e[12:])
}

// findParts looks for parts in each word.
func (t *Table) findParts(s *Scratch) {
	for i := range s.words {
		w := s.words[i]
		state, traced := uint32(0), false
		for k := w.from; k < w.to; k++ {
			if state = t.partStep(s, state, s.buf[k]); state != 0 {
				t.partEnd(s, state, i, k+1, &traced)
			}
		}
	}
}

func (t *Table) partStep(s *Scratch, state uint32, c byte) uint32 {
	for range MaxLetters + 1 {
		if state == 0 {
			return t.partRoot[c]
		}
		if to := t.partNext(s, state<<8|uint32(c)); to != 0 {
			return to
		}
		state, _, _, _ = t.state(state)
	}
	return 0
}

// partEnd tells of the parts that end in state, which byte to-1 of buf led to.
func (t *Table) partEnd(s *Scratch, state uint32, i int, to uint32, traced *bool) {
	for range MaxLetters + 1 {
		_, shorter, place, depth := t.state(state)
		for ; place != 0; place++ {
			ref := t.partEnds.at(place - 1)
			if depth == 0 || depth > to-s.words[i].from {
				return // damaged
			}
			s.reportPart(ref&^lastOne, i, to-depth, to, traced)
			if ref&lastOne != 0 || uint64(place) >= uint64(len(t.partEnds)/4) {
				break
			}
		}
		if state = shorter; state == 0 {
			return
		}
	}
}

// reportPart keeps a hit at bytes from to to of buf, within word i.
func (s *Scratch) reportPart(ref uint32, i int, from, to uint32, traced *bool) {
	w := s.words[i]
	s.steps++
	start, end := w.start+from-w.from, w.start+to-w.from
	if w.how != 0 || w.to-w.from != w.end-w.start {
		if !*traced {
			s.retrace(w)
			*traced = true
		}
		start, end = w.start, w.end
		if uint32(len(s.trace)) == w.to-w.from {
			start = s.trace[from-w.from]
			end = s.trace[to-1-w.from]
			_, size := utf8.DecodeRuneInString(s.text[end:])
			end += uint32(size)
		}
	}
	h := Hit{Ref: ref, Start: int(start), End: int(end), How: w.how}
	if !s.seen.add(s.hits, h) {
		return
	}
	h.from = uint32(len(s.said))
	if w.how != 0 {
		s.said = append(s.said, s.buf[from:to]...)
	}
	h.to = uint32(len(s.said))
	s.hits = append(s.hits, h)
}

// retrace reads a word once more to learn where each of its folded bytes came
// from. What it writes it takes back.
func (s *Scratch) retrace(w word) {
	words, n := len(s.words), s.n
	s.tracing, s.trace = true, s.trace[:0]
	s.span(int(w.start), int(w.end))
	s.tracing, s.words, s.n = false, s.words[:words], n
	s.steps += int(w.end - w.start)
}
