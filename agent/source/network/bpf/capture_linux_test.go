package bpf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"go.uber.org/goleak"
)

const (
	asClient  = "SAFELIGHT_TEST_CLIENT"  // UID NETWORK ADDRESS BYTES
	asCapture = "SAFELIGHT_TEST_CAPTURE" // CGROUP
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asClient) != "":
		client(strings.Fields(os.Getenv(asClient)))
	case os.Getenv(asCapture) != "":
		captureUntilKilled(os.Getenv(asCapture))
	default:
		goleak.VerifyTestMain(m)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

const word = "GET / HTTP/1.0\r\nHost: www.example.org\r\n\r\n"

// client, as the account it is told, says a word to an address, then bytes.
func client(args []string) {
	uid, err := strconv.Atoi(args[0])
	must(err)
	more, err := strconv.Atoi(args[3])
	must(err)
	must(syscall.Setresuid(uid, uid, uid))
	if args[1] == "unconnected" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(err)
		to, err := net.ResolveUDPAddr("udp", args[2])
		must(err)
		_, err = conn.WriteTo([]byte(word), to)
		must(err)
		must(conn.Close())
		return
	}
	conn, err := net.Dial(args[1], args[2])
	must(err)
	_, err = io.WriteString(conn, word)
	must(err)
	_, err = conn.Write(make([]byte, more))
	must(err)
	must(conn.Close())
}

func captureUntilKilled(cgroup string) {
	_, err := Open(Config{Cgroup: cgroup})
	must(err)
	_, err = os.Stdout.WriteString("ready\n")
	must(err)
	select {}
}

