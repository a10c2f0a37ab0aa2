package phrases

// seen knows which hits there are already. Up to a few they are compared one by
// one; beyond, a hash set of their places in the list is kept.
type seen struct {
	slots []uint32 // 1 + index of a hit; 0 is free. A power of two of them
	on    bool
}

// few is how many hits are compared one by one.
const few = 8

func (s *seen) clear() {
	if s.on {
		clear(s.slots)
		s.on = false
	}
}

// add reports whether h, about to be appended to hits, is new.
func (s *seen) add(hits []Hit, h Hit) bool {
	if len(hits) < few {
		for i := range hits {
			if hits[i].same(h) {
				return false
			}
		}
		return true
	}
	if !s.on || 2*len(hits) >= len(s.slots) {
		s.rebuild(hits)
	}
	return s.insert(hits, h, uint32(len(hits))+1)
}

func (s *seen) rebuild(hits []Hit) {
	size := 4 * few
	for size < 4*len(hits) {
		size *= 2
	}
	if cap(s.slots) < size {
		s.slots = make([]uint32, size)
	}
	s.slots = s.slots[:size]
	clear(s.slots)
	s.on = true
	for i := range hits {
		s.insert(hits, hits[i], uint32(i)+1)
	}
}

func (s *seen) insert(hits []Hit, h Hit, place uint32) bool {
	last := uint64(len(s.slots) - 1)
	for i := mix(uint64(h.Ref)<<32|uint64(uint32(h.Start)), uint64(h.End)) & last; ; i = (i + 1) & last {
		at := s.slots[i]
		if at == 0 {
			s.slots[i] = place
			return true
		}
		if int(at) <= len(hits) && hits[at-1].same(h) {
			return false
		}
	}
}

func (h Hit) same(o Hit) bool { return h.Ref == o.Ref && h.Start == o.Start && h.End == o.End }
