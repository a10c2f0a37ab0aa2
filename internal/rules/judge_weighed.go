package rules

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"safelight/internal/rules/phrases"
	"safelight/internal/rules/weighed"
)

// Weighed words are words that say little each and much together: see package
// weighed. Their sums are told below any phrase that is as grave. What an allow phrase
// or words that ask for help cover counts for nothing there, for or against; the same
// words count where they stand uncovered.

// heard is one way of reading search words in which a sum was reached.
type heard struct {
	words   []heardWord
	numbers []uint32 // of them, as the table has them
	found   []weighed.Found
}

// heardWord is a word as it was read and its bytes in the text.
type heardWord struct {
	start, end int
	how        phrases.How
}

// listening weighs each reading that phrases.Search makes of a text. Its room is
// used again and again, so that what nobody flags costs no memory.
type listening struct {
	table   *weighed.Table
	scratch weighed.Scratch
	least   int     // points that may be enough
	kept    []heard // the first n of them
	n       int
	steps   int
}

// EnoughBesideHelp is usually enough for a sum of a life- or high-risk category where
// words beside it ask for help.
const EnoughBesideHelp = 55

// Heard weighs a reading and keeps it where a sum is reached.
func (l *listening) Heard(r phrases.Reading) {
	if l.n == maxHeard {
		return
	}
	if l.n == len(l.kept) {
		l.kept = append(l.kept, heard{})
	}
	h := &l.kept[l.n]
	h.words, h.numbers = h.words[:0], h.numbers[:0]
	for i := range r.Len() {
		text, start, end, how := r.Word(i)
		h.words = append(h.words, heardWord{start, end, how})
		h.numbers = append(h.numbers, l.table.Number(text))
		l.steps += 1 + len(text)/8
	}
	h.found = l.table.Weigh(&l.scratch, h.numbers, l.least, h.found[:0])
	l.steps += l.scratch.Steps()
	if len(h.found) > 0 {
		l.n++
	}
}

// listen has the readings of the next text weighed, or with nil of none.
func (j *judging) listen(t *weighed.Table) {
	l := &j.listening
	l.table, l.n, l.steps, l.least = t, 0, 0, j.rs.table.leastSum
	if j.words.Listener = nil; t != nil {
		j.words.Listener = l
	}
}

// maxHeard bounds how many readings of a text are kept.
const maxHeard = 9 // as many as phrases.Search makes

// part is a term that adds to a sum: its words, and their bytes in the text.
type part struct {
	words      []uint32
	start, end int
	points     int
}

// weighedSum is a sum that stands: its terms, and between which bytes they are.
type weighedSum struct {
	parts      []part
	how        phrases.How
	points     int
	start, end int
	// first and last are the words that speak for it: one alone never does, however
	// little is enough.
	first, last int
}

// eachWeighed offers the sums that were reached in search words.
func (j *judging) eachWeighed() {
	j.steps += j.listening.steps
	if j.listening.n == 0 {
		return
	}
	j.layMasks()
	for _, h := range j.listening.kept[:j.listening.n] {
		for _, f := range h.found {
			r := j.rs.rule(j.rs.table.weighed[f.Sum])
			enough := weighed.Longer(j.enough(r), len(h.words))
			if f.Points < enough && len(j.spared) == 0 { // nothing is masked
				continue
			}
			if sum := j.sumOf(r, h, f); sum.points >= enough && sum.last > sum.first {
				at := finding{rule: r, start: sum.start, end: sum.end, decision: Flag, weighed: sum}
				if j.stands(r, at) {
					j.offer(at)
				}
			}
		}
	}
}

// enough is what a rule's sum has to reach.
func (j *judging) enough(r *Rule) int {
	if j.help {
		return int(r.Weight)
	}
	return weighed.Enough
}

// sumOf adds up once more what was found, without what is masked.
func (j *judging) sumOf(r *Rule, h heard, f weighed.Found) *weighedSum {
	s, before := &weighedSum{start: len(j.text), first: len(h.words)}, j.listening.scratch.Steps()
	j.listening.table.Parts(&j.listening.scratch, h.numbers, f, func(from, n, points int) {
		p := part{words: h.numbers[from : from+n], start: h.words[from].start, end: h.words[from+n-1].end, points: points}
		if s.has(p.words) || j.allowed(r, p.start, p.end) {
			return
		}
		s.points += points
		s.parts = append(s.parts, p)
		if points > 0 {
			s.first, s.last = min(s.first, from), max(s.last, from+n-1)
			s.start, s.end = min(s.start, p.start), max(s.end, p.end)
			for _, w := range h.words[from : from+n] {
				s.how |= w.how
			}
		}
	})
	j.steps += j.listening.scratch.Steps() - before
	return s
}

// has says whether a term counts already.
func (s *weighedSum) has(words []uint32) bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return slices.Equal(p.words, words) })
}

// layMasks puts j.spared in order of category and of where it begins, and notes at
// each how far those up to there reach: a text may hold as many as it holds words.
func (j *judging) layMasks() {
	j.steps += len(j.spared) * bits.Len(uint(len(j.spared)))
	slices.SortStableFunc(j.spared, func(a, b hit) int { return cmp.Compare(a.rule.Category, b.rule.Category) })
	n := len(j.rs.policy.Categories) + 1
	j.reached = slices.Grow(j.reached[:0], n)[:n]
	clear(j.reached)
	j.reaching = j.reaching[:0]
	var m mask
	for i, h := range j.spared {
		if i == 0 || j.spared[i-1].rule.Category != h.rule.Category {
			m, j.reached[h.rule.Category+1] = mask{}, i
		}
		m.stretch(h)
		j.reaching = append(j.reaching, m)
	}
}

// maskAt is how far what begins at start or before it reaches, of a category; -1 has
// the words that ask for help. It looks from where it ended before, which is near.
func (j *judging) maskAt(category int32, start int) mask {
	at := j.reached[category+1]
	of := func(i int) bool { return i >= 0 && i < len(j.spared) && j.spared[i].rule.Category == category }
	for ; of(at) && j.spared[at].Start <= start; at++ {
		j.steps++
	}
	for ; of(at-1) && j.spared[at-1].Start > start; at-- {
		j.steps++
	}
	j.reached[category+1] = at
	if j.steps++; !of(at - 1) {
		return mask{}
	}
	return j.reaching[at-1]
}

// allowed says whether words that ask for help, or an allow phrase of a rule's
// category, cover a stretch of the text.
func (j *judging) allowed(r *Rule, start, end int) bool {
	help, allow := j.maskAt(-1, start), j.maskAt(r.Category, start)
	return end <= help.any.end || allow.covers(hit{phrases.Hit{Start: start, End: end}, r}) != nil
}

// evidence are the words that spoke for a sum, most points first, each but once.
func (s *weighedSum) evidence(id, text string) []Evidence {
	parts := slices.Clone(s.parts)
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.points, a.points) })
	var out []Evidence
	for _, p := range parts {
		if p.points > 0 && len(out) < maxEvidence {
			out = append(out, Evidence{Rule: id, Match: text[p.start:p.end], Weight: uint32(p.points)})
		}
	}
	return out
}

// terms are the terms of a sum with their points, for whoever writes rules.
func (s *weighedSum) terms(text string) []string {
	var out []string
	for _, p := range s.parts {
		out = append(out, fmt.Sprintf("%s %+d", text[p.start:p.end], p.points))
	}
	return out
}
