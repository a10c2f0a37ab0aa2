package spool

import (
	"fmt"
	"testing"
)

var small = Options{SegmentBytes: 4 << 10, MaxBytes: 32 << 10, disk: quickDisk{}}

// fill appends n records of a bit over a hundred bytes.
func fill(t *testing.T, s *Spool, lane uint8, n int) {
	t.Helper()
	for i := range n {
		add(t, s, at(fmt.Sprint(lane, i)), rec(lane, "%0100d", i))
	}
}

// whole checks that every number is pending or tombstoned, once.
func whole(t *testing.T, s *Spool, lane uint8) {
	t.Helper()
	next := uint64(1)
	var dropped uint64
	for _, x := range s.Tombstones() {
		if x.Lane != lane {
			continue
		}
		if x.From != next {
			t.Errorf("lane %d: tombstone from %d: want %d", lane, x.From, next)
		}
		dropped += x.To - x.From + 1
		next = x.To + 1
	}
	list, err := s.Pending(lane, 0, 1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Seq != next {
			t.Fatalf("lane %d: record %d follows %d", lane, e.Seq, next-1)
		}
		next++
	}
	st := s.Stats().Lanes[lane-1]
	want(t, fmt.Sprintf("lane %d next", lane), st.NextSeq, next)
	want(t, fmt.Sprintf("lane %d dropped", lane), st.Dropped, dropped)
	want(t, fmt.Sprintf("lane %d depth", lane), st.Depth, len(list))
}

func TestFullDropsTheOldestOfTheLowestLaneAndSaysSo(t *testing.T) {
	s := open(t, t.TempDir(), small)
	fill(t, s, 2, 40)
	fill(t, s, 1, 40)
	fill(t, s, 3, 100)
	if len(s.Tombstones()) == 0 {
		t.Fatal("nothing was dropped: the test fills too little")
	}
	for _, x := range s.Tombstones() {
		if x.Lane != 1 && s.lanes[1].bytes() > small.SegmentBytes {
			t.Errorf("lane %d lost records while lane 1 had some: %+v", x.Lane, x)
		}
		want(t, "reason", x.Reason, ReasonFull)
	}
	for range 2 {
		for lane := uint8(1); lane <= 3; lane++ {
			whole(t, s, lane)
		}
		want(t, "checkpoint", string(s.Checkpoint("log")), "3 99")
		if st := s.Stats(); st.DiskBytes > st.MaxBytes {
			t.Errorf("%d bytes on disk, limit %d", st.DiskBytes, st.MaxBytes)
		}
		s = reopen(t, s)
	}
}

func TestUrgentIsDroppedOnlyWhenNothingLowerRemains(t *testing.T) {
	s := open(t, t.TempDir(), small)
	for lane := uint8(1); lane <= 3; lane++ {
		fill(t, s, lane, 30)
	}
	for range 400 {
		fill(t, s, 4, 1)
		if s.Stats().Lanes[3].Dropped == 0 {
			continue
		}
		for _, l := range s.Stats().Lanes {
			if l.Lane == 4 {
				break
			}
			want(t, fmt.Sprintf("lane %d when urgent records are dropped", l.Lane), l.Depth, 0)
		}
	}
	if s.Stats().Lanes[3].Dropped == 0 {
		t.Fatal("urgent records never filled the spool")
	}
	want(t, "one tombstone a lane", len(s.Tombstones()), 4)
	// a lane that lost its last segment goes on where it was
	for range 2 {
		for lane := uint8(1); lane <= 4; lane++ {
			whole(t, s, lane)
		}
		s = reopen(t, s)
	}
	add(t, s, nil, rec(1, "low")) // and there is still room for it
	want(t, "lane 1", pending(t, s, 1), "[31:low]")
	whole(t, s, 4)
}

func TestBatchOverAllLanesFitsAFullSpool(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentBytes: 4 << 10, MaxBytes: 16 << 10, disk: quickDisk{}})
	for i := range 200 {
		add(t, s, at(fmt.Sprint(i)), rec(1, "%0100d", i), rec(2, "%0100d", i), rec(3, "%0100d", i), rec(4, "%0100d", i))
	}
	s = reopen(t, s)
	for lane := uint8(1); lane <= 4; lane++ {
		whole(t, s, lane)
	}
	want(t, "checkpoint", string(s.Checkpoint("log")), "199")
}

func TestAckedRecordsAreNotTombstoned(t *testing.T) {
	s := open(t, t.TempDir(), small)
	fill(t, s, 1, 10)
	if err := s.Ack(1, 3, 4); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 1, 400)
	list := s.Tombstones()
	if len(list) != 2 {
		t.Fatalf("tombstones %v: want those before and after the acked ones", list)
	}
	want(t, "first", list[0], Tombstone{1, 1, 2, ReasonFull})
	want(t, "second begins", list[1].From, 5)
}

func TestTombstoneThatGrewMeanwhileKeepsTheRest(t *testing.T) {
	s := open(t, t.TempDir(), small)
	fill(t, s, 1, 250)
	sent := s.Tombstones()[0]
	fill(t, s, 1, 250)
	grown := s.Tombstones()[0]
	if grown.From != sent.From || grown.To <= sent.To {
		t.Fatalf("%+v did not grow from %+v", grown, sent)
	}
	if err := s.AckTombstone(sent); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	want(t, "left", s.Tombstones(), []Tombstone{{1, sent.To + 1, grown.To, ReasonFull}})
}

func TestManyTombstonesFitTheirArea(t *testing.T) {
	var list []Tombstone
	for i := range uint64(3000) {
		list = bury(list, Tombstone{uint8(i%4) + 1, i*10 + 1, i*10 + 5, ReasonCorrupt})
	}
	if len(list) != maxTombstones {
		t.Errorf("%d tombstones: want %d", len(list), maxTombstones)
	}
	full := snapshot{tombstones: list}
	for i := range uint64(100_000) {
		full.lanes[1].above = append(full.lanes[1].above, span{i*3 + 1, i*3 + 2})
	}
	if n := len(full.encode()); n > slotBytes {
		t.Errorf("a slot of %d bytes: want %d at most", n, slotBytes)
	}
	if back, err := decodeSnapshot(full.encode()); err != nil || len(back.tombstones) != len(list) {
		t.Errorf("reading back: %d tombstones, %v", len(back.tombstones), err)
	}
}

func TestHighLaneDoesNotShutOutALowOne(t *testing.T) {
	s := open(t, t.TempDir(), small)
	fill(t, s, 4, 400)
	for lane := uint8(1); lane <= 3; lane++ {
		fill(t, s, lane, 1)
		want(t, "depth", s.Stats().Lanes[lane-1].Depth, 1)
	}
	if st := s.Stats(); st.DiskBytes > st.MaxBytes {
		t.Errorf("%d bytes on disk, limit %d", st.DiskBytes, st.MaxBytes)
	}
	for lane := uint8(1); lane <= 4; lane++ {
		whole(t, s, lane)
	}
}

func TestBatchLargerThanTheWholeSpoolIsKept(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentBytes: 4 << 10, MaxBytes: 16 << 10, disk: quickDisk{}})
	fill(t, s, 2, 10)
	big := make([]byte, MaxRecordBytes)
	add(t, s, nil, Record{4, big}, Record{3, big}, Record{1, big})
	s = reopen(t, s)
	for lane := uint8(1); lane <= 4; lane++ {
		whole(t, s, lane)
	}
	want(t, "urgent", s.Stats().Lanes[3].Depth, 1)
	want(t, "low", s.Stats().Lanes[0].Depth, 1)
}
