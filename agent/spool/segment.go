package spool

import (
	"fmt"
	"path/filepath"
	"time"
)

// segment is one file of a lane, as far as memory needs to know it.
type segment struct {
	number uint64
	path   string
	start  int64  // where frames begin
	end    int64  // where the next frame goes
	bytes  int64  // the file's size
	first  uint64 // seq of the first record, or the one it would have had
	next   uint64 // seq after its last record
	frames []ref
	acked  time.Time // when all in it was acked; zero: not yet
}

// ref finds a frame that holds records.
type ref struct {
	first uint64
	off   uint32
	size  uint32
	count uint32
}

func laneDir(lane uint8) string { return fmt.Sprintf("lane-%d", lane) }

func segmentName(number uint64) string { return fmt.Sprintf("%016x.seg", number) }

// createSegment makes a lane's next segment. The file gets its name only when
// it is whole, so one with a bad header is a bad disk and never a crash.
func createSegment(d disk, dir string, h *header, size int64) (*segment, file, error) {
	folder := filepath.Join(dir, laneDir(h.lane))
	path := filepath.Join(folder, segmentName(h.number))
	b := h.encode()
	start := int64(align(len(b)))
	if err := writeWhole(d, path, b, max(size, start)); err != nil {
		return nil, nil, fmt.Errorf("making segment %s: %w", path, err)
	}
	if err := d.syncDir(folder); err != nil {
		return nil, nil, fmt.Errorf("making segment %s: %w", path, err)
	}
	f, err := d.open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("making segment: %w", err)
	}
	seg := &segment{
		number: h.number, path: path, start: start, end: start, bytes: max(size, start),
		first: h.next[h.lane], next: h.next[h.lane],
	}
	return seg, f, nil
}

// writeWhole makes a file of the given size that begins with b, under another
// name first. It is closed before it is renamed, which Windows wants.
func writeWhole(d disk, path string, b []byte, size int64) error {
	temp := path + tempSuffix
	if err := d.remove(temp); err != nil {
		return err
	}
	f, err := d.create(temp, size)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = d.rename(temp, path)
	}
	if err != nil {
		_ = d.remove(temp) // the first error says more; Open sweeps leftovers
	}
	return err
}

const tempSuffix = ".new"

// add takes note of a frame written or found at off.
func (s *segment) add(f *frame, off, size int64) {
	if n := uint32(len(f.records)); n > 0 {
		s.frames = append(s.frames, ref{first: f.first, off: uint32(off), size: uint32(size), count: n})
		s.next = f.first + uint64(n)
	}
	s.end = off + size
}

// span is what the segment may hold; empty when from is above to.
func (s *segment) span() span { return span{s.first, s.next - 1} }
