package main

import "math"

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

// passes is how often each weight is looked at; by then none moves any more by
// what rounding would show.
const passes = 120

// learn minimises the mean logistic loss and penalty times the sum of the weights'
// sizes, one weight after the other, each by the step that a quadratic above the
// loss allows (Friedman, Hastie and Tibshirani 2010).
func (l *lesson) learn(penalty float64) *model {
	total := 0.0
	for _, w := range l.weight {
		total += w
	}
	at := make([][]int32, l.features) // lines that have a feature
	size := make([]float64, l.features)
	for i, features := range l.lines {
		for _, f := range features {
			at[f] = append(at[f], int32(i))
			size[f] += l.weight[i]
		}
	}
	m := &model{weights: make([]float64, l.features)}
	scores := make([]float64, len(l.lines))
	for range passes {
		step := -l.slope(scores, nil) / (total / 4)
		m.bias += step
		for i := range scores {
			scores[i] += step
		}
		for f := range at {
			if size[f] == 0 {
				continue
			}
			curve := size[f] / 4 / total
			was := m.weights[f]
			is := shrunk(was-l.slope(scores, at[f])/total/curve, penalty/curve)
			if is == was {
				continue
			}
			m.weights[f] = is
			for _, i := range at[f] {
				scores[i] += is - was
			}
		}
	}
	return m
}

// slope sums how far the lines named, or all, are from what they should be.
func (l *lesson) slope(scores []float64, lines []int32) float64 {
	sum := 0.0
	one := func(i int) {
		p := 1 / (1 + math.Exp(-scores[i]))
		if l.noticed[i] {
			p--
		}
		sum += p * l.weight[i]
	}
	if lines == nil {
		for i := range scores {
			one(i)
		}
		return sum
	}
	for _, i := range lines {
		one(int(i))
	}
	return sum
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
