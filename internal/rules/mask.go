package rules

import "slices"

// mask is how far the allow phrases of a category reach, read from the left:
// a school's own, and anybody's.
type mask struct {
	school, any reach
}

// reach is where a masked span ends, and which rule masks it.
type reach struct {
	end int
	by  *Rule
}

func (r *reach) stretch(h hit) {
	if h.End > r.end {
		r.end, r.by = h.End, h.rule
	}
}

func (m *mask) stretch(h hit) {
	m.any.stretch(h)
	if h.rule.Tier == TierSchool {
		m.school.stretch(h)
	}
}

// covers gives the rule that masks h, if one does.
func (m *mask) covers(h hit) *Rule {
	r := m.any
	if h.rule.Tier == TierSchool {
		r = m.school
	}
	if h.End <= r.end {
		return r.by
	}
	return nil
}

// standing keeps in j.hits the phrases that are not masked, and notes whether
// words that ask for help were among them. Masked is what lies wholly within an
// allow phrase of its category or, in search words, within a help word, unless its
// words stand apart; those mask weighed words alone. What reaches outside such a
// span stands: allowing "how to kill a process" hides nothing of "how to kill
// myself" (G1).
//
// One sweep from left to right, so that what a text full of hits costs grows with
// its length alone.
func (j *judging) standing(search bool) {
	j.byStart()
	j.steps += len(j.hits)
	n := len(j.rs.policy.Categories)
	j.masks = slices.Grow(j.masks[:0], n)[:n]
	clear(j.masks)
	var help reach
	kept := j.hits[:0]
	for _, h := range j.hits {
		switch h.rule.Kind {
		case RuleHelp:
			j.help = j.help || search
			j.spared = append(j.spared, h)
			if h.rule.ID != helpApart {
				help.stretch(h)
			}
			continue
		case RuleAllowPhrase:
			j.spared = append(j.spared, h)
			j.masks[h.rule.Category].stretch(h)
			continue
		}
		f := finding{rule: h.rule, start: h.Start, end: h.End, words: h.Hit}
		if h.End <= help.end {
			j.lost(f, lostToHelp, help.by)
			continue
		}
		if by := j.masks[h.rule.Category].covers(h); by != nil {
			j.lost(f, lostToAllow, by)
			continue
		}
		kept = append(kept, h)
	}
	j.hits = kept
}
