package bpf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"go.uber.org/goleak"
)

const asClient = "SAFELIGHT_TEST_CLIENT"

func TestMain(m *testing.M) {
	if to := os.Getenv(asClient); to != "" {
		client(to)
		return
	}
	goleak.VerifyTestMain(m)
}

// client says a word on a connection to an address.
func client(to string) {
	conn, err := net.Dial("tcp", to)
	if err == nil {
		_, err = fmt.Fprintf(conn, "GET / HTTP/1.0\r\n\r\n")
		conn.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cgroup makes a cgroup of the test's own.
func cgroup(t *testing.T) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir, err := os.MkdirTemp(root, "safelight-test-")
	if err != nil {
		t.Skipf("SKIPPED: a cgroup cannot be made here: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	return dir
}

func open(t *testing.T, cgroup string) *Capture {
	t.Helper()
	c, err := Open(Config{Cgroup: cgroup})
	var un *Unavailable
	var refused *ebpf.VerifierError
	if errors.As(err, &un) && !(errors.As(err, &refused) && os.Geteuid() == 0) {
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

func inCgroup(t *testing.T, cgroup string, cmd *exec.Cmd, uid uint32) *exec.Cmd {
	t.Helper()
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	cmd.SysProcAttr = &syscall.SysProcAttr{
		UseCgroupFD: true, CgroupFD: int(dir.Fd()),
	}
	_ = uid
	return cmd
}

func TestOwner(t *testing.T) {
	dir := cgroup(t)
	c := open(t, dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	self, _ := os.Executable()
	cmd := inCgroup(t, dir, exec.Command(self), 61300)
	cmd.Env = append(os.Environ(), asClient+"="+l.Addr().String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	for _, l := range c.links {
		i, err := l.Info()
		t.Log(i, err, i.Cgroup())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	n := 0
	for n < 2 && ctx.Err() == nil {
		if err := c.Read(ctx, time.Second, func(p *Packet) {
			n++
			t.Logf("%+v %+v", p, p.Owner)
		}); err != nil {
			t.Fatal(err)
		}
	}
	_ = filepath.Base
}
