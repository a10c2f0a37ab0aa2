//go:build !linux

package fingerprint

import (
	"fmt"
	"os"
	"time"
)

// identity tells a file, and whether it changed.
type identity struct {
	path     string
	size     int64
	modified int64 // nanoseconds since 1970
}

func identify(f *os.File) (identity, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, err
	}
	if !info.Mode().IsRegular() {
		return identity{}, fmt.Errorf("%w: it is no regular file", ErrNoFile)
	}
	return identity{f.Name(), info.Size(), info.ModTime().UnixNano()}, nil
}

// before says whether the file was as it is before a moment.
func (id identity) before(t time.Time) bool { return id.modified < t.UnixNano() }
