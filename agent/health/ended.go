package health

import (
	"context"
	"fmt"
	"time"
)

// A stop and a start within this are a restart, or an upgrade.
const restart = 2 * time.Minute

// lookBack says how the run before ended.
func (w *Watcher) lookBack(ctx context.Context, now mark) {
	there, err := readJSON(w.markFile(), &w.last)
	if err != nil {
		w.note(ctx, err)
	}
	if !there {
		w.last = now
		return
	}
	before := w.last
	away := now.Wall.Sub(before.Wall)
	sameBoot := w.SleepCounts && before.Boot == now.Boot
	if sameBoot {
		away = now.Mono - before.Mono // whatever was done to the clock
	}
	switch {
	case before.Goodbye && sameBoot && away > restart:
		w.tell(now, Stopped, fmt.Sprintf("The agent was stopped for %s and then started again, while the device stayed on. That takes administrator rights. It may have been maintenance.", duration(away)))
	case before.Goodbye:
	case sameBoot:
		w.tell(now, EndedSuddenly, fmt.Sprintf("The agent ended without being stopped and was started again, %s at most after it was last known to run. The device stayed on.", duration(away)))
	case w.SleepCounts:
		w.tell(now, EndedSuddenly, fmt.Sprintf("The device went off without the agent being stopped: the power failed, or somebody held the button down. It was last known to run %s before it began again.", duration(away)))
	default:
		w.tell(now, EndedSuddenly, fmt.Sprintf("The agent, or the device, went off without the agent being stopped. It was last known to run %s before it began again.", duration(away)))
	}
	if !sameBoot {
		w.last = now // the clock is not compared over a boot
	}
}

// A step of the clock that is worth telling: time services correct less each day.
const step = 2 * time.Minute

// lookAtClock says that the wall clock went another way than the monotonic one. Where
// that one stops while the device sleeps, a wall clock that is ahead says nothing.
func (w *Watcher) lookAtClock(now mark) {
	if w.last.Boot != now.Boot {
		return
	}
	jump := now.Wall.Sub(w.last.Wall) - (now.Mono - w.last.Mono)
	switch {
	case jump.Abs() < step || jump > 0 && !w.SleepCounts:
	case jump > 0:
		w.tell(now, ClockSet, fmt.Sprintf("The device’s clock was set forward by %s. Times are corrected by the collector’s.", duration(jump)))
	default:
		w.tell(now, ClockSet, fmt.Sprintf("The device’s clock was set back by %s. Times are corrected by the collector’s.", duration(-jump)))
	}
}

// duration is a length of time as people say it: "3 seconds", "14 minutes", "2 hours".
func duration(d time.Duration) string {
	say := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch d = max(0, d); {
	case d < 90*time.Second:
		return say(max(1, int64(d.Round(time.Second)/time.Second)), "second")
	case d < 90*time.Minute:
		return say(int64(d.Round(time.Minute)/time.Minute), "minute")
	case d < 36*time.Hour:
		return say(int64(d.Round(time.Hour)/time.Hour), "hour")
	}
	return say(int64(d.Round(24*time.Hour)/(24*time.Hour)), "day")
}
