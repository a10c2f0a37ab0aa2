package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Shred overwrites a file where it lies and removes it. One that is not there is
// nothing. What the disk keeps besides (a snapshot, a journal, a worn cell) is
// beyond it.
func Shred(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("overwriting %s: %w", path, err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("overwriting %s: %w", path, err)
	}
	return os.Remove(path)
}
