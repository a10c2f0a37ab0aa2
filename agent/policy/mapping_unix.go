//go:build unix

package policy

import (
	"os"

	"golang.org/x/sys/unix"
)

func mapPages(f *os.File, size int) (mapping, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return mapping{}, os.NewSyscallError("mmap", err)
	}
	return mapping{data, func() error { return os.NewSyscallError("munmap", unix.Munmap(data)) }}, nil
}

// freeSpace is what an ordinary program may still write to a folder's disk.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}
