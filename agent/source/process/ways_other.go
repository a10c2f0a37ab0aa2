//go:build !linux && !windows

package process

// kernelWays are none: other systems are polled.
func kernelWays(Config) []way { return nil }
