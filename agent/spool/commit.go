package spool

import (
	"fmt"
	"slices"
)

// piece is one lane's frame of a batch, on its way to disk.
type piece struct {
	lane  *lane
	frame *frame
	bytes []byte
	off   int64
}

// extent is a stretch of a lane's last segment.
type extent struct {
	lane     *lane
	off, len int64
}

// write makes a batch durable, or leaves the spool as it was. It is the writer.
func (s *Spool) write(b *batch) error {
	if err := s.eraseDirty(); err != nil {
		return err
	}
	pieces, err := s.prepare(b)
	if err != nil {
		return err
	}
	last := len(pieces) - 1
	if err := s.writePieces(pieces[:last]); err != nil {
		return err
	}
	if err := s.writePieces(pieces[last:]); err != nil {
		return err
	}
	s.committed(pieces, b)
	return nil
}

// prepare lays a batch out as frames and makes room for them. The last piece is
// the commit frame and carries the checkpoints.
func (s *Spool) prepare(b *batch) ([]*piece, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	ids := b.lanes()
	if len(ids) == 0 {
		ids = []uint8{s.anyLane()}
	}
	var pieces []*piece
	for i, id := range ids {
		l := s.lanes[id]
		f := &frame{commit: s.commit + 1, flags: flagPrepared, first: l.next, records: b.records[id]}
		if i == len(ids)-1 {
			f.flags, f.checkpoints = flagCommit, stamp(b.checkpoints, f.commit)
		}
		pieces = append(pieces, &piece{lane: l, frame: f, bytes: appendFrame(nil, f, l.seed)})
	}
	// From the highest lane down: making room for a lane may take segments from
	// lower ones, never from higher ones.
	for _, p := range slices.Backward(pieces) {
		if err := s.makeRoom(p.lane, int64(len(p.bytes))); err != nil {
			return nil, err
		}
	}
	for _, p := range pieces {
		p.off = p.lane.last().end
	}
	return pieces, nil
}

// anyLane picks a lane for a batch of checkpoints only: one with a segment
// begun, if there is one, so that it costs no room. It needs mu.
func (s *Spool) anyLane() uint8 {
	for id := uint8(1); id <= Lanes; id++ {
		if s.lanes[id].room(4 << 10) {
			return id
		}
	}
	return 1
}

func stamp(values map[string][]byte, commit uint64) map[string]checkpoint {
	out := map[string]checkpoint{}
	for source, v := range values {
		out[source] = checkpoint{commit: commit, value: slices.Clone(v)}
	}
	return out
}

// writePieces writes frames and syncs them. What a failure leaves behind is
// zeroed before anything else is written.
func (s *Spool) writePieces(pieces []*piece) error {
	for _, p := range pieces {
		f, err := p.lane.writer(s.disk)
		if err != nil {
			return s.soil(p.lane, err)
		}
		s.dirty = append(s.dirty, extent{p.lane, p.off, int64(len(p.bytes))})
		if _, err := f.WriteAt(p.bytes, p.off); err != nil {
			return s.soil(p.lane, err)
		}
	}
	for _, p := range pieces {
		if err := p.lane.active.sync(); err != nil {
			return s.soil(p.lane, err)
		}
	}
	return nil
}

// soil answers a failed write. It tries at once to zero what was written; if
// that fails too, the next Append begins with it.
func (s *Spool) soil(l *lane, err error) error {
	_ = s.eraseDirty() // err says more
	return fmt.Errorf("writing to lane %d: %w", l.id, err)
}

func (s *Spool) eraseDirty() error {
	for len(s.dirty) > 0 {
		x := s.dirty[0]
		if err := erase(x.lane, s.disk, x.off, x.len); err != nil {
			return fmt.Errorf("clearing an unfinished write from lane %d: %w", x.lane.id, err)
		}
		s.dirty = s.dirty[1:]
	}
	return nil
}

// erase zeroes a stretch of a lane's last segment, durably.
func erase(l *lane, d disk, off, n int64) error {
	f, err := l.writer(d)
	if err != nil {
		return err
	}
	zeros := make([]byte, min(n, 64<<10))
	for n > 0 {
		chunk := zeros[:min(n, int64(len(zeros)))]
		if _, err := f.WriteAt(chunk, off); err != nil {
			return err
		}
		off, n = off+int64(len(chunk)), n-int64(len(chunk))
	}
	return f.sync()
}

// committed takes note of a batch that is durable.
func (s *Spool) committed(pieces []*piece, b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = nil
	s.commit++
	for _, p := range pieces {
		p.lane.last().add(p.frame, p.off, int64(len(p.bytes)))
		p.lane.next += uint64(len(p.frame.records))
	}
	for source, c := range stamp(b.checkpoints, s.commit) {
		s.checkpoints[source] = c
	}
	s.wake()
}
