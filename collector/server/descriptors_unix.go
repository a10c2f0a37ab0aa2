//go:build unix

package server

import "syscall"

// descriptors is how many files and connections the process may have open; Go has
// raised it to what the system allows. Nought: nobody knows.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}
