package attribution

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// holding writes a process's open files: socket inodes by their number.
func holding(t *testing.T, proc string, pid int, files map[int]uint32) {
	t.Helper()
	dir := filepath.Join(proc, strconv.Itoa(pid), "fd")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for fd, inode := range files {
		if err := os.Symlink("socket:["+strconv.Itoa(int(inode))+"]", filepath.Join(dir, strconv.Itoa(fd))); err != nil {
			t.Fatal(err)
		}
	}
}

func me(inode uint32) socket { return socket{uid: uint32(os.Getuid()), inode: inode} }

// The next socket of a process is beside its last: all of its other files need
// not be looked at for each connection.
func TestTheNextSocketOfAProcessIsFoundBesideItsLast(t *testing.T) {
	proc := t.TempDir()
	many := map[int]uint32{}
	for fd := range 500 {
		many[fd] = uint32(1000 + fd)
	}
	holding(t, proc, 70, many)
	h := newHolders(proc, time.Now)
	if pid, err := h.pid(me(1200), nil, stillOpen); err != nil || pid != 70 {
		t.Fatalf("got %d, %v; want 70", pid, err)
	}
	spent := h.budget
	for inode := uint32(1201); inode < 1400; inode++ {
		if pid, err := h.pid(me(inode), nil, stillOpen); err != nil || pid != 70 {
			t.Fatalf("socket %d: got %d, %v; want 70", inode, pid, err)
		}
	}
	if h.budget != spent {
		t.Errorf("looked at %d more files", spent-h.budget)
	}
	// Another account's socket is not taken for one of this process by its place.
	if pid, err := h.pid(socket{uid: uint32(os.Getuid()) + 1, inode: 9}, nil, stillOpen); err == nil {
		t.Errorf("a socket that nobody holds was given to %d", pid)
	}
}

// Connections in a storm, whose holder is not to be found, must not keep the
// agent busy: their account must do until time has passed.
func TestAStormOfSocketsWithoutHoldersIsNotSearchedForWithoutEnd(t *testing.T) {
	proc := t.TempDir()
	files := map[int]uint32{}
	for fd := range 500 {
		files[fd] = uint32(fd + 1)
	}
	for pid := 10; pid < 14; pid++ {
		holding(t, proc, pid, files)
	}
	now := time.Unix(1_700_000_000, 0)
	h := newHolders(proc, func() time.Time { return now })
	searched := 0
	for inode := uint32(1000); inode < 2000; inode++ {
		_, err := h.pid(me(inode), nil, stillOpen)
		if err == nil {
			t.Fatal("found a holder of a socket that nobody holds")
		}
		if err.Error() == whyNoProcess {
			searched++
		}
	}
	if most := linksAtOnce/2000 + 1; searched == 0 || searched > most {
		t.Errorf("searched everything %d times, want at most %d", searched, most)
	}
	now = now.Add(10 * time.Second)
	if pid, err := h.pid(me(400), nil, stillOpen); err != nil || pid < 10 {
		t.Errorf("after a rest: got %d, %v; want a holder", pid, err)
	}
}

// A process with a million files open must not hold the agent up.
func TestOneProcessWithMoreFilesThanTheBudgetEndsTheSearch(t *testing.T) {
	proc := t.TempDir()
	holding(t, proc, 7, map[int]uint32{0: 1, 1: 2, 2: 3, 3: 4, 4: 5})
	h := newHolders(proc, time.Now)
	h.budget, h.budgeted = 3, time.Now().Add(time.Hour)
	if _, err := h.pid(me(99), nil, stillOpen); err == nil || err.Error() != whyTooLong {
		t.Errorf("got %v, want %q", err, whyTooLong)
	}
}

func TestASearchForASocketThatHasClosedEnds(t *testing.T) {
	proc := t.TempDir()
	for pid := 100; pid < 400; pid++ {
		holding(t, proc, pid, map[int]uint32{0: uint32(pid)})
	}
	h := newHolders(proc, time.Now)
	left := 2
	open := func() bool { left--; return left > 0 }
	if _, err := h.pid(me(99), nil, open); err == nil || err.Error() != whyClosed {
		t.Errorf("got %v, want %q", err, whyClosed)
	}
	// The list of processes counts once, and each that was looked into twice.
	if looked := linksAtOnce - h.budget; looked > 300+2*lookAgain {
		t.Errorf("looked at %d files for a socket that was gone", looked)
	}
}

// counting is a finder that counts what it is asked.
type counting struct{ asked int }

func (c *counting) find(string, netip.AddrPort, netip.AddrPort) (socket, error) {
	c.asked++
	return socket{}, why(whyClosed)
}

func (*counting) close() error { return nil }

func TestAConnectionThatWasGoneAtItsBeginningIsNotAskedForAgain(t *testing.T) {
	r := New(Config{Root: t.TempDir()})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c := &counting{}
	r.sockets = c
	local, remote := netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("192.0.2.2:443")
	r.Opened(local, remote)
	got, ok := r.Lookup("tcp", local, remote)
	if ok || got.Unknown != whyClosed || got.Reason == "" || c.asked != 1 {
		t.Errorf("got %+v, %v, asked %d times; want one question, and why nothing is known", got, ok, c.asked)
	}
	r.Opened(local, remote)
	if c.asked != 2 {
		t.Errorf("the next connection between the same ends was not asked for")
	}
}
