package policy

import "math"

// cell is a number that is shown unless it would point at few people (G17).
type cell struct {
	n      int64
	hidden bool
}

// shown is the number, rounded to a multiple of to, or nil where it is withheld.
func (c *cell) shown(to int64) *int64 {
	if c.hidden {
		return nil
	}
	n := (c.n + to/2) / to * to
	return &n
}

// sum says that the parts add up to a total, which anybody may work with.
type sum struct {
	total *cell
	parts []*cell
}

// pair are two numbers whose difference tells as much as a number of its own.
// Where it is small the second is withheld.
type pair [2]*cell

// balance are numbers of which each follows from the other three: what one column
// has, less what it alone has, is what the next has less what that alone has.
type balance [4]*cell

// tells says whether a single one is withheld.
func (b balance) tells() bool {
	hidden := 0
	for _, c := range b {
		if c.hidden {
			hidden++
		}
	}
	return hidden == 1
}

// hideOne withholds the smallest number beside it; false where all others are
// noughts, of which none can hide anything.
func (b balance) hideOne() bool {
	var best *cell
	for _, c := range b {
		if !c.hidden && c.n > 0 && (best == nil || c.n < best.n) {
			best = c
		}
	}
	if best != nil {
		best.hidden = true
	}
	return best != nil
}

// withhold hides every number above nought and below least, and then as many more
// as it takes that none of them can be had back by adding and taking away. Noughts
// are shown: they say what rules do not do, and of nobody anything.
func withhold(least int64, sums []sum, pairs []pair, balances ...balance) {
	for _, s := range sums {
		for _, c := range append([]*cell{s.total}, s.parts...) {
			c.hidden = c.hidden || c.n > 0 && c.n < least
		}
	}
	for _, p := range pairs {
		apart := p[0].n - p[1].n
		if !p[0].hidden && !p[1].hidden && p[1].n != 0 && apart != 0 && apart > -least && apart < least {
			p[1].hidden = true
		}
	}
	for again := true; again; {
		again = false
		for _, s := range sums {
			if s.tells(least) {
				s.hideOne()
				again = true
			}
		}
		for _, b := range balances {
			again = b.tells() && b.hideOne() || again
		}
	}
}

// tells says whether what is shown of a sum gives away what is not.
func (s sum) tells(least int64) bool {
	hidden, amount, some := 0, int64(0), false
	for _, c := range s.parts {
		some = some || c.n != 0
		if c.hidden {
			hidden++
			amount += c.n
		}
	}
	if s.total.hidden {
		return hidden == 0 && some
	}
	return hidden == 1 || hidden > 1 && amount < least
}

// hideOne withholds the smallest part that can hide something, else the total.
func (s sum) hideOne() {
	best, least := s.total, int64(math.MaxInt64)
	for _, c := range s.parts {
		if !c.hidden && c.n > 0 && c.n < least {
			best, least = c, c.n
		}
	}
	best.hidden = true
}
