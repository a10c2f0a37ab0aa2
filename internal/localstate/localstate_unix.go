//go:build unix

package localstate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("checking state folder: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("checking state folder %s: others may enter it (mode %04o); chmod 700 it", dir, perm)
	}
	return nil
}

// Lock takes the folder for this process until the returned func is called or
// the process ends, however it ends.
func Lock(dir string) (unlock func(), err error) { return lock(dir, filepath.Join(dir, "lock")) }

// LockFile is Lock with a file's own path, where it is not a state folder that is
// locked.
func LockFile(path string) (unlock func(), err error) { return lock(path, path) }

func lock(dir, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("locking %s: %w; run as the user that owns it, or give a folder of your own with --dir", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}
