package main

import (
	"cmp"
	"math"
	"slices"
)

const (
	// penalty draws weights to nought: the fewer words are left, the easier they
	// are to read, and the less is learnt by heart.
	penalty = 5e-5
	// ordinaryShare is how many ordinary lines may reach what flags, of those that
	// the weights were not learnt from. Two thirds of them share words with harm,
	// so it is far fewer of what people type.
	ordinaryShare = 0.01
	// hardWeight is how much a line counts that must not be flagged and was.
	hardWeight = 4
	folds      = 5
	// leastLines is in how many lines a word has to stand.
	leastLines = 2

	flags    = 100 // what hints together flag from
	heaviest = 90  // of one hint: no word may flag alone
	lightest = 3
)

// hint is a word or two, its weight, and the category it speaks for most; -1 for
// a word that speaks against all.
type hint struct {
	text     string
	weight   int
	category int
}

// teach learns the weights and scales them to what flags.
func (t *taught) teach() []hint {
	frequent := t.frequent()
	all := t.lesson(frequent, func(int) bool { return true })
	m := all.learn(penalty)
	scale := flags / (t.threshold(frequent) - m.bias)
	var out []hint
	for f, w := range m.weights {
		weight := int(math.Round(math.Abs(w) * scale))
		if weight < lightest {
			continue
		}
		h := hint{text: t.features[f], weight: min(weight, heaviest), category: -1}
		if w > 0 {
			h.category = t.speaksFor(int32(f))
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b hint) int {
		return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(b.weight, a.weight), cmp.Compare(a.text, b.text))
	})
	return out
}

// frequent says which features stand in enough lines.
func (t *taught) frequent() []bool {
	count := make([]int, len(t.features))
	for _, l := range t.lines {
		for _, f := range l.features {
			count[f]++
		}
	}
	out := make([]bool, len(count))
	for f, n := range count {
		out[f] = n >= leastLines
	}
	return out
}

// lesson makes one of the lines that keep says.
func (t *taught) lesson(frequent []bool, keep func(i int) bool) *lesson {
	out := &lesson{features: len(t.features)}
	for i, l := range t.lines {
		if !keep(i) {
			continue
		}
		out.lines = append(out.lines, kept(l.features, frequent))
		out.noticed = append(out.noticed, l.category >= 0)
		weight := 1.0
		if l.hard {
			weight = hardWeight
		}
		out.weight = append(out.weight, weight)
	}
	return out
}

func kept(features []int32, frequent []bool) []int32 {
	out := make([]int32, 0, len(features))
	for _, f := range features {
		if frequent[f] {
			out = append(out, f)
		}
	}
	return out
}

// threshold gives the score that so few ordinary lines reach, each scored by what
// was learnt from the other folds. Every fifth line of a file is in a fold.
func (t *taught) threshold(frequent []bool) float64 {
	var ordinary []float64
	for fold := range folds {
		m := t.lesson(frequent, func(i int) bool { return i%folds != fold }).learn(penalty)
		for i, l := range t.lines {
			if i%folds == fold && l.category < 0 && !l.hard {
				ordinary = append(ordinary, m.score(kept(l.features, frequent)))
			}
		}
	}
	slices.Sort(ordinary)
	return ordinary[len(ordinary)-1-int(ordinaryShare*float64(len(ordinary)))]
}

// speaksFor gives the category whose lines have a feature most often.
func (t *taught) speaksFor(feature int32) int {
	have, lines := make([]float64, len(t.categories)), make([]float64, len(t.categories))
	for _, l := range t.lines {
		if l.category < 0 {
			continue
		}
		lines[l.category]++
		if slices.Contains(l.features, feature) {
			have[l.category]++
		}
	}
	best := 0
	for c := range have {
		if have[c]/lines[c] > have[best]/lines[best] {
			best = c
		}
	}
	return best
}
