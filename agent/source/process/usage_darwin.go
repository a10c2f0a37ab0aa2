package process

import (
	"time"

	"safelight/agent/macos"
)

// Usage returns what this process itself has taken: processor time since it
// started, and resident memory in bytes.
func Usage() (cpu time.Duration, resident uint64, err error) { return macos.Usage() }
