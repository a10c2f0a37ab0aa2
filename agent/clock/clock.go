// Package clock reads the device's clocks together: the wall clock, which
// people and networks set wrong, and a monotonic one that counts within a boot
// and never jumps, so that the collector can correct the first by the second.
// On Linux and macOS the monotonic clock also counts while the device sleeps.
//
// Every agent room that stamps something may use it; it imports nothing of ours.
package clock

import "time"

// Clock is one moment by each clock the device has.
type Clock struct {
	Wall time.Time
	// BootID names the run of the monotonic clock: two Mono values compare
	// only under the same BootID.
	BootID string
	Mono   time.Duration
}

// Now reads the clocks. Where the system cannot name its boot, BootID is random
// and lives as long as this process, and Mono counts from its start.
func Now() Clock {
	wall := time.Now()
	boot, mono := monotonic(wall)
	return Clock{Wall: wall, BootID: boot, Mono: mono}
}
