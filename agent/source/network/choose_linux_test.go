package network

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const asProbe = "SAFELIGHT_TEST_PROBE" // CGROUP

// probe says which capture is chosen.
func probe(cgroup string) {
	c, err := openCapture(context.Background(), Config{Capture: Way(os.Getenv(testCapture)), Cgroup: cgroup})
	if err != nil {
		fmt.Println("none", err)
		return
	}
	fmt.Println(c.way(), c.detail())
	_ = c.close()
}

// What each way needs, tried: docs/capture.md says the same.
func TestTheChoiceFollowsWhatIsAllowed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: capabilities can be taken away only by root")
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir := ownCgroup(t)
	if out := probed(t, "", dir.Name(), Auto); !strings.HasPrefix(out, "bpf ") {
		t.Skipf("SKIPPED: BPF is not to be had here even by root: %s", out)
	}
	for _, c := range []struct {
		allowed string
		asked   Way
		want    string // the way taken, and a word of the detail
		says    string
	}{
		{"+bpf,+perfmon,+net_admin", Auto, "bpf ", "BPF programs"},
		{"+bpf,+perfmon,+net_admin", BPF, "bpf ", "BPF programs"},
		{"+net_raw", Auto, "packet ", "CAP_BPF"},
		{"+net_raw", Packet, "packet ", "AF_PACKET"},
		{"+bpf,+net_admin,+net_raw", Auto, "packet ", "CAP_PERFMON"},
		{"+bpf,+perfmon,+net_raw", Auto, "packet ", "CAP_NET_ADMIN"},
		{"+bpf,+perfmon,+net_admin,+net_raw", Packet, "packet ", "AF_PACKET"},
		{"+net_raw", BPF, "none ", "CAP_BPF"},
		{"+bpf,+perfmon,+net_admin", Packet, "none ", "CAP_NET_RAW"},
		{"+chown", Auto, "none ", "CAP_NET_RAW"},
	} {
		out := probed(t, setpriv+" --bounding-set -all,"+c.allowed, dir.Name(), c.asked)
		if !strings.HasPrefix(out, c.want) || !strings.Contains(out, c.says) {
			t.Errorf("with %s, asked for %s: %s; want %sand %q", c.allowed, c.asked, out, c.want, c.says)
		}
	}
}

func probed(t *testing.T, before, cgroup string, way Way) string {
	t.Helper()
	args := append(strings.Fields(before), os.Args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), asProbe+"="+cgroup, testCapture+"="+string(way))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stayOnThread(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
