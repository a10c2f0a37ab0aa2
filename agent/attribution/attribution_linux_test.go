package attribution

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/internal/event"
)

func TestALoopbackConnectionIsOurOwn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	isThisProcess(t, "tcp", conn)
}

func TestAnUnconnectedDatagramSocketIsFoundByItsPort(t *testing.T) {
	conn, err := net.ListenPacket("udp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	r := New(Config{})
	defer r.Close()
	got, ok := r.Lookup("udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port),
		netip.MustParseAddrPort("127.0.0.53:53"))
	if !ok || got.PID != os.Getpid() {
		t.Fatalf("got %+v, %v; want this process", got, ok)
	}
}

func TestAConnectedDatagramSocketIsFound(t *testing.T) {
	conn, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	isThisProcess(t, "udp", conn)
}

func isThisProcess(t *testing.T, proto string, conn net.Conn) {
	t.Helper()
	r := New(Config{})
	defer r.Close()
	local, remote := addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr())
	for _, way := range []string{"diag", "tables"} {
		if way == "tables" {
			if err := r.Close(); err != nil { // as where the kernel has no socket diagnosis
				t.Fatal(err)
			}
		}
		got, ok := r.Lookup(proto, local, remote)
		if !ok {
			t.Fatalf("%s: not found: %s", way, got.Unknown)
		}
		exe, _ := os.Executable()
		if got.PID != os.Getpid() || *got.UID != uint32(os.Getuid()) || got.Exe != exe || got.Process == "" {
			t.Errorf("%s: got %+v, want pid %d, uid %d, exe %s", way, got, os.Getpid(), os.Getuid(), exe)
		}
		if os.Getuid() == 0 && got.User != "root" {
			t.Errorf("%s: got user %q, want root", way, got.User)
		}
	}
}

func addrPort(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

func TestAConnectionWhoseBeginningWasSeenHasAnOwnerAfterItsEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	local, remote := addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr())
	now := time.Now()
	r := New(Config{Now: func() time.Time { return now }})
	defer r.Close()
	r.Opened(local, remote)
	conn.Close()
	if got, ok := r.Lookup("tcp", local, remote); !ok || got.PID != os.Getpid() {
		t.Errorf("got %+v, %v; want this process", got, ok)
	}
	// Another connection between the same ends is another's.
	r.Opened(local, remote)
	if got, ok := r.Lookup("tcp", local, remote); ok || got.PID != 0 {
		t.Errorf("the next connection was given to the last one's owner: %+v", got)
	}
	r.flows.put(flow{"tcp", local, remote}, event.Owner{PID: 7}, who{})
	now = now.Add(flowsFor + 1)
	if got, _ := r.Lookup("tcp", local, remote); got.PID == 7 {
		t.Error("an owner was remembered for too long")
	}
}

func TestAClosedConnectionIsUnknownAndNotRoots(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	local, remote := addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr())
	conn.Close()
	r := New(Config{})
	defer r.Close()
	got, ok := r.Lookup("tcp", local, remote)
	if ok || got.UID != nil || got.PID != 0 || got.Unknown != whyClosed || got.Reason != event.ReasonExited {
		t.Fatalf("got %+v, %v; want nothing known but why", got, ok)
	}
}

// machine lays out a file system that a test writes: "proc/64/status" and so on.
// A value that begins with "->" is a link.
func machine(t *testing.T, tree map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range tree {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(text, "->"); ok {
			err = os.Symlink(to, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// nobodyElse is a directory that knows no account.
func nobodyElse(context.Context, uint32) ([]byte, error) { return nil, nil }

func resolverOf(t *testing.T, root string) *Resolver {
	t.Helper()
	r := New(Config{Root: root, Directory: nobodyElse})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestAThreadIsNamedAsItsProcess(t *testing.T) {
	r := resolverOf(t, machine(t, map[string]string{
		"proc/70/status": "Name:\tChrome_ChildIOT\nTgid:\t64\nPid:\t70\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n",
		"proc/64/status": "Name:\tchromium\nTgid:\t64\nPid:\t64\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n",
		"proc/64/exe":    "->/usr/lib/chromium/chromium (deleted)",
		"etc/passwd":     "pupil07:x:1000:1000::/home/pupil07:/bin/sh\n",
	}))
	got, ok := r.Process(70)
	if !ok || got.PID != 64 || got.Process != "chromium" || got.Exe != "/usr/lib/chromium/chromium" || got.User != "pupil07" {
		t.Fatalf("got %+v, %v", got, ok)
	}
	if got, ok := r.Process(71); ok || got.Unknown != whyGone || got.Reason != event.ReasonExited {
		t.Errorf("a process that is gone: got %+v, %v", got, ok)
	}
}

func stillOpen() bool { return true }

func TestASearchThatFoundNobodyIsNotRepeatedAtOnce(t *testing.T) {
	proc := t.TempDir()
	h := newHolders(proc, time.Now)
	if _, err := h.pid(socket{uid: 1000, inode: 7}, nil, stillOpen); err == nil {
		t.Fatal("found a holder in an empty process list")
	}
	fd := filepath.Join(proc, "9", "fd")
	if err := os.MkdirAll(fd, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("socket:[7]", filepath.Join(fd, "3")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.pid(socket{uid: 1000, inode: 7}, nil, stillOpen); err == nil {
		t.Error("searched again at once")
	}
	h.known = map[uint32]holder{}
	if pid, err := h.pid(socket{uid: 1000, inode: 7}, nil, stillOpen); err != nil || pid != 9 {
		t.Errorf("got %d, %v; want 9", pid, err)
	}
	// The socket's number goes to another process's socket: the cache must see it.
	if err := os.RemoveAll(filepath.Join(proc, "9")); err != nil {
		t.Fatal(err)
	}
	if pid, err := h.pid(socket{uid: 1000, inode: 7}, nil, stillOpen); err == nil {
		t.Errorf("the cache gave %d, which holds it no more", pid)
	}
}
