package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// open opens a spool that the test closes.
func open(t *testing.T, dir string, opts Options) *Spool {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func reopen(t *testing.T, s *Spool) *Spool {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opts := s.opts
	if _, quick := opts.disk.(quickDisk); !quick {
		opts.disk = osDisk{}
	}
	return open(t, s.dir, opts)
}

func rec(lane uint8, format string, args ...any) Record {
	return Record{Lane: lane, Data: fmt.Appendf(nil, format, args...)}
}

func add(t *testing.T, s *Spool, checkpoints map[string][]byte, records ...Record) {
	t.Helper()
	if err := s.Append(records, checkpoints); err != nil {
		t.Fatal(err)
	}
}

func at(position string) map[string][]byte { return map[string][]byte{"log": []byte(position)} }

// pending lists what waits in a lane as "seq:data".
func pending(t *testing.T, s *Spool, lane uint8) []string {
	t.Helper()
	list, err := s.Pending(lane, 0, 1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, fmt.Sprintf("%d:%s", e.Seq, e.Data))
	}
	return out
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func TestRecordsAndCheckpointsComeBackAfterRestart(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, at("10"), rec(1, "a"), rec(1, "b"))
	add(t, s, at("20"), rec(4, "u"), rec(1, "c"), rec(2, "m"))
	add(t, s, map[string][]byte{"other": []byte("1")})
	s = reopen(t, s)
	want(t, "lane 1", pending(t, s, 1), "[1:a 2:b 3:c]")
	want(t, "lane 2", pending(t, s, 2), "[1:m]")
	want(t, "lane 4", pending(t, s, 4), "[1:u]")
	want(t, "log", string(s.Checkpoint("log")), "20")
	want(t, "other", string(s.Checkpoint("other")), "1")
	want(t, "unknown source", s.Checkpoint("none") == nil, true)
	add(t, s, nil, rec(1, "d"))
	want(t, "lane 1", pending(t, s, 1), "[1:a 2:b 3:c 4:d]")
}

func TestRestartSendsOnlyWhatIsNotAcked(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, nil, rec(3, "a"), rec(3, "b"), rec(3, "c"), rec(3, "d"), rec(3, "e"))
	if err := s.Ack(3, 4, 1, 2, 99); err != nil {
		t.Fatal(err)
	}
	want(t, "before", pending(t, s, 3), "[3:c 5:e]")
	s = reopen(t, s)
	want(t, "after", pending(t, s, 3), "[3:c 5:e]")
	want(t, "depth", s.Stats().Lanes[2].Depth, 2)
	if err := s.Ack(3, 3, 5); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	want(t, "after all acks", pending(t, s, 3), "[]")
	add(t, s, nil, rec(3, "f"))
	want(t, "next", pending(t, s, 3), "[6:f]")
}

func TestCheckpointSurvivesDeletionOfAllAckedSegments(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentBytes: 4 << 10})
	add(t, s, map[string][]byte{"rare": []byte("7")}, rec(2, "first"))
	for i := range 200 {
		add(t, s, at(fmt.Sprint(i)), rec(2, "%0100d", i))
		if err := s.Ack(2, uint64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.lanes[2].segments); n != 1 {
		t.Errorf("%d segments left of those that are acked: want the newest only", n)
	}
	s = reopen(t, s)
	want(t, "rare", string(s.Checkpoint("rare")), "7")
	want(t, "log", string(s.Checkpoint("log")), "199")
	want(t, "pending", pending(t, s, 2), fmt.Sprintf("[201:%0100d]", 199))
	want(t, "tombstones", s.Tombstones(), "[]")
}

func TestSecondProcessIsRefused(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	if _, err := Open(s.dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
	reopen(t, s)
}

func TestEpochChangesWhenTheSpoolIsWiped(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	first := s.Epoch()
	s = reopen(t, s)
	want(t, "epoch after restart", s.Epoch(), first)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	if s = open(t, s.dir, Options{}); s.Epoch() == first {
		t.Error("a wiped spool has its old epoch")
	}
}

func TestLostStateFileSendsAgainUnderTheSameEpoch(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, at("1"), rec(1, "a"), rec(1, "b"))
	if err := errors.Join(s.Ack(1, 1), s.Close(), os.Remove(filepath.Join(s.dir, "state"))); err != nil {
		t.Fatal(err)
	}
	again := open(t, s.dir, Options{})
	want(t, "epoch", again.Epoch(), s.Epoch())
	want(t, "pending", pending(t, again, 1), "[1:a 2:b]")
	want(t, "tombstones", again.Tombstones(), "[]")
}

