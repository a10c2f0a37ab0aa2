//go:build linux || darwin

package attribution

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// files reads the machine's files below root. What it reads may have been put
// there by anybody: only plain files are read, nothing is waited for, and never
// more than is asked for.
type files struct{ root string }

func (f files) path(name string) string { return filepath.Join(f.root, name) }

// read returns at most limit bytes of a file.
func (f files) read(name string, limit int) ([]byte, error) {
	fd, err := unix.Open(f.path(name), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), name)
	defer func() { _ = file.Close() }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("reading a system file: %w", errors.ErrUnsupported)
	}
	b := make([]byte, 0, min(limit, 4096))
	for len(b) < limit {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := unix.Read(fd, b[len(b):min(cap(b), limit)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 {
			if err == nil || len(b) > 0 {
				return b, nil
			}
			return nil, err
		}
		b = b[:len(b)+n]
	}
	return b, nil
}

func (f files) link(name string) (string, error) { return os.Readlink(f.path(name)) }

// plain says whether name is a plain file.
func (f files) plain(name string) bool {
	info, err := os.Stat(f.path(name))
	return err == nil && info.Mode().IsRegular()
}

func procPath(pid int, name string) string { return "proc/" + strconv.Itoa(pid) + "/" + name }
