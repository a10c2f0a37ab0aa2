package policy

import (
	"math/rand/v2"
	"testing"
)

// table is a total and parts that add up to it.
func table(ns ...int64) sum {
	s := sum{total: &cell{}}
	for _, n := range ns {
		s.parts = append(s.parts, &cell{n: n})
		s.total.n += n
	}
	return s
}

func hidden(s sum) (n int, amount int64) {
	for _, c := range s.parts {
		if c.hidden {
			n++
			amount += c.n
		}
	}
	return n, amount
}

func TestG17ANumberIsNotHadBackByTakingAway(t *testing.T) {
	for name, c := range map[string]struct {
		parts []int64
		want  int // hidden parts
		total bool
	}{
		"all large":             {[]int64{10, 20, 30}, 0, false},
		"one small":             {[]int64{3, 20, 30}, 2, false},
		"two small, few in all": {[]int64{3, 4, 20, 30}, 3, false},
		"two small, enough":     {[]int64{6, 7, 30}, 2, false},
		"one small, alone":      {[]int64{3, 0, 0}, 1, true},
		"nothing":               {[]int64{0, 0}, 0, false},
		"one large, alone":      {[]int64{30, 0}, 0, false},
	} {
		s := table(c.parts...)
		withhold(10, []sum{s})
		if n, _ := hidden(s); n != c.want || s.total.hidden != c.total {
			t.Errorf("%s: %d parts hidden, want %d; the total hidden %t, want %t", name, n, c.want, s.total.hidden, c.total)
		}
	}
}

func TestG17NoughtsAreShown(t *testing.T) {
	s := table(3, 0, 12, 40)
	withhold(10, []sum{s})
	if s.parts[1].hidden || !s.parts[0].hidden || !s.parts[2].hidden || s.parts[3].hidden {
		t.Errorf("hidden: %+v %+v %+v %+v", *s.parts[0], *s.parts[1], *s.parts[2], *s.parts[3])
	}
}

func TestG17TwoTablesOfOneTotalDoNotGiveEachOtherAway(t *testing.T) {
	for range 2000 {
		a := table(rand.Int64N(40), rand.Int64N(40), rand.Int64N(12))
		b := sum{total: a.total, parts: []*cell{{n: a.total.n / 3}, {n: a.total.n - a.total.n/3}}}
		withhold(10, []sum{a, b})
		for _, s := range []sum{a, b} {
			n, amount := hidden(s)
			for _, c := range s.parts {
				if !c.hidden && c.n > 0 && c.n < 10 {
					t.Fatalf("%d is shown", c.n)
				}
			}
			switch {
			case s.total.hidden && n == 0 && s.total.n > 0:
				t.Fatalf("the total %d is hidden and all its parts are shown", s.total.n)
			case !s.total.hidden && n == 1:
				t.Fatalf("one part alone is hidden under a total of %d", s.total.n)
			case !s.total.hidden && n > 1 && amount < 10:
				t.Fatalf("hidden parts come to %d in all, which anybody can work out", amount)
			}
		}
	}
}
