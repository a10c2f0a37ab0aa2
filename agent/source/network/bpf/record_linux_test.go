package bpf

import (
	"strings"
	"testing"
	"time"
)

func TestARecordOfAnotherBuildIsRefused(t *testing.T) {
	c := &Capture{}
	for _, b := range [][]byte{nil, {9, 0, 0, 0}, append([]byte{isPacket}, make([]byte, packetHead-1)...), append([]byte{isProgram}, make([]byte, 9)...)} {
		if err := c.handle(b, 0, time.Time{}, func(*Packet) { t.Error("it was handed over") }); err == nil {
			t.Errorf("%d bytes were taken", len(b))
		}
	}
}

func TestProgramsAreRememberedWhileInUseAndMemoryIsBounded(t *testing.T) {
	var p programs
	used := programKey{started: 1, pid: 1}
	p.learn(used, program{comm: "used"})
	for i := range 10 * half {
		p.learn(programKey{started: uint64(i), pid: 2}, program{})
		if i%1000 == 0 && p.find(used).comm != "used" {
			t.Fatalf("forgotten after %d others", i)
		}
	}
	if n := len(p.young) + len(p.old); n > 2*half {
		t.Errorf("%d are remembered", n)
	}
	if got := p.find(programKey{pid: 3}); got != (program{}) {
		t.Errorf("got %+v", got)
	}
}

func TestTheRootOfCgroupV2IsFound(t *testing.T) {
	for mounts, want := range map[string]string{
		"30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n": "/sys/fs/cgroup",
		"31 24 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n" +
			"32 31 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
			"33 31 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n": "/sys/fs/cgroup/unified",
		"34 24 0:30 /part /mnt/part rw - cgroup2 cgroup2 rw\n" + `35 24 0:30 / /mnt/a\040b rw - cgroup2 cgroup2 rw`: "/mnt/a b",
		"31 24 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n":                                                         "",
		"nonsense\n - cgroup2 \n": "",
	} {
		if got := root(strings.NewReader(mounts)); got != want {
			t.Errorf("%q: %q, want %q", mounts, got, want)
		}
	}
}
