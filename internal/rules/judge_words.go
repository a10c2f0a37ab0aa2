package rules

import (
	"cmp"
	"math/bits"
	"slices"

	"safelight/internal/rules/phrases"
)

// eachPhrase offers the phrases found in search words whose categories reach
// their threshold, and notes whether words beside them ask for help.
func (j *judging) eachPhrase(text string) {
	j.listen(j.rs.weighed)
	j.read(j.rs.phrases.Search(&j.words, text), true)
	j.weigh(nil)
	j.eachWeighed()
}

// read keeps in j.hits the hits that hold for the subject and that nothing
// masks; search says whether they are of search words or of a host name.
func (j *judging) read(found []phrases.Hit, search bool) {
	j.hits, j.spared = j.hits[:0], j.spared[:0]
	j.steps += len(found)
	for _, h := range found {
		if uint64(h.Ref) >= uint64(j.rs.table.len()) {
			continue // a table of other rules; Open cannot see into it
		}
		r := j.rs.rule(h.Ref)
		if r.Kind != RuleHelp && !j.looks(r, h, search) {
			continue
		}
		j.hits = append(j.hits, hit{h, r})
	}
	if len(j.hits) > 0 {
		j.standing(search)
	}
}

// looks reports whether a phrase is for this kind of text and this subject.
func (j *judging) looks(r *Rule, h phrases.Hit, search bool) bool {
	switch {
	case r.Kind != RulePhrase && r.Kind != RuleAllowPhrase, search && !r.Search, !search && !r.Host:
		return false
	case r.Kind == RuleAllowPhrase && j.exempt(r.Category):
		return false // an exemption stands above what a school allows (G16)
	}
	return j.stands(r, finding{rule: r, start: h.Start, end: h.End, words: h})
}

// weigh offers the hits of the categories whose distinct phrases together reach
// the threshold, one hit a rule. A word of the text counts once, see countOnce.
func (j *judging) weigh(change func(*finding)) {
	if len(j.hits) == 0 {
		return
	}
	j.countOnce()
	j.onePerRule()
	for _, h := range j.hits {
		f := finding{rule: h.rule, start: h.Start, end: h.End, decision: Flag, words: h.Hit}
		if change != nil {
			change(&f)
		}
		if j.sums[h.rule.Category] < j.category(h.rule).Threshold {
			j.lost(f, lostToThreshold, nil)
			continue
		}
		j.offer(f)
	}
}

// placesOfARule is how many places of a rule are looked at for one that shares no
// word with a heavier rule's.
const placesOfARule = 4

// countOnce adds up what the hits of each category weigh: a rule once, and a word of
// the text once. "how to hide a knife" is not two reasons for two phrases that both
// have "hide a knife" in them. Of hits that share a word the heaviest counts, and of
// those as heavy the first; or the one of fewest letters, where more come together
// that way: a phrase that says much must not weigh less than its halves. Where a
// threshold is reached it adds no further.
func (j *judging) countOnce() {
	j.clearSums()
	j.fewPlaces()
	for i := 0; i < len(j.heavy); {
		end := i + 1
		for end < len(j.heavy) && j.heavy[end].rule.Category == j.heavy[i].rule.Category {
			end++
		}
		j.countHits(j.heavy[i:end])
		i = end
	}
}

// countHits adds up a category's hits, which are in order of weight.
func (j *judging) countHits(hits []hit) {
	c := hits[0].rule.Category
	threshold := j.category(hits[0].rule).Threshold
	if j.sums[c] = j.countInOrder(hits, threshold); j.sums[c] >= threshold {
		return
	}
	j.steps += len(hits) * bits.Len(uint(len(hits)))
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(j.words.Letters(a.Hit), j.words.Letters(b.Hit)) })
	j.sums[c] = max(j.sums[c], j.countInOrder(hits, threshold))
}

func (j *judging) countInOrder(hits []hit, threshold uint32) (sum uint32) {
	j.counted = j.counted[:0]
	for _, h := range hits {
		if sum >= threshold {
			return sum
		}
		if !j.isCounted(h) {
			j.counted = append(j.counted, h)
			sum += h.rule.Weight
		}
	}
	return sum
}

// fewPlaces puts into j.heavy, the heaviest of a category first, the first places of
// each rule of the categories that may reach their threshold; j.sums is what the
// others weigh.
func (j *judging) fewPlaces() {
	j.roomByRule()
	j.steps += 2 * len(j.hits)
	j.heavy = j.heavy[:0]
	for _, h := range j.hits {
		if j.first[h.Ref] == 0 {
			j.sums[h.rule.Category] += h.rule.Weight
		}
		if j.first[h.Ref] < placesOfARule {
			j.first[h.Ref]++
			j.heavy = append(j.heavy, h)
		}
	}
	kept := j.heavy[:0]
	for _, h := range j.heavy {
		j.first[h.Ref] = 0
		if j.sums[h.rule.Category] >= j.category(h.rule).Threshold {
			kept = append(kept, h)
		}
	}
	j.heavy = kept
	j.steps += len(j.heavy) * bits.Len(uint(len(j.heavy)))
	slices.SortFunc(j.heavy, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.rule.Category, b.rule.Category), cmp.Compare(b.rule.Weight, a.rule.Weight), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Ref, b.Ref))
	})
}

// isCounted says whether a hit's rule counts already, or a word of it by another rule
// of its category. Few do before a threshold is reached, so this is asked of few.
func (j *judging) isCounted(h hit) bool {
	j.steps += len(j.counted)
	return slices.ContainsFunc(j.counted, func(c hit) bool { return c.Ref == h.Ref || j.words.Share(c.Hit, h.Hit) })
}

func (j *judging) clearSums() {
	n := len(j.rs.policy.Categories)
	j.sums = slices.Grow(j.sums[:0], n)[:n]
	clear(j.sums)
}

// maxEvidence bounds what a verdict carries.
const maxEvidence = 8

// evidence gives the other phrases of the category that stood, heaviest first: of
// those that share a word with what is told, or with a heavier one, none, since a word
// counts once.
func (j *judging) evidence(f finding) []Evidence {
	var others []hit
	j.steps += len(j.hits) // one a rule
	for _, h := range j.hits {
		if h.rule != f.rule && h.rule.Category == f.rule.Category {
			others = append(others, h)
		}
	}
	slices.SortStableFunc(others, func(a, b hit) int { return cmp.Compare(b.rule.Weight, a.rule.Weight) })
	var out []Evidence
	told := []phrases.Hit{f.words}
	for _, h := range others {
		if len(out) == maxEvidence {
			break
		}
		if j.steps += len(told); slices.ContainsFunc(told, func(t phrases.Hit) bool { return j.words.Share(t, h.Hit) }) {
			continue
		}
		told = append(told, h.Hit)
		out = append(out, Evidence{Rule: h.rule.ID, Match: j.text[h.Start:h.End], Weight: h.rule.Weight})
	}
	return out
}
