package rules

import (
	"cmp"
	"math/bits"
	"slices"
)

// Hits are put in order by counting, not by comparing: ten times the hits cost ten
// times the work, where sorting would cost more.

// byStart puts j.hits in the order in which they begin in the text; among those
// that begin together, what masks before what is masked, then the longest.
func (j *judging) byStart() {
	if len(j.hits) < 2 {
		return
	}
	j.steps += len(j.text) + 2*len(j.hits)
	j.places = slices.Grow(j.places[:0], len(j.text)+1)[:len(j.text)+1]
	clear(j.places)
	for _, h := range j.hits {
		j.places[h.Start]++
	}
	at := int32(0)
	for i, n := range j.places {
		j.places[i] = at
		at += n
	}
	j.ordered = slices.Grow(j.ordered[:0], len(j.hits))[:len(j.hits)]
	for _, h := range j.hits {
		j.ordered[j.places[h.Start]] = h
		j.places[h.Start]++
	}
	j.hits, j.ordered = j.ordered, j.hits[:0]
	for i := 0; i < len(j.hits); {
		end := int(j.places[j.hits[i].Start])
		j.sortFew(j.hits[i:end])
		i = end
	}
}

// sortFew puts hits that begin at one place in order. No text makes them more than
// the phrases that can begin there.
func (j *judging) sortFew(hits []hit) {
	if len(hits) < 2 {
		return
	}
	j.steps += len(hits) * bits.Len(uint(len(hits)))
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(b.End, a.End))
	})
}

// order puts what masks before what is masked.
func order(h hit) int {
	if h.rule.Kind == RulePhrase {
		return 1
	}
	return 0
}

// onePerRule keeps of j.hits the longest of each rule, the first of those that are
// as long, and puts them in the order of the rules.
func (j *judging) onePerRule() {
	j.steps += len(j.hits)
	j.roomByRule()
	kept := j.hits[:0]
	for _, h := range j.hits {
		switch at := j.first[h.Ref]; {
		case at == 0:
			kept = append(kept, h)
			j.first[h.Ref] = int32(len(kept))
		case better(h, kept[at-1]) < 0:
			kept[at-1] = h
		}
	}
	for _, h := range kept {
		j.first[h.Ref] = 0
	}
	j.steps += len(kept) * bits.Len(uint(len(kept)))
	slices.SortFunc(kept, func(a, b hit) int { return cmp.Compare(a.Ref, b.Ref) })
	j.hits = kept
}

// roomByRule makes j.first long enough for every rule.
func (j *judging) roomByRule() {
	if n := j.rs.table.len(); len(j.first) < n {
		j.first = make([]int32, n)
	}
}

// better says which of two matches of a rule is told: the longer, the first, the
// one that is read more plainly.
func better(a, b hit) int {
	return cmp.Or(cmp.Compare(b.End-b.Start, a.End-a.Start), cmp.Compare(a.Start, b.Start), cmp.Compare(a.How, b.How))
}
