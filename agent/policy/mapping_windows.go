package policy

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapPages maps a view; the view keeps the mapping object, and with it the file,
// until it is unmapped: until then Windows neither replaces nor removes the file.
func mapPages(f *os.File, size int) (mapping, error) {
	object, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, 0, 0, nil)
	if err != nil {
		return mapping{}, os.NewSyscallError("CreateFileMapping", err)
	}
	defer windows.CloseHandle(object)
	addr, err := windows.MapViewOfFile(object, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return mapping{}, os.NewSyscallError("MapViewOfFile", err)
	}
	// Not Go's memory, so the collector never moves it; vet cannot know that.
	data := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), size)
	return mapping{data, func() error { return os.NewSyscallError("UnmapViewOfFile", windows.UnmapViewOfFile(addr)) }}, nil
}

// freeSpace is what this account may still write to a folder's disk.
func freeSpace(dir string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, os.NewSyscallError("GetDiskFreeSpaceEx", err)
	}
	return free, nil
}
