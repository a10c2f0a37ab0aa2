//go:build !darwin

package process

import (
	"fmt"
	"os"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

// Usage returns what this process itself has taken: processor time since it
// started, and resident memory in bytes. It stands here because gopsutil does.
func Usage() (cpu time.Duration, resident uint64, err error) {
	self, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return 0, 0, fmt.Errorf("looking at this process: %w", err)
	}
	times, err := self.Times()
	if err != nil {
		return 0, 0, fmt.Errorf("reading processor time: %w", err)
	}
	mem, err := self.MemoryInfo()
	if err != nil {
		return 0, 0, fmt.Errorf("reading memory: %w", err)
	}
	return time.Duration((times.User + times.System) * float64(time.Second)), mem.RSS, nil
}