// ownCgroup makes a cgroup of the test's own.
func ownCgroup(t *testing.T) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir, err := os.MkdirTemp(root, "safelight-test-") //nolint:usetesting // a cgroup, and no folder of files
	if err != nil {
		t.Skipf("SKIPPED: a cgroup cannot be made here: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) }) // a test may have removed it itself
	return dir
}

func open(t *testing.T, cgroup string) *Capture {
	t.Helper()
	c, err := Open(Config{Cgroup: cgroup})
	var un *Unavailable
	var refused *ebpf.VerifierError
	if errors.As(err, &un) && (!errors.As(err, &refused) || os.Geteuid() != 0) {
		t.Skipf("SKIPPED: capture by BPF: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// child is this program in the cgroup, playing a part. The test stays on its thread:
// a child with Pdeathsig dies with the one that started it (prctl(2)), not with us.
func child(t *testing.T, cgroup, part string) *exec.Cmd {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), part)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Pdeathsig: syscall.SIGKILL}
	return cmd
}

func runClient(t *testing.T, cgroup, args string) int {
	t.Helper()
	cmd := child(t, cgroup, asClient+"="+args)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return cmd.Process.Pid
}

// seen is a packet and its owner, kept.
type seen struct {
	Packet
	Owner
}

// read returns what comes until enough says so, or, if that is nil, until
// nothing more does.
func read(t *testing.T, c *Capture, enough func([]seen) bool) []seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var all []seen
	for before := -1; ctx.Err() == nil; before = len(all) {
		if enough == nil && before == len(all) || enough != nil && enough(all) {
			break
		}
		err := c.Read(ctx, time.Second, func(p *Packet) {
			s := seen{Packet: *p}
			s.Data = bytes.Clone(p.Data)
			if p.Owner != nil {
				s.Owner = *p.Owner
			}
			all = append(all, s)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func said(all []seen) bool {
	for _, s := range all {
		if bytes.Contains(s.Data, []byte(word)) {
			return true
		}
	}
	return false
}

// listen takes connections and reads all that is said on them.
func listen(t *testing.T, network, addr string) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestAPacketComesWithItsOwner(t *testing.T) {
	dir := ownCgroup(t)
	c := open(t, dir)
	uids := map[string]int{"tcp4": 61401, "tcp6": 61402}
	for network, addr := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		pid := runClient(t, dir, strconv.Itoa(uids[network])+" "+network+" "+listen(t, network, addr)+" 0")
		all := read(t, c, said)
		if !said(all) {
			t.Fatalf("%s: saw %+v", network, all)
		}
		for _, s := range all {
			if s.PID != pid || int(s.UID) != uids[network] || s.Exe != os.Args[0] || s.PPID != os.Getpid() ||
				s.Comm != "bpf.test" || s.Cookie != all[0].Cookie || s.Cookie == 0 || time.Since(s.Time).Abs() > time.Minute {
				t.Errorf("%s: saw %+v", network, s)
			}
		}
	}
	if n := c.Lost(); n != 0 {
		t.Errorf("%d lost", n)
	}
}

func TestAnUnconnectedSocketHasItsSenderAsOwner(t *testing.T) {
	dir := ownCgroup(t)
	c := open(t, dir)
	pid := runClient(t, dir, "61403 unconnected 127.0.0.1:53 0")
	if all := read(t, c, said); len(all) != 1 || all[0].PID != pid || all[0].UID != 61403 {
		t.Errorf("saw %+v", all)
	}
}

func TestAnUploadIsNotSentUp(t *testing.T) {
	dir := ownCgroup(t)
	c := open(t, dir)
	runClient(t, dir, "0 tcp4 "+listen(t, "tcp4", "127.0.0.1:0")+" 50000000")
	bytes := 0
	for _, s := range read(t, c, nil) {
		bytes += len(s.Data)
	}
	if bytes == 0 || bytes > 100_000 || c.Lost() != 0 {
		t.Errorf("%d bytes of 50 MB came up, %d packets were lost", bytes, c.Lost())
	}
}

func TestOtherCgroupsAreNotSeen(t *testing.T) {
	c := open(t, ownCgroup(t))
	runClient(t, ownCgroup(t), "0 tcp4 "+listen(t, "tcp4", "127.0.0.1:0")+" 0")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := c.Read(ctx, time.Second, func(p *Packet) { t.Errorf("saw %+v", p) }); err != nil {
		t.Fatal(err)
	}
}

func attached(t *testing.T, cgroup string) int {
	t.Helper()
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	n := 0
	for _, at := range []ebpf.AttachType{ebpf.AttachCGroupInetEgress, ebpf.AttachCGroupInetIngress, ebpf.AttachCGroupInet4Connect} {
		got, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: at})
		if err != nil {
			t.Fatal(err)
		}
		n += len(got.Programs)
	}
	return n
}

func TestTwoMonitorsSeeBesideEachOther(t *testing.T) {
	dir := ownCgroup(t)
	addr := listen(t, "tcp4", "127.0.0.1:0")
	first, second := open(t, dir), open(t, dir)
	runClient(t, dir, "0 tcp4 "+addr+" 0")
	if !said(read(t, first, said)) || !said(read(t, second, said)) {
		t.Error("one of two does not see")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	runClient(t, dir, "0 tcp4 "+addr+" 0")
	if !said(read(t, second, said)) {
		t.Error("the other does not see once the first is gone")
	}
}

func TestNothingStaysBehindAfterACrash(t *testing.T) {
	dir := ownCgroup(t)
	open(t, ownCgroup(t)) // skips where it cannot be had
	cmd := child(t, dir, asCapture+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	if n := attached(t, dir); n != 3 {
		t.Errorf("%d programs of 3 are attached", n)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as was meant
	for deadline := time.Now().Add(10 * time.Second); attached(t, dir) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the programs stay after their process was killed")
		}
		time.Sleep(time.Millisecond) // the kernel lets go of them a moment later, and tells nobody
	}
}

func TestProgramsThatWereTakenOffAreMissed(t *testing.T) {
	dir := ownCgroup(t)
	c := open(t, dir)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for c.Check() == nil {
		if time.Now().After(deadline) {
			t.Fatal("the cgroup is gone and nothing is said")
		}
		time.Sleep(time.Millisecond) // the kernel lets go of them a moment later, and tells nobody
	}
	d := open(t, ownCgroup(t))
	if err := d.links[4].Detach(); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(); err == nil || !strings.Contains(err.Error(), "taken off") {
		t.Errorf("got %v", err)
	}
}

func TestStoppingWhileNothingComes(t *testing.T) {
	c := open(t, ownCgroup(t))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Read(ctx, -1, func(*Packet) {}) }()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Read goes on")
	}
}

func TestAFolderThatIsNoCgroupIsRefused(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "/nowhere/at/all"} {
		c, err := Open(Config{Cgroup: dir})
		if err == nil {
			c.Close()
			t.Fatalf("%s was taken", dir)
		}
		var un *Unavailable
		if !errors.As(err, &un) || un.Reason == "" {
			t.Errorf("got %v", err)
		}
	}
}
