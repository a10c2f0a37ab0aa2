package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// found is a segment as it lies on the disk.
type found struct {
	number uint64
	path   string
}

// recover reads what is on the disk and makes it whole.
func (s *Spool) recover() error {
	list, err := s.sweep()
	if err != nil {
		return err
	}
	snap, known, err := s.recoverState(list)
	if err != nil {
		return err
	}
	if s.quarantine, err = openQuarantine(filepath.Join(s.dir, "quarantine"), s.opts.QuarantineRecords, snap.quarantined); err != nil {
		return err
	}
	s.tombstones = snap.tombstones
	r := &recovery{s: s, snap: snap, known: known}
	for id := uint8(1); id <= Lanes; id++ {
		s.lanes[id] = newLane(id, s.state.epoch)
		for _, f := range list[id] {
			r.read(s.lanes[id], f)
		}
	}
	return r.finish()
}

// sweep lists the segments by lane, oldest first, and deletes what a crash left
// unfinished.
func (s *Spool) sweep() (list [Lanes + 1][]found, err error) {
	if err := s.disk.remove(filepath.Join(s.dir, "state"+tempSuffix)); err != nil {
		return list, fmt.Errorf("deleting an unfinished state file: %w", err)
	}
	for id := uint8(1); id <= Lanes; id++ {
		folder := filepath.Join(s.dir, laneDir(id))
		names, err := os.ReadDir(folder)
		if err != nil {
			return list, fmt.Errorf("listing lane %d: %w", id, err)
		}
		for _, e := range names {
			path := filepath.Join(folder, e.Name())
			if strings.HasSuffix(e.Name(), tempSuffix) {
				if err := s.disk.remove(path); err != nil {
					return list, fmt.Errorf("deleting an unfinished segment: %w", err)
				}
			}
			hex, ok := strings.CutSuffix(e.Name(), ".seg")
			if n, err := strconv.ParseUint(hex, 16, 64); ok && err == nil {
				list[id] = append(list[id], found{n, path})
			}
		}
		slices.SortFunc(list[id], func(a, b found) int { return strings.Compare(a.path, b.path) })
	}
	return list, nil
}

// recoverState opens the state file. Where it is gone or beyond reading, the
// epoch comes from the segments, and everything in them is sent again.
func (s *Spool) recoverState(list [Lanes + 1][]found) (snapshot, bool, error) {
	st, snap, ok, err := openState(s.disk, s.dir)
	if err != nil {
		return snap, false, err
	}
	if ok {
		s.state = st
		return snap, true, nil
	}
	if err := s.disk.remove(filepath.Join(s.dir, "state")); err != nil {
		return snap, false, fmt.Errorf("replacing an unreadable state file: %w", err)
	}
	if s.state, err = createState(s.disk, s.dir, s.epochOf(list)); err != nil {
		return snapshot{}, false, err
	}
	return snapshot{}, false, s.disk.syncDir(filepath.Dir(s.dir))
}

// epochOf finds the epoch in the newest readable segment, or makes a new one.
func (s *Spool) epochOf(list [Lanes + 1][]found) [16]byte {
	for _, lane := range list {
		for _, f := range slices.Backward(lane) {
			if h, _, err := decodeHeader(readAll(s.disk, f.path)); err == nil {
				return h.epoch
			}
		}
	}
	return newEpoch()
}

// readAll reads a file; stretches that cannot be read are zeros.
func readAll(d disk, path string) []byte {
	f, err := d.open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // nothing was written
	size, err := f.size()
	if err != nil || size > maxSegment {
		return nil
	}
	b := make([]byte, size)
	const chunk = 64 << 10
	for off := int64(0); off < size; off += chunk {
		_, _ = f.ReadAt(b[off:min(off+chunk, size)], off) // zeros fail their checksum
	}
	return b
}

// maxSegment is more than any segment we make.
const maxSegment = 1<<30 + 16<<20

// recovery gathers what the segments say.
type recovery struct {
	s     *Spool
	snap  snapshot
	known bool // snap was read, not made up
	next  [Lanes + 1]uint64
	last  [Lanes + 1]tail
	news  bool // something must be saved
}

// tail is the last frame of a lane, and what is behind it.
type tail struct {
	seg      *segment
	ref      ref
	prepared bool
	commit   uint64
	litter   bool // bytes behind the last frame of the last segment
}

