//go:build unix

package weblog

import (
	"fmt"
	"os"
	"syscall"
)

// identityOf returns the numbers by which the file system knows an open file.
func identityOf(f *os.File) (dev, inode uint64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("the file system of %s gives files no numbers", f.Name())
	}
	return uint64(st.Dev), uint64(st.Ino), nil //nolint:unconvert // their widths differ between systems
}
