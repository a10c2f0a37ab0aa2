package network

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"safelight/agent/source"
	"safelight/internal/event"
)

// until waits for what the source tells only to those who ask.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func seesNext(t *testing.T, out *sink, addr, name string) event.Observation {
	t.Helper()
	if err := hello(addr, name); err != nil {
		t.Fatal(err)
	}
	o := out.next(t)
	if o.Name != name {
		t.Fatalf("saw %+v; want %s", o, name)
	}
	return o
}

// A cable that is pulled and put back, as a Wi-Fi that is lost and found.
func TestCaptureGoesOnAfterTheLinkWasDown(t *testing.T) {
	if !namespace(t) {
		return
	}
	makeWorld(t)
	src, out := watching(t, Config{})
	seesNext(t, out, farAddr4+":443", "before.example.org")
	for i := range 3 {
		ip(t, "link", "set", "near", "down")
		until(t, "the link to be missed", func() bool { return !slices.Contains(src.Status().Interfaces, "near") })
		ip(t, "link", "set", "near", "up")
		until(t, "the link to be found", func() bool { return slices.Contains(src.Status().Interfaces, "near") })
		seesNext(t, out, farAddr4+":443", "after"+strconv.Itoa(i)+".example.org")
	}
	if st := src.Status(); st.State != source.Running || st.Lost != 0 {
		t.Errorf("status %+v", st)
	}
}

// Another Wi-Fi: the interface is a new one, with other addresses.
func TestCaptureGoesOnOnAnInterfaceThatCameLater(t *testing.T) {
	if !namespace(t) {
		return
	}
	src, out := watching(t, Config{})
	makeWorld(t) // only now
	until(t, "the interface to be told of", func() bool { return slices.Contains(src.Status().Interfaces, "near") })
	seesNext(t, out, farAddr4+":443", "later.example.org")
	ip(t, "address", "del", nearAddr4+"/24", "dev", "near")
	ip(t, "address", "add", "198.51.100.77/24", "dev", "near")
	seesNext(t, out, farAddr4+":443", "moved.example.org")
}

// A VPN comes up: what goes through it leaves by a tunnel's interface, inside
// which the names are seen, and by the card, where they are not.
func TestNamesAreSeenInsideATunnelThatComesUp(t *testing.T) {
	if !namespace(t) {
		return
	}
	pid := makeWorld(t)
	_, out := watching(t, Config{})
	seesNext(t, out, farAddr4+":443", "outside.example.org")
	tunnel := func(local, remote, over string) []string {
		return []string{"link", "add", "vpn0", "type", "vxlan", "id", "7", "dstport", "4789", "local", local, "remote", remote, "dev", over}
	}
	if err := exec.Command("ip", tunnel(nearAddr4, farAddr4, "near")...).Run(); err != nil {
		t.Skipf("SKIPPED: this kernel makes no tunnels: %v", err)
	}
	inFar := []string{"nsenter", "--target", strconv.Itoa(pid), "--net"}
	run(t, append(append(inFar, "ip"), tunnel(farAddr4, nearAddr4, "far")...)...)
	ip(t, "address", "add", "203.0.113.2/24", "dev", "vpn0")
	run(t, append(inFar, "ip", "address", "add", "203.0.113.1/24", "dev", "vpn0")...)
	ip(t, "link", "set", "vpn0", "up")
	run(t, append(inFar, "ip", "link", "set", "vpn0", "up")...)
	o := seesNext(t, out, "203.0.113.1:443", "inside.example.org")
	if o.Server != "203.0.113.1:443" {
		t.Errorf("saw %+v", o)
	}
}

// One interface is asked for by name, goes, and comes back as another.
func TestTheInterfaceThatIsAskedForIsWaitedFor(t *testing.T) {
	if !namespace(t) {
		return
	}
	pid := makeWorld(t)
	src, out := watching(t, Config{Interface: "near"})
	seesNext(t, out, farAddr4+":443", "first.example.org")
	ip(t, "link", "del", "near")
	until(t, "status to say that nothing is seen", func() bool { return src.Status().State == source.Unavailable })
	joinWorld(t, pid)
	until(t, "status to say that it goes on", func() bool { return src.Status().State == source.Running })
	seesNext(t, out, farAddr4+":443", "second.example.org")
}

// A machine that sleeps runs nothing, and loses its links meanwhile; the agent
// here is a process of its own that is stopped.
func TestCaptureGoesOnAfterASuspend(t *testing.T) {
	if !namespace(t) {
		return
	}
	makeWorld(t)
	src, out := watching(t, Config{})
	seesNext(t, out, farAddr4+":443", "awake.example.org")
	// A child stops this process, pulls the cable, puts it back and wakes it.
	self := strconv.Itoa(os.Getpid())
	sleep := exec.Command("sh", "-c", "kill -STOP "+self+"; ip link set near down; sleep 2; ip link set near up; kill -CONT "+self)
	sleep.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := sleep.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	until(t, "the link to be back", func() bool { return slices.Contains(src.Status().Interfaces, "near") })
	seesNext(t, out, farAddr4+":443", "again.example.org")
	if st := src.Status(); st.State != source.Running || st.Lost != 0 {
		t.Errorf("status %+v", st)
	}
}

// Deaf to changes, the agent would go on saying that it watches what is up.
func TestLinksThatCannotBeReadEndTheRun(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{}, 1)
	l := &links{socket: os.NewFile(uintptr(pair[0]), "links"), done: make(chan struct{}), tell: func() { told <- struct{}{} }}
	go l.listen()
	if err := l.check(); err != nil {
		t.Errorf("it fails before anything did: %v", err)
	}
	if err := unix.Close(pair[1]); err != nil { // reading gives an error from now on
		t.Fatal(err)
	}
	<-told
	s := newScene(Config{})
	s.links = l
	if err := s.settle(); err == nil || !strings.Contains(err.Error(), "changes of interfaces") {
		t.Errorf("the run goes on with %v", err)
	}
	if err := l.close(); err != nil {
		t.Error(err)
	}
}

func TestLinksThatAreClosedAreNoFailure(t *testing.T) {
	l, err := openLinks(func() {})
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	if err := l.close(); err != nil || l.check() != nil {
		t.Errorf("closing: %v, %v", err, l.check())
	}
}
