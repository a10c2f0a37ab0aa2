package spool

import (
	"errors"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRealFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root; TestFullDiskIsSaidAndHarmless covers the logic without")
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("this machine does not let root mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir+"/spool", Options{SegmentBytes: 64 << 10})
	n, err := 0, error(nil)
	for err == nil {
		n++
		err = s.Append([]Record{rec(1, "%05000d", n)}, at(strconv.Itoa(n)))
	}
	if !errors.Is(err, ErrNoSpace) {
		t.Fatalf("on a full file system: %v, want ErrNoSpace", err)
	}
	n--
	s = reopen(t, s)
	want(t, "depth", s.Stats().Lanes[0].Depth, n)
	want(t, "checkpoint", string(s.Checkpoint("log")), n)
	for seq := range n / 2 { // acks are saved and segments deleted although the disk is full
		if err := s.Ack(1, uint64(seq+1)); err != nil {
			t.Fatal(err)
		}
	}
	s = reopen(t, s)
	add(t, s, at("after"), rec(1, "%05000d", 0))
	want(t, "depth", s.Stats().Lanes[0].Depth, n-n/2+1)
	want(t, "tombstones", s.Tombstones(), "[]")
}
