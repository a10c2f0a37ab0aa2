package attribution

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
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
	if ok || got.UID != nil || got.PID != 0 || got.Unknown != whyClosed {
		t.Fatalf("got %+v, %v; want nothing known but why", got, ok)
	}
}

func TestAThreadIsNamedAsItsProcess(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("70/status", "Name:\tChrome_ChildIOT\nTgid:\t64\nPid:\t70\nUid:\t1000\t1000\t1000\t1000\n")
	write("64/status", "Name:\tchromium\nTgid:\t64\nPid:\t64\nUid:\t1000\t1000\t1000\t1000\n")
	if err := os.Symlink("/usr/lib/chromium/chromium (deleted)", filepath.Join(root, "64/exe")); err != nil {
		t.Fatal(err)
	}
	r := New(Config{Proc: root, Account: func(uint32) (string, error) { return "pupil07", nil }})
	defer r.Close()
	got, ok := r.Process(70)
	if !ok || got.PID != 64 || got.Process != "chromium" || got.Exe != "/usr/lib/chromium/chromium" || got.User != "pupil07" {
		t.Fatalf("got %+v, %v", got, ok)
	}
	if got, ok := r.Process(71); ok || got.Unknown != whyGone {
		t.Errorf("a process that is gone: got %+v, %v", got, ok)
	}
}

func TestASearchThatFoundNobodyIsNotRepeatedAtOnce(t *testing.T) {
	root := t.TempDir()
	r := New(Config{Proc: root})
	defer r.Close()
	if _, err := r.holders.pid(socket{uid: 1000, inode: 7}); err == nil {
		t.Fatal("found a holder in an empty process list")
	}
	fd := filepath.Join(root, "9", "fd")
	if err := os.MkdirAll(fd, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("socket:[7]", filepath.Join(fd, "3")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.holders.pid(socket{uid: 1000, inode: 7}); err == nil {
		t.Error("searched again at once")
	}
	r.holders.known = map[uint32]holder{}
	if pid, err := r.holders.pid(socket{uid: 1000, inode: 7}); err != nil || pid != 9 {
		t.Errorf("got %d, %v; want 9", pid, err)
	}
	// The socket's number goes to another process's socket: the cache must see it.
	if err := os.RemoveAll(filepath.Join(root, "9")); err != nil {
		t.Fatal(err)
	}
	if pid, err := r.holders.pid(socket{uid: 1000, inode: 7}); err == nil {
		t.Errorf("the cache gave %d, which holds it no more", pid)
	}
}
