package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// written makes a closed spool with 60 batches of a record each in lane 2, over
// several segments, and returns it with the places of its frames.
func written(t *testing.T) (*Spool, []*segment) {
	t.Helper()
	s := open(t, t.TempDir(), small)
	fill(t, s, 2, 60)
	segments := s.lanes[2].segments
	if len(segments) < 3 {
		t.Fatalf("%d segments: want three at least", len(segments))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s, segments
}

func TestCorruptRecordInMidSegmentIsBuriedAndTheRestServed(t *testing.T) {
	s, segments := written(t)
	bad := segments[0].frames[3]
	damage(t, segments[0].path, int64(bad.off)+frameHeader+10, []byte("#"))
	s = open(t, s.dir, small)
	want(t, "tombstones", s.Tombstones(), []Tombstone{{2, bad.first, bad.first, ReasonCorrupt}})
	want(t, "depth", s.Stats().Lanes[1].Depth, 59)
	want(t, "served", len(pending(t, s, 2)), 59)
	s = reopen(t, s)
	want(t, "tombstones stay one", len(s.Tombstones()), 1)
	want(t, "dropped", s.Stats().Lanes[1].Dropped, 1)
}

func TestCorruptionIsBuriedWhereverItLies(t *testing.T) {
	last := func(list []*segment) *segment { return list[len(list)-1] }
	for name, c := range map[string]struct {
		damage func(t *testing.T, list []*segment)
		lost   func(list []*segment) span
	}{
		"end of a sealed segment": {
			func(t *testing.T, list []*segment) {
				r := list[0].frames[len(list[0].frames)-1]
				damage(t, list[0].path, int64(r.off), make([]byte, r.size))
			},
			func(list []*segment) span { return list[0].frames[len(list[0].frames)-1].span() },
		},
		"middle of the last segment": {
			func(t *testing.T, list []*segment) {
				damage(t, last(list).path, int64(last(list).frames[0].off), []byte("no"))
			},
			func(list []*segment) span { return last(list).frames[0].span() },
		},
		"a segment that is gone": {
			func(t *testing.T, list []*segment) {
				if err := os.Remove(list[1].path); err != nil {
					t.Fatal(err)
				}
			},
			func(list []*segment) span { return list[1].span() },
		},
		"a segment of nothing but noise": {
			func(t *testing.T, list []*segment) {
				noise := make([]byte, list[1].bytes)
				for i := range noise {
					noise[i] = byte(i * 7)
				}
				damage(t, list[1].path, 0, noise)
			},
			func(list []*segment) span { return list[1].span() },
		},
		"a frame that lies about its length": {
			func(t *testing.T, list []*segment) {
				damage(t, list[1].path, int64(list[1].frames[2].off)+8, []byte{0xff, 0xff, 0x3f, 0})
			},
			func(list []*segment) span { return list[1].frames[2].span() },
		},
		"a segment cut short": {
			func(t *testing.T, list []*segment) {
				if err := os.Truncate(list[1].path, int64(list[1].frames[4].off)+3); err != nil {
					t.Fatal(err)
				}
			},
			func(list []*segment) span { return span{list[1].frames[4].first, list[1].next - 1} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, segments := written(t)
			c.damage(t, segments)
			lost := c.lost(segments)
			for range 2 {
				s = open(t, s.dir, small)
				want(t, "tombstones", s.Tombstones(), []Tombstone{{2, lost.from, lost.to, ReasonCorrupt}})
				want(t, "served", uint64(len(pending(t, s, 2))), 60-lost.len())
				want(t, "next", s.Stats().Lanes[1].NextSeq, 61)
				want(t, "checkpoint", string(s.Checkpoint("log")), "2 59")
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestCorruptHeaderLosesNoRecord(t *testing.T) {
	s, segments := written(t)
	for _, seg := range []*segment{segments[0], segments[len(segments)-1]} {
		damage(t, seg.path, 20, []byte("epoch is gone"))
	}
	s = open(t, s.dir, small)
	want(t, "tombstones", s.Tombstones(), "[]")
	want(t, "served", len(pending(t, s, 2)), 60)
	add(t, s, at("61"), rec(2, "on"))
	s = reopen(t, s)
	want(t, "served", len(pending(t, s, 2)), 61)
	want(t, "checkpoint", string(s.Checkpoint("log")), "61")
}

func TestRecordThatGoesBadWhileOpenIsBuried(t *testing.T) {
	s := open(t, t.TempDir(), small)
	fill(t, s, 2, 10)
	bad := s.lanes[2].segments[0].frames[4]
	damage(t, s.lanes[2].segments[0].path, int64(bad.off)+50, []byte("#"))
	woken := s.Wait()
	want(t, "served", len(pending(t, s, 2)), 9)
	<-woken // the shipper must hear of the tombstone
	want(t, "tombstones", s.Tombstones(), []Tombstone{{2, bad.first, bad.first, ReasonCorrupt}})
	want(t, "depth", s.Stats().Lanes[1].Depth, 9)
}

func TestSegmentOfAnotherSpoolIsNotServed(t *testing.T) {
	s, segments := written(t)
	other := open(t, t.TempDir(), small)
	fill(t, other, 2, 5)
	foreign, err := os.ReadFile(other.lanes[2].segments[0].path)
	if err != nil {
		t.Fatal(err)
	}
	damage(t, segments[1].path, 0, foreign)
	s = open(t, s.dir, small)
	lost := segments[1].span()
	want(t, "tombstones", s.Tombstones(), []Tombstone{{2, lost.from, lost.to, ReasonCorrupt}})
}

func TestTornStateFallsBackToTheOneBefore(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, nil, rec(1, "a"), rec(1, "b"))
	if err := s.Ack(1, 1); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s) // saved: 1 acked
	if err := errors.Join(s.Ack(1, 2), s.Close()); err != nil {
		t.Fatal(err)
	}
	damage(t, s.dir+"/state", int64(s.state.generation%2)*slotBytes+40, []byte("torn"))
	again := open(t, s.dir, Options{})
	want(t, "epoch", again.Epoch(), s.Epoch())
	want(t, "pending", pending(t, again, 1), "[2:b]")
}

// FuzzSegment reads a segment full of whatever the disk gives. Whole frames are
// given the right checksum first, or nothing but the checksum would be tested.
func FuzzSegment(f *testing.F) {
	crc := seed([16]byte{1}, 2)
	good := appendFrame(nil, &frame{
		commit: 7, flags: flagCommit, first: 3, records: [][]byte{[]byte("one"), nil, []byte("three")},
		checkpoints: stamp(map[string][]byte{"log": []byte("9")}, 7),
	}, crc)
	good = appendFrame(good, &frame{commit: 8, flags: flagPrepared, first: 6, records: [][]byte{[]byte("six")}}, crc)
	f.Add(good)
	f.Add(append([]byte("eight by"), good...))
	f.Add(good[:len(good)-9])
	f.Fuzz(func(t *testing.T, b []byte) {
		for off := 0; off+frameHeader <= len(b); off += frameAlign {
			if n, ok := frameLength(b[off:]); ok && off+n <= len(b) {
				reseal(b[off:off+n], crc)
			}
		}
		end := 0
		scan(b, 0, crc, func(fr *frame, off, size int) {
			if off < end || size < frameHeader || off%frameAlign != 0 {
				t.Fatalf("frame of %d bytes at %d, after %d", size, off, end)
			}
			end = off + size
			again, _, err := decodeFrame(appendFrame(nil, fr, crc), crc)
			if err != nil || fmt.Sprint(again) != fmt.Sprint(fr) {
				t.Fatalf("%+v comes back as %+v: %v", fr, again, err)
			}
		})
		_, _, _ = decodeHeader(b)
		_, _ = decodeSnapshot(b)
	})
}

// FuzzOpen opens a spool of which a segment or the state holds whatever bytes:
// it opens, what it then takes it gives back, and it opens again.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	s, err := Open(dir, Options{SegmentBytes: 1 << 10, MaxBytes: 64 << 10})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 20 {
		if err := s.Append([]Record{rec(1, "low %d", i), rec(4, "urgent %d", i)}, at(fmt.Sprint(i))); err != nil {
			f.Fatal(err)
		}
	}
	if err := errors.Join(s.Ack(1, 1, 2, 3), s.Close()); err != nil {
		f.Fatal(err)
	}
	var names []string
	for _, pattern := range []string{"state", "lane-*/*.seg"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range found {
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				f.Fatal(err)
			}
			names = append(names, rel)
		}
	}
	for i, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, data[:min(len(data), 1<<10)])
	}
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		hurt := filepath.Join(t.TempDir(), "spool")
		if err := os.CopyFS(hurt, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(hurt, names[max(which, -(which+1))%len(names)]), data, 0o600); err != nil {
			t.Fatal(err)
		}
		for round := range 2 {
			s, err := Open(hurt, Options{SegmentBytes: 1 << 10, MaxBytes: 64 << 10, Place: []byte("there")})
			if err != nil {
				t.Fatal(err)
			}
			add(t, s, nil, rec(4, "new %d", round))
			list, err := s.Pending(4, 0, 1<<20, 1<<30)
			if err != nil || len(list) == 0 || string(list[len(list)-1].Data) != fmt.Sprintf("new %d", round) {
				t.Fatalf("round %d: %d records, %v", round, len(list), err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
