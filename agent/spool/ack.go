package spool

import "fmt"

// ackEvery is how many acks may be forgotten by a crash; the records are then
// sent again, which is harmless.
const ackEvery = 2048

// Ack says that the records need not be sent again. Any order will do, and
// numbers that are not pending are ignored. The positions are saved now and
// then and by Close.
func (s *Spool) Ack(lane uint8, seqs ...uint64) error {
	if lane < 1 || lane > Lanes {
		return fmt.Errorf("acking: lane %d: %w", lane, ErrLane)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return s.ack(s.lanes[lane], seqs)
}

// ack needs mu.
func (s *Spool) ack(l *lane, seqs []uint64) error {
	for _, seq := range seqs {
		if seq < l.next {
			s.unsaved += int(l.acked.add(span{seq, seq}))
		}
	}
	if !s.due(l) && s.unsaved < ackEvery {
		return nil
	}
	if err := s.saveState(); err != nil {
		return err
	}
	s.reclaim(l)
	return nil
}

// saveState writes acks and tombstones down. It needs mu.
func (s *Spool) saveState() error {
	snap := snapshot{tombstones: s.tombstones, quarantined: s.quarantine.total}
	for id, l := range s.lanes {
		if l != nil {
			snap.lanes[id] = laneSnapshot{low: l.acked.low, next: l.next, dropped: l.dropped, above: l.acked.above}
		}
	}
	if err := s.state.save(snap); err != nil {
		return err
	}
	s.unsaved = 0
	return nil
}

// LaneStats is how one lane stands.
type LaneStats struct {
	Lane    uint8
	Depth   uint64 // records waiting
	Bytes   int64  // disk written in segments with records waiting
	Dropped uint64 // records lost since the spool was made
	NextSeq uint64
}

// Stats is how the spool stands.
type Stats struct {
	Lanes       [Lanes]LaneStats // lane 1 first
	DiskBytes   int64            // what the segments take
	MaxBytes    int64
	Quarantined uint64 // records ever rejected
	Quarantine  int    // of those, still kept to look at
	Tombstones  int    // not yet acked
}

// Stats counts.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{
		MaxBytes: s.opts.MaxBytes, Quarantined: s.quarantine.total,
		Quarantine: s.quarantine.len(), Tombstones: len(s.tombstones),
	}
	for i, l := range s.lanes[1:] {
		out.Lanes[i] = LaneStats{
			Lane: l.id, Depth: l.acked.pending(l.next), Bytes: l.waiting(), Dropped: l.dropped, NextSeq: l.next,
		}
		out.DiskBytes += l.bytes()
	}
	return out
}

// waiting is what is written in segments that hold something to send.
func (l *lane) waiting() int64 {
	var n int64
	for _, s := range l.segments {
		if !l.acked.covers(s.span()) {
			n += s.end - s.start
		}
	}
	return n
}
