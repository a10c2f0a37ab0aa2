package backup

import (
	"os"

	"golang.org/x/sys/unix"
)

// forgetCached asks the system to read the file from its disk, not from
// memory. It is a wish: where it is not granted, less is proven.
func forgetCached(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
