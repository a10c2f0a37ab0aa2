package spool

import "slices"

// span is a run of sequence numbers, both ends included.
type span struct{ from, to uint64 }

func (s span) len() uint64 { return s.to - s.from + 1 }

// ackedSet knows which sequence numbers nobody waits for any more: everything
// up to low, and the spans above it, sorted, apart and never touching.
type ackedSet struct {
	low   uint64
	above []span
}

// add takes a span in and says how many numbers were new.
func (a *ackedSet) add(s span) uint64 {
	if s.to <= a.low || s.from > s.to {
		return 0
	}
	s.from = max(s.from, a.low+1)
	fresh := s.len()
	i, _ := slices.BinarySearchFunc(a.above, s.from, func(x span, from uint64) int {
		if x.to+1 < from {
			return -1
		}
		return 1
	})
	j := i
	for j < len(a.above) && a.above[j].from <= s.to+1 {
		x := a.above[j]
		if lo, hi := max(x.from, s.from), min(x.to, s.to); lo <= hi {
			fresh -= hi - lo + 1
		}
		s.from, s.to = min(s.from, x.from), max(s.to, x.to)
		j++
	}
	// overlap was counted against the span as it grew, which never
	// double-counts: the spans merged in are disjoint
	a.above = slices.Replace(a.above, i, j, s)
	if a.above[0].from == a.low+1 {
		a.low = a.above[0].to
		a.above = slices.Delete(a.above, 0, 1)
	}
	return fresh
}

// forget takes every number from `from` on out again.
func (a *ackedSet) forget(from uint64) {
	a.low = min(a.low, from-1)
	for i, s := range a.above {
		if s.to >= from {
			a.above = a.above[:i]
			if s.from < from {
				a.above = append(a.above, span{s.from, from - 1})
			}
			return
		}
	}
}

func (a *ackedSet) has(seq uint64) bool {
	return seq <= a.low || len(a.missing(span{seq, seq})) == 0
}

// covers says whether the whole span is acked; an empty one always is.
func (a *ackedSet) covers(s span) bool { return s.from > s.to || len(a.missing(s)) == 0 }

// missing returns what of the span is not acked.
func (a *ackedSet) missing(s span) []span {
	var out []span
	from := max(s.from, a.low+1)
	i, _ := slices.BinarySearchFunc(a.above, from, func(x span, from uint64) int {
		if x.to < from {
			return -1
		}
		return 1
	})
	for ; i < len(a.above) && a.above[i].from <= s.to; i++ {
		if from < a.above[i].from {
			out = append(out, span{from, a.above[i].from - 1})
		}
		from = a.above[i].to + 1
	}
	if from <= s.to {
		out = append(out, span{from, s.to})
	}
	return out
}

// pending counts the numbers below next that are not acked.
func (a *ackedSet) pending(next uint64) uint64 {
	n := next - 1 - min(a.low, next-1)
	for _, s := range a.above {
		n -= min(n, s.len())
	}
	return n
}
