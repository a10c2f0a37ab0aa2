package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

func TestTornWriteAtEveryByteKeepsTheCommittedPrefix(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentBytes: 4 << 10})
	add(t, s, at("1"), rec(2, "one"))
	start := s.lanes[2].last().end
	add(t, s, at("2"), rec(2, "two"), rec(2, "more"))
	end := s.lanes[2].last().end
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(segmentPath(s.dir, 2, 1))
	if err != nil {
		t.Fatal(err)
	}
	padding := int64(0)
	for whole[end-1-padding] == 0 {
		padding++
	}
	for cut := start; cut < end-padding; cut++ {
		// everything before cut arrived; then, everything from cut on
		for _, head := range []bool{true, false} {
			if !head && cut == start {
				continue // that is the whole frame
			}
			dir := copyDir(t, s.dir)
			lost := span{uint64(cut), uint64(end)}
			if !head {
				lost = span{uint64(start), uint64(cut)}
			}
			damage(t, segmentPath(dir, 2, 1), int64(lost.from), make([]byte, lost.to-lost.from))
			checkTorn(t, dir, fmt.Sprintf("cut at %d, head %v", cut, head))
		}
	}
}

func checkTorn(t *testing.T, dir, what string) {
	t.Helper()
	// the state that Close wrote knows of the batch; a torn one was never closed
	forgetNext(t, dir)
	quick := Options{SegmentBytes: 4 << 10, disk: quickDisk{}}
	s, err := Open(dir, quick)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	want(t, what, pending(t, s, 2), "[1:one]")
	want(t, what+": checkpoint", string(s.Checkpoint("log")), "1")
	want(t, what+": tombstones", s.Tombstones(), "[]")
	add(t, s, at("3"), rec(2, "three"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, quick); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer func() { _ = s.Close() }()
	want(t, what, pending(t, s, 2), "[1:one 2:three]")
	want(t, what+": checkpoint", string(s.Checkpoint("log")), "3")
}

// forgetNext writes the state as it was before anything was appended.
func forgetNext(t *testing.T, dir string) {
	t.Helper()
	st, snap, ok, err := openState(osDisk{}, dir)
	if err != nil || !ok {
		t.Fatal(err)
	}
	snap.lanes = [Lanes + 1]laneSnapshot{}
	if err := st.save(snap); err != nil {
		t.Fatal(err)
	}
	st.close()
}

func TestCrashBetweenPreparedAndCommitKeepsNothingOfTheBatch(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	add(t, s, at("1"), rec(1, "low"), rec(4, "urgent"))
	s.mu.Lock()
	b := newBatch([]*request{{records: []Record{rec(1, "low 2"), rec(3, "high"), rec(4, "urgent 2")}, checkpoints: at("2")}})
	s.mu.Unlock()
	pieces, err := s.prepare(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.writePieces(pieces[:len(pieces)-1]); err != nil {
		t.Fatal(err)
	}
	// the machine goes off here
	crashed := copyDir(t, dir)
	s = open(t, crashed, Options{})
	want(t, "lane 1", pending(t, s, 1), "[1:low]")
	want(t, "lane 3", pending(t, s, 3), "[]")
	want(t, "lane 4", pending(t, s, 4), "[1:urgent]")
	want(t, "checkpoint", string(s.Checkpoint("log")), "1")
	want(t, "tombstones", s.Tombstones(), "[]")

	// The next batch takes the same commit number: it must not bring the old
	// frames back.
	add(t, s, at("3"), rec(4, "urgent 3"))
	s = reopen(t, s)
	want(t, "lane 1 later", pending(t, s, 1), "[1:low]")
	want(t, "lane 3 later", pending(t, s, 3), "[]")
	want(t, "lane 4 later", pending(t, s, 4), "[1:urgent 2:urgent 3]")
}

// TestCrashAtAnyMomentLosesNoBatchThatWasAnswered turns the machine off at
// every operation of a busy life, lets unsynced sectors arrive or not at
// random, and looks: batch n is there whole or not at all, all that were
// answered are there, and the checkpoint names the last that is.
func TestCrashAtAnyMomentLosesNoBatchThatWasAnswered(t *testing.T) {
	opts := Options{SegmentBytes: 2 << 10, MaxBytes: 1 << 20}
	moments := 0
	for moment, crashed := 1, true; crashed; moment++ {
		moments = moment
		for seed := range uint64(3) {
			dir := t.TempDir()
			d := &crashDisk{rng: rand.New(rand.NewPCG(seed, uint64(moment)))}
			opts.disk = d
			s, err := Open(dir, opts) // the machine holds until the spool is open
			if err != nil {
				t.Fatal(err)
			}
			d.at = d.ops + moment
			answered := life(s, 12)
			_ = s.Close() // too late, but lets the lock go
			crashed = d.ops >= d.at
			d.settle(t)
			checkLife(t, dir, answered, fmt.Sprintf("moment %d, seed %d", moment, seed))
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	if moments < 100 {
		t.Errorf("only %d moments: the life is too quiet to prove anything", moments)
	}
}

// life appends batches 0, 1, 2 …, each with a record in one to four lanes that
// says its number, and returns how many were answered.
func life(s *Spool, n int) int {
	for i := range n {
		var records []Record
		for lane := uint8(1); lane <= Lanes; lane++ {
			if (i+int(lane))%3 != 0 || int(lane) == i%Lanes+1 {
				records = append(records, rec(lane, "%d %0200d", i, i))
			}
		}
		if err := s.Append(records, at(strconv.Itoa(i))); err != nil {
			return i
		}
		if i == 6 {
			for lane := uint8(1); lane <= Lanes; lane++ {
				_ = s.Ack(lane, 1, 2) // a crash here only means sending again
			}
		}
	}
	return n
}

func checkLife(t *testing.T, dir string, answered int, what string) {
	t.Helper()
	s, err := Open(dir, Options{SegmentBytes: 2 << 10, MaxBytes: 1 << 20, disk: quickDisk{}})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer func() { _ = s.Close() }()
	whole := -1
	if c := s.Checkpoint("log"); c != nil {
		whole, _ = strconv.Atoi(string(c))
	}
	if whole < answered-1 || whole > answered {
		t.Errorf("%s: checkpoint %d, but %d batches were answered", what, whole, answered)
	}
	if len(s.Tombstones()) > 0 {
		t.Errorf("%s: tombstones %v", what, s.Tombstones())
	}
	for lane := uint8(1); lane <= Lanes; lane++ {
		next := uint64(1)
		for i := 0; i <= whole; i++ {
			if (i+int(lane))%3 != 0 || int(lane) == i%Lanes+1 {
				next++
			}
		}
		if got := s.Stats().Lanes[lane-1].NextSeq; got != next {
			t.Errorf("%s: lane %d goes on at %d: want %d for %d batches", what, lane, got, next, whole+1)
		}
		got, err := s.Pending(lane, 3, 100, 1<<20) // 1 and 2 may be acked
		if err != nil || uint64(len(got)) != max(next, 3)-3 {
			t.Errorf("%s: lane %d: %d records from 3 on, next %d: %v", what, lane, len(got), next, err)
		}
	}
}

func TestCrashWhileFullKeepsEverySequenceWhole(t *testing.T) {
	opts := Options{SegmentBytes: 2 << 10, MaxBytes: 8 << 10}
	for moment, crashed := 1, true; crashed; moment++ {
		dir := t.TempDir()
		d := &crashDisk{rng: rand.New(rand.NewPCG(7, uint64(moment)))}
		opts.disk = d
		s, err := Open(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		d.at = d.ops + moment
		answered := 0
		for i := range 40 {
			low, high := uint8(i%2+1), uint8(i%2+3)
			if s.Append([]Record{rec(low, "%0200d", i), rec(high, "%0200d", i)}, at(strconv.Itoa(i))) != nil {
				break
			}
			answered++
		}
		_ = s.Close()
		crashed = d.ops >= d.at
		d.settle(t)
		s = open(t, dir, Options{SegmentBytes: 2 << 10, MaxBytes: 8 << 10, disk: quickDisk{}})
		got := -1
		if c := s.Checkpoint("log"); c != nil {
			got, _ = strconv.Atoi(string(c))
		}
		if got < answered-1 || got > answered {
			t.Errorf("moment %d: checkpoint %d, but %d batches were answered", moment, got, answered)
		}
		var records uint64
		for lane := uint8(1); lane <= Lanes; lane++ {
			whole(t, s, lane)
			records += s.Stats().Lanes[lane-1].NextSeq - 1
		}
		if records != uint64(got+1)*2 {
			t.Errorf("moment %d: %d records for %d batches", moment, records, got+1)
		}
		if t.Failed() {
			t.Fatalf("at moment %d", moment)
		}
		if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailedWriteLeavesNoTraceAndTheNextOneWorks(t *testing.T) {
	for _, tear := range []int{0, 1, 50, 60, 1 << 20} {
		d := &fullDisk{left: 1 << 30}
		s := open(t, t.TempDir(), Options{disk: d})
		add(t, s, at("1"), rec(1, "a"), rec(4, "u"))
		broken := errors.New("input/output error")
		d.set(1<<30, broken, tear)
		for range 2 {
			if err := s.Append([]Record{rec(1, "never"), rec(4, "never")}, at("9")); !errors.Is(err, broken) {
				t.Fatalf("Append on a broken disk: %v", err)
			}
		}
		want(t, "pending", pending(t, s, 1), "[1:a]")
		d.set(1<<30, nil, 0)
		add(t, s, at("2"), rec(4, "v"))
		s = reopen(t, s)
		want(t, "lane 1", pending(t, s, 1), "[1:a]")
		want(t, "lane 4", pending(t, s, 4), "[1:u 2:v]")
		want(t, "checkpoint", string(s.Checkpoint("log")), "2")
	}
}

func TestFullDiskIsSaidAndHarmless(t *testing.T) {
	d := &fullDisk{left: 1 << 30}
	s := open(t, t.TempDir(), Options{SegmentBytes: 4 << 10, disk: d})
	add(t, s, at("0"), rec(1, "first"))
	d.set(0, nil, 0)
	n, err := 0, error(nil)
	for err == nil {
		n++
		err = s.Append([]Record{rec(1, "%0500d", n)}, at(strconv.Itoa(n)))
	}
	if !errors.Is(err, ErrNoSpace) {
		t.Fatalf("on a full disk: %v, want ErrNoSpace", err)
	}
	want(t, "depth", s.Stats().Lanes[0].Depth, n)
	if err := s.Append([]Record{rec(1, "small")}, nil); err != nil {
		t.Errorf("a record that fits the segment begun: %v", err)
	}
	d.set(1<<30, nil, 0)
	add(t, s, at("later"), rec(1, "%0500d", 0))
	s = reopen(t, s)
	want(t, "depth", s.Stats().Lanes[0].Depth, n+2)
	want(t, "checkpoint", string(s.Checkpoint("log")), "later")
	want(t, "tombstones", s.Tombstones(), "[]")
}
