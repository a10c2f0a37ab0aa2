package policy

import "math"

// cell is a number that is shown unless it would point at few people (G17).
type cell struct {
	n      int64
	hidden bool
}

// shown is the number, or nil where it is withheld.
func (c *cell) shown() *int64 {
	if c.hidden {
		return nil
	}
	return &c.n
}

// sum says that the parts add up to a total, which anybody may work with.
type sum struct {
	total *cell
	parts []*cell
}

// withhold hides every number above nought and below least, and then as many more
// as it takes that none of them can be had back by adding and taking away. Noughts
// are shown: they say what rules do not do, and of nobody anything.
func withhold(least int64, sums []sum) {
	for _, s := range sums {
		for _, c := range append([]*cell{s.total}, s.parts...) {
			c.hidden = c.hidden || c.n > 0 && c.n < least
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
