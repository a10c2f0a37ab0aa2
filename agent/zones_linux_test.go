package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const withoutZones = "SAFELIGHT_TEST_WITHOUT_ZONES"

// A device without a database of time zones must still read a log whose
// time_zone is set: a setting that is right must not keep the agent from
// starting.
func TestTimeZonesAreKnownWhereTheSystemHasNone(t *testing.T) {
	if dir := os.Getenv(withoutZones); dir != "" {
		if err := syscall.Chroot(dir); err != nil {
			t.Fatal(err)
		}
		at, err := time.LoadLocation("Europe/London")
		if err != nil {
			t.Fatal(err)
		}
		if _, offset := time.Date(2026, 7, 1, 0, 0, 0, 0, at).Zone(); offset != 3600 {
			t.Errorf("summer time is %d s ahead", offset)
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTimeZonesAreKnownWhereTheSystemHasNone$", "-test.v")
	cmd.Env = append(os.Environ(), withoutZones+"="+t.TempDir(), "ZONEINFO=")
	if os.Geteuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Skipf("no user namespace here to hide the system's zones in: %v", err)
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