// read takes in one segment.
func (r *recovery) read(l *lane, at found) {
	b := readAll(r.s.disk, at.path)
	seg := &segment{number: at.number, path: at.path, bytes: int64(len(b))}
	l.number = at.number
	h, start, err := decodeHeader(b)
	headed := err == nil && h.epoch == r.s.state.epoch && h.lane == l.id
	if headed {
		seg.start, seg.first = int64(start), h.next[l.id]
		r.header(h)
	}
	seg.end = seg.start
	t := &r.last[l.id]
	scan(b, start, l.seed, func(f *frame, off, size int) {
		if n := len(seg.frames); n > 0 && f.first < seg.next {
			return
		}
		seg.add(f, int64(off), int64(size))
		r.frame(f)
		*t = tail{seg: seg, prepared: f.flags == flagPrepared, commit: f.commit}
		if n := len(seg.frames); n > 0 {
			t.ref = seg.frames[n-1]
		}
	})
	if seg.first == 0 && len(seg.frames) > 0 {
		seg.first = seg.frames[0].first
	}
	seg.next = max(seg.next, seg.first)
	t.litter = slices.ContainsFunc(b[min(seg.end, int64(len(b))):], func(x byte) bool { return x != 0 })
	if !headed {
		seg.bytes = seg.end // read what there is, write nothing more
	}
	if headed || len(seg.frames) > 0 {
		l.segments = append(l.segments, seg)
	} else {
		_ = r.s.disk.remove(at.path) // nothing in it can be read; the gap is buried below
	}
}

// scan hands over every valid frame, stepping over what is not one.
func scan(b []byte, off int, seed uint32, each func(f *frame, off, size int)) {
	for off+frameHeader <= len(b) {
		f, size, err := decodeFrame(b[off:], seed)
		if err != nil {
			off += frameAlign
			continue
		}
		each(f, off, size)
		off += size
	}
}

func (r *recovery) header(h *header) {
	r.s.commit = max(r.s.commit, h.commit)
	for id := 1; id <= Lanes; id++ {
		r.next[id] = max(r.next[id], h.next[id])
	}
	r.merge(h.checkpoints)
}

func (r *recovery) frame(f *frame) {
	if f.flags == flagCommit {
		r.s.commit = max(r.s.commit, f.commit)
		r.merge(f.checkpoints)
		return
	}
	r.s.commit = max(r.s.commit, f.commit-1)
}

func (r *recovery) merge(list map[string]checkpoint) {
	for source, c := range list {
		if old, ok := r.s.checkpoints[source]; !ok || c.commit >= old.commit {
			r.s.checkpoints[source] = c
		}
	}
}

// finish cuts off what was never committed and buries what is missing.
func (r *recovery) finish() error {
	for _, l := range r.s.lanes[1:] {
		if err := r.cut(l); err != nil {
			return fmt.Errorf("clearing the end of lane %d: %w", l.id, err)
		}
		r.count(l)
	}
	if r.news {
		if err := r.s.saveState(); err != nil {
			return err
		}
	}
	for _, l := range r.s.lanes[1:] {
		r.s.recallKept(l)
		r.s.reclaim(l)
	}
	return nil
}

// cut takes off a prepared frame without its commit, and zeroes what lies
// behind the last frame.
func (r *recovery) cut(l *lane) error {
	t, seg := r.last[l.id], l.last()
	if seg == nil {
		return nil
	}
	if t.prepared && t.commit > r.s.commit && t.seg == seg {
		seg.frames = seg.frames[:len(seg.frames)-1]
		seg.end, seg.next = int64(t.ref.off), t.ref.first
		r.next[l.id] = max(r.next[l.id], t.ref.first)
		t.litter = true
	}
	if !t.litter || seg.end >= seg.bytes {
		return nil
	}
	return erase(l, r.s.disk, seg.end, seg.bytes-seg.end)
}

// count finds the lane's next number, and gives up what should lie before it
// and does not.
func (r *recovery) count(l *lane) {
	was := r.snap.lanes[l.id]
	l.dropped = was.dropped
	l.acked = ackedSet{low: was.low}
	if !r.known {
		l.acked.low = max(r.next[l.id], 1) - 1
		if len(l.segments) > 0 {
			l.acked.low = max(l.segments[0].first, 1) - 1
		}
	}
	for _, a := range was.above {
		l.acked.add(a)
	}
	reach := func(first uint64) {
		if first > l.next {
			r.lose(l, span{l.next, first - 1})
			l.next = first
		}
	}
	for _, seg := range l.segments {
		reach(seg.first)
		for _, f := range seg.frames {
			reach(f.first)
			l.next = max(l.next, f.first+uint64(f.count))
		}
	}
	reach(max(r.next[l.id], was.next, l.acked.low+1))
}

func (r *recovery) lose(l *lane, lost span) {
	if l.acked.covers(lost) {
		return
	}
	r.s.lose(l, lost, ReasonCorrupt)
	r.news = true
}
