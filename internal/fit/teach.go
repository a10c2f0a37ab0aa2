package main

import (
	"cmp"
	"maps"
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
	// those that the weights were not learnt from. Lines that were written to share
	// words with harm are half of them and far fewer of what people type, so each
	// counts as nearCounts of one.
	ordinaryShare = 0.0014
	nearCounts    = 0.25
	// askedShare is the same of lines written as people ask a search engine for anything
	// (asked-*.txt): they are what most searches are, and judged by themselves, lest
	// lines of another kind make up for them.
	askedShare = 0.0005
	// carefulShare is the same for the categories named in careful: what people type
	// who look for a refuge, a course or advice, of women by name, or for members,
	// training and states, has many of their words (G5).
	carefulShare = 0.0003
	// heldWeight is how much a line counts that may never flag.
	heldWeight = 3
	folds      = 5
	// leastLines is in how many lines a word has to stand, in English and in a
	// language of which there are fewer lines.
	leastLines, leastElsewhere = 3, 2
	// ownShare is the ordinaryShare of a language other than English, of its own
	// lines, and othersShare of all others: few ordinary lines are of one language,
	// so that two or three of them say where the line is drawn.
	ownShare, othersShare = 0.003, 0.0002
	// lightest are the fewest points that are worth a line.
	lightest = 3
	// rounds is how often what flags a line that may not is learnt anew, with that
	// line counting for more.
	rounds = 4
)

var careful = []string{"coercive-control", "misogyny", "extremism"}

// points is a word, or two, and what they say.
type points struct {
	text string
	n    int
}

// teach gives the points of each category.
func (c *corpus) teach() [][]points {
	out := make([][]points, len(c.lists))
	stands := c.stands()
	var wait sync.WaitGroup
	next := make(chan int)
	for range 2 {
		wait.Go(func() {
			for i := range next {
				out[i] = c.teachOne(i, stands)
			}
		})
	}
	for i := range c.lists {
		next <- i
	}
	close(next)
	wait.Wait()
	return out
}

// stands says in how many lines each feature stands.
func (c *corpus) stands() []int {
	count := make([]int, len(c.features))
	for _, l := range c.lines {
		for _, f := range l.features {
			count[f]++
		}
	}
	return count
}

// taught is the lesson of a category: its lines, and all that are ordinary. Those of
// other categories are left out: whether a line is of one or of the other is for people.
type taught struct {
	lesson

	own    []bool    // lines of the list's own language
	counts []float64 // as ordinary lines
	kinds  []kind
	longer []float64 // how much more a line of its length has to say

	held map[int]heldLine // lines that may never flag
}

// heldLine is the words of a line that may never flag, and how many points would.
type heldLine struct {
	texts []string
	least int
}

func (c *corpus) lessonOf(at int, stands []int) *taught {
	t := &taught{lesson: lesson{features: len(c.features)}, held: map[int]heldLine{}}
	lang, least := c.lists[at].lang, leastLines
	if lang != "" {
		least = leastElsewhere
	}
	said := c.said(at)
	for _, l := range c.lines {
		if l.list != at && l.list >= 0 || l.lang != lang && !slices.ContainsFunc(l.features, func(f int32) bool { return said[f] }) {
			continue
		}
		var features []int32
		for _, f := range l.features {
			if stands[f] >= least && c.readers[lang].mayLearn(c.features[f]) {
				features = append(features, f)
			}
		}
		weight := 1.0
		if l.held {
			weight = heldWeight
			t.held[len(t.lines)] = heldLine{c.textsOf(l), weighed.Longer(l.least, l.words)}
		}
		t.lines, t.noticed, t.own = append(t.lines, features), append(t.noticed, l.list >= 0), append(t.own, l.lang == lang)
		counts := 1.0
		if l.kind == near {
			counts = nearCounts
		}
		t.weight, t.counts, t.kinds = append(t.weight, weight), append(t.counts, counts), append(t.kinds, l.kind)
		t.longer = append(t.longer, float64(weighed.Longer(1000, l.words))/1000)
	}
	return t
}

// said says which features a list's lines have: lines of other languages that have
// none of them teach nothing.
func (c *corpus) said(at int) []bool {
	out := make([]bool, len(c.features))
	for _, l := range c.lines {
		if l.list == at {
			for _, f := range l.features {
				out[f] = true
			}
		}
	}
	return out
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

// threshold gives the score that so few ordinary lines reach, of the list's own
// language, of others, and of those that are asked of a search engine, each scored by
// what was learnt from the other folds. Lines put together from parts draw no line:
// their parts stand in every fold.
func (t *taught) threshold(own, others float64) float64 {
	var ours, theirs, asks []scored
	for fold := range folds {
		m := t.without(fold).learn(strength)
		for i := range t.lines {
			if i%folds != fold || t.noticed[i] {
				continue
			}
			s := scored{m.bias + (m.score(t.lines[i])-m.bias)/t.longer[i], t.counts[i]}
			switch {
			case t.kinds[i] == parts:
			case t.kinds[i] == asked:
				asks = append(asks, s)
			case t.own[i]:
				ours = append(ours, s)
			default:
				theirs = append(theirs, s)
			}
		}
	}
	return max(above(ours, own), above(theirs, others), above(asks, min(own, askedShare)))
}

func (c *corpus) teachOne(at int, stands []int) []points {
	t := c.lessonOf(at, stands)
	own, others := ordinaryShare, ordinaryShare
	switch {
	case c.lists[at].lang != "":
		own, others = ownShare, othersShare
	case slices.Contains(careful, c.lists[at].category):
		own, others = carefulShare, carefulShare
	}
	threshold := t.threshold(own, others)
	var p pointsOf
	for range rounds {
		m := t.learn(strength)
		p = c.pointsOf(m, weighed.Enough/(threshold-m.bias))
		if t.raise(p) == 0 {
			break
		}
	}
	t.quiet(p)
	var out []points
	for text, n := range p {
		if n != 0 {
			out = append(out, points{text, n})
		}
	}
	slices.SortFunc(out, func(a, b points) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.text, b.text)) })
	return out
}

// pointsOf are points by the word, or two, that has them.
type pointsOf map[string]int

// pointsOf gives weights as points.
func (c *corpus) pointsOf(m *model, scale float64) pointsOf {
	out := pointsOf{}
	for f, w := range m.weights {
		if n := int(math.Round(w * scale)); n <= -lightest || n >= lightest {
			out[c.features[f]] = min(max(n, -weighed.MaxPoints), weighed.MaxPoints)
		}
	}
	return out
}

// sum adds the points of a line's words up.
func (p pointsOf) sum(texts []string) (n int) {
	for _, text := range texts {
		n += p[text]
	}
	return n
}

// raise has the lines that flag and may not count for twice as much, and says how
// many they are.
func (t *taught) raise(p pointsOf) (n int) {
	for i, l := range t.held {
		if p.sum(l.texts) >= l.least {
			t.weight[i] *= 2
			n++
		}
	}
	return n
}

// quiet takes points from the words of what still flags and may not.
func (t *taught) quiet(p pointsOf) {
	for _, i := range slices.Sorted(maps.Keys(t.held)) {
		for l := t.held[i]; p.sum(l.texts) >= l.least; {
			most := slices.MaxFunc(l.texts, func(a, b string) int { return cmp.Or(cmp.Compare(p[a], p[b]), cmp.Compare(a, b)) })
			if p[most] -= 10; p[most] < lightest {
				delete(p, most)
			}
		}
	}
}
