package weblog

import (
	"os"

	"golang.org/x/sys/windows"
)

// identityOf returns the numbers by which the file system knows an open file.
func identityOf(f *os.File) (dev, inode uint64, err error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 0, 0, err
	}
	return uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}
