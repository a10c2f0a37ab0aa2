package rules

import (
	"cmp"
	"math/bits"
	"slices"

	"safelight/internal/event"
	"safelight/internal/rules/phrases"
)

// Hints are words that say little by themselves and much together: "pills",
// "nobody knows", "forever". Those of all categories in a text are weighed as one,
// less the words that speak for an ordinary reason; from hintsFlag on, the
// category that the most weight belongs to is told of, at the hint's own severity.
// It is a sum that anybody can do again by hand from the words of the verdict.
//
// A hint counts once however often it stands. What a role is not judged by does
// not count for it.
const hintsFlag = 100

// maxHint bounds one hint's weight below what flags: no word may do so alone.
const maxHint = hintsFlag - 1

// takeHints moves the hints among j.hits to j.hints, one of each.
func (j *judging) takeHints() {
	j.hints = j.hints[:0]
	j.roomByRule()
	kept := j.hits[:0]
	for _, h := range j.hits {
		if h.rule.Kind != RuleHint && h.rule.Kind != RuleOrdinary {
			kept = append(kept, h)
			continue
		}
		if j.first[h.Ref] == 0 {
			j.first[h.Ref] = 1
			j.hints = append(j.hints, h)
		}
	}
	for _, h := range j.hints {
		j.first[h.Ref] = 0
	}
	j.hits = kept
}

// weighHints offers the heaviest hint of the category that most weight belongs to,
// where all hints together flag.
func (j *judging) weighHints() {
	if len(j.hints) == 0 {
		return
	}
	j.steps += len(j.hints)
	j.clearSums()
	sum, best := int64(0), -1
	for i, h := range j.hints {
		if h.rule.Kind == RuleOrdinary {
			sum -= int64(h.rule.Weight)
			continue
		}
		sum += int64(h.rule.Weight)
		j.sums[h.rule.Category] += h.rule.Weight
		if best < 0 || j.outhints(i, best) {
			best = i
		}
	}
	if best < 0 || sum < hintsFlag {
		return
	}
	for i, h := range j.hints {
		if h.rule.Kind == RuleHint && j.outhints(i, best) {
			best = i
		}
	}
	h := j.hints[best]
	j.offer(finding{rule: h.rule, start: h.Start, end: h.End, decision: Flag, words: h.Hit})
}

// outhints says whether hint a is told of rather than hint b: that of the category
// with more weight, then the heavier one.
func (j *judging) outhints(a, b int) bool {
	x, y := j.hints[a].rule, j.hints[b].rule
	return cmp.Or(
		cmp.Compare(j.sums[x.Category], j.sums[y.Category]), cmp.Compare(y.Category, x.Category),
		cmp.Compare(x.Weight, y.Weight), cmp.Compare(j.hints[b].Start, j.hints[a].Start),
	) > 0
}

// countsAsHint says whether a hint counts for this subject.
func (j *judging) countsAsHint(r *Rule, h phrases.Hit) bool {
	if r.Kind == RuleOrdinary {
		return true
	}
	return j.category(r).Actions[roleIndex(j.in.Role)] != ActionNone && !j.exempt(r.Category) &&
		j.stands(r, finding{rule: r, start: h.Start, end: h.End, words: h})
}

// hintEvidence gives the other hints that stood, heaviest first.
func (j *judging) hintEvidence(f finding) []Evidence {
	var out []Evidence
	j.steps += len(j.hints) * bits.Len(uint(len(j.hints)))
	for _, h := range j.hints {
		if h.rule.Kind == RuleHint && h.rule != f.rule {
			out = append(out, Evidence{Rule: h.rule.ID, Match: j.text[h.Start:h.End], Weight: h.rule.Weight})
		}
	}
	slices.SortStableFunc(out, func(a, b Evidence) int { return cmp.Compare(b.Weight, a.Weight) })
	return out[:min(len(out), maxEvidence)]
}

// usualHintSeverity is low: hints are a likeness, and go to the day's digest.
const usualHintSeverity = event.Low
