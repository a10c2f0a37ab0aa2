package fingerprint

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// identity tells a file, and whether it changed. changed is when anything of it
// last did, its name included, which nobody can set.
type identity struct {
	device, inode     uint64
	size              int64
	modified, changed int64 // nanoseconds since 1970
}

func identify(f *os.File) (identity, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return identity{}, fmt.Errorf("%w: it is no regular file", ErrNoFile)
	}
	return identity{st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}, nil
}

// before says whether the file was as it is before a moment.
func (id identity) before(t time.Time) bool { return id.changed < t.UnixNano() }
