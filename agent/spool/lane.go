package spool

import (
	"fmt"
	"slices"
)

// lane is one of the four. The spool's mu guards it, but for what is marked
// "writer".
type lane struct {
	id       uint8
	seed     uint32
	next     uint64 // seq of the next record
	acked    ackedSet
	dropped  uint64     // records lost since the spool was made
	segments []*segment // oldest first; only the last is written to
	number   uint64     // of the newest segment ever made

	active file // writer: the last segment, open for writing; nil until needed

	reading *segment // the segment that read belongs to
	read    file
}

func newLane(id uint8, epoch [16]byte) *lane {
	return &lane{id: id, seed: seed(epoch, id), next: 1}
}

// last is the segment written to, nil before the first.
func (l *lane) last() *segment {
	if len(l.segments) == 0 {
		return nil
	}
	return l.segments[len(l.segments)-1]
}

// room says whether a frame of the given size fits the last segment.
func (l *lane) room(size int64) bool {
	s := l.last()
	return s != nil && s.end+size <= s.bytes
}

// bytes is how much disk the lane holds.
func (l *lane) bytes() int64 {
	var n int64
	for _, s := range l.segments {
		n += s.bytes
	}
	return n
}

// reader opens a segment for reading, once for as long as it is the one read.
func (l *lane) reader(d disk, s *segment) (file, error) {
	if l.reading == s {
		return l.read, nil
	}
	f, err := d.open(s.path)
	if err != nil {
		return nil, fmt.Errorf("reading segment: %w", err)
	}
	l.closeReader()
	l.reading, l.read = s, f
	return f, nil
}

func (l *lane) closeReader() {
	if l.read != nil {
		_ = l.read.Close() // nothing was written through it
	}
	l.reading, l.read = nil, nil
}

func (l *lane) closeActive() {
	if l.active != nil {
		_ = l.active.Close() // everything that counts was synced
	}
	l.active = nil
}

func (l *lane) closeFiles() {
	l.closeReader()
	l.closeActive()
}

// writer is the last segment, open for writing. Only the writer calls it.
func (l *lane) writer(d disk) (file, error) {
	if l.active == nil {
		f, err := d.open(l.last().path)
		if err != nil {
			return nil, fmt.Errorf("writing to segment: %w", err)
		}
		l.active = f
	}
	return l.active, nil
}

// forget drops the oldest segment. A file that will not go (a scanner holds it
// open, say) or that a crash brings back is left to the next Open, which finds
// all of it acked.
func (l *lane) forget(d disk) {
	s := l.segments[0]
	if l.reading == s {
		l.closeReader()
	}
	if len(l.segments) == 1 {
		l.closeActive()
	}
	l.segments = slices.Clone(l.segments[1:])
	_ = d.remove(s.path)
}
