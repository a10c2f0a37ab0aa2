package network

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"safelight/agent/source"
	"safelight/agent/source/network/bpf"
)

// What the process in a namespace is told.
const (
	inNamespace = "SAFELIGHT_TEST_NAMESPACE"
	testCapture = "SAFELIGHT_TEST_CAPTURE"
	testCgroup  = "SAFELIGHT_TEST_CGROUP"
)

// namespace runs the test again, once with each way of capturing, in a process
// with a network of its own, where nothing but loopback is, and port 53 is free,
// and in a cgroup of its own. It reports true there.
func namespace(t *testing.T, ways ...Way) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		raiseLoopback(t)
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: capturing packets needs root or CAP_NET_RAW")
	}
	if len(ways) == 0 {
		ways = []Way{BPF, Packet}
	}
	for _, way := range ways {
		t.Run(string(way), func(t *testing.T) { again(t, way) })
	}
	return false
}

// stayOnThread keeps the thread of a test until its end: a child with Pdeathsig dies
// with the thread that started it (prctl(2)), and not with us.
func stayOnThread(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

func again(t *testing.T, way Way) {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), inNamespace+"=1", testCapture+"="+string(way))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if way == BPF {
		dir := ownCgroup(t)
		cmd.Env = append(cmd.Env, testCgroup+"="+dir.Name())
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	stayOnThread(t)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EINVAL):
		t.Skipf("SKIPPED: a network namespace cannot be made here: %v", err)
	case errors.As(err, &exit):
		t.Fatalf("in the namespace: %v\n%s", err, out)
	case err != nil:
		t.Fatal(err)
	case strings.Contains(string(out), "--- SKIP: "+test+" ("):
		t.Skipf("SKIPPED in the namespace:\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "SKIPPED") || testing.Verbose() {
			t.Log(strings.TrimSuffix(line, "\n"))
		}
	}
}

// ownCgroup makes a cgroup for a test, that BPF can be attached to without
// touching the rest of the machine.
func ownCgroup(t *testing.T) *os.File {
	t.Helper()
	root, err := bpf.Root()
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	name, err := os.MkdirTemp(root, "safelight-test-") //nolint:usetesting // a cgroup, and no folder of files
	if err != nil {
		t.Skipf("SKIPPED: a cgroup cannot be made here: %v", err)
	}
	dir, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		dir.Close()
		if err := os.Remove(name); err != nil {
			t.Errorf("the cgroup stays behind: %v", err)
		}
	})
	return dir
}

func raiseLoopback(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(req))); errno != 0 {
		t.Fatalf("raising loopback: %v", errno)
	}
}

// watching starts a source and returns what it sees, once it runs.
func watching(t *testing.T, cfg Config) (*Source, *sink) {
	t.Helper()
	out := newSink()
	return watchingInto(t, cfg, out), out
}

func watchingInto(t *testing.T, cfg Config, out source.Sink) *Source {
	t.Helper()
	if cfg.Capture == "" {
		cfg.Capture, cfg.Cgroup = Way(os.Getenv(testCapture)), os.Getenv(testCgroup)
	}
	src := New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- src.Run(ctx, nil, out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if st := src.Status(); st.State != source.Stopped {
			t.Errorf("after the end the state is %s", st.State)
		}
	})
	deadline := time.Now().Add(10 * time.Second)
	for src.Status().State != source.Running {
		st := src.Status()
		if st.State == source.Unavailable && st.Way == "" && strings.Contains(st.Detail, "not allowed") {
			t.Skipf("SKIPPED: %s", st.Detail)
		}
		if time.Now().After(deadline) {
			t.Fatalf("not running: %+v", st)
		}
		time.Sleep(time.Millisecond) // the source tells its state to those who ask, and to nobody else
	}
	return src
}
