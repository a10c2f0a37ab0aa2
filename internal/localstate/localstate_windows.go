package localstate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// checkDir trusts the installer's access list: ProgramData's sub-folders are
// made with a protected one, and key files are checked one by one (pki).
func checkDir(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("checking state folder: %w", err)
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
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	var ol windows.Overlapped
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &ol)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, fmt.Errorf("locking %s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

func systemDir(program string) (string, error) {
	base, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "Safelight", program), nil
}
