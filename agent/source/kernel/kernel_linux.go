package kernel

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// Prepare does what must be done before programs are loaded: on kernels before
// 5.11 BPF memory counts against the limit of locked memory. Where it may not be
// raised, loading fails and says so, or it was not needed.
func Prepare() { _ = rlimit.RemoveMemlock() }

// Loaded gives back what loading needed: the kernel's types are several
// megabytes, nothing asks for them again, and an agent that does little would
// keep them for minutes.
func Loaded() { debug.FreeOSMemory() }

const refused = "not allowed; run the agent as root or give it CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (before Linux 5.11 also CAP_SYS_RESOURCE)"

// mayLoad says whether this process has CAP_BPF, or CAP_SYS_ADMIN, which holds
// it.
func mayLoad() bool {
	var sets [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &sets[0]); err != nil {
		return true // then the error at hand says more
	}
	has := func(c int) bool { return sets[c/32].Effective&(1<<(c%32)) != 0 }
	return has(unix.CAP_BPF) || has(unix.CAP_SYS_ADMIN)
}

// Why turns an error of loading or attaching into an Unavailable with its mend.
func Why(doing string, err error) error {
	mend := "this kernel lacks what the program needs (want Linux 5.10 or later with BTF, /sys/kernel/btf/vmlinux)"
	var verifier *ebpf.VerifierError
	switch {
	case !mayLoad(): // what is refused then is often taken for what the kernel lacks
		mend = refused
	case errors.Is(err, ebpf.ErrNotSupported):
	case errors.As(err, &verifier):
		mend = "this kernel refuses the program; it does so where CAP_PERFMON is missing, or where it is older than Linux 5.10"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		mend = refused
	}
	return &Unavailable{Reason: fmt.Sprintf("%s: %s", doing, mend), Err: err}
}

// Boot returns the time since the machine started, suspend included: the clock
// that the programs stamp with.
func Boot() time.Duration { return read(unix.CLOCK_BOOTTIME) }

// Awake returns the time since the machine started, without what it was asleep.
func Awake() time.Duration { return read(unix.CLOCK_MONOTONIC) }

func read(clock int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0 // neither clock can fail on Linux
	}
	return time.Duration(ts.Nano())
}

// Wall turns a stamp of the boot clock into the time of day, given both clocks
// of one moment.
func Wall(stamp uint64, boot time.Duration, now time.Time) time.Time {
	return now.Add(time.Duration(stamp) - boot)
}
