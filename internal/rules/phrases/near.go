package phrases

// occurrence is where an element of words apart stands: words i to j.
type occurrence struct {
	node   uint32
	i, j   int32
	how    How
	before uint32 // 1 + the one before it of the same element, in near.all
}

// near remembers, within one reading, where elements of words apart stood, by
// node. It grows with what is found and not with the table.
type near struct {
	all    []occurrence
	slots  []uint32 // 1 + the latest one of a node, in all; a power of two of them
	used   int      // nodes among them
	budget int      // see walkBudget
	ends   int      // how many more ends may be told of from one word on
	sets   int      // sets whose ends are being told of: one at most
}

func (n *near) clear() {
	if n.used > 0 {
		clear(n.slots)
		n.slots, n.all, n.used = n.slots[:0], n.all[:0], 0
	}
}

func (n *near) keep(o occurrence) {
	if 2*n.used >= len(n.slots) {
		n.grow()
	}
	n.all = append(n.all, o)
	n.link(len(n.all))
}

// link makes occurrence at-1 the latest of its node.
func (n *near) link(at int) {
	o := &n.all[at-1]
	place := n.place(o.node)
	if *place == 0 {
		n.used++
	}
	o.before, *place = *place, uint32(at)
}

// place gives where the latest occurrence of a node is noted.
func (n *near) place(node uint32) *uint32 {
	last := uint64(len(n.slots) - 1)
	for i := mix(uint64(node), forWords) & last; ; i = (i + 1) & last {
		if at := n.slots[i]; at == 0 || n.all[at-1].node == node {
			return &n.slots[i]
		}
	}
}

func (n *near) grow() {
	size := max(16, 2*len(n.slots))
	if cap(n.slots) < size {
		n.slots = make([]uint32, size)
	}
	n.slots = n.slots[:size]
	clear(n.slots)
	n.used = 0
	for at := range n.all {
		n.link(at + 1)
	}
}

// before gives the last place an element stood before word i that does not end
// before word least: of "end it all" and "it" in one place, the one that is near.
func (n *near) before(s *Scratch, node uint32, i, least int) *occurrence {
	if len(n.slots) == 0 {
		return nil
	}
	for at := *n.place(node); at != 0; {
		o := &n.all[at-1]
		s.steps++
		if int(o.j) < i && int(o.j) >= least {
			return o
		}
		if int(o.i) <= least-MaxLetters {
			return nil // nothing that stands further back reaches there
		}
		at = o.before
	}
	return nil
}

// inOrder tells of a group of words in order that is complete with its last
// element at words i to j. Taking each element before it where it stood last
// makes the shortest span.
func (t *Table) inOrder(s *Scratch, group, n uint32, within int, how How, i, j int) {
	s.element(int32(i), int32(j))
	at := i
	for e := n - 1; e > 0; e-- {
		o := s.near.before(s, t.groups.at(group+1+e), at, i-1-within)
		if o == nil {
			s.elems = s.elems[:0]
			return
		}
		how |= o.how
		s.element(o.i, o.j)
		at = int(o.i)
	}
	s.report(t.groups.at(group), how, s.words[at].start, s.words[j].end, at, j)
}

// together tells of a group of words apart that is complete with its element
// at words i to j. Taking each other element where it stood last makes the
// shortest span, since no two elements share a word.
func (t *Table) together(s *Scratch, group, element uint32, how How, i, j int) {
	ref, second := t.groups.at(group), t.groups.at(group+1)
	n, within := second&0xff, int(second>>16)
	if n > MaxAll || within > MaxWithin {
		return // damaged
	}
	if second&ordered != 0 {
		if element == n-1 {
			t.inOrder(s, group, n, within, how, i, j)
		}
		return
	}
	if s.joined && second&headOnly != 0 {
		return // what is put together stands nearer than it is written
	}
	first := int32(i)
	if second&headOnly == 0 {
		s.element(int32(i), int32(j))
	}
	s.steps += int(n)
	for e := range n {
		if e == element || e == 0 && second&headOnly != 0 {
			continue
		}
		o := s.near.before(s, t.groups.at(group+2+e), i, i-1-within)
		if o == nil {
			s.elems = s.elems[:0]
			return
		}
		how |= o.how
		first = min(first, o.i)
		if second&headOnly == 0 {
			s.element(o.i, o.j)
		}
	}
	if second&headOnly == 0 {
		s.report(ref, how, s.words[first].start, s.words[j].end, int(first), j)
		return
	}
	if element == 0 {
		s.report(ref, how, s.words[i].start, s.words[j].end, i, j)
		return
	}
	t.heads(s, t.groups.at(group+2), ref, within, how, i)
}

// heads tells of each place of a group's first element that is within reach of
// word i.
func (t *Table) heads(s *Scratch, node, ref uint32, within int, how How, i int) {
	if len(s.near.slots) == 0 {
		return
	}
	least := i - 1 - within
	for at := *s.near.place(node); at != 0; {
		o := s.near.all[at-1]
		s.steps++
		if int(o.i) <= least-MaxLetters {
			return
		}
		if int(o.j) < i && int(o.j) >= least {
			s.report(ref, how|o.how, s.words[o.i].start, s.words[o.j].end, int(o.i), int(o.j))
		}
		at = o.before
	}
}
