package spool

import (
	"slices"
	"testing"
	"time"
)

// keeping is small, with two days of keeping and a clock of its own.
func keeping(now *time.Time) Options {
	o := small
	o.Keep, o.Now = 48*time.Hour, func() time.Time { return *now }
	return o
}

func ackAll(t *testing.T, s *Spool, lane uint8) {
	t.Helper()
	list, err := s.Pending(lane, 0, 1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if err := s.Ack(lane, e.Seq); err != nil {
			t.Fatal(err)
		}
	}
}

func rewind(t *testing.T, s *Spool, lane uint8, from uint64) (again, lost uint64) {
	t.Helper()
	again, lost, err := s.Rewind(lane, from)
	if err != nil {
		t.Fatal(err)
	}
	return again, lost
}

func TestAckedRecordsComeBackWhenTheCollectorHasLostThem(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := open(t, t.TempDir(), keeping(&now))
	fill(t, s, 2, 100)
	ackAll(t, s, 2)
	for range 2 { // before and after a restart
		again, lost := rewind(t, s, 2, 41)
		want(t, "pending again", again, uint64(60))
		want(t, "lost", lost, uint64(0))
		want(t, "tombstones", len(s.Tombstones()), 0)
		list, err := s.Pending(2, 0, 1<<20, 1<<30)
		if err != nil || len(list) != 60 || list[0].Seq != 41 {
			t.Fatalf("%d pending from %v, %v", len(list), list[:min(1, len(list))], err)
		}
		s = reopen(t, s)
		want(t, "depth after restart", s.Stats().Lanes[1].Depth, 60)
		ackAll(t, s, 2)
	}
}

func TestRewindWhereNothingWasAckedChangesNothing(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := open(t, t.TempDir(), keeping(&now))
	fill(t, s, 2, 10)
	for _, from := range []uint64{0, 1, 5, 11, 1 << 60} {
		again, lost := rewind(t, s, 2, from)
		want(t, "again", again+lost, uint64(0))
	}
	whole(t, s, 2)
}

func TestWhatIsNoLongerKeptIsToldAsAGapAndNotSilently(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := open(t, t.TempDir(), keeping(&now))
	fill(t, s, 2, 60)
	ackAll(t, s, 2)
	first := s.lanes[2].segments[0].span()
	now = now.Add(49 * time.Hour)
	fill(t, s, 2, 60)
	ackAll(t, s, 2)
	if s.lanes[2].segments[0].first <= first.to {
		t.Fatal("nothing was deleted after two days")
	}
	kept := s.lanes[2].segments[0].first
	again, lost := rewind(t, s, 2, 1)
	want(t, "lost", lost, kept-1)
	want(t, "again", again, 120-(kept-1))
	if list := s.Tombstones(); !slices.Equal(list, []Tombstone{{2, 1, kept - 1, ReasonRestored}}) {
		t.Errorf("tombstones %+v", list)
	}
	again, lost = rewind(t, s, 2, 1) // told again before it was answered
	want(t, "second time", again+lost, uint64(0))
	s = reopen(t, s)
	want(t, "depth after restart", s.Stats().Lanes[1].Depth, int(120-(kept-1)))
}

func TestAckedRecordsMakeRoomForNewOnesBeforeAnythingIsLost(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := open(t, t.TempDir(), keeping(&now))
	for range 10 {
		fill(t, s, 1, 50)
		ackAll(t, s, 1)
	}
	want(t, "tombstones", len(s.Tombstones()), 0)
	if st := s.Stats(); st.DiskBytes > st.MaxBytes {
		t.Errorf("%d bytes on disk, limit %d", st.DiskBytes, st.MaxBytes)
	}
}

// TestClockThatJumpsKeepsTheSpoolBounded: forward it gives up what was kept
// sooner, back it keeps no longer than two days from then; neither touches what
// waits.
func TestClockThatJumpsKeepsTheSpoolBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := open(t, t.TempDir(), keeping(&now))
	fill(t, s, 2, 60)
	now = now.Add(20 * 365 * 24 * time.Hour)
	want(t, "depth after a jump ahead", s.Stats().Lanes[1].Depth, 60)
	ackAll(t, s, 2)
	n := len(s.lanes[2].segments)
	if n < 2 {
		t.Fatal("want more than a segment")
	}
	now = now.Add(-20 * 365 * 24 * time.Hour)
	s = reopen(t, s)
	fill(t, s, 2, 1)
	ackAll(t, s, 2)
	if got := len(s.lanes[2].segments); got < n {
		t.Errorf("%d segments after a jump back, had %d: what was kept is gone", got, n)
	}
	now = now.Add(49 * time.Hour)
	fill(t, s, 2, 1)
	ackAll(t, s, 2)
	if got := len(s.lanes[2].segments); got > 1 {
		t.Errorf("%d segments two days after the clock came back, want the newest only", got)
	}
}

func TestKeptSegmentsCostNoSyncForEachAck(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	o, d := keeping(&now), &countingDisk{}
	o.disk = d
	s := open(t, t.TempDir(), o)
	fill(t, s, 2, 60)
	ackAll(t, s, 2)
	fill(t, s, 2, 5)
	before := d.syncs.Load()
	ackAll(t, s, 2)
	want(t, "syncs for five acks", d.syncs.Load()-before, int64(0))
}

// tightDisk has room for a number of segments only.
type tightDisk struct {
	quickDisk
	s    *Spool
	room int
}

func (d *tightDisk) create(path string, size int64) (file, error) {
	if d.s != nil {
		n := 0
		for _, l := range d.s.lanes[1:] {
			n += len(l.segments)
		}
		if n >= d.room {
			return nil, ErrNoSpace
		}
	}
	return d.quickDisk.create(path, size)
}

func TestFullDiskTakesWhatIsOnlyKeptBeforeItRefusesWhatIsNew(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	o, d := keeping(&now), &tightDisk{room: 6}
	o.disk = d
	s := open(t, t.TempDir(), o)
	d.s = s
	fill(t, s, 2, 60)
	ackAll(t, s, 2)
	fill(t, s, 2, 80) // fails if kept segments stand in the way
	want(t, "tombstones", len(s.Tombstones()), 0)
	want(t, "depth", s.Stats().Lanes[1].Depth, 80)
}
