package policy

import (
	"fmt"
	"os"
	"unsafe"
)

// mapping is a file's bytes where the system keeps them: pages that are read when
// somebody looks, shared with its cache, and no part of what the agent holds for
// itself. Nobody may look at them after close.
type mapping struct {
	data  []byte
	close func() error
}

// mapper brings a file of so many bytes into reach.
type mapper func(path string, size int64) (mapping, error)

// orRead reads what cannot be mapped: some file systems have no such thing, and a
// device that judges with more memory still judges.
func orRead(bring mapper) mapper {
	return func(path string, size int64) (mapping, error) {
		m, err := bring(path, size)
		if err != nil {
			return readWhole(path, size)
		}
		return m, nil
	}
}

func mapFile(path string, size int64) (mapping, error) {
	if size == 0 { // no system maps nothing
		return readWhole(path, size)
	}
	f, err := os.Open(path)
	if err != nil {
		return mapping{}, err
	}
	defer f.Close() // a mapping outlives it
	info, err := f.Stat()
	if err != nil {
		return mapping{}, err
	}
	if info.Size() != size {
		return mapping{}, fmt.Errorf("mapping a file: it is %d bytes long, want %d", info.Size(), size)
	}
	return mapPages(f, int(size))
}

func readWhole(path string, size int64) (mapping, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return mapping{}, err
	}
	if int64(len(data)) != size {
		return mapping{}, fmt.Errorf("reading a file: it is %d bytes long, want %d", len(data), size)
	}
	return mapping{data, func() error { return nil }}, nil
}

func (m mapping) covers(addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	return addr >= start && addr-start < uintptr(len(m.data))
}
