package clock

import (
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// bootID does not change while the process lives.
var bootID = sync.OnceValue(func() string { return readBootID("/proc/sys/kernel/random/boot_id") })

// readBootID answers "" where the file cannot be read or is no id.
//
//	7c0f1ad2-5d1b-4f0e-9a53-6e2f8f3f1c55
func readBootID(path string) string {
	b, err := os.ReadFile(path)
	id := strings.TrimSpace(string(b))
	if err != nil || len(id) != 36 {
		return ""
	}
	return id
}

func monotonic(now time.Time) (string, time.Duration) {
	var ts unix.Timespec
	id := bootID()
	if id == "" || unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return sinceStart(now)
	}
	return id, time.Duration(ts.Nano())
}
