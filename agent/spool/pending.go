package spool

import (
	"fmt"
	"slices"
)

// Pending reads the lane's records that wait to be sent, from number `from` on,
// in order: at most maxRecords, and at most maxBytes of data unless the first
// alone is larger. A record that cannot be read back is given up with a
// tombstone, and those behind it are served.
func (s *Spool) Pending(lane uint8, from uint64, maxRecords, maxBytes int) ([]Entry, error) {
	if lane < 1 || lane > Lanes {
		return nil, fmt.Errorf("reading from spool: lane %d: %w", lane, ErrLane)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	q := query{lane: s.lanes[lane], from: from, records: maxRecords, bytes: maxBytes}
	lost := false
	for _, seg := range q.lane.segments {
		if seg.next <= from || q.lane.acked.covers(seg.span()) {
			continue
		}
		lost = s.pendingIn(seg, &q) || lost
		if q.full {
			break
		}
	}
	if lost {
		s.wake()
		return q.out, s.saveState()
	}
	return q.out, nil
}

type query struct {
	lane           *lane
	from           uint64
	records, bytes int
	out            []Entry
	full           bool
}

// pendingIn reads one segment and says whether a frame of it was lost.
func (s *Spool) pendingIn(seg *segment, q *query) (lost bool) {
	i, _ := slices.BinarySearchFunc(seg.frames, q.from, func(r ref, from uint64) int {
		if r.first+uint64(r.count) <= from {
			return -1
		}
		return 1
	})
	for ; i < len(seg.frames) && !q.full; i++ {
		r := seg.frames[i]
		if r.count == 0 || q.lane.acked.covers(r.span()) {
			continue
		}
		f, err := s.readFrame(q.lane, seg, r)
		if err != nil {
			s.lose(q.lane, r.span(), ReasonCorrupt)
			lost = true
			continue
		}
		q.take(f)
	}
	return lost
}

func (r ref) span() span { return span{r.first, r.first + uint64(r.count) - 1} }

// readFrame reads a frame again and checks that it is still the one.
func (s *Spool) readFrame(l *lane, seg *segment, r ref) (*frame, error) {
	in, err := l.reader(s.disk, seg)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, r.size)
	if _, err := in.ReadAt(buf, int64(r.off)); err != nil {
		return nil, fmt.Errorf("reading frame: %w", err)
	}
	f, _, err := decodeFrame(buf, l.seed)
	if err != nil {
		return nil, err
	}
	if f.first != r.first || len(f.records) != int(r.count) {
		return nil, errBadFrame
	}
	return f, nil
}

// take adds a frame's records while there is room.
func (q *query) take(f *frame) {
	for i, data := range f.records {
		seq := f.first + uint64(i)
		if seq < q.from || q.lane.acked.has(seq) {
			continue
		}
		if len(q.out) >= q.records || len(q.out) > 0 && len(data) > q.bytes {
			q.full = true
			return
		}
		q.bytes -= len(data)
		q.out = append(q.out, Entry{Lane: q.lane.id, Seq: seq, Data: data})
	}
}
