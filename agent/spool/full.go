package spool

import "errors"

// makeRoom sees to it that a frame fits the lane's last segment: if not, a new
// one is begun, and when that is more than the spool may hold, segments go. The
// new segment is made before any goes, so a full disk loses nothing; a tombstone
// is durable before its segment is deleted. It needs mu and is called by the
// writer.
func (s *Spool) makeRoom(l *lane, size int64) error {
	if l.room(size) {
		return nil
	}
	h := s.header(l)
	need := max(s.opts.SegmentBytes, int64(align(len(h.encode())))+size)
	seg, f, err := createSegment(s.disk, s.dir, h, need)
	if errors.Is(err, ErrNoSpace) && s.giveBack() {
		seg, f, err = createSegment(s.disk, s.dir, h, need)
	}
	if err != nil {
		return err
	}
	going := s.victims(l, need)
	for _, o := range s.lanes[1:] {
		for _, old := range o.segments[:going[o.id]] {
			s.lose(o, old.span(), ReasonFull)
		}
	}
	if err := s.saveState(); err != nil {
		_ = f.Close()
		_ = s.disk.remove(seg.path) // err says more; an empty segment does no harm
		return err
	}
	l.number = h.number
	l.closeActive()
	l.segments = append(l.segments, seg)
	l.active = f
	for _, o := range s.lanes[1:] {
		for range going[o.id] {
			o.forget(s.disk)
		}
	}
	s.reclaim(l)
	return nil
}

// header is the snapshot that the lane's next segment begins with.
func (s *Spool) header(l *lane) *header {
	h := &header{epoch: s.state.epoch, lane: l.id, number: l.number + 1, commit: s.commit, checkpoints: s.checkpoints}
	for id := 1; id <= Lanes; id++ {
		h.next[id] = s.lanes[id].next
	}
	return h
}

// victims says how many of its oldest segments each lane gives up so that lane
// l can have need bytes. Segments with nothing left to send go first, then the
// oldest of the lowest lane that has one; never one of a lane above l, for
// which there is always room below its own share (see Options.MaxBytes).
func (s *Spool) victims(l *lane, need int64) [Lanes + 1]int {
	var going [Lanes + 1]int
	share := s.opts.MaxBytes - int64(l.id-1)*s.opts.SegmentBytes
	used := need
	for _, other := range s.lanes[1:] {
		used += other.bytes()
	}
	take := func(o *lane) {
		used -= o.segments[going[o.id]].bytes
		going[o.id]++
	}
	for _, o := range s.lanes[1:] {
		free := len(o.segments)
		if o.id > l.id {
			free-- // the batch at hand may be about to write to its last one
		}
		for used > share && going[o.id] < free && o.acked.covers(o.segments[going[o.id]].span()) {
			take(o)
		}
	}
	for _, o := range s.lanes[1 : l.id+1] {
		for used > share && going[o.id] < len(o.segments) {
			take(o)
		}
	}
	return going
}
