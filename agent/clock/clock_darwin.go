package clock

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// bootID does not change while the process lives; "" where the system names no
// boot.
//
//	kern.bootsessionuuid: 7C0F1AD2-5D1B-4F0E-9A53-6E2F8F3F1C55
var bootID = sync.OnceValue(func() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil || len(id) != 36 {
		return ""
	}
	return id
})

// monotonic is the clock that goes on while the Mac sleeps (clock_gettime(3)).
func monotonic(now time.Time) (string, time.Duration) {
	var ts unix.Timespec
	id := bootID()
	if id == "" || unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &ts) != nil {
		return sinceStart(now)
	}
	return id, time.Duration(ts.Nano())
}
