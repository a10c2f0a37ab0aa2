package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// copySpool copies a spool's folder as somebody copies a disk.
func copySpool(t *testing.T, from string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func placed(place string) Options {
	return Options{Place: []byte(place), SegmentBytes: 4 << 10, MaxBytes: 1 << 20}
}

// fillSome puts records into two lanes of a spool, has some sent and one lost.
func fillSome(t *testing.T, s *Spool) {
	t.Helper()
	for i := range 300 {
		add(t, s, at(fmt.Sprint(i)), rec(1, "low %d", i), rec(4, "urgent %d", i))
	}
	for lane, upto := range map[uint8]uint64{1: 100, 4: 250} {
		var seqs []uint64
		for seq := uint64(1); seq <= upto; seq++ {
			seqs = append(seqs, seq)
		}
		if err := s.Ack(lane, seqs...); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	s.lose(s.lanes[1], span{101, 103}, ReasonCorrupt)
	err := s.saveState()
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
}

func datas(t *testing.T, s *Spool, lane uint8) (all []string) {
	t.Helper()
	list, err := s.Pending(lane, 0, 1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		all = append(all, string(e.Data))
	}
	return all
}

func TestACopiedSpoolBeginsANewEpochWithWhatWaits(t *testing.T) {
	first := open(t, t.TempDir(), placed("here"))
	fillSome(t, first)
	dir := copySpool(t, first.dir)
	copied := open(t, dir, placed("there"))
	if copied.Epoch() == first.Epoch() {
		t.Fatal("the copy goes on with the numbers of the first")
	}
	for lane := uint8(1); lane <= Lanes; lane++ {
		if got, want := datas(t, copied, lane), datas(t, first, lane); !slices.Equal(got, want) {
			t.Errorf("lane %d: %d records wait, want %d", lane, len(got), len(want))
		}
	}
	if got := copied.Tombstones(); len(got) != 1 || got[0] != (Tombstone{1, 1, 3, ReasonCorrupt}) {
		t.Errorf("tombstones %v, want the first three of the new epoch for the three that were lost", got)
	}
	if got := pending(t, copied, 1)[0]; got != "4:low 103" {
		t.Errorf("the first that waits is %q", got)
	}
	if got := string(copied.Checkpoint("log")); got != "299" {
		t.Errorf("the source would go on at %q", got)
	}
	// Opened again where it now lies, it stays what it is.
	epoch := copied.Epoch()
	add(t, copied, at("300"), rec(4, "later"))
	copied = reopen(t, copied)
	if copied.Epoch() != epoch || len(datas(t, copied, 4)) != 51 || string(copied.Checkpoint("log")) != "300" {
		t.Errorf("opened again: epoch %x, %d urgent records", copied.Epoch(), len(datas(t, copied, 4)))
	}
	if left, _ := os.ReadDir(filepath.Join(dir, movedDir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// The first one is as it was, and so is one that is opened without a place.
	was := first.Epoch()
	if first = reopen(t, first); first.Epoch() != was || len(datas(t, first, 1)) != 197 {
		t.Error("the copied spool has changed")
	}
	if same := open(t, copySpool(t, first.dir), Options{}); same.Epoch() != was {
		t.Error("a spool whose place nobody asks for has a new epoch")
	}
}

func TestASpoolOfOldKeepsItsEpochWhenItsPlaceIsFirstNoted(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	add(t, s, at("1"), rec(4, "urgent"))
	was := s.Epoch()
	s.opts.Place = []byte("here")
	if s = reopen(t, s); s.Epoch() != was {
		t.Error("an update began a new epoch")
	}
}

// Every step of the taking over may be the last before the power goes.
func TestAPowerCutWhileANewEpochIsTakenOverIsFinished(t *testing.T) {
	first := open(t, t.TempDir(), placed("here"))
	fillSome(t, first)
	want := map[uint8][]string{1: datas(t, first, 1), 4: datas(t, first, 4)}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	items := []string{"state", laneDir(1), laneDir(2), laneDir(3), laneDir(4), placeFile}
	for cut := -1; cut <= len(items); cut++ {
		dir := copySpool(t, first.dir)
		s := open(t, dir, placed("here"))
		s.opts.Place = []byte("there")
		if err := s.prepareMove(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if cut < 0 { // before it was ready
			if err := os.Remove(filepath.Join(dir, movedDir, placeFile)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range max(0, cut) {
			if err := os.RemoveAll(filepath.Join(dir, items[i])); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, movedDir, items[i]), filepath.Join(dir, items[i])); err != nil {
				t.Fatal(err)
			}
		}
		s = open(t, dir, placed("there"))
		for lane, data := range want {
			if got := datas(t, s, lane); !slices.Equal(got, data) {
				t.Errorf("cut at %d: lane %d has %d records, want %d", cut, lane, len(got), len(data))
			}
		}
		if s.Epoch() == first.Epoch() {
			t.Errorf("cut at %d: the old epoch goes on", cut)
		}
	}
}

// A full disk must not keep the agent from starting: the old epoch goes on.
func TestWithoutRoomForANewEpochTheOldOneGoesOn(t *testing.T) {
	first := open(t, t.TempDir(), placed("here"))
	fillSome(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	opts := placed("there")
	opts.disk = noRoom{}
	dir := copySpool(t, first.dir)
	s := open(t, dir, opts)
	if s.Epoch() != first.Epoch() || len(datas(t, s, 4)) != 50 {
		t.Errorf("epoch %x with %d urgent records", s.Epoch(), len(datas(t, s, 4)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = open(t, dir, placed("there")); s.Epoch() == first.Epoch() || len(datas(t, s, 4)) != 50 {
		t.Error("with room again the old epoch goes on")
	}
}

// noRoom has no room for a new file.
type noRoom struct{ osDisk }

func (noRoom) create(string, int64) (file, error) { return nil, ErrNoSpace }

// A disk that runs full half-way through gets its room back: the half copy would
// else lie there until the next start, while the agent has no room to spool.
func TestANewEpochThatRunsOutOfDiskLeavesNothingBehind(t *testing.T) {
	first := open(t, t.TempDir(), placed("here"))
	fillSome(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	count := &lateDisk{after: 1000}
	opts := placed("there")
	opts.disk = count
	if moved := open(t, copySpool(t, first.dir), opts); moved.Epoch() == first.Epoch() {
		t.Fatal("with room the old epoch goes on")
	}
	made := count.made
	if made < 4 {
		t.Fatalf("a move makes %d files: the test proves too little", made)
	}
	for after := range made {
		dir := copySpool(t, first.dir)
		opts := placed("there")
		opts.disk = &lateDisk{after: after}
		s := open(t, dir, opts)
		if s.Epoch() != first.Epoch() || len(datas(t, s, 4)) != 50 {
			t.Errorf("full after %d files: epoch %x with %d urgent records", after, s.Epoch(), len(datas(t, s, 4)))
		}
		if _, err := os.Stat(filepath.Join(dir, movedDir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("full after %d files: the half copy lies there still (%v)", after, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s = open(t, dir, placed("there")); s.Epoch() == first.Epoch() || len(datas(t, s, 4)) != 50 || len(datas(t, s, 1)) != 197 {
			t.Errorf("full after %d files: with room again %d urgent and %d low records wait in epoch %x", after, len(datas(t, s, 4)), len(datas(t, s, 1)), s.Epoch())
		}
	}
}

// lateDisk has room for some new files and no more.
type lateDisk struct {
	osDisk
	after, made int
}

func (d *lateDisk) create(path string, size int64) (file, error) {
	if d.made == d.after {
		return nil, ErrNoSpace
	}
	d.made++
	return d.osDisk.create(path, size)
}
