package spool

import (
	"cmp"
	"slices"
)

// Why records were lost.
const (
	ReasonFull    = "full"    // the spool was full; these were the oldest of the lowest lane
	ReasonCorrupt = "corrupt" // they could not be read back from the disk
)

// maxTombstones is what a slot of the state file holds with room to spare.
const maxTombstones = 1024

// Tombstone says that records From to To (both included) of a lane will never
// come, and why.
type Tombstone struct {
	Lane   uint8
	From   uint64
	To     uint64
	Reason string
}

// Tombstones lists what was lost and not yet acked as known, highest lane first.
func (s *Spool) Tombstones() []Tombstone {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.tombstones)
	slices.SortStableFunc(out, func(a, b Tombstone) int { return cmp.Compare(b.Lane, a.Lane) })
	return out
}

// AckTombstone takes back a tombstone as it was listed. One that has grown
// meanwhile keeps what was not in it then.
func (s *Spool) AckTombstone(t Tombstone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	var left []Tombstone
	for _, x := range s.tombstones {
		if x.Lane != t.Lane || x.To < t.From || x.From > t.To {
			left = append(left, x)
			continue
		}
		if x.From < t.From {
			left = append(left, Tombstone{x.Lane, x.From, t.From - 1, x.Reason})
		}
		if x.To > t.To {
			left = append(left, Tombstone{x.Lane, t.To + 1, x.To, x.Reason})
		}
	}
	s.tombstones = left
	return s.saveState()
}

// lose gives up what is not acked of a span. It needs mu; the caller saves the
// state before it deletes anything.
func (s *Spool) lose(l *lane, lost span, reason string) {
	for _, gone := range l.acked.missing(lost) {
		l.dropped += gone.len()
		s.tombstones = bury(s.tombstones, Tombstone{l.id, gone.from, gone.to, reason})
		l.acked.add(gone)
	}
}

// bury adds a tombstone, in one with its neighbours where there is nothing
// between them. The list is sorted by lane and number.
func bury(list []Tombstone, t Tombstone) []Tombstone {
	list = append(list, t)
	slices.SortFunc(list, func(a, b Tombstone) int {
		return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.From, b.From))
	})
	merged := list[:1]
	for _, x := range list[1:] {
		last := &merged[len(merged)-1]
		if last.Lane == x.Lane && last.Reason == x.Reason && last.To+1 >= x.From {
			last.To = max(last.To, x.To)
			continue
		}
		merged = append(merged, x)
	}
	if len(merged) > maxTombstones {
		merged = squeeze(merged)
	}
	return merged
}

// squeeze joins the two neighbours in a lane with the least between them. What
// is between was acked, and a collector that has a record keeps it whatever a
// tombstone says.
func squeeze(list []Tombstone) []Tombstone {
	best, gap := -1, uint64(0)
	for i := range list[1:] {
		a, b := list[i], list[i+1]
		if g := b.From - a.To; a.Lane == b.Lane && (best < 0 || g < gap) {
			best, gap = i, g
		}
	}
	if best < 0 {
		return list
	}
	list[best].To = list[best+1].To
	return slices.Delete(list, best+1, best+2)
}
