package main

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"safelight/internal/rules/weighed"
)

const (
	// strength says how far the lines may draw weights from nought: the less, the
	// fewer words are left, the easier they are to read, and the less is learnt by
	// heart.
	strength = 3
	// ordinaryShare is how many ordinary lines may reach what flags in a category, of
	// those that the weights were not learnt from. A third of them were written to
	// share words with harm, so it is far fewer of what people type.
	ordinaryShare = 0.0008
	// heldWeight is how much a line counts that may never flag.
	heldWeight = 3
	folds      = 5
	// leastLines is in how many lines a word has to stand.
	leastLines = 2
	// lightest are the fewest points that are worth a line.
	lightest = 3
	// rounds is how often what flags a line that may not is learnt anew, with that
	// line counting for more.
	rounds = 4
)

// points is a word, or two, and what they say.
type points struct {
	text string
	n    int
}

// teach gives the points of each category.
func (c *corpus) teach() [][]points {
	out := make([][]points, len(c.categories))
	frequent := c.frequent()
	var wait sync.WaitGroup
	next := make(chan int)
	for range 2 {
		wait.Go(func() {
			for i := range next {
				out[i] = c.teachOne(i, frequent)
			}
		})
	}
	for i := range c.categories {
		next <- i
	}
	close(next)
	wait.Wait()
	return out
}

// frequent says which features stand in enough lines.
func (c *corpus) frequent() []bool {
	count := make([]int, len(c.features))
	for _, l := range c.lines {
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

// lesson of a category: its lines, and all that are ordinary. Those of other
// categories are left out: whether a line is of one or of the other is for people.
type taught struct {
	lesson

	held  []bool
	words []bool // features worth points
}

func (c *corpus) lessonOf(category int, frequent []bool) *taught {
	t := &taught{lesson: lesson{features: len(c.features)}}
	for _, l := range c.lines {
		if l.category != category && l.category >= 0 {
			continue
		}
		var features []int32
		for _, f := range l.features {
			if frequent[f] {
				features = append(features, f)
			}
		}
		weight := 1.0
		if l.held {
			weight = heldWeight
		}
		t.lines, t.noticed = append(t.lines, features), append(t.noticed, l.category >= 0)
		t.weight, t.held = append(t.weight, weight), append(t.held, l.held)
	}
	return t
}

// without leaves out each line of a fold, every fifth.
func (t *taught) without(fold int) *lesson {
	out := &lesson{features: t.features}
	for i := range t.lines {
		if i%folds != fold {
			out.lines, out.noticed, out.weight = append(out.lines, t.lines[i]), append(out.noticed, t.noticed[i]), append(out.weight, t.weight[i])
		}
	}
	return out
}

// threshold gives the score that so few ordinary lines reach, each scored by what
// was learnt from the other folds.
func (t *taught) threshold() float64 {
	var ordinary []float64
	for fold := range folds {
		m := t.without(fold).learn(strength)
		for i := range t.lines {
			if i%folds == fold && !t.noticed[i] {
				ordinary = append(ordinary, m.score(t.lines[i]))
			}
		}
	}
	return quantile(ordinary, ordinaryShare)
}

func (c *corpus) teachOne(category int, frequent []bool) []points {
	t := c.lessonOf(category, frequent)
	threshold := t.threshold()
	var scaled []int
	for range rounds {
		m := t.learn(strength)
		scaled = m.scaled(threshold)
		if t.raise(scaled) == 0 {
			break
		}
	}
	t.quiet(scaled)
	var out []points
	for f, n := range scaled {
		if n != 0 {
			out = append(out, points{c.features[f], n})
		}
	}
	slices.SortFunc(out, func(a, b points) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.text, b.text)) })
	return out
}

// scaled gives weights as points, so that a score of threshold is Enough of them.
func (m *model) scaled(threshold float64) []int {
	scale := weighed.Enough / (threshold - m.bias)
	out := make([]int, len(m.weights))
	for f, w := range m.weights {
		n := int(math.Round(w * scale))
		if n > -lightest && n < lightest {
			n = 0
		}
		out[f] = min(max(n, -weighed.MaxPoints), weighed.MaxPoints)
	}
	return out
}

func sum(points []int, line []int32) (n int) {
	for _, f := range line {
		n += points[f]
	}
	return n
}

// raise has the lines that flag and may not count for twice as much, and says how
// many they are.
func (t *taught) raise(points []int) (n int) {
	for i, l := range t.lines {
		if t.held[i] && sum(points, l) >= weighed.Enough {
			t.weight[i] *= 2
			n++
		}
	}
	return n
}

// quiet takes points from the words of what still flags and may not.
func (t *taught) quiet(points []int) {
	for i, l := range t.lines {
		for t.held[i] && sum(points, l) >= weighed.Enough {
			most := slices.MaxFunc(l, func(a, b int32) int { return cmp.Compare(points[a], points[b]) })
			if points[most] -= 10; points[most] < lightest {
				points[most] = 0
			}
		}
	}
}
