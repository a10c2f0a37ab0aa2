package rules

import (
	"cmp"
	"slices"
)

// mask is how far the allow phrases of a category reach, read from the left:
// a school's own, and anybody's.
type mask struct{ school, any int }

func (m *mask) stretch(h hit) {
	m.any = max(m.any, h.end)
	if h.tier == tierSchool {
		m.school = max(m.school, h.end)
	}
}

func (m mask) covers(h hit) bool {
	if h.tier == tierSchool {
		return h.end <= m.school
	}
	return h.end <= m.any
}

// standing keeps in s.hits those that are not masked, and reports whether words
// that ask for help were among them. Masked is what lies wholly within an allow
// phrase of its category or within a help word; what reaches outside such a
// span stands: allowing "how to kill a process" hides nothing of "how to kill
// myself" (G1).
//
// One sweep from left to right, so that a text full of hits costs no more than
// sorting them.
func (rs *Ruleset) standing(s *sentence) (help bool) {
	if len(s.hits) == 0 {
		return false
	}
	slices.SortFunc(s.hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(order(a), order(b)), cmp.Compare(b.end, a.end))
	})
	s.masks = slices.Grow(s.masks[:0], len(rs.cats))[:len(rs.cats)]
	clear(s.masks)
	reach, kept := 0, s.hits[:0]
	for _, h := range s.hits {
		switch {
		case h.cat == helpCat:
			reach, help = max(reach, h.end), true
		case h.allow:
			s.masks[h.cat].stretch(h)
		case h.end > reach && !s.masks[h.cat].covers(h):
			kept = append(kept, h)
		}
	}
	s.hits = kept
	return help
}

// order puts what masks before what is masked.
func order(h hit) int {
	if h.cat == helpCat || h.allow {
		return 0
	}
	return 1
}
