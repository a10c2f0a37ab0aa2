//go:build !linux && !darwin

package clock

import "time"

func monotonic(now time.Time) (string, time.Duration) { return sinceStart(now) }
