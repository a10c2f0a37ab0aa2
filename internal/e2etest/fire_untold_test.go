package e2etest

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// fireOrder is what each machine flagged, lane by lane, in the order of its log:
// that in which the records got their numbers.
func fireOrder() (lists [][]string) {
	var low, urgent, second []string
	for i := range fireLines {
		switch name := fireName(i); {
		case strings.Contains(name, ".urgent."):
			urgent = append(urgent, name)
		case strings.Contains(name, ".low."):
			low = append(low, name)
		}
	}
	for i := range secondLines {
		second = append(second, secondName(i))
	}
	return [][]string{low, urgent, second}
}

// missingRun is events of one list that are missing one after the other, and
// where, in each sequence, the events next to them stand that are stored.
type missingRun struct {
	names         []string
	before, after map[string]uint64
}

// untold lists the events that are missing and that no gap tells of. A gap tells
// of as many as it has numbers between those of the events stored before and after
// in the same sequence, which is an epoch's lane: what is lost elsewhere is no
// excuse, and what two devices tell of one sequence counts once.
func untold(lists [][]string, all []seen, gaps map[string][]span) (lost []string) {
	spots := map[string]map[string]uint64{} // by name and sequence
	for _, e := range all {
		if spots[e.Name] == nil {
			spots[e.Name] = map[string]uint64{}
		}
		spots[e.Name][e.Epoch+" "+e.Lane] = e.Seq
	}
	told := map[string][]span{}
	for place, list := range gaps {
		_, sequence, _ := strings.Cut(place, " ")
		told[sequence] = append(told[sequence], list...)
	}
	last := map[string]uint64{} // a list may go on in a sequence that another began
	for _, list := range lists {
		for _, r := range runs(list, spots, last) {
			lost = append(lost, r.names[min(len(r.names), r.told(told)):]...)
		}
	}
	return lost
}

func runs(list []string, spots map[string]map[string]uint64, last map[string]uint64) (all []*missingRun) {
	var open *missingRun
	for _, name := range list {
		at := spots[name]
		if len(at) == 0 {
			if open == nil {
				open = &missingRun{before: maps.Clone(last), after: map[string]uint64{}}
				all = append(all, open)
			}
			open.names = append(open.names, name)
			continue
		}
		open = nil
		for sequence, n := range at {
			for _, r := range all {
				if _, has := r.after[sequence]; !has {
					r.after[sequence] = n
				}
			}
			last[sequence] = n
		}
	}
	return all
}

// told is of how many of them a gap tells: in one sequence that goes on behind
// them or, where one ends there and another begins, in the two.
func (r *missingRun) told(gaps map[string][]span) (most int) {
	ending, beginning := 0, 0
	for sequence, list := range gaps {
		from, begun := r.before[sequence]
		to, goesOn := r.after[sequence]
		switch {
		case begun && goesOn:
			most = max(most, numbers(list, from, to))
		case begun:
			ending = max(ending, numbers(list, from, math.MaxUint64))
		case goesOn:
			beginning = max(beginning, numbers(list, 0, to))
		}
	}
	for sequence := range r.before {
		if _, goesOn := r.after[sequence]; goesOn {
			return most
		}
	}
	return ending + beginning
}

// numbers counts those between two that gaps name, each once.
func numbers(list []span, after, before uint64) (n int) {
	list = slices.SortedFunc(slices.Values(list), func(a, b span) int { return cmp.Compare(a.from, b.from) })
	next := after + 1
	for _, s := range list {
		from, to := max(next, s.from), min(before-1, s.to)
		if from <= to {
			n += int(to - from + 1)
			next = to + 1
		}
	}
	return n
}

// TestALossThatIsToldElsewhereIsALoss: the check under fire itself can fail.
func TestALossThatIsToldElsewhereIsALoss(t *testing.T) {
	at := func(name, epoch string, seq uint64) seen {
		return seen{stored: stored{Name: name, Epoch: epoch, Lane: "low", Seq: seq}}
	}
	list := [][]string{{"a", "b", "c", "d", "e"}, {"x", "y", "z"}}
	all := []seen{at("a", "1", 1), at("c", "1", 3), at("d", "1", 4), at("e", "1", 5), at("d", "2", 2), at("x", "2", 3), at("z", "2", 5)}
	for what, c := range map[string]struct {
		gaps map[string][]span
		lost []string
	}{
		"told where it was":         {map[string][]span{"A 1 low": {{2, 2}}, "B 2 low": {{1, 1}, {4, 4}}}, nil},
		"told twice for another":    {map[string][]span{"A 1 low": {{2, 2}}, "B 2 low": {{1, 1}}}, []string{"y"}},
		"told by both for another":  {map[string][]span{"A 1 low": {{2, 2}}, "B 1 low": {{2, 2}}}, []string{"y"}},
		"told of another lane":      {map[string][]span{"A 1 urgent": {{2, 2}}, "B 2 low": {{4, 4}}}, []string{"b"}},
		"told behind what is known": {map[string][]span{"A 1 low": {{6, 9}}, "B 2 low": {{6, 9}}}, []string{"b", "y"}},
		"told as more than it was":  {map[string][]span{"A 1 low": {{1, 9}}, "B 2 low": {{1, 9}}}, nil},
	} {
		if got := untold(list, all, c.gaps); !slices.Equal(got, c.lost) {
			t.Errorf("%s: lost %v, want %v", what, got, c.lost)
		}
	}
	// A sequence that ends and another that begins tell of what lies between.
	moved := []seen{at("a", "1", 1), at("d", "3", 2), at("e", "3", 3)}
	for n, want := range [][]string{{"b", "c"}, {"c"}, nil} {
		gaps := map[string][]span{"A 1 low": []span{{2, 2}}[:min(n, 1)], "A 3 low": []span{{1, 1}}[:max(0, n-1)]}
		if got := untold(list[:1], moved, gaps); !slices.Equal(got, want) {
			t.Errorf("%d told at a new epoch: lost %v, want %v", n, got, want)
		}
	}
}
