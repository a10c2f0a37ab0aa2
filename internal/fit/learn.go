package main

import (
	"cmp"
	"math"
	"slices"
)

// lesson is lines as sets of features, and whether each should be noticed.
type lesson struct {
	lines    [][]int32 // features of each line, once each
	noticed  []bool
	weight   []float64 // how much a line counts
	features int
}

// model says how much each feature speaks for notice; a line's score is the sum
// and the bias.
type model struct {
	weights []float64
	bias    float64
}

func (m *model) score(features []int32) float64 {
	sum := m.bias
	for _, f := range features {
		sum += m.weights[f]
	}
	return sum
}

const (
	// passes is how often the weights are all looked at, at most.
	passes = 60
	// settled ends learning where no weight moves by more.
	settled = 0.01
	// leastCurve keeps a step from being too long where the loss is almost flat.
	leastCurve = 0.05
	// longest is how far a weight moves at once.
	longest = 1.0
)

// learning is the state of a model that is being learnt. Float operations that a
// processor might fuse are kept apart by conversions, so that every machine learns
// the same.
type learning struct {
	*lesson
	at     [][]int32 // lines that have a feature
	scores []float64
	far    []float64 // how far each line is from what it should be
	curve  []float64 // how fast that changes
}

// learn minimises the sum of logistic losses and of the weights' sizes divided by
// strength, one weight after the other (Yuan, Ho and Lin 2012, without their second
// loop).
func (l *lesson) learn(strength float64) *model {
	g := &learning{lesson: l, at: make([][]int32, l.features)}
	for i, features := range l.lines {
		for _, f := range features {
			g.at[f] = append(g.at[f], int32(i))
		}
	}
	g.scores, g.far, g.curve = make([]float64, len(l.lines)), make([]float64, len(l.lines)), make([]float64, len(l.lines))
	m := &model{weights: make([]float64, l.features)}
	all := make([]int32, len(l.lines))
	for i := range all {
		all[i] = int32(i)
		g.move(int32(i), 0)
	}
	for range passes {
		m.bias += g.step(all, m.bias, 0)
		most := 0.0
		for f, lines := range g.at {
			if len(lines) == 0 {
				continue
			}
			by := g.step(lines, m.weights[f], 1/strength)
			m.weights[f] += by
			most = max(most, math.Abs(by))
		}
		if most < settled {
			break
		}
	}
	return m
}

// move adds to a line's score.
func (g *learning) move(line int32, by float64) {
	g.scores[line] += by
	p := 1 / (1 + math.Exp(-g.scores[line]))
	w := g.weight[line]
	g.curve[line] = float64(w * float64(p*(1-p)))
	if g.noticed[line] {
		p--
	}
	g.far[line] = float64(w * p)
}

// step moves a weight that stands in lines, and says by how much.
func (g *learning) step(lines []int32, was, penalty float64) float64 {
	slope, curve, size := 0.0, 0.0, 0.0
	for _, i := range lines {
		slope += g.far[i]
		curve += g.curve[i]
		size += g.weight[i]
	}
	curve = max(curve, float64(leastCurve*size))
	is := shrunk(was-float64(slope/curve), penalty/curve)
	by := min(max(is-was, -longest), longest)
	if by != 0 {
		for _, i := range lines {
			g.move(i, by)
		}
	}
	return by
}

// shrunk draws v towards nought by as much as by.
func shrunk(v, by float64) float64 {
	switch {
	case v > by:
		return v - by
	case v < -by:
		return v + by
	}
	return 0
}

// scored is an ordinary line's score, and how much the line counts.
type scored struct{ score, weight float64 }

// above gives the score that so large a share of lines, by what they count, reach; of
// no line, one that all are above.
func above(lines []scored, share float64) float64 {
	if len(lines) == 0 {
		return math.Inf(-1)
	}
	slices.SortFunc(lines, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	total := 0.0
	for _, l := range lines {
		total += l.weight
	}
	sum := 0.0
	for _, l := range lines {
		if sum += l.weight; sum > share*total {
			return l.score
		}
	}
	return lines[len(lines)-1].score
}
