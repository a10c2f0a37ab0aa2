package rules

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"

	"safelight/internal/rules/names"
)

// merge tells which lists each name is on. It keeps 64 bits of a name and not
// the name: five million of them are 150 MB of a map, not 600. That two names
// have the same 64 bits, and one of them is lost, happens once in a million
// builds of that size.
type merge struct {
	lists []namesOf
	may   func(name string) bool
	seed  maphash.Seed
	of    map[uint64]uint32 // hash -> set, with the walk it was last seen in on top
	walk  uint32
	sets  setsOf
}

const walkBit = 1 << 31

func newMerge(lists []namesOf, may func(string) bool, known ...[]uint32) *merge {
	m := &merge{lists: lists, may: may, seed: maphash.MakeSeed(), of: map[uint64]uint32{}, sets: newSets(known)}
	for _, l := range lists {
		for name := range l.names {
			if !may(name) {
				continue
			}
			h := maphash.String(m.seed, name)
			if set, ok := m.of[h]; ok {
				m.of[h] = m.sets.with(set, l.rule)
			} else {
				m.of[h] = m.sets.of([]uint32{l.rule})
			}
		}
	}
	return m
}

// entries yields each name once with its set.
func (m *merge) entries(yield func(names.Entry) bool) {
	m.walk ^= walkBit
	for _, l := range m.lists {
		for name := range l.names {
			if !m.may(name) {
				continue
			}
			h := maphash.String(m.seed, name)
			set, ok := m.of[h]
			if !ok || set&walkBit == m.walk {
				continue
			}
			m.of[h] = set&^walkBit | m.walk
			if !yield(names.Entry{Name: name, Set: set &^ walkBit}) {
				return
			}
		}
	}
}

// setsOf numbers the sets of lists that names are on. There are few: most names
// are on one list.
type setsOf struct {
	sets  [][]uint32
	byKey map[string]uint32
	joins map[[2]uint32]uint32
}

func newSets(known [][]uint32) setsOf {
	s := setsOf{byKey: map[string]uint32{}, joins: map[[2]uint32]uint32{}}
	for _, rules := range known {
		s.byKey[fmt.Sprint(rules)] = uint32(len(s.sets))
		s.sets = append(s.sets, rules)
	}
	return s
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

// with is the set that has rule too.
func (s *setsOf) with(set, rule uint32) uint32 {
	if slices.Contains(s.sets[set], rule) {
		return set
	}
	if to, ok := s.joins[[2]uint32{set, rule}]; ok {
		return to
	}
	all := append(slices.Clone(s.sets[set]), rule)
	slices.SortFunc(all, cmp.Compare)
	to := s.of(all)
	s.joins[[2]uint32{set, rule}] = to
	return to
}
