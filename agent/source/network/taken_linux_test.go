package network

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"safelight/agent/source"
)

// Another program with the rights for it may take the capture's programs off
// their cgroup; nothing tells the agent, which must not go on saying that it runs.
func TestACaptureThatWasTakenOffIsSaidSo(t *testing.T) {
	if !namespace(t, BPF) {
		return
	}
	tool, err := exec.LookPath("bpftool")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	cgroup := os.Getenv(testCgroup)
	info, err := os.Stat(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	src := New(Config{Capture: BPF, Cgroup: cgroup})
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { ended <- src.Run(ctx, nil, newSink()) }()
	until(t, "the source to run", func() bool { return src.Status().State == source.Running })
	list, err := exec.Command(tool, "-j", "link", "list").Output()
	if err != nil {
		t.Skipf("SKIPPED: listing links: %v", err)
	}
	var links []struct {
		ID     int    `json:"id"`
		Cgroup uint64 `json:"cgroup_id"`
		Attach string `json:"attach_type"`
	}
	if err := json.Unmarshal(list, &links); err != nil {
		t.Fatal(err)
	}
	off := 0
	for _, l := range links {
		if l.Cgroup == info.Sys().(*syscall.Stat_t).Ino && strings.Contains(l.Attach, "egress") {
			run(t, tool, "link", "detach", "id", strconv.Itoa(l.ID))
			off++
		}
	}
	if off != 1 {
		t.Fatalf("%d programs were taken off", off)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "taken off") {
		t.Errorf("Run ended with %v", err)
	}
	if st := src.Status(); st.State != source.Unavailable || !strings.Contains(st.Detail, "taken off") {
		t.Errorf("status %+v", st)
	}
}