func TestFilesAreTheirOwnersOnly(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, nil, rec(1, "a"))
	if err := s.Reject(1, 1, "because", "name"); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(s.dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTooLargeIsRefusedAndNothingOfTheBatchKept(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	big := Record{Lane: 1, Data: make([]byte, MaxRecordBytes+1)}
	for name, err := range map[string]error{
		"record":     s.Append([]Record{rec(1, "a"), big}, nil),
		"checkpoint": s.Append([]Record{rec(1, "a")}, map[string][]byte{"log": make([]byte, MaxCheckpointBytes+1)}),
		"batch":      s.Append(make([]Record, 0, 1), hugeCheckpoints()),
	} {
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
	for _, lane := range []uint8{0, 5} {
		if err := s.Append([]Record{{Lane: lane}}, nil); !errors.Is(err, ErrLane) {
			t.Errorf("lane %d: %v, want ErrLane", lane, err)
		}
	}
	want(t, "pending", pending(t, s, 1), "[]")
	big.Data = big.Data[1:]
	add(t, s, nil, big)
	want(t, "depth", s.Stats().Lanes[0].Depth, 1)
}

func hugeCheckpoints() map[string][]byte {
	out := map[string][]byte{}
	for i := range MaxSources + 1 {
		out[fmt.Sprint(i)] = []byte("x")
	}
	return out
}

func TestConcurrentAppendsShareSyncsAndLoseNothing(t *testing.T) {
	d := &countingDisk{}
	s := open(t, t.TempDir(), Options{disk: d})
	add(t, s, nil, rec(1, "first"))
	const writers, each = 16, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := s.Append([]Record{rec(1, "%d-%d", w, i)}, map[string][]byte{fmt.Sprint(w): fmt.Append(nil, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := d.syncs.Load(); n >= writers*each {
		t.Errorf("%d syncs for %d Appends: none was shared", n, writers*each)
	}
	s = reopen(t, s)
	want(t, "records", len(pending(t, s, 1)), writers*each+1)
	for w := range writers {
		want(t, "checkpoint", string(s.Checkpoint(fmt.Sprint(w))), each-1)
	}
}

func TestWaitEndsWhenSomethingIsAppended(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	ch := s.Wait()
	select {
	case <-ch:
		t.Fatal("woken by nothing")
	default:
	}
	add(t, s, nil, rec(1, "a"))
	<-ch
}

func TestPendingKeepsToItsLimits(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, nil, rec(1, "aaaa"), rec(1, "bbbb"), rec(1, "cccc"))
	for _, c := range []struct {
		from           uint64
		records, bytes int
		want           string
	}{
		{0, 2, 100, "[1 2]"}, {0, 9, 8, "[1 2]"}, {0, 9, 1, "[1]"}, {2, 9, 100, "[2 3]"}, {4, 9, 100, "[]"},
	} {
		list, err := s.Pending(1, c.from, c.records, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		var seqs []uint64
		for _, e := range list {
			seqs = append(seqs, e.Seq)
		}
		want(t, fmt.Sprint(c), seqs, c.want)
	}
}

func TestClosedSpoolAnswersSo(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, nil, rec(1, "a"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, pendingErr := s.Pending(1, 0, 1, 1)
	for name, err := range map[string]error{
		"Append": s.Append([]Record{rec(1, "b")}, nil), "Ack": s.Ack(1, 1), "Pending": pendingErr,
		"Reject": s.Reject(1, 1, "", ""), "AckTombstone": s.AckTombstone(Tombstone{Lane: 1, From: 1, To: 1}),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{{SegmentBytes: 10}, {MaxBytes: 1 << 20}, {QuarantineRecords: -1}} {
		if _, err := Open(t.TempDir(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
