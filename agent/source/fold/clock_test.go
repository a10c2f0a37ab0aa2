package fold

import (
	"testing"
	"time"
	"unsafe"

	"safelight/internal/event"
)

// jumped is the reading that the system gives at the same moment when somebody
// has set its wall clock: the monotonic reading beside it stays. Package time
// can make no such value, so its bits are moved: one word, of which bits 30 to 62
// are the wall's seconds.
func jumped(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	moved := at
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(by/time.Second) << 30
	if moved.Sub(at) != 0 || moved.Round(0).Sub(at.Round(0)) != by {
		t.Fatalf("%s moved by %s is %s: package time holds its readings in another way now", at, by, moved)
	}
	return moved
}

// Windows and graces are spans of time that passed, not of what the clock says.
func TestAWallClockThatJumpsNeitherLosesNorRepeatsNorDelays(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour, 26 * time.Hour, -26 * time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			p := newPlay()
			p.now = time.Now()
			jump := func(by time.Duration) { p.now = jumped(t, p.now, by) }

			// A question waits its grace, no longer and no shorter.
			p.see(event.ViaDNS, "asked.test", 1000)
			jump(by)
			p.after(time.Second).want(t)
			if due, ok := p.Next(); !ok || due.Sub(p.now) != time.Second {
				t.Errorf("the next look is due in %s, want 1 s", due.Sub(p.now))
			}
			p.after(time.Second).want(t, "dns asked.test uid=1000 attempt")

			// A visit's repeats are counted within the window and told after it.
			p.see(event.ViaTLS, "visited.test", 1000).want(t, "tls visited.test uid=1000")
			jump(-by)
			p.after(20*time.Second).see(event.ViaTLS, "visited.test", 1000).want(t)
			jump(by)
			p.after(41*time.Second).see(event.ViaTLS, "visited.test", 1000).want(t, "tls visited.test uid=1000 count=2")

			// What is new is told at once, whatever the clock has just done.
			jump(-by)
			p.see(event.ViaTLS, "new.test", 1000).want(t, "tls new.test uid=1000")

			// What waits when the program ends is told, and memory is let go.
			p.see(event.ViaDNS, "last.test", 1000)
			jump(by)
			p.Flush(p.now, p.emit)
			p.want(t, "dns last.test uid=1000 attempt")
			p.after(memory*time.Minute + time.Second)
			if p.entries != 0 {
				t.Errorf("%d names are still remembered", p.entries)
			}
		})
	}
}
