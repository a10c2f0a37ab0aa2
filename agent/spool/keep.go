package spool

import (
	"fmt"
	"time"
)

// ReasonRestored stands on a tombstone for what the collector had and lost, and
// what was no longer kept here.
const ReasonRestored = "restored"

// due says whether reclaim has something to do in the lane: a segment that has
// come to be acked since, or the oldest one's time being over. It needs mu.
func (s *Spool) due(l *lane) bool {
	for i, seg := range l.older() {
		if seg.acked.IsZero() {
			return l.acked.covers(seg.span())
		}
		if i == 0 && !s.kept(seg) {
			return true
		}
	}
	return false
}

// older is all segments but the newest, which always stays.
func (l *lane) older() []*segment { return l.segments[:max(0, len(l.segments)-1)] }

// kept says whether an acked segment must still stay.
func (s *Spool) kept(seg *segment) bool { return s.opts.Now().Sub(seg.acked) < s.opts.Keep }

// reclaim notes which of a lane's segments have come to be acked, oldest first,
// and deletes those whose time is over. The acks must be saved; it needs mu.
func (s *Spool) reclaim(l *lane) {
	now := s.opts.Now()
	for _, seg := range l.older() {
		if !l.acked.covers(seg.span()) {
			break
		}
		// A time in the future is a clock that was wrong then, or is now.
		if seg.acked.IsZero() || seg.acked.After(now) {
			seg.acked = now
			_ = s.disk.touch(seg.path, now) // else it counts from its last record
		}
	}
	for len(l.segments) > 1 && !l.segments[0].acked.IsZero() && !s.kept(l.segments[0]) {
		l.forget(s.disk)
	}
}

// giveBack deletes what is only kept, because the disk has no room for what is
// new, and says whether there was any. It needs mu, and the acks must be on
// disk first: a segment must not be missed by the next Open.
func (s *Spool) giveBack() bool {
	if s.saveState() != nil {
		return false
	}
	gave := false
	for _, l := range s.lanes[1:] {
		for len(l.segments) > 1 && l.acked.covers(l.segments[0].span()) {
			l.forget(s.disk)
			gave = true
		}
	}
	return gave
}

// recallKept reads when segments that are acked were, after a restart.
func (s *Spool) recallKept(l *lane) {
	for _, seg := range l.older() {
		if !l.acked.covers(seg.span()) {
			return
		}
		if at, err := s.disk.touched(seg.path); err == nil {
			seg.acked = at
		}
	}
}

// Rewind makes the lane's acked records from a number on pending again, as far
// as they are still kept, because the collector has lost what it had of them.
// What is no longer kept gets a tombstone. It says how many records that made
// pending, and how many it found lost.
func (s *Spool) Rewind(lane uint8, from uint64) (again, lost uint64, err error) {
	if lane < 1 || lane > Lanes {
		return 0, 0, fmt.Errorf("rewinding: lane %d: %w", lane, ErrLane)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, 0, ErrClosed
	}
	l := s.lanes[lane]
	all := span{max(from, 1), l.next - 1}
	if all.from > all.to || count(l.acked.missing(all)) == all.len() {
		return 0, 0, nil // nothing of it was acked
	}
	before := l.acked.pending(l.next)
	kept := l.keeps()
	l.acked.forget(all.from)
	for _, t := range s.tombstones {
		if t.Lane == lane && t.To >= all.from {
			l.acked.add(span{max(t.From, all.from), t.To}) // said already
		}
	}
	for _, gone := range l.acked.missing(all) {
		for _, x := range kept.missing(gone) {
			lost += x.len()
			s.tombstones = bury(s.tombstones, Tombstone{lane, x.from, x.to, ReasonRestored})
			l.acked.add(x)
		}
	}
	for _, seg := range l.segments {
		if !l.acked.covers(seg.span()) {
			seg.acked = time.Time{}
		}
	}
	s.wake()
	return l.acked.pending(l.next) - min(before, l.acked.pending(l.next)), lost, s.saveState()
}

// keeps is which records are on the disk.
func (l *lane) keeps() *ackedSet {
	var on ackedSet
	for _, seg := range l.segments {
		for _, r := range seg.frames {
			on.add(r.span())
		}
	}
	return &on
}

func count(list []span) (n uint64) {
	for _, s := range list {
		n += s.len()
	}
	return n
}
