package rules

import (
	"cmp"
	"fmt"
	"slices"
)

// setsOf numbers the sets of lists that names are on. There are few: most names
// are on one list.
type setsOf struct {
	sets  [][]uint32
	byKey map[string]uint32
	joins map[[2]uint32]uint32
}

func newSets() setsOf {
	return setsOf{byKey: map[string]uint32{}, joins: map[[2]uint32]uint32{}}
}

func (s *setsOf) of(rules []uint32) uint32 {
	key := fmt.Sprint(rules)
	if i, ok := s.byKey[key]; ok {
		return i
	}
	i := uint32(len(s.sets))
	s.byKey[key] = i
	s.sets = append(s.sets, rules)
	return i
}

// join is the set of all that is in one or the other.
func (s *setsOf) join(a, b uint32) uint32 {
	if to, ok := s.joins[[2]uint32{a, b}]; ok {
		return to
	}
	all := slices.Concat(s.sets[a], s.sets[b])
	slices.SortFunc(all, cmp.Compare)
	to := s.of(slices.Compact(all))
	s.joins[[2]uint32{a, b}] = to
	return to
}
